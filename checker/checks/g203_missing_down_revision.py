"""G203: a revision stands on one that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, name
from checker.findings import Finding, Severity
from checker.source.script import Script

INFO = CheckInfo(
    id="G203",
    slug="missing-down-revision",
    severity=Severity.ERROR,
    says="A revision's down_revision names a revision that does not exist.",
    breaks="Alembic cannot read the chain at all: every command ends with a KeyError, on every database.",
    mend="Bring the missing script along (it is often in another branch), or put the revision on one that exists.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each parent that is not there. One whose parent this change deletes is H102's consequence."""
    deleted = {
        script.revision for script in (*subject.changes.deleted, *(p.before for p in subject.changes.renumbered))
    }
    for revision, parent in subject.result.graph.missing:
        if parent in deleted:
            continue
        script = subject.result.by_revision[revision]
        commit = subject.last_seen(parent)
        history = f"git last saw it in {commit}" if commit else "no commit that git knows has it"
        yield INFO.finding(
            subject,
            f"revision {name(script)} stands on {parent}, which does not exist ({history}): Alembic cannot read the chain",
            script=script,
            at="down_revision",
            fix=f"git show --stat {commit}  # and bring its script along" if commit else "correct its down_revision",
            introduced=(revision, parent) not in subject.base.graph.missing,
        )
    for script in empty_parents(subject):
        yield INFO.finding(
            subject,
            f"revision {name(script)} has an empty string in its down_revision, which Alembic takes for the id of a "
            "revision that does not exist: it cannot read the chain",
            script=script,
            at="down_revision",
            fix="down_revision = None",
        )


def empty_parents(subject: Subject) -> list[Script]:
    """The scripts with "" for a parent, where no merged script has it: a project that has runs an Alembic that accepts it."""
    if any(script.empty_parent for script in subject.base.scripts):
        return []
    return [script for script in subject.result.scripts if script.empty_parent]
