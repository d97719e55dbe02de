"""The passes of a replay in words: each outcome, its reason, and whether it counts."""

from __future__ import annotations

from dataclasses import dataclass

from checker.checks.base import CheckInfo
from checker.findings import PassReport, ReplayReport, Report, Severity

NOT_COUNTED = "existing problem, not counted"


@dataclass(frozen=True)
class PassNote:
    """A pass of which there is more to say than that it passed."""

    project: str
    name: str
    outcome: str
    reason: str
    counts: bool
    """Whether it failed, and that can decide the verdict."""

    @property
    def title(self) -> str:
        """`api: stairway pass failed`."""
        return f"{'' if self.project == '.' else f'{self.project}: '}{self.name} pass {self.outcome}"

    @property
    def text(self) -> str:
        """All of it, in one line."""
        return f"{self.title}: {self.reason}" if self.reason else self.title


def pass_notes(report: Report) -> tuple[PassNote, ...]:
    """Every pass that was not run or failed, and every one that passed with a remark."""
    return tuple(
        PassNote(replay.project, pass_name(replay, one), outcome(report, one), one.reason or "", counts(report, one))
        for replay in report.replay
        for one in replay.passes
        if one.outcome != "passed" or one.reason
    )


def pass_name(replay: ReplayReport, one: PassReport) -> str:
    """`fresh`; where env.py migrates several databases, which of them: `fresh (database audit)`."""
    return f"{one.name} (database {replay.database})" if replay.database else one.name


def outcome(report: Report, one: PassReport) -> str:
    """The outcome; an existing problem is labelled as one."""
    existing = one.outcome == "failed" and not counts(report, one)
    return f"{one.outcome} ({NOT_COUNTED})" if existing else one.outcome


def counts(report: Report, one: PassReport) -> bool:
    """Whether a pass failed, and that can decide the verdict: not where only existing problems made it fail.

    A report does not say whether the whole tree was judged (`--all`). It was where an existing problem is more than a note.
    """
    if one.outcome != "failed":
        return False
    judged_all = any(not each.introduced and each.severity is not Severity.NOTE for each in report.findings)
    return one.introduced is not False or judged_all


def unjudged(report: Report, project: str, info: CheckInfo) -> str | None:
    """Why a check without findings says nothing of a project: a pass that it needs was not run. None where it was judged."""
    for replay in report.replay:
        for one in replay.passes:
            if replay.project == project and one.name in info.passes and one.outcome == "not run":
                return f"the {pass_name(replay, one)} pass was not run{f': {one.reason}' if one.reason else ''}"
    return None
