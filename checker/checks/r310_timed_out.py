"""R310: a step did not come to an end."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject
from checker.checks.stops import one_line, stopped_environment, stopped_step, stopped_steps
from checker.findings import Finding, Severity
from checker.replay.outcome import Failure, FailureKind

INFO = CheckInfo(
    id="R310",
    slug="timed-out",
    severity=Severity.ERROR,
    says="A revision did not come to an end in the time given (`timeouts:`).",
    breaks="What hangs on an empty database hangs on a full one: a lock that is waited for, a loop, a question to nobody.",
    mend="Look at the statement that it hung on. If it is only slow, raise `timeouts: {step: …}`.",
    replay=True,
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each step that was ended by the clock, and for an env.py that hung before any step."""
    for step, failure in stopped_steps(subject, FailureKind.TIMED_OUT):
        yield stopped_step(INFO, subject, step, failure, f"{failure.message}; {_hung_on(failure)}")
    yield from stopped_environment(INFO, subject, FailureKind.TIMED_OUT)


def _hung_on(failure: Failure) -> str:
    return f"it hung on: {one_line(failure.statement)}" if failure.statement else "it had sent no SQL"
