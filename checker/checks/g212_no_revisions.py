"""G212: a configured project without a single revision."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="G212",
    slug="no-revisions",
    severity=Severity.ERROR,
    says="A project that the configuration names has no revision.",
    breaks="A checker that sees nothing must not pass: most likely its location is wrong, or the scripts are not committed.",
    mend="Correct `script_location`, commit the scripts, or take the project out of the configuration.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """At most one finding. Where this change takes the scripts away, each is an H102."""
    if subject.configured and not subject.result.scripts and not subject.base.scripts:
        locations = listing(subject.result.environment.version_locations)
        yield INFO.finding(subject, f"no revision script was found in {locations}")
