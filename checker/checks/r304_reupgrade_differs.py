"""R304: the second upgrade() does not do what the first did."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, name
from checker.checks.failures import failed_step
from checker.checks.r303_downgrade_does_not_restore import further, summary
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="R304",
    slug="reupgrade-differs",
    severity=Severity.ERROR,
    says="After a downgrade, the second upgrade() fails or ends in another catalog than the first.",
    breaks="A database that was once rolled back is no longer like the others, or cannot go forward again.",
    mend="Make downgrade() undo everything, data included, that upgrade() looks at.",
    replay=True,
    passes=("stairway",),
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each revision whose downgrade restored the catalog and whose second upgrade went another way."""
    for landing in subject.replayed.landings:
        again = landing.reupgrade
        if again and again.failure:
            yield failed_step(
                INFO, subject, again, again.failure, consequence=" (the second time, after its own downgrade)"
            )
        elif landing.not_repeated:
            script = subject.script(landing.revision)
            yield INFO.finding(
                subject,
                f"upgrade() of {name(script) if script else landing.revision} does something else the second time: "
                f"{summary(landing.not_repeated)}",
                script=script,
                at="upgrade",
                details=further(landing.not_repeated),
                introduced=subject.touches(landing.revision),
            )
