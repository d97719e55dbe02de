"""Where this branch's own revisions belong after the merge: what each of them shall stand on, and be called. Pure.

Own is what the merge result has and the base has not. Merged scripts are never among what is to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from checker.source.changes import Changes
from checker.source.drafts import Draft, Left
from checker.source.graph import RevisionGraph
from checker.source.lines import Lines
from checker.source.script import Script
from checker.source.snapshot import Snapshot
from checker.source.twins import renumber


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
    renumbering = renumber(base, result, own_scripts(base, result, changes), known_here)
    graph = renumbering.graph(result)
    if merge:
        merges = tuple(_merges(graph, base, renumbering.drafts, expected_heads))
        return Plan(renumbering.changed, merges, renumbering.told)
    lines = Lines(base.graph, graph, renumbering.drafts, renumbering.order)
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
