"""R307: one by one the revisions pass, in one go they do not."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject
from checker.checks.failures import failed_step
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="R307",
    slug="single-run-failed",
    severity=Severity.ERROR,
    says="Each revision passes alone, but `alembic upgrade heads` in one go, as env.py has it, fails.",
    breaks="A database that is more than one revision behind cannot be upgraded: with one transaction around all, what one "
    "revision leaves for the commit (deferred constraints, a new label of an enum) stands in the next one's way.",
    mend="Set transaction_per_migration=True in env.py's context.configure(), or finish in the revision itself: "
    "SET CONSTRAINTS ALL IMMEDIATE, an autocommit_block() for ADD VALUE.",
    replay=True,
    passes=("fresh",),
)


def check(subject: Subject) -> Iterator[Finding]:
    """At most one finding: a step that failed in the fresh pass and passed on its own in the stairway."""
    fresh = subject.replayed.get("fresh")
    alone = {landing.revision: landing.upgrade for landing in subject.replayed.landings}
    for step in fresh.steps if fresh else ():
        if step.failure and step.revision in alone and not alone[step.revision].failure:
            yield failed_step(INFO, subject, step, step.failure, consequence=" (in one go; alone it passes)")
