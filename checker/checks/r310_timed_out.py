"""R310: a step did not come to an end."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject
from checker.checks.failures import failed_step
from checker.checks.stops import stopped_steps
from checker.findings import Finding, Severity
from checker.replay.outcome import FailureKind

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
    """One finding for each step that was ended by the clock."""
    for step, failure in stopped_steps(subject, FailureKind.TIMED_OUT):
        yield failed_step(INFO, subject, step, failure)
