"""G209: a revision id that does not fit into the version table."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject
from checker.findings import Finding, Severity

LONGEST = 32
COLUMN = b"version_num"

INFO = CheckInfo(
    id="G209",
    slug="revision-id-too-long",
    severity=Severity.ERROR,
    says="A revision id is longer than the 32 characters that Alembic's version table holds.",
    breaks="The script itself runs, and then PostgreSQL refuses to write the id down: value too long for type character "
    "varying(32). No database gets past it.",
    mend="Give the revision a shorter id (`alembic revision --rev-id`). What is long belongs into the message.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each new id that is too long.

    Projects may widen the column: where a merged id is as long, or env.py or a script speaks of it, nothing is said.
    """
    long = [script for script in subject.changes.new if len(script.revision or "") > LONGEST]
    if not long or _is_widened(subject):
        return
    for script in long:
        yield INFO.finding(
            subject,
            f"revision id {script.revision} has {len(script.revision or '')} characters and the version table takes {LONGEST}",
            script=script,
            fix=f"give it a shorter id, in {script.path} and in what stands on it",
        )


def _is_widened(subject: Subject) -> bool:
    if any(len(revision) > LONGEST for revision in subject.base.graph.nodes):
        return True
    return COLUMN in subject.env or any(COLUMN in script.source for script in subject.result.scripts)
