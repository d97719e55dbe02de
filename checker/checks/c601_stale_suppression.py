"""C601: something is allowed that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="C601",
    slug="stale-suppression",
    severity=Severity.WARNING,
    says="What allows a finding has expired, gives no reason, or names a revision that does not exist.",
    breaks="Nothing by itself. But it looks as if something were allowed that is not, and a list of such entries is one that "
    "nobody reads.",
    mend="Correct the entry, give it a new `until`, or take it out.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each entry or trailer that `allowances` found to be without effect."""
    for stale in subject.stale:
        finding = INFO.finding(subject, stale.message, introduced=stale.introduced)
        yield replace(finding, path=stale.path, line=stale.line)
