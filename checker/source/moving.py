"""Where this branch's own revisions belong after the merge: what each of them shall stand on, and be called. Pure.

Own is what the merge result has and the base has not. Merged scripts are never among what is to be done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checker.source.changes import Changes
from checker.source.graph import Node, RevisionGraph
from checker.source.rewriting import Wanted
from checker.source.script import Script
from checker.source.snapshot import Snapshot

ID_LENGTH = 12  # as long as Alembic's own


@dataclass(frozen=True)
class Draft:
    """An own script, and what it shall say."""

    script: Script
    revision: str
    down_revisions: tuple[str, ...]
    depends_on: tuple[str, ...]

    @property
    def renumbered(self) -> bool:
        """Whether it gets another id."""
        return self.revision != self.script.revision

    @property
    def wanted(self) -> Wanted:
        """What the script shall say where it does not say so already."""
        script = self.script
        depends = dict(zip(script.depends_on, self.depends_on, strict=True))
        return Wanted(
            self.revision if self.renumbered else None,
            self.down_revisions if self.down_revisions != script.down_revisions else None,
            {old: new for old, new in depends.items() if old != new},
        )

    @property
    def assignments(self) -> tuple[str, ...]:
        """The same as a developer would write it."""
        now, before = self, self.script
        parts = [
            ("revision", (now.revision,), (before.revision,)),
            ("down_revision", now.down_revisions, before.down_revisions),
            ("depends_on", now.depends_on, before.depends_on),
        ]
        return tuple(f"{name} = {new[0] if len(new) == 1 else new!r}" for name, new, old in parts if new != old)

    @property
    def differs(self) -> bool:
        """Whether there is anything to do."""
        script = self.script
        return self.renumbered or (self.down_revisions, self.depends_on) != (script.down_revisions, script.depends_on)


@dataclass(frozen=True)
class Left:
    """What rewriting cannot mend: why, and what to do instead."""

    problem: str
    remedy: str


@dataclass(frozen=True)
class Plan:
    """What is to be done."""

    drafts: tuple[Draft, ...] = ()
    """The own scripts that change, in the order of their paths."""
    merges: tuple[tuple[str, ...], ...] = ()
    """The heads that each new merge revision brings together."""
    told: tuple[str, ...] = ()
    """What was decided where it might have been otherwise."""
    left: tuple[Left, ...] = ()


def plan(
    base: Snapshot,
    result: Snapshot,
    changes: Changes,
    expected_heads: Collection[str] = (),
    *,
    merge: bool = False,
    known_here: Callable[[str], bool] = lambda _: True,
) -> Plan:
    """How the merge result comes to have the heads that it may have: by moving own revisions, or with `merge` by new
    merge revisions.

    `known_here` says whether a merged script's path is on this branch too, so that its authors could have meant it.
    """
    renumbering = _renumber(base, result, own_scripts(base, result, changes), known_here)
    graph = renumbering.graph(result)
    if merge:
        merges = tuple(_merges(graph, base, renumbering.drafts, expected_heads))
        return Plan(renumbering.changed, merges, renumbering.told)
    lines = _Lines(base.graph, graph, renumbering.drafts, renumbering.order)
    lines.place(graph.surplus_heads(expected_heads))
    moved = replace(renumbering, drafts=lines.drafts)
    left = [*lines.left, *_left_at_base(base.graph, moved.graph(result), expected_heads)]
    return Plan(moved.changed, (), renumbering.told, tuple(left))


def own_scripts(base: Snapshot, result: Snapshot, changes: Changes) -> tuple[Script, ...]:
    """The scripts that this change brings. A merged one that it moved or renumbered is none of them."""
    paths = {script.path for script in base.scripts}
    kept = {script.revision for script in result.scripts if script.path in paths}
    disguised = {pair.after.path for pair in changes.renumbered}
    return tuple(
        script
        for script in result.scripts
        if script.revision
        and script.path not in paths | disguised
        and (script.revision not in base.graph or script.revision in kept)
    )


def _left_at_base(base: RevisionGraph, after: RevisionGraph, expected: Collection[str]) -> Iterator[Left]:
    heads = [head for head in base.surplus_heads(expected) if head in after]
    if heads and after.surplus_heads(expected):
        yield Left(
            f"the base itself has the heads {', '.join(heads)}",
            "bring them together: run this with --merge",
        )


# --- ids that stand twice


@dataclass(frozen=True)
class _Renumbering:
    """The own scripts, each with an id of its own."""

    drafts: Mapping[str, Draft]
    """By revision."""
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What must stand below a revision although nothing in it says so."""
    told: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[Draft, ...]:
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


def _renumber(
    base: Snapshot, result: Snapshot, own: Sequence[Script], known_here: Callable[[str], bool]
) -> _Renumbering:
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
    return _Renumbering({draft.revision: draft for draft in drafts.values()}, order, tuple(told))


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


# --- own lines onto the base's head


@dataclass
class _Stack:
    """A head of the base with the own lines that have been put on it."""

    members: set[str]
    tip: str


@dataclass(frozen=True)
class _Edge:
    """Where a line leaves what is its own: `parent` is None for a revision that stands on nothing."""

    revision: str
    parent: str | None
    stack: _Stack | None
    """On which it shall stand; None for one that stays as it is."""


class _Ambiguous(Exception):
    """Why the place of a line cannot be told."""

    def __init__(self, left: Left) -> None:
        super().__init__(left.problem)
        self.left = left


class _Lines:
    """Puts one own line after the other on the head of the branch that it stands on."""

    def __init__(
        self,
        base: RevisionGraph,
        graph: RevisionGraph,
        drafts: Mapping[str, Draft],
        order: Mapping[str, Sequence[str]],
    ) -> None:
        self._base = base
        self._graph = graph
        self._order = order
        self.drafts = dict(drafts)
        self.left: list[Left] = []
        merged = [revision for revision in graph.nodes if revision not in drafts]
        self._movable = set(drafts) - graph.ancestors(merged)
        heads = [head for head in base.heads if head in graph and head not in graph.broken]
        self._stacks = [_Stack({head}, head) for head in heads]
        self._placed: set[str] = set()

    def place(self, surplus: Sequence[str]) -> None:
        """Give every own revision below these heads its place."""
        self._loose = self._graph.below(surplus) | set(surplus)
        waiting = sorted(
            (head for head in surplus if head in self._movable),
            key=lambda head: (not self._is_settled(head), self._path(head)),
        )
        while waiting:
            head = next((one for one in waiting if self._is_ready(one, waiting)), None)
            if head is None:
                self.left.append(_entangled(waiting))
                break
            waiting.remove(head)
            try:
                self._put(head)
            except _Ambiguous as reason:
                self.left.append(reason.left)
        self._drop_parents_below_others()

    def _drop_parents_below_others(self) -> None:
        """A merge revision of which one parent has come to stand above another keeps the upper one."""
        nodes = self._graph.nodes.values()
        moved = RevisionGraph(
            replace(node, down_revisions=self.drafts[node.revision].down_revisions)
            if node.revision in self.drafts
            else node
            for node in nodes
        )
        for revision, draft in self.drafts.items():
            before = _lower(self._graph, self._graph.nodes[revision].down_revisions)
            lower = _lower(moved, draft.down_revisions) - before
            if lower:
                kept = tuple(parent for parent in draft.down_revisions if parent not in lower)
                self.drafts[revision] = replace(draft, down_revisions=kept)

    def _path(self, revision: str) -> str:
        return self.drafts[revision].script.path

    def _part(self, head: str) -> set[str]:
        """The own revisions below a head that have no place yet, and itself."""
        found, queue = {head}, [head]
        while queue:
            for parent in self._graph.down(queue.pop()):
                if parent in self._movable and parent not in self._placed and parent not in found:
                    found.add(parent)
                    queue.append(parent)
        return found

    def _is_ready(self, head: str, waiting: Iterable[str]) -> bool:
        """Whether all that must run before this line has its place."""
        part = self._part(head)
        pending = {revision for other in waiting if other != head for revision in self._part(other)} - part
        first = {lower for revision in part for lower in self._order.get(revision, ())}
        return not pending & (first | self._graph.ancestors(part | first))

    def _is_settled(self, head: str) -> bool:
        """Whether a line stands on heads of the base as it is."""
        tips = {stack.tip for stack in self._stacks}
        part = self._part(head)
        return all(set(self._graph.down(one)) <= part | tips and self._graph.down(one) for one in part)

    def _put(self, head: str) -> None:
        part = self._part(head)
        edges = [edge for revision in sorted(part) for edge in self._edges(revision, part)]
        for revision in part:
            own = [edge for edge in edges if edge.revision == revision]
            if own:
                self._stand(revision, [self._settle(edge, edges, part) for edge in own])
        used = [stack for stack in self._stacks if any(edge.stack is stack for edge in edges)]
        members = part.union(*(stack.members for stack in used))
        self._stacks = [stack for stack in self._stacks if stack not in used] + [_Stack(members, head)]
        self._placed |= part

    def _edges(self, revision: str, part: Collection[str]) -> Iterator[_Edge]:
        parents = self.drafts[revision].down_revisions
        for parent in parents:
            if parent not in part:
                yield _Edge(revision, parent, self._stack_above(revision, parent))
        if not parents:
            yield _Edge(revision, None, self._stack_for_a_base(revision))

    def _stack_above(self, revision: str, parent: str) -> _Stack | None:
        """The stack that the parent belongs to: it is in it, or the head in it descends from it."""
        holding = [stack for stack in self._stacks if parent in stack.members]
        if holding or parent not in self._graph:
            return holding[0] if holding else None
        above = (self._base if parent in self._base else self._graph).above([parent])
        found = [stack for stack in self._stacks if stack.members & above]
        if len(found) == 1:
            return found[0]
        tips = " or ".join(stack.tip for stack in found) or "no head"
        raise _Ambiguous(
            Left(
                f"{revision} stands on {parent}, and of the base's heads {tips} stands above that: on which it "
                "belongs cannot be told",
                f"set down_revision in {self._path(revision)} to the head of its branch by hand, or bring the heads "
                "together: run this with --merge",
            )
        )

    def _stack_for_a_base(self, revision: str) -> _Stack | None:
        """Where a revision that stands on nothing belongs, in a chain that has a base already."""
        found = [stack for stack in self._stacks if stack.members & (self._loose | self._placed)]
        if len(found) < 2:
            return found[0] if found else None
        raise _Ambiguous(
            Left(
                f"{revision} stands on nothing, and the chain has several heads: on which it belongs cannot be told",
                f"set down_revision in {self._path(revision)} by hand, or give it a branch label if it begins a branch of "
                "its own",
            )
        )

    def _settle(self, edge: _Edge, edges: Sequence[_Edge], part: Collection[str]) -> _Edge:
        """As it is where another revision further up this line stands on the same stack: that one is what moves."""
        if edge.stack is None:
            return edge
        above = self._graph.above([edge.revision]) & set(part)
        covered = any(other.stack is edge.stack and other.revision in above for other in edges)
        return replace(edge, stack=None) if covered else edge

    def _stand(self, revision: str, edges: Sequence[_Edge]) -> None:
        draft = self.drafts[revision]
        new = {edge.parent: edge.stack.tip for edge in edges if edge.stack}
        parents = tuple(dict.fromkeys(new.get(parent, parent) for parent in draft.down_revisions))
        self.drafts[revision] = replace(draft, down_revisions=parents or tuple(new.values()))


def _lower(graph: RevisionGraph, parents: Sequence[str]) -> set[str]:
    """Those of the parents that lie below another of them."""
    return {one for one in parents for other in parents if one in graph.below([other])} if len(parents) > 1 else set()


def _entangled(heads: Sequence[str]) -> Left:
    return Left(
        f"the lines of {', '.join(heads)} depend on each other (depends_on), so that none can stand on the other",
        "bring them together: run this with --merge",
    )


# --- merge revisions


def _merges(
    graph: RevisionGraph, base: Snapshot, drafts: Mapping[str, Draft], expected: Collection[str]
) -> Iterator[tuple[str, ...]]:
    """The heads that belong together, for each merge revision that is needed: those of one branch."""
    groups: list[set[str]] = []
    for head in graph.surplus_heads(expected):
        partner = _merged_partner(head, graph, base.graph) if expected and head in drafts else None
        labels = {f"\0{label}" for label in graph.labels_at(head)} or {"\0"}  # no revision id has a NUL
        together = {head, *({partner} if partner else labels)}
        touching = [group for group in groups if group & together]
        groups = [group for group in groups if group not in touching] + [together.union(*touching)]
    for group in groups:
        heads = tuple(head for head in graph.heads if head in group)
        if len(heads) > 1:
            yield heads


def _merged_partner(head: str, graph: RevisionGraph, base: RevisionGraph) -> str | None:
    """The one other head of the branch that an own line stands on, if there is one."""
    merged = [revision for revision in graph.below([head]) if revision in base]
    below = set(merged) | base.below(merged)
    roots = [one for one in merged if not any(child in below for child in base.children[one])]
    heads = set(graph.heads) - {head}
    partners = [heads & (graph.above([root]) | {root}) for root in roots]
    found: set[str] = set().union(*partners)
    return found.pop() if len(found) == 1 else None
