"""H103: a merged revision stands on another one than before."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name, restore
from checker.findings import Finding, Severity
from checker.source.changes import Pair

INFO = CheckInfo(
    id="H103",
    slug="reparented-revision",
    severity=Severity.ERROR,
    says="A merged revision's down_revision or depends_on changed.",
    breaks="A database only remembers where it stands. What is now below that place counts as run, although it may never "
    "have been: `alembic upgrade` succeeds and does nothing.",
    mend="Give the script its old down_revision back. Two heads are brought together by a merge revision "
    "(`alembic merge heads`), which changes nothing that is merged.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each merged script with other parents. A warning where that heals the base's broken chain."""
    for pair in subject.changes.reparented:
        field, before, after = _what_changed(pair)
        healed = f" This heals {listing(subject.changes.heals)} of {subject.base_ref}." if subject.changes.heals else ""
        yield INFO.finding(
            subject,
            f"merged revision {name(pair.after)} now has {field} {after} instead of {before}: a database that is past it "
            f"never runs what is new below it.{healed}",
            script=pair.after,
            at=field,
            fix=restore(subject, pair.before) if not healed else None,
            severity=Severity.WARNING if healed else None,
        )


def _what_changed(pair: Pair) -> tuple[str, str, str]:
    before, after = pair.before, pair.after
    if set(before.down_revisions) != set(after.down_revisions):
        return "down_revision", _words(before.down_revisions), _words(after.down_revisions)
    return "depends_on", _words(before.depends_on), _words(after.depends_on)


def _words(revisions: tuple[str, ...]) -> str:
    return listing(revisions) or "None"
