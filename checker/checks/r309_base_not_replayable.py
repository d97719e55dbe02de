"""R309: the chain breaks before the change's own revisions are reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject, listing
from checker.checks.failures import failed_step
from checker.checks.r301_upgrade_failed import failed_upgrades
from checker.checks.remedies import setting
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="R309",
    slug="base-not-replayable",
    severity=Severity.ERROR,
    says="The merged chain cannot be run from nothing, so that the new revisions could not be proved.",
    breaks="Nobody can make a new database from this chain, and no test of the new revisions is possible.",
    mend="Where the chain begins with an existing schema, say so with `bootstrap:` (SQL files or a command, then the revision "
    "to stamp). Otherwise mend the revision that fails.",
    replay=True,
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each merged revision whose failure keeps new ones from being run."""
    graph = subject.result.graph
    for step in failed_upgrades(subject):
        if not step.failure or subject.touches(step.revision) or step.revision not in graph:
            continue
        kept = sorted(graph.descendants([step.revision]) & subject.changes.new_revisions)
        if kept:
            finding = failed_step(
                INFO, subject, step, step.failure, consequence=f"; {listing(kept)} above it could not be proved"
            )
            yield replace(finding, introduced=True, fix=finding.fix or _fix(subject, step.revision))


def _fix(subject: Subject, revision: str) -> str:
    """With a bootstrap the chain need not be run from nothing; stamp what the dumped database stands on."""
    stamp = next(iter(subject.base.graph.heads), "REVISION")
    line = f"bootstrap: {{sql: [schema.sql], stamp: {stamp}}}"
    return (
        f"mend {revision}, or begin with a schema that exists: `pg_dump --schema-only --no-owner` of a database at {stamp} "
        f"into schema.sql, and {setting(subject, line)}"
    )
