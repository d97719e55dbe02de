"""G204: two scripts have one id."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, point
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="G204",
    slug="duplicate-revision",
    severity=Severity.ERROR,
    says="Two scripts have the same revision id.",
    breaks="Alembic only warns, and runs one of the two: which one depends on the order of files. The other never runs.",
    mend="Give the one that is not merged another id, in its `revision`, its file's name and whatever stands on it.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each id that stands in several files; it points to the file that is not merged."""
    for revision in subject.result.graph.duplicates:
        scripts = [script for script in subject.result.scripts if script.revision == revision]
        merged = {script.path for script in subject.base.scripts if script.revision == revision}
        scripts.sort(key=lambda script: (script.path in merged, script.path))
        yield INFO.finding(
            subject,
            f"revision id {revision} stands in {listing(script.path for script in scripts)}: Alembic runs only one of them",
            script=scripts[0],
            fix=f"give {scripts[0].path} an id of its own",
            introduced=revision not in subject.base.graph.duplicates,
            related=[point(script, "the same id") for script in scripts[1:]],
        )
