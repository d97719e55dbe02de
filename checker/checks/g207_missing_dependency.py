"""G207: a revision depends on one that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, name
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="G207",
    slug="missing-dependency",
    severity=Severity.ERROR,
    says="A revision's depends_on names neither a revision nor a branch label that exists.",
    breaks="Alembic cannot read the chain at all: every command ends with a KeyError, on every database.",
    mend="Bring the missing script along, or correct depends_on: it takes whole ids and branch labels.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each dependency that is not there. One that this change deletes is H102's consequence.

    Nothing where a branch label is computed, which may be the one that is meant, nor where there is no env.py: such
    scripts are loaded by other packages, together with their own (invenio-accounts stands on invenio-db).
    """
    graph, changes = subject.result.graph, subject.changes
    computed = any("branch_labels" in script.unknown for script in subject.result.scripts)
    if not graph.missing_dependencies or computed or not subject.env:
        return
    gone = {script.revision for script in (*changes.deleted, *(pair.before for pair in changes.renumbered))}
    for revision, dependency in graph.missing_dependencies:
        if dependency in gone:
            continue
        script = subject.result.by_revision[revision]
        commit = subject.last_seen(dependency)
        history = f"git last saw it in {commit}" if commit else "no commit that git knows has it"
        yield INFO.finding(
            subject,
            f"revision {name(script)} depends on {dependency}, which does not exist ({history}): Alembic cannot read the "
            "chain",
            script=script,
            at="depends_on",
            fix=f"git show --stat {commit}  # and bring its script along" if commit else "correct its depends_on",
            introduced=(revision, dependency) not in subject.base.graph.missing_dependencies,
        )
