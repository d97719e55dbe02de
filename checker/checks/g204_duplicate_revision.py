"""G204: two scripts have one id."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, point
from checker.checks.mends import Mend, command, find_mend, planned
from checker.findings import Finding, Severity
from checker.source.moving import Plan
from checker.source.script import Script

INFO = CheckInfo(
    id="G204",
    slug="duplicate-revision",
    severity=Severity.ERROR,
    says="Two scripts have the same revision id.",
    breaks="Alembic only warns, and runs one of the two: which one depends on the order of files. The other never runs.",
    mend="Give the one that is not merged another id, in its `revision`, its file's name and whatever stands on it: "
    "`alembic-premerge fix --apply`.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each id that stands in several files; it points to the file that is not merged."""
    duplicates = subject.result.graph.duplicates
    whole = planned(subject) if duplicates else None
    for revision in duplicates:
        scripts = [script for script in subject.result.scripts if script.revision == revision]
        merged = {script.path for script in subject.base.scripts if script.revision == revision}
        scripts.sort(key=lambda script: (script.path in merged, script.path))
        mine = next((one for one in scripts if _mend(subject, one, whole)), None)
        told, mend = mine or scripts[0], _mend(subject, mine, whole)
        yield INFO.finding(
            subject,
            f"revision id {revision} stands in {listing(script.path for script in scripts)}: Alembic runs only one of them",
            script=told,
            fix=_fix(subject, told, mend),
            suggestion=mend.suggestion if mend and not _is_named(subject, revision) else None,
            introduced=revision not in subject.base.graph.duplicates,
            related=[point(script, "the same id") for script in scripts if script is not told],
        )


def _mend(subject: Subject, script: Script | None, whole: Plan | None) -> Mend | None:
    """How the script gets another id, if `fix` can do that."""
    mend = find_mend(subject, script.path, whole) if script and whole else None
    return mend if mend and mend.draft.renumbered else None


def _fix(subject: Subject, script: Script, mend: Mend | None) -> str:
    by_hand = f"give {script.path} an id of its own"
    if mend is None:
        return by_hand
    return f"{by_hand}: {' and '.join(mend.draft.assignments)} (or: {command(subject)})"


def _is_named(subject: Subject, revision: str) -> bool:
    """Whether a new script stands on the id: which of the two it means is more than a change of this file."""
    return any(revision in (*script.down_revisions, *script.depends_on) for script in subject.changes.new)
