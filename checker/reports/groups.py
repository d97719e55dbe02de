"""Many findings of one kind as one entry. Only for people: the formats for machines have every finding whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from checker.checks.registry import find
from checker.findings import Finding
from checker.reports.words import is_existing

# More findings of one kind than this are one entry with a list.
GROUP_ABOVE = 5
GROUP_EXISTING_ABOVE = 1


@dataclass(frozen=True)
class Group:
    """Findings that are shown together; most groups have only one."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        """All others have the same project, check, severity and permission."""
        return self.findings[0]

    @property
    def message(self) -> str:
        """The finding's own message; for several how many they are, and what the check says."""
        if len(self.findings) == 1:
            return self.first.message
        registered = find(self.first.id)
        return f"{len(self.findings)} times: {registered.info.says if registered else self.first.message}"

    @property
    def fix(self) -> str | None:
        """The fix, where one fix is for all."""
        fixes = {one.fix for one in self.findings}
        return fixes.pop() if len(fixes) == 1 else None


def groups(findings: Iterable[Finding]) -> list[Group]:
    """Findings of one kind together, where there are many. In the order of each group's first finding."""
    kinds: dict[tuple[object, ...], list[Finding]] = {}
    for one in findings:
        kinds.setdefault((one.project, one.id, one.severity, one.introduced, one.allowed), []).append(one)
    return [group for kind in kinds.values() for group in _of_kind(kind)]


def _of_kind(kind: list[Finding]) -> list[Group]:
    limit = GROUP_EXISTING_ABOVE if is_existing(kind[0]) else GROUP_ABOVE
    return [Group(tuple(kind))] if len(kind) > limit else [Group((one,)) for one in kind]
