"""D402: what an environment has already run was changed."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name, point, restore
from checker.findings import Finding, Severity
from checker.source.graph import RevisionGraph
from checker.source.script import Script

INFO = CheckInfo(
    id="D402",
    slug="deployed-revision-changed",
    severity=Severity.ERROR,
    says="A revision that an environment has already run was edited, deleted, re-parented, renumbered, or got one below it.",
    breaks="What the history checks say could happen does happen there: that database never runs what changed, and is from "
    "then on another one than the scripts describe.",
    mend="Put the script back and write a new revision. That it never ran anywhere is, of this one, not true.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each revision, with all environments that have run it. A repair of a broken chain only warns."""
    run = {deployed: _has_run(deployed.revision, subject) for deployed in subject.deployed}
    stands_on = {deployed.revision for deployed in subject.deployed}
    for what, merged, shown, heals in _changes(subject):
        where = sorted({deployed.environment for deployed, revisions in run.items() if merged.revision in revisions})
        if not where or (what == "is gone" and merged.revision in stands_on):
            continue  # gone, and a database stands on it: that is D401
        yield INFO.finding(
            subject,
            f"{listing(where)} {'has' if len(where) == 1 else 'have'} already run {name(merged)}, which {what}",
            script=shown,
            fix=restore(subject, merged) if not heals else None,
            severity=Severity.WARNING if heals else None,
            related=[point(merged, "as it was run")] if shown.path != merged.path else (),
        )


def _changes(subject: Subject) -> Iterator[tuple[str, Script, Script, bool]]:
    """(what became of it, the merged script, the script to point to, whether it mends the base's chain)."""
    changes, heals = subject.changes, bool(subject.changes.heals)
    for pair in changes.edited:
        yield "this change edits", pair.before, pair.after, False
    for script in () if subject.removed else changes.deleted:
        yield "is gone", script, script, False
    for pair in changes.renumbered:
        yield f"is now called {pair.after.revision}", pair.before, pair.after, False
    for pair in changes.reparented:
        yield "now stands on another revision", pair.before, pair.after, heals
    for inserted in changes.inserted:
        for above in inserted.above:
            yield f"now stands on the new revision {inserted.script.revision}", above, inserted.script, False


def _has_run(revision: str, subject: Subject) -> frozenset[str]:
    graph: RevisionGraph = subject.base.graph if revision in subject.base.graph else subject.result.graph
    return frozenset({revision, *graph.ancestors([revision])})
