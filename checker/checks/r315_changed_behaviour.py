"""R315: a merged script does something else although its file did not change."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name
from checker.checks.causes import history_causes, other_code_changed, restoring
from checker.checks.outside import qualified
from checker.checks.statements import changed_behaviour, side_by_side
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="R315",
    slug="changed-behaviour",
    severity=Severity.WARNING,
    says="A merged script emits other SQL than at the base, although its own file did not change.",
    breaks="It imports a model or a helper that changed. A fresh database gets the new shape, one that exists keeps the old.",
    mend="Write into a revision what it needs (its own sa.table, its own constants) instead of importing what will change.",
    replay=True,
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each merged script that is the same and sends other statements."""
    history = history_causes(subject)
    known = history and not other_code_changed(subject)
    why = (
        f": because of {listing(map(str, history))}"
        if known
        else ": something that it imports did, or what runs before it"
    )
    for script, before, after in changed_behaviour(subject):
        message = f"merged revision {name(script)} sends other statements than at {subject.base_ref}, although its file did not"
        yield INFO.finding(
            subject,
            qualified(subject, f"{message} change{why}"),
            script=script,
            at="upgrade",
            fix=restoring(subject, history) if known else None,
            details=side_by_side(before, after),
        )
