"""H106: a merged revision lies in another file."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, name, point
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="H106",
    slug="moved-script",
    severity=Severity.NOTE,
    says="A merged revision lies in another file than before.",
    breaks="Nothing: Alembic goes by the id in the script and not by the file's name.",
    mend="Nothing to mend.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One note for each merged id that is found at another path."""
    for pair in subject.changes.moved:
        yield INFO.finding(
            subject,
            f"merged revision {name(pair.after)} moved from {pair.before.path}",
            script=pair.after,
            related=[point(pair.before, "it was here")],
        )
