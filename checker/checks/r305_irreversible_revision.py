"""R305: there is no way back."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, name
from checker.checks.failures import headline
from checker.findings import Finding, Severity
from checker.replay.outcome import FailureKind, Landing

INFO = CheckInfo(
    id="R305",
    slug="irreversible-revision",
    severity=Severity.WARNING,
    says="downgrade() does nothing but raise an error of its own (NotImplementedError, say), or nothing at all although "
    "upgrade() changed the schema.",
    breaks="Nothing today. On the day a deployment must be rolled back, the way is a restore from backup.",
    mend="Write the downgrade, or state with `irreversible_below:` from where on none is asked.",
    replay=True,
    passes=("stairway",),
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each revision of which a downgrade is asked and that has none."""
    for landing in subject.replayed.landings:
        how = _how(landing)
        if how:
            script = subject.script(landing.revision)
            yield INFO.finding(
                subject,
                f"{name(script) if script else landing.revision} cannot be taken back: its downgrade() {how}",
                script=script,
                at="downgrade",
                introduced=subject.touches(landing.revision),
            )


def _how(landing: Landing) -> str | None:
    down = landing.downgrade
    if down is None:
        return None
    if down.failure:
        return f"raises {headline(down.failure)}" if down.failure.kind is FailureKind.IRREVERSIBLE else None
    if landing.does_nothing_down:
        return "does nothing, and its upgrade() changed the schema"
    return None
