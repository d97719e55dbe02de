"""The revision graph: pure, and whole even where the scripts are not.

Alembic's own map only warns of a duplicate, raises a bare KeyError for a missing parent and misses some cycles; here all
of that is data. `down_revision` makes branches and heads; `depends_on` only makes order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Node:
    """One revision: `down_revisions` are its parents, `depends_on` what must have run before it besides."""

    revision: str
    down_revisions: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    branch_labels: tuple[str, ...] = ()
    unknown_parents: bool = False


class RevisionGraph:
    """The graph of the given revisions. Where an id stands twice, the first one counts; see `duplicates`."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.nodes: dict[str, Node] = {}
        duplicates: dict[str, None] = {}
        for node in nodes:
            if node.revision in self.nodes:
                duplicates[node.revision] = None
            self.nodes.setdefault(node.revision, node)
        self.duplicates: tuple[str, ...] = tuple(duplicates)

    def __contains__(self, revision: object) -> bool:
        return revision in self.nodes

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """Every branch label and the revision that carries it."""
        return {label: node.revision for node in self.nodes.values() for label in node.branch_labels}

    @cached_property
    def duplicate_labels(self) -> Mapping[str, tuple[str, ...]]:
        """Every branch label that Alembic would refuse, and the revisions that have it as a label or as their id."""
        carried: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for label in node.branch_labels:
                carried.setdefault(label, []).append(node.revision)
        for label in carried.keys() & self.nodes.keys():
            carried[label].append(label)
        return {label: tuple(dict.fromkeys(found)) for label, found in carried.items() if len(found) > 1}

    def down(self, revision: str) -> tuple[str, ...]:
        """The parents that exist."""
        return tuple(parent for parent in self.nodes[revision].down_revisions if parent in self.nodes)

    def dependencies(self, revision: str) -> tuple[str, ...]:
        """What it depends on and that exists; a branch label stands for the revision that carries it."""
        names = (self.labels.get(name, name) for name in self.nodes[revision].depends_on)
        return tuple(name for name in names if name in self.nodes)

    def before(self, revision: str) -> tuple[str, ...]:
        """All that must have run directly before: parents and dependencies, each once."""
        return tuple(dict.fromkeys(self.down(revision) + self.dependencies(revision)))

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """For each revision those that name it as down_revision."""
        found: dict[str, list[str]] = {revision: [] for revision in self.nodes}
        for revision in self.nodes:
            for parent in dict.fromkeys(self.down(revision)):
                found[parent].append(revision)
        return {parent: tuple(children) for parent, children in found.items()}

    @cached_property
    def heads(self) -> tuple[str, ...]:
        """What no other revision names as its down_revision: `alembic heads`."""
        return tuple(revision for revision in self.nodes if not self.children[revision])

    @cached_property
    def bases(self) -> tuple[str, ...]:
        """Revisions without a down_revision."""
        return tuple(
            node.revision for node in self.nodes.values() if not node.down_revisions and not node.unknown_parents
        )

    @cached_property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """(revision, the down_revision of it that does not exist)."""
        return tuple(
            (node.revision, parent)
            for node in self.nodes.values()
            for parent in dict.fromkeys(node.down_revisions)
            if parent not in self.nodes
        )

    @cached_property
    def missing_dependencies(self) -> tuple[tuple[str, str], ...]:
        """(revision, the depends_on of it that does not exist)."""
        return tuple(
            (node.revision, name)
            for node in self.nodes.values()
            for name in dict.fromkeys(node.depends_on)
            if name not in self.nodes and name not in self.labels
        )

    def ancestors(self, revisions: Iterable[str], within: Collection[str] | None = None) -> set[str]:
        """All that lies below, the revisions themselves not among it unless they lie on a cycle."""
        return self._reach(revisions, self.before, within)

    def descendants(self, revisions: Iterable[str]) -> set[str]:
        """All that stands above, by down_revision or depends_on."""
        above: dict[str, list[str]] = {}
        for revision in self.nodes:
            for lower in self.before(revision):
                above.setdefault(lower, []).append(revision)
        return self._reach(revisions, lambda revision: above.get(revision, ()), None)

    def below(self, revisions: Iterable[str]) -> set[str]:
        """All that lies below by down_revision alone: what a branch is made of."""
        return self._reach(revisions, self.down, None)

    def above(self, revisions: Iterable[str]) -> set[str]:
        """All that stands above by down_revision alone."""
        return self._reach(revisions, lambda revision: self.children[revision], None)

    def _reach(self, start: Iterable[str], step: object, within: Collection[str] | None) -> set[str]:
        assert callable(step)
        found: set[str] = set()
        queue = [revision for revision in start if revision in self.nodes]
        while queue:
            for other in step(queue.pop()):
                if other not in found and (within is None or other in within):
                    found.add(other)
                    queue.append(other)
        return found

    @cached_property
    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """Each set of revisions that run in a circle, in the order in which one leads down to the next."""
        return tuple(self._circle(group) for group in self._strongly_connected() if self._is_circle(group))

    def _is_circle(self, group: Sequence[str]) -> bool:
        return len(group) > 1 or group[0] in self.before(group[0])

    def _circle(self, group: Sequence[str]) -> tuple[str, ...]:
        """One way round: a walk down inside the group, from where it first meets itself."""
        members = set(group)
        walk = [min(group)]
        while True:
            following = next(lower for lower in self.before(walk[-1]) if lower in members)
            if following in walk:
                return tuple(walk[walk.index(following) :])
            walk.append(following)

    def _strongly_connected(self) -> list[list[str]]:
        """Tarjan's algorithm, with a stack of its own: a chain of thousands is deeper than Python's."""
        number: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        on_stack: set[str] = set()
        groups: list[list[str]] = []
        for root in self.nodes:
            if root in number:
                continue
            work = [(root, iter(self.before(root)))]
            number[root] = low[root] = len(number)
            stack.append(root)
            on_stack.add(root)
            while work:
                revision, lower = work[-1]
                following = next(lower, None)
                if following is None:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[revision])
                    if low[revision] == number[revision]:
                        groups.append(self._unwind(stack, on_stack, revision))
                elif following not in number:
                    number[following] = low[following] = len(number)
                    stack.append(following)
                    on_stack.add(following)
                    work.append((following, iter(self.before(following))))
                elif following in on_stack:
                    low[revision] = min(low[revision], number[following])
        return groups

    @staticmethod
    def _unwind(stack: list[str], on_stack: set[str], revision: str) -> list[str]:
        group = []
        while True:
            member = stack.pop()
            on_stack.remove(member)
            group.append(member)
            if member == revision:
                return group

    @cached_property
    def broken(self) -> frozenset[str]:
        """Revisions on a cycle, with a missing or unknown parent, and all above them: their heads say nothing."""
        roots = {revision for circle in self.cycles for revision in circle}
        roots |= {revision for revision, _ in self.missing}
        roots |= {node.revision for node in self.nodes.values() if node.unknown_parents}
        return frozenset(roots | self.descendants(roots))

    def topological_order(self) -> tuple[str, ...]:
        """Every revision after all that must have run before it; those on or above a cycle are left out."""
        waiting = {revision: len(self.before(revision)) for revision in self.nodes}
        above: dict[str, list[str]] = {}
        for revision in self.nodes:
            for lower in self.before(revision):
                above.setdefault(lower, []).append(revision)
        ready = [revision for revision, count in waiting.items() if count == 0]
        order = []
        while ready:
            revision = ready.pop()
            order.append(revision)
            for upper in above.get(revision, ()):
                waiting[upper] -= 1
                if waiting[upper] == 0:
                    ready.append(upper)
        return tuple(order)

    def labels_at(self, head: str) -> frozenset[str]:
        """The branch labels that `head` answers to: its own and those of all below it."""
        line = self._reach([head], self.down, None) | {head}
        return frozenset(label for revision in line for label in self.nodes[revision].branch_labels)

    def surplus_heads(self, expected: Collection[str] = ()) -> tuple[str, ...]:
        """The heads between which `alembic upgrade head` would not know how to choose; () where there is no doubt.

        Heads may stand apart on purpose: each by a branch label that no other head answers to, or by being named in
        `expected` (a revision or a branch label). One head beside those is the trunk, unless `expected` left it out.
        Heads above a fault of another kind (a missing parent, a cycle) are that fault's consequence and not counted.
        """
        heads = [head for head in self.heads if head not in self.broken]
        labels = {head: self.labels_at(head) for head in heads}
        shared = {label for label in self.labels if sum(label in labels[head] for head in heads) > 1}
        shared -= self.duplicate_labels.keys()  # that two branches carry one label is that fault, and not this one
        on_purpose = set(expected)
        loose = [h for h in heads if not labels[h] - shared and h not in on_purpose and not labels[h] & on_purpose]
        allowed = 0 if on_purpose else 1
        return tuple(loose) if len(heads) > 1 and len(loose) > allowed else ()

    def surplus_bases(self, expected: Collection[str] = ()) -> tuple[str, ...]:
        """The bases that no branch label tells apart, where there is more than one; () where there is no doubt.

        A label anywhere on a base's own line is the base's too, and so is a head that `expected` names.
        """
        bases = [base for base in self.bases if base not in self.broken]
        if len(bases) < 2:
            return ()
        named = [node.revision for node in self.nodes.values() if node.branch_labels or node.revision in expected]
        told_apart: set[str] = set()
        for revision in named:
            below = [base for base in bases if base in self._reach([revision], self.down, None) | {revision}]
            told_apart |= set(below) if len(below) == 1 else set()
        loose = tuple(base for base in bases if base not in told_apart)
        return loose if len(loose) > 1 else ()
