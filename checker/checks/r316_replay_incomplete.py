"""R316: a pass of the replay failed or did not come to its end, and nothing else reports it."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="R316",
    slug="replay-incomplete",
    severity=Severity.ERROR,
    says="A pass of the replay failed or did not come to its end, and no other finding reports it.",
    breaks="What was not run is not verified. Without this finding the run would pass although nothing is known.",
    mend="Look at the reason. If it is a finding that `--only`, `--ignore` or `severity:` turned off, fix what that finding "
    "reports, or allow it for that revision (`allow:`). R316 itself cannot be turned off; `--no-replay` runs no replay at all.",
    replay=True,
    inconclusive=True,
    fixed=True,
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each fault of a pass that nothing else reports. What that is depends on the other findings."""
    for one in subject.unreported:
        yield INFO.finding(
            subject,
            one.message,
            script=subject.script(one.revision) if one.revision else None,
            introduced=one.introduced,
        )
