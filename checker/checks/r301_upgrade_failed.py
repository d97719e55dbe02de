"""R301: upgrade() fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject, listing
from checker.checks.failures import failed_step, missing_extension
from checker.checks.faults import count, not_verified
from checker.findings import Finding, Severity
from checker.replay.outcome import Failure, FailureKind, Landing, Step

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


_DUPLICATE_OBJECT = "42710"
_EXISTS = (
    "name the type without creating it: `postgresql.ENUM(..., name=..., create_type=False)`. Within one run Alembic remembers "
    "that it has created the type; a later run does not"
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
    """One finding for each revision whose own upgrade fails. Where it keeps new ones from being verified it is R309 as well."""
    one_by_one = {one.revision: one for one in subject.replayed.landings if one.passes_in_one_run}
    for step in failed_upgrades(subject):
        if step.failure and step.failure.kind in (FailureKind.MIGRATION, FailureKind.IRREVERSIBLE):
            landing = one_by_one.get(step.revision)
            finding = failed_step(
                INFO, subject, step, step.failure, consequence=_consequence(subject, step.revision, landing)
            )
            yield _one_by_one(subject, finding, step.failure, step.revision) if landing else finding


def _consequence(subject: Subject, revision: str, landing: Landing | None) -> str:
    if landing:
        start = f"the heads of {subject.base_ref}" if landing.from_base else "nothing"
        parents = listing(subject.result.graph.before(revision)) or "the base"
        return f" (for a database at {parents}; it passes in one run from {start})"
    left = not_verified(subject).get(revision)
    return f"; {count(left, ' above it')} not verified" if left else ""


def _one_by_one(subject: Subject, finding: Finding, failure: Failure, revision: str) -> Finding:
    """Of an upgrade that passes as part of one run: certain for a database that is at the revision below.

    Where that revision is new itself, no database is there unless a deployment stops in between.
    """
    fix = finding.fix or (_EXISTS if failure.sqlstate == _DUPLICATE_OBJECT else None)
    if any(subject.is_new(parent) for parent in subject.result.graph.before(revision)):
        return replace(finding, fix=fix, severity=Severity.WARNING)
    return replace(finding, fix=fix)
