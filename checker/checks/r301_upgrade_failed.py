"""R301: upgrade() fails."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject
from checker.checks.failures import failed_step, missing_extension
from checker.findings import Finding, Severity
from checker.replay.outcome import FailureKind, Step

INFO = CheckInfo(
    id="R301",
    slug="upgrade-failed",
    severity=Severity.ERROR,
    says="A revision's upgrade() fails on a real PostgreSQL.",
    breaks="The deployment that runs it stops there, with every revision above it not run.",
    mend="Mend the statement that PostgreSQL refused.",
    replay=True,
    passes=("fresh",),
)


def failed_upgrades(subject: Subject) -> Iterator[Step]:
    """As every_failed_upgrade, without those that only lack an extension (R314)."""
    yield from (step for step in every_failed_upgrade(subject) if not missing_extension(step.failure))


def every_failed_upgrade(subject: Subject) -> Iterator[Step]:
    """Each upgrade that failed in the stairway, and in the fresh pass where no stairway came to it; each once."""
    tried = {landing.revision: landing.upgrade for landing in subject.replayed.landings}
    yield from (step for step in tried.values() if step.failure)
    fresh = subject.replayed.get("fresh")
    for step in fresh.steps if fresh else ():
        if step.failure and step.revision not in tried:
            yield step


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each revision whose own upgrade fails. Below the change's own revisions it is R309."""
    for step in failed_upgrades(subject):
        if step.failure and step.failure.kind in (FailureKind.MIGRATION, FailureKind.IRREVERSIBLE):
            yield failed_step(INFO, subject, step, step.failure)
