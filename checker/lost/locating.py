"""Where a revision id is, and what became of it: what git saw and what is checked out in, the answer out. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from checker.lost.answer import Event, Kind, Missing, Place
from checker.source.changes import Changes
from checker.source.effects import makes
from checker.source.graph import Node, RevisionGraph
from checker.source.script import Script
from checker.source.sightings import Sighting
from checker.source.snapshot import Snapshot

# As many letters of an id as Alembic itself needs to find it.
SHORTEST = 4
_ALIKE = 0.6
_HOW_MANY = 3
_LONGEST = 100
"""As much of an id as is compared."""


@dataclass(frozen=True)
class Gone:
    """How a revision went: the environment before and after, and what that did to its chain."""

    commit: str
    """"" where it is a change in the work tree that is not committed."""
    before: Snapshot
    after: Snapshot
    changes: Changes


@dataclass(frozen=True)
class Facts:
    """What git says of an id that this checkout does not have."""

    revision: str
    here: Snapshot
    missing: tuple[Missing, ...]
    """It, and those below it that are not here either, from the top."""
    nearest: tuple[str, ...]
    old: RevisionGraph
    """The chain at the newest commit that has it."""
    events: tuple[Event, ...] = ()
    places: tuple[Place, ...] = ()
    gone: Gone | None = None
    renamed: tuple[str, ...] = ()
    squashed_into: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """The functions that are not what they were when it went, where it came back."""
    diverged: bool = False
    """Whether this checkout has commits that the default branch has not."""

    @property
    def script(self) -> Script:
        """Its script as it was last seen."""
        return self.missing[0].script


# --- which id is meant


@dataclass(frozen=True)
class Resolved:
    """The id that is meant by what was asked, or the several that it could be."""

    revision: str
    candidates: tuple[str, ...] = ()


def resolve(asked: str, here: Collection[str], ever: Collection[str], labels: Mapping[str, str]) -> Resolved:
    """The id that is meant: itself, the revision of a branch label, or the one that begins so; else itself.

    What is checked out goes before what ever was.
    """
    if asked in here or asked in ever:
        return Resolved(asked)
    if asked in labels:
        return Resolved(labels[asked])
    for ids in (here, ever):
        found = sorted(one for one in ids if len(asked) >= SHORTEST and one.startswith(asked))
        if len(found) == 1:
            return Resolved(found[0])
        if found:
            return Resolved(asked, tuple(found))
    return Resolved(asked)


def similar(revision: str, ids: Iterable[str]) -> tuple[str, ...]:
    """The ids most like this one: a slip of the pen, a part of it, one letter too many."""

    def likeness(one: str) -> float:
        return difflib.SequenceMatcher(None, revision[:_LONGEST], one[:_LONGEST], autojunk=False).ratio()

    found = sorted(((likeness(one), one) for one in set(ids)), key=lambda pair: (-pair[0], pair[1]))
    return tuple(one for ratio, one in found[:_HOW_MANY] if ratio >= _ALIKE)


# --- where it stood


def walk_down(
    revision: str, exists: Callable[[str], bool], parents: Callable[[str], Sequence[str]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the first revisions below that exist, it and those on the way that do not, from the top)."""
    nearest: dict[str, None] = {}
    missing: dict[str, None] = {revision: None}
    queue = [revision]
    while queue:
        for parent in parents(queue.pop(0)):
            if exists(parent):
                nearest[parent] = None
            elif parent not in missing:
                missing[parent] = None
                queue.append(parent)
    return tuple(nearest), tuple(missing)


def topmost(revisions: Iterable[str], graph: RevisionGraph) -> tuple[str, ...]:
    """Those of the revisions that are not below another of them."""
    revisions = tuple(revisions)
    below = graph.ancestors(revisions)  # of one that is not in the graph: nothing
    return tuple(one for one in revisions if one not in below)


@dataclass(frozen=True)
class Stretch:
    """Part of a chain: whether a database has run it, and the topmost of its revisions."""

    ran: bool
    tops: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """What a database has run of this checkout's revisions, by their names of today: where it can go on from."""

    graph: RevisionGraph
    run: frozenset[str]

    @cached_property
    def goal(self) -> tuple[str, ...]:
        """What its version table should say."""
        return topmost((one for one in self.graph.nodes if one in self.run), self.graph)

    @cached_property
    def lacking(self) -> tuple[str, ...]:
        """The revisions below that it has not run, from the bottom: an upgrade from the goal would never run them."""
        below = self.graph.ancestors(self.goal) - self.run
        return tuple(one for one in self.graph.topological_order() if one in below)

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """The way up to the goal in turns of what it has run and has not, from where it has run all below.

        () where there is no such place, or the way comes to no end (a cycle).
        """
        left = self.graph.ancestors(self.goal) | set(self.goal)
        found: list[Stretch] = []
        ran = True
        while left:
            reached = self._reached(left, ran)
            if reached:
                found.append(Stretch(ran, topmost(reached, self.graph)))
            elif not ran or not found:
                return ()
            left -= set(reached)
            ran = not ran
        return tuple(found)

    def _reached(self, left: Collection[str], ran: bool) -> list[str]:
        """Of what is left, what it has run (or has not), as far up as nothing else is below."""
        reached: dict[str, None] = {}
        for one in self.graph.topological_order():
            waits = any(below in left and below not in reached for below in self.graph.before(one))
            if one in left and (one in self.run) is ran and not waits:
                reached[one] = None
        return list(reached)


def standing(facts: Facts) -> Standing:
    """Where a database stands that is on the missing revision."""
    named = {one.now for one in facts.missing if one.now}
    old = facts.old.ancestors([facts.revision]) if facts.revision in facts.old else set()
    return _standing(facts, old | set(facts.nearest) | named)


def standing_at(facts: Facts, revisions: Collection[str]) -> Standing:
    """Where it stands once the old code has taken it down to these."""
    return _standing(facts, facts.old.ancestors(revisions) | set(revisions))


def _standing(facts: Facts, run: Collection[str]) -> Standing:
    graph = facts.here.graph
    return Standing(graph, frozenset(one for one in run if one in graph))


def made_again(facts: Facts) -> tuple[tuple[str, str], ...]:
    """(revision of this checkout that such a database has not run, what it makes that the missing ones made already)."""
    made = {what for one in facts.missing if not one.now for what in makes(one.script)}
    run = standing(facts).run
    return tuple(
        (revision, what)
        for revision, script in facts.here.by_revision.items()
        if revision not in run
        for what in sorted(makes(script) & made)
    )


def restored(facts: Facts) -> RevisionGraph:
    """The graph of this checkout with the missing scripts put back."""
    back = [
        Node(one.revision, one.script.down_revisions, one.script.depends_on, one.script.branch_labels)
        for one in facts.missing
    ]
    return RevisionGraph([*facts.here.graph.nodes.values(), *back])


# --- what became of it


def kind_of(facts: Facts) -> Kind:
    """What became of a revision that is not here."""
    if ahead(facts):
        return Kind.AHEAD
    if not facts.gone and any(place.alive for place in facts.places):
        return Kind.UNMERGED_BRANCH
    if facts.renamed:
        return Kind.RENUMBERED
    if facts.squashed_into:
        return Kind.SQUASHED
    return Kind.DELETED if facts.gone else Kind.UNMERGED_BRANCH


def ahead(facts: Facts) -> tuple[Place, ...]:
    """The refs that have it and are newer than this checkout: a deployment of them is what is missing.

    A branch that goes on from here is none of them, unless it is the one that all is merged into, or this checkout has
    left that itself.
    """
    if facts.gone and not facts.gone.commit:
        return ()
    return tuple(
        one for one in facts.places if one.alive and (one.default or (one.newer and (one.is_tag or facts.diverged)))
    )


def squash_of(gone: Gone, revision: str) -> tuple[str, ...]:
    """What a revision was squashed into: one script or a few, which begin where the deleted ones began."""
    deleted = {script.revision for script in gone.changes.deleted if script.revision}
    came = gone.changes.new
    if len(deleted) < 2 or revision not in deleted or len(came) >= len(deleted):
        return ()
    bases = tuple(str(script.revision) for script in came if not script.down_revisions)
    if bases:
        return bases
    below = {one: set(gone.before.by_revision[one].down_revisions) - deleted for one in deleted}
    begins = [one for one in deleted if not set(gone.before.by_revision[one].down_revisions) & deleted]
    if len(begins) != 1:  # several revisions here and there, and not one stretch of the chain
        return ()
    return tuple(str(script.revision) for script in came if set(script.down_revisions) == below[begins[0]])


def event(sighting: Sighting, *, here: bool, landed: str | None = None, pull_request: int | None = None) -> Event:
    """A sighting in the answer."""
    commit = sighting.commit
    return Event(
        sighting.what,
        commit.id,
        commit.date,
        commit.author,
        commit.subject,
        commit.pull_request or pull_request,
        sighting.path,
        sighting.in_merge,
        here,
        landed if landed != commit.id else None,
    )
