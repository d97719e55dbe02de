"""R302: downgrade() fails."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject
from checker.checks.failures import failed_step
from checker.findings import Finding, Severity
from checker.replay.outcome import FailureKind

INFO = CheckInfo(
    id="R302",
    slug="downgrade-failed",
    severity=Severity.ERROR,
    says="A revision's downgrade() fails right after its own upgrade().",
    breaks="When a deployment has to be rolled back, it cannot be: the database stays on the new schema under the old code.",
    mend="Mend the statement that PostgreSQL refused. An unnamed constraint needs its name: "
    "`op.drop_constraint('orders_user_id_fkey', ...)`. If there is no way back, raise NotImplementedError (R305).",
    replay=True,
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each revision whose downgrade fails; one that says there is no way back is R305."""
    for landing in subject.replayed.landings:
        step = landing.downgrade
        if step and step.failure and step.failure.kind is FailureKind.MIGRATION:
            yield failed_step(INFO, subject, step, step.failure)
