"""Own scripts whose id another has: each gets one of its own, and what stands on it follows where that can be told. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checker.source.drafts import Draft
from checker.source.graph import Node, RevisionGraph
from checker.source.script import Script
from checker.source.snapshot import Snapshot

ID_LENGTH = 12  # as long as Alembic's own


@dataclass(frozen=True)
class Renumbering:
    """The own scripts, each with an id of its own."""

    drafts: Mapping[str, Draft]
    """By revision."""
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What must stand below a revision although nothing in it says so."""
    told: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Draft, ...]:
        """Those that differ from their scripts, in the order of their paths."""
        found = (draft for draft in self.drafts.values() if draft.differs)
        return tuple(sorted(found, key=lambda draft: draft.script.path))

    def graph(self, result: Snapshot) -> RevisionGraph:
        """The merge result's graph, with these in it."""
        by_path = {draft.script.path: draft for draft in self.drafts.values()}
        return RevisionGraph(_node(script, by_path.get(script.path)) for script in result.scripts if script.revision)


def _node(script: Script, draft: Draft | None) -> Node:
    unknown = "down_revision" in script.unknown
    if draft:
        return Node(draft.revision, draft.down_revisions, draft.depends_on, script.branch_labels, unknown)
    assert script.revision is not None
    return Node(script.revision, script.down_revisions, script.depends_on, script.branch_labels, unknown)


def renumber(base: Snapshot, result: Snapshot, own: Sequence[Script], known_here: Callable[[str], bool]) -> Renumbering:
    """Every own script whose id another has gets a new one; what stands on it follows where it can mean nothing else."""
    drafts = {
        script.path: Draft(script, str(script.revision), script.down_revisions, script.depends_on) for script in own
    }
    taken = {*base.graph.nodes, *result.graph.nodes}
    order: dict[str, tuple[str, ...]] = {}
    told: list[str] = []
    for revision in result.graph.duplicates:
        holders = [script for script in result.scripts if script.revision == revision]
        merged = [script for script in holders if script.path not in drafts]
        mine = [script for script in holders if script.path in drafts]
        for script in mine if merged else mine[1:]:
            new = new_id(script.path, script.source, taken)
            taken.add(new)
            drafts[script.path] = replace(drafts[script.path], revision=new)
            other = (merged or mine)[0]
            told.append(f"{script.path} gets the id {new}: {revision} is {other.path}")
            certain = bool(merged) and len(mine) == 1 and not any(known_here(one.path) for one in merged)
            for child in _children(revision, drafts[script.path], drafts.values()):
                if certain:
                    drafts[child.script.path] = _following(child, revision, new)
                    told.append(
                        f"{child.script.path} names {revision}, and follows to {new}: {other.path} is not on this branch, so "
                        "its author cannot have meant that"
                    )
                else:
                    order[child.revision] = (*order.get(child.revision, ()), new)
                    told.append(
                        f"{child.script.path} names {revision}, which may mean either: it is taken for {other.path}, and "
                        f"put above {new} as well"
                    )
    return Renumbering({draft.revision: draft for draft in drafts.values()}, order, tuple(told))


def _children(revision: str, twin: Draft, drafts: Collection[Draft]) -> list[Draft]:
    """The own scripts that name the id of this one, and may mean it: what lies below it cannot, and nor can itself."""
    by_revision = {draft.revision: draft for draft in drafts}
    below, queue = {twin.script.path}, [twin]
    while queue:
        current = queue.pop()
        for name in (*current.down_revisions, *current.depends_on):
            lower = by_revision.get(name)
            if lower and name != revision and lower.script.path not in below:
                below.add(lower.script.path)
                queue.append(lower)
    return [
        draft
        for draft in drafts
        if draft.script.path not in below and revision in (*draft.down_revisions, *draft.depends_on)
    ]


def _following(draft: Draft, old: str, new: str) -> Draft:
    down, depends = (
        tuple(new if name == old else name for name in names) for names in (draft.down_revisions, draft.depends_on)
    )
    return replace(draft, down_revisions=down, depends_on=depends)


def new_id(path: str, source: bytes, taken: Collection[str]) -> str:
    """An id that nobody has, and always the same one for the same script."""
    number = 0
    while True:
        seed = b"\0".join((path.encode("utf-8", "surrogateescape"), source, str(number).encode()))
        made = hashlib.sha256(seed).hexdigest()[:ID_LENGTH]
        if made not in taken:
            return made
        number += 1
