"""From what the checks found to what is reported, and to the verdict. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from checker.checks.registry import find
from checker.findings import Finding, Report, Severity, Verdict
from checker.settings import Settings


def arrange(findings: Iterable[Finding], settings: Settings) -> tuple[Finding, ...]:
    """The findings that are wanted, the change's own first, then the most severe.

    Existing problems are notes, unless the whole tree is judged. Every finding stays whole: only renderers group them.
    """
    wanted = [finding for finding in findings if is_wanted(finding, settings)]
    if not settings.judge_all:
        wanted = [finding if finding.introduced else replace(finding, severity=Severity.NOTE) for finding in wanted]
    return tuple(sorted(wanted, key=_order))


def _order(finding: Finding) -> tuple[object, ...]:
    place = (finding.path or "", finding.line or 0)
    return (not finding.introduced, finding.severity.rank, finding.project, finding.id, *place, finding.message)


def is_wanted(finding: Finding, settings: Settings) -> bool:
    """Whether the filters let it through. What could not be judged is no matter of filters (R316)."""
    registered = find(finding.id)
    if registered is not None and registered.info.fixed:
        return True
    return finding.id not in settings.ignore and (not settings.only or finding.id in settings.only)


def verdict(report: Report, settings: Settings) -> Verdict:
    """fail where a finding of this change is severe enough; inconclusive where all that is known is that something which
    was asked for could not be judged.
    """
    blocking = [finding for finding in report.findings if _blocks(finding, settings)]
    undone = any(skipped.wanted for skipped in report.skipped)
    if any(not _says_not_judged(finding) for finding in blocking):
        return "fail"
    return "inconclusive" if blocking or undone else "pass"


def joint_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict over several: a single fail is one, else a single part that could not be judged."""
    given = set(verdicts)
    return "fail" if "fail" in given else "inconclusive" if "inconclusive" in given else "pass"


def _blocks(finding: Finding, settings: Settings) -> bool:
    return (
        finding.severity.rank <= settings.fail_on.rank
        and finding.allowed is None
        and (finding.introduced or settings.judge_all)
    )


def _says_not_judged(finding: Finding) -> bool:
    registered = find(finding.id)
    return registered is not None and registered.info.inconclusive
