"""G205: the chain runs in a circle."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, point
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="G205",
    slug="revision-cycle",
    severity=Severity.ERROR,
    says="Revisions stand on each other in a circle.",
    breaks="No order exists in which they could run. Alembic stops with an error, or leaves them out without a word.",
    mend="Give the revision that closed the circle a down_revision below it.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each circle, on a revision of it that this change brings or touches."""
    known = {frozenset(circle) for circle in subject.base.graph.cycles}
    for circle in subject.result.graph.cycles:
        scripts = [subject.result.by_revision[revision] for revision in circle]
        first = next((script for script in scripts if subject.touches(script.revision)), scripts[0])
        start = scripts.index(first)
        scripts = scripts[start:] + scripts[:start]
        way = " → ".join(str(script.revision) for script in [*scripts, first])
        yield INFO.finding(
            subject,
            f"the chain runs in a circle: {way}",
            script=first,
            at="down_revision",
            fix=f"correct the down_revision of {first.revision}",
            introduced=frozenset(circle) not in known,
            related=[point(script, "on the circle", "down_revision") for script in scripts[1:]],
        )
