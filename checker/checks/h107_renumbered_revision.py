"""H107: a merged script lives on under another id."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, point, restore
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="H107",
    slug="renumbered-revision",
    severity=Severity.ERROR,
    says="A merged script lives on under another revision id.",
    breaks="A database that stands on the old id fails with Can't locate revision; one that is made to go on runs the same "
    "statements a second time.",
    mend="Give the script its old id back. If two revisions had the same id, renumber the one that is not merged.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each merged id whose script is still there, with another id."""
    for pair in subject.changes.renumbered:
        before, after = pair.before, pair.after
        parents = "" if not pair.reparented else ", on another down_revision"
        yield INFO.finding(
            subject,
            f"merged revision {before.revision} is now called {after.revision}{parents}: a database that stands on "
            f"{before.revision} fails with \"Can't locate revision identified by '{before.revision}'\"",
            script=after,
            fix=restore(subject, before)
            + (" && " + shlex.join(["git", "rm", "-f", "--ignore-unmatch", after.path]) if pair.moved else ""),
            details=pair.diff or None,
            related=[point(before, "what it was called")],
        )
    yield from _separated(subject)


def _separated(subject: Subject) -> Iterator[Finding]:
    """The repair of two scripts with one id: right, and of consequence for databases that ran the one that moves."""
    for pair in subject.changes.separated:
        before, after = pair.before, pair.after
        keeps = subject.result.by_revision[str(before.revision)]
        yield INFO.finding(
            subject,
            f"{before.path} had the same revision id as {keeps.path} at {subject.base_ref}, and is now called "
            f"{after.revision}: a database at {before.revision} may have run either of the two, and "
            f"`alembic upgrade` runs {after.revision} on it",
            script=after,
            severity=Severity.WARNING,
            fix=f"check that upgrade() of {after.revision} succeeds on a database that has already run it, or stamp such "
            "databases",
            details=pair.diff or None,
            related=[point(keeps, f"it keeps the id {before.revision}")],
        )
