"""R314: the server lacks an extension that the chain creates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject
from checker.checks.failures import failed_step, missing_extension
from checker.checks.r301_upgrade_failed import every_failed_upgrade
from checker.findings import Finding, Severity
from checker.postgres.interface import IMAGES
from checker.settings import PostgresSettings

INFO = CheckInfo(
    id="R314",
    slug="extension-unavailable",
    severity=Severity.ERROR,
    says="The throwaway server lacks an extension that a revision creates.",
    breaks="Nothing is known of that revision and of what stands on it: a replay that stopped there is not green.",
    mend="Give a server that has it: `--postgres-image` or `postgres: {image: …}` for a container, `--postgres URL` for a "
    "server of your own.",
    replay=True,
    inconclusive=True,
)

STANDARD = PostgresSettings().image
CONTRIB = """
    amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance file_fdw fuzzystrmatch
    hstore insert_username intagg intarray isn lo ltree moddatetime pageinspect pg_buffercache pg_freespacemap pg_prewarm
    pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks pgstattuple postgres_fdw refint
    seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time unaccent uuid-ossp xml2
"""
"""What PostgreSQL's own image brings along."""


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each revision that stops at CREATE EXTENSION."""
    seen = set()
    for step in every_failed_upgrade(subject):
        extension = missing_extension(step.failure)
        if step.failure is None or extension is None or extension in seen:
            continue
        seen.add(extension)
        finding = failed_step(INFO, subject, step, step.failure)
        blocked = subject.result.graph.descendants([step.revision]) & subject.changes.new_revisions
        server = f"PostgreSQL {subject.replayed.server_version} ({subject.replayed.provider})"
        yield replace(
            finding,
            message=f"{step.revision} creates the extension {extension}, which the throwaway {server} does not have",
            fix=_fix(extension),
            introduced=finding.introduced or bool(blocked),
        )


def _fix(extension: str) -> str:
    image = IMAGES.get(extension) or (STANDARD if extension in CONTRIB.split() else None)
    if image is None:
        return (
            f"name an image that has {extension}: postgres: {{image: …}} in .alembic-premerge.yml, or --postgres-image"
        )
    return f"postgres: {{image: {image}}} in .alembic-premerge.yml, or --postgres-image {image}"
