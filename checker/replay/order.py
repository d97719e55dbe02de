"""The revisions of a chain in topological order, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class RevisionNode:
    """A revision and its parents, `depends_on` included."""

    revision: str
    parents: tuple[str, ...] = ()


def ancestors(order: Sequence[RevisionNode], revision: str) -> frozenset[str]:
    """`revision` and everything below it; abbreviated as Alembic allows."""
    return closure(order, _meant([node.revision for node in order], revision))


def descendants(order: Sequence[RevisionNode], revision: str) -> frozenset[str]:
    """Everything above `revision`, which need not be part of `order` itself."""
    meant = set(_meant([name for node in order for name in (node.revision, *node.parents)], revision))
    above = [node.revision for node in order if meant & closure(order, node.parents)]
    return frozenset(above)


def walkable(order: Sequence[RevisionNode], applied: Set[str], wanted: Set[str]) -> tuple[RevisionNode, ...]:
    """What has to be run, in a database that has `applied`, for those of `wanted` that can be reached there.

    A revision below an applied one cannot (Alembic takes it for run); nor can any where an applied one is gone.
    """
    if not applied <= {node.revision for node in order}:
        return ()
    passed_over = closure(order, applied) - applied
    there = set(applied)
    for node in order:
        if node.revision not in passed_over and there.issuperset(node.parents):
            there.add(node.revision)
    needed = closure(order, wanted & there) - applied - passed_over
    return tuple(node for node in order if node.revision in needed)


def _meant(names: Sequence[str], revision: str) -> Sequence[str]:
    return [one for one in names if one == revision] or [one for one in names if one.startswith(revision)]


def closure(order: Sequence[RevisionNode], revisions: Iterable[str]) -> frozenset[str]:
    """These revisions and everything below them."""
    parents = {node.revision: node.parents for node in order}
    found: set[str] = set()
    waiting = list(revisions)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += parents.get(one, ())
    return frozenset(found)
