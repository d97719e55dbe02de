"""R309: the chain breaks before the change's own revisions are reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject, listing
from checker.checks.failures import failed_step
from checker.checks.r301_upgrade_failed import failed_upgrades
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
            fix = "add bootstrap: {sql: [schema.sql], stamp: REVISION} to the project in .alembic-premerge.yml"
            yield replace(finding, introduced=True, fix=fix if not graph.down(step.revision) else None)
