"""Own lines onto the base's head: one after the other, each on the branch that it stands on. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from checker.source.drafts import Draft, Left
from checker.source.graph import RevisionGraph


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


class Lines:
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
