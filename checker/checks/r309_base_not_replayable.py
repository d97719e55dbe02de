"""R309: the chain breaks before the change's own revisions are reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject
from checker.checks.failures import caused_upgrade, failed_step
from checker.checks.faults import count, not_verified
from checker.checks.r301_upgrade_failed import failed_upgrades
from checker.checks.script_remedies import begin_with_a_schema
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="R309",
    slug="base-not-replayable",
    severity=Severity.ERROR,
    says="A merged revision fails, and the new revisions above it could not be verified: neither from nothing nor from a "
    "database at the base's heads.",
    breaks="Nobody can make a new database from this chain, and no test of the new revisions is possible.",
    mend="Where the chain begins with an existing schema, say so with `bootstrap:` (SQL files or a command, then the revision "
    "to stamp). Otherwise fix the revision that fails.",
    replay=True,
    inconclusive=True,
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each merged revision whose failure keeps new ones from being run: from nothing, and from a database
    at the base's heads as well.
    """
    for step in failed_upgrades(subject):
        if not step.failure or caused_upgrade(subject, step) or step.revision not in subject.result.graph:
            continue
        kept = [one for one in not_verified(subject).get(step.revision, ()) if subject.touches(one)]
        if kept:
            ways = f"neither from nothing nor from a database at {subject.base_ref}"
            consequence = f"; {count(kept, ' above it')} not verified, {ways}"
            finding = failed_step(INFO, subject, step, step.failure, consequence=consequence)
            yield replace(finding, introduced=True, fix=finding.fix or _fix(subject, step.revision))


def _fix(subject: Subject, revision: str) -> str:
    """With a bootstrap the chain need not be run from nothing."""
    return f"fix {revision}, or {begin_with_a_schema(subject)}"
