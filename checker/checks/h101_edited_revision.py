"""H101: what a merged script does was changed."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name, restore
from checker.findings import Finding, Severity
from checker.source.changes import Pair

INFO = CheckInfo(
    id="H101",
    slug="edited-revision",
    severity=Severity.ERROR,
    says="The code of a merged revision script changed: upgrade(), downgrade(), a helper or module-level code.",
    breaks="A database that has run the old script never runs the new one. From here on it differs from every database "
    "that starts afresh, and a later revision that counts on the edit fails there and nowhere else.",
    mend="Put the script back as it was merged. To change the schema, add a new revision: `alembic revision`.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each merged script whose code differs; comments, imports and formatting are H105."""
    for pair in subject.changes.edited:
        what = listing(pair.changed_parts)
        yield INFO.finding(
            subject,
            f"{what} of merged revision {name(pair.after)} changed: {consequence(pair)}. To change the "
            "schema, add a new revision",
            script=pair.after,
            at=pair.changed_parts[0].removesuffix("()").removeprefix("class "),
            fix=restore(subject, pair.before),
            details=pair.diff,
        )


def consequence(pair: Pair) -> str:
    """What the edit means for a database that ran the old code."""
    if pair.changed_parts == ("downgrade()",):
        return "a database that ran the old upgrade() is taken down by code that was not written for it"
    return "databases that ran it already keep what the old code made"
