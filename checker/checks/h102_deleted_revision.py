"""H102: a merged revision is gone."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name, restore
from checker.findings import Finding, Severity
from checker.source.script import Script

INFO = CheckInfo(
    id="H102",
    slug="deleted-revision",
    severity=Severity.ERROR,
    says="A merged revision is gone: no script has its id any more.",
    breaks="A database that stands on it stops at the next deployment: Can't locate revision identified by its id. "
    "One that is past it can no longer be taken down below it.",
    mend="Bring the script back. To undo what it does, add a new revision that undoes it; to shorten the chain, keep the "
    "old scripts until every database is past them.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each merged id that is gone; a script that lives on under another id is H107.

    An environment that is gone as a whole is one warning: nothing is deployed from it any more.
    """
    if subject.removed:
        count, location = len(subject.base.scripts), subject.base.environment.script_location
        yield INFO.finding(
            subject,
            f"the Alembic environment in {location} is gone with its {count} revisions: nothing will upgrade its databases",
            severity=Severity.WARNING,
        )
        return
    kind = _kind(subject)
    for script in subject.changes.deleted:
        yield INFO.finding(
            subject,
            f"merged revision {name(script)} is gone{kind}: a database that stands on it fails with "
            f"\"Can't locate revision identified by '{script.revision}'\"{_what_stood_on_it(script, subject)}",
            script=script,
            fix=restore(subject, script),
        )


def _kind(subject: Subject) -> str:
    """What such a deletion is called, where the graph shows it."""
    gone = {script.revision for script in subject.changes.deleted if script.revision}
    base, result = subject.base.graph, subject.result.graph
    left = [revision for revision in base.nodes if revision not in gone]
    if len(gone) > 1 and any(not script.down_revisions for script in subject.changes.new):
        return f" (a squash of {len(gone)} revisions)"
    if not left:
        return " (with the whole chain)"
    if all(below in gone for revision in gone for below in base.before(revision)) and set(result.bases) - set(
        base.bases
    ):
        return " (a dropped beginning of the chain)"
    if all(above in gone for revision in gone for above in base.children[revision]):
        return " (a revert of the end of the chain)"
    return ""


def _what_stood_on_it(script: Script, subject: Subject) -> str:
    assert script.revision is not None
    stood = [child for child in subject.base.graph.children[script.revision] if child in subject.result.graph]
    return f"; {listing(stood)} stood on it" if stood else ""
