"""H105: a merged script was rewritten without changing what it does."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, name
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="H105",
    slug="cosmetic-edit",
    severity=Severity.NOTE,
    says="A merged script changed in comments, docstrings, annotations, formatting or import lines alone.",
    breaks="Nothing: it does what it did. It is said so that a reviewer need not look.",
    mend="Nothing to mend.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One note for each merged script whose text changed and whose code did not."""
    for pair in subject.changes.cosmetic:
        yield INFO.finding(
            subject, f"merged revision {name(pair.after)} reads differently and does the same", script=pair.after
        )
