"""G202: a new revision stands where the base has meanwhile gone on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from checker.checks.base import CheckInfo, Subject, name, point
from checker.checks.mends import Mend, command, find_mend, planned
from checker.findings import Finding, Severity
from checker.source.script import Script

INFO = CheckInfo(
    id="G202",
    slug="diverged-branch",
    severity=Severity.ERROR,
    says="A new revision stands on a revision that has meanwhile got another child at the base.",
    breaks="Each branch has one head and passes its tests; merged they have two, and `alembic upgrade head` stops at the next "
    "deployment: Multiple head revisions are present.",
    mend="Put your revision on the base's head: only its own down_revision changes. `alembic-premerge fix --apply` does that.",
)


@dataclass(frozen=True)
class Divergence:
    """Where a new head's line leaves the merged chain."""

    head: str
    first: Script
    """The lowest new revision of that line."""
    parent: str
    merged: Script
    """The merged revision that stands on the same parent."""


def divergences(subject: Subject) -> Iterator[Divergence]:
    """For each new surplus head the place at which it stands beside a merged revision, if that is why it is one."""
    graph = subject.result.graph
    new = subject.changes.new_revisions
    for head in graph.surplus_heads(subject.expected_heads):
        line = [head, *graph.ancestors([head], within=new)] if head in new else []
        for first in line:
            found = _merged_sibling(subject, first)
            if found:
                yield Divergence(head, subject.result.by_revision[first], *found)
                break


def _merged_sibling(subject: Subject, first: str) -> tuple[str, Script] | None:
    graph, base = subject.result.graph, subject.base.graph
    for parent in graph.down(first):
        for child in graph.children[parent]:
            if child in base and parent in base.down(child):
                return parent, subject.result.by_revision[child]
    return None


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each new head that stands beside a merged revision."""
    if len(subject.result.graph.surplus_heads(subject.expected_heads)) <= len(
        subject.base.graph.surplus_heads(subject.expected_heads)
    ):
        return
    whole = planned(subject)
    for found in divergences(subject):
        mend = find_mend(subject, found.first.path, whole)
        yield INFO.finding(
            subject,
            f"new revision {name(found.first)} and merged {name(found.merged)} both stand on {found.parent}: after the "
            "merge there are two heads and `alembic upgrade head` fails",
            script=found.first,
            at="down_revision",
            fix=_fix(subject, found, mend),
            suggestion=mend.suggestion if mend else None,
            related=[point(found.merged, f"merged, and stands on {found.parent} too", "down_revision")],
        )


def _fix(subject: Subject, found: Divergence, mend: Mend | None) -> str:
    if mend:
        return f"set {' and '.join(mend.draft.assignments)} in {found.first.path} (or: {command(subject)})"
    heads = [head for head in subject.base.graph.heads if head in subject.result.graph]
    upon = repr(heads[0]) if len(heads) == 1 else f"the head of {subject.base_ref}"
    return f"set down_revision = {upon} in {found.first.path}"
