"""R311: the process that ran the migrations ended in the middle of one."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject
from checker.checks.stops import one_line, stopped_step, stopped_steps
from checker.findings import Finding, Severity
from checker.replay.outcome import Failure, FailureKind

INFO = CheckInfo(
    id="R311",
    slug="worker-died",
    severity=Severity.ERROR,
    says="The process that ran a revision exited or was killed in the middle of it.",
    breaks="In a deployment the same step ends the same way, with the database in between two revisions.",
    mend="Look for os._exit() or a crash in a C library; signal SIGKILL is most often a lack of memory.",
    replay=True,
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each step in which the process ended."""
    for step, failure in stopped_steps(subject, FailureKind.DIED):
        after = f"; its last statement was: {one_line(failure.statement)}" if failure.statement else ""
        yield stopped_step(INFO, subject, step, failure, f"ended the process ({failure.error}{_why(failure)}){after}")


def _why(failure: Failure) -> str:
    return ", most often a lack of memory" if failure.error == "signal SIGKILL" else ""
