"""H104: a new revision stands below merged ones."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name, point, restore
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="H104",
    slug="inserted-revision",
    severity=Severity.ERROR,
    says="A new revision stands below a merged one.",
    breaks="A database that is past that place never runs it: there is one head, `alembic upgrade head` exits 0, and the "
    "new table is missing on every database that exists.",
    mend="Put the new revision on the head instead, and give the merged one its old down_revision back.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each new revision that a merged one stands on."""
    graph = subject.base.graph
    for inserted in subject.changes.inserted:
        above = listing(str(script.revision) for script in inserted.above)
        heads = [head for head in graph.heads if head not in graph.broken]
        before = [subject.base.by_revision[str(script.revision)] for script in inserted.above]
        upon = heads[0] if len(heads) == 1 else "the head"
        yield INFO.finding(
            subject,
            f"new revision {name(inserted.script)} stands below merged {above}: a database that is past {above} never "
            "runs it",
            script=inserted.script,
            at="down_revision",
            fix=f"set its down_revision to {upon}, and: {restore(subject, *before)}",
            related=[
                point(script, "this merged revision now stands on it", "down_revision") for script in inserted.above
            ],
        )
