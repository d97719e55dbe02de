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
    passes=("stairway",),
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each revision whose downgrade fails; one that says there is no way back is R305.

    And one for a downgrade that passes by itself and fails on the way from the heads to the base in one go.
    """
    for landing in subject.replayed.landings:
        step = landing.downgrade
        if step and step.failure and step.failure.kind is FailureKind.MIGRATION:
            yield failed_step(INFO, subject, step, step.failure)
    yield from _in_one_go(subject)


def _in_one_go(subject: Subject) -> Iterator[Finding]:
    down = subject.replayed.get("downgrade")
    alone = {landing.revision: landing.downgrade for landing in subject.replayed.landings}
    for step in down.steps if down else ():
        if step.failure is None or step.failure.kind is not FailureKind.MIGRATION:
            continue
        tried = alone.get(step.revision)
        if tried is None or not tried.failure:
            how = "" if tried is None else "; right after its own upgrade it passes"
            yield failed_step(
                INFO, subject, step, step.failure, consequence=f" (on the way from the heads to the base{how})"
            )
