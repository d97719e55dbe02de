"""The revision graph against random ones with faults planted in them, and against the standard library's graphlib."""

from __future__ import annotations

import graphlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from checker.source.graph import Node, RevisionGraph
from tests.gitrepo import parents


def graph(text: str, **labels: str) -> RevisionGraph:
    """The graph of a chain in words; `labels` gives a revision its branch label."""
    return RevisionGraph(
        Node(name, down, branch_labels=(labels[name],) if name in labels else ())
        for name, down in parents(text).items()
    )


@st.composite
def sound(draw: st.DrawFn) -> list[Node]:
    """A graph without a fault: each revision stands on and depends on earlier ones; in any order of files."""
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 14))):
        earlier = [node.revision for node in nodes]
        some = st.lists(st.sampled_from(earlier), max_size=2, unique=True) if earlier else st.just([])
        nodes.append(Node(f"r{number}", tuple(draw(some)), tuple(draw(some))))
    return draw(st.permutations(nodes))


@st.composite
def anything(draw: st.DrawFn) -> list[Node]:
    """Revisions that stand on whatever they like: themselves, each other, what is not there."""
    names = [f"r{number}" for number in range(draw(st.integers(1, 7)))]
    some = st.lists(st.sampled_from([*names, "gone"]), max_size=2).map(tuple)
    return [Node(name, draw(some), draw(some)) for name in names]


@given(sound())
def test_a_sound_graph_has_no_fault_and_an_order(nodes: list[Node]) -> None:
    made = RevisionGraph(nodes)
    assert (made.cycles, made.missing, made.missing_dependencies, made.duplicates) == ((), (), (), ())
    assert made.broken == frozenset()
    order = {revision: place for place, revision in enumerate(made.topological_order())}
    assert sorted(order) == sorted(node.revision for node in nodes)
    for node in nodes:
        assert all(order[lower] < order[node.revision] for lower in (*node.down_revisions, *node.depends_on))


@given(sound())
def test_heads_and_bases(nodes: list[Node]) -> None:
    made = RevisionGraph(nodes)
    named = {parent for node in nodes for parent in node.down_revisions}
    assert set(made.heads) == {node.revision for node in nodes} - named
    assert set(made.bases) == {node.revision for node in nodes if not node.down_revisions}
    assert made.surplus_heads() == (made.heads if len(made.heads) > 1 else ())


@given(sound(), st.data())
def test_a_planted_missing_parent_is_named_once(nodes: list[Node], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(nodes) - 1))
    revision, down = nodes[place].revision, nodes[place].down_revisions
    nodes[place] = Node(revision, (*down, "gone", "gone"))
    made = RevisionGraph(nodes)
    assert (made.missing, made.cycles, made.duplicates) == (((revision, "gone"),), (), ())
    assert revision in made.broken
    assert made.broken == {revision} | made.descendants([revision])


@given(sound(), st.data())
def test_a_planted_duplicate_is_named_once_and_the_first_counts(nodes: list[Node], data: st.DataObject) -> None:
    first = data.draw(st.sampled_from(nodes))
    made = RevisionGraph([*nodes, Node(first.revision, ("elsewhere",)), Node(first.revision)])
    assert made.duplicates == (first.revision,)
    assert made.nodes[first.revision] is first
    assert (made.missing, len(made)) == ((), len(nodes))


@given(sound(), st.data())
def test_a_planted_cycle_is_named_once(nodes: list[Node], data: st.DataObject) -> None:
    whole = RevisionGraph(nodes)
    lower = data.draw(st.sampled_from(nodes))
    upper = data.draw(st.sampled_from(sorted({lower.revision} | whole.descendants([lower.revision]))))
    nodes[nodes.index(lower)] = Node(lower.revision, (*lower.down_revisions, upper), lower.depends_on)
    made = RevisionGraph(nodes)
    [circle] = made.cycles
    assert len(set(circle)) == len(circle)
    for revision, below in zip(circle, (*circle[1:], circle[0]), strict=True):
        assert below in made.before(revision), "not a way round"
    assert set(circle) <= {lower.revision} | whole.descendants([lower.revision])
    assert set(made.topological_order()) == set(made.nodes) - {lower.revision} - made.descendants([lower.revision])


@given(anything())
def test_cycles_are_there_exactly_when_graphlib_says_so(nodes: list[Node]) -> None:
    made = RevisionGraph(nodes)
    lower = {revision: set(made.before(revision)) for revision in made.nodes}
    try:
        graphlib.TopologicalSorter(lower).prepare()
        assert made.cycles == ()
    except graphlib.CycleError:
        assert made.cycles
    # Brute force: two revisions are in one circle where each can be reached from the other.
    reach = {revision: made.ancestors([revision]) for revision in made.nodes}
    groups = {frozenset(two for two in reach[one] if one in reach[two]) for one in reach if one in reach[one]}
    assert len(groups) == len(made.cycles)
    for circle in made.cycles:
        assert Counter(set(circle) <= group for group in groups)[True] == 1


@given(anything())
def test_ancestors_and_descendants_are_each_other_s_reverse(nodes: list[Node]) -> None:
    made = RevisionGraph(nodes)
    for one in made.nodes:
        assert made.descendants([one]) == {two for two in made.nodes if one in made.ancestors([two])}


def test_a_chain_of_thousands_is_no_deeper_than_python() -> None:
    made = graph(" <- ".join(f"r{number}" for number in range(5000)))
    assert (made.cycles, made.heads, len(made.topological_order())) == ((), ("r4999",), 5000)


def test_heads_that_stand_apart_on_purpose() -> None:
    two = "a <- b; c <- d"
    assert graph(two).surplus_heads() == ("b", "d")
    assert graph(two, c="reporting").surplus_heads() == ()
    assert graph(two, a="main", c="reporting").surplus_heads() == ()
    assert graph(two).surplus_heads(["b"]) == ("d",)
    assert graph(two).surplus_heads(["b", "d"]) == ()
    assert graph(two, c="reporting").surplus_heads(["reporting"]) == ("b",)
    # a label that both answer to tells them apart no better than none
    assert graph("a <- b; a <- c", a="main").surplus_heads() == ("b", "c")


def test_heads_above_another_fault_are_its_consequence() -> None:
    assert RevisionGraph([Node("a"), Node("b", ("a",)), Node("c", ("gone",)), Node("d", ("c",))]).surplus_heads() == ()


def test_a_dependency_may_name_a_branch_label() -> None:
    made = RevisionGraph([Node("a", branch_labels=("main",)), Node("b", depends_on=("main",)), Node("c", ("b",))])
    assert made.missing_dependencies == ()
    assert made.before("b") == ("a",)
    assert set(made.heads) == {"a", "c"}
