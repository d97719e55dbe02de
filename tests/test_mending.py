"""What is planned, against random diverged graphs: one head, every merged file byte for byte, and nothing to do after it."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.checks.base import Subject
from checker.errors import CheckerError
from checker.mending import Files, Mending, mend, with_files
from checker.source.changes import find_changes
from checker.source.graph import Node, RevisionGraph
from checker.source.project import Environment
from checker.source.script import read_script
from checker.source.snapshot import Snapshot
from checker.source.twins import new_id
from tests.gitrepo import VERSIONS, parents

ENVIRONMENT = Environment(".", "migrations", (VERSIONS,), ".")


# --- scripts in every manner, of which the right result is known because they are made anew with the right ids


@dataclass(frozen=True)
class Manner:
    """How a developer writes a script."""

    quote: str = "'"
    annotation: str = ""
    end: str = "\n"
    encoding: str = "utf-8"
    docstring: str = '"""'
    stated: bool = True
    trailing: str = ""

    def write(self, revision: str, down: tuple[str, ...], depends: tuple[str, ...] = (), body: str = "pass") -> bytes:
        words = [f"{self.quote}{one}{self.quote}" for one in down]
        value = "None" if not words else words[0] if len(words) == 1 else f"({', '.join(words)})"
        stated = f"\nRevision ID: {revision}\nRevises: {', '.join(down)}\nCreate Date: é\n" if self.stated else "\n"
        lines = [
            *(("# coding: latin-1",) if self.encoding == "latin-1" else ()),
            f"{self.docstring}Does é\n{stated}{self.docstring[-3:]}",
            f"revision = {self.quote}{revision}{self.quote}",
            f"é = 'é'; down_revision{self.annotation} = {value}{self.trailing}",
            f"depends_on = {depends!r}",
            "def upgrade():",
            "    down_revision = 'm0'  # Revises: m0",
            f"    {body}",
            "",
        ]
        text = "\n".join(lines).replace("\n", self.end)
        mark = codecs.BOM_UTF8 if self.encoding == "utf-8-sig" else b""
        return mark + text.encode("latin-1" if self.encoding == "latin-1" else "utf-8")


PLAIN = Manner()
manners = st.builds(
    Manner,
    quote=st.sampled_from(["'", '"', "'''"]),
    annotation=st.sampled_from(["", ": str", ": Union[str, Sequence[str], None]"]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "latin-1"]),
    docstring=st.sampled_from(['"""', "'''", 'r"""']),
    stated=st.booleans(),
    trailing=st.sampled_from(["", "  # keep", ";x = 1"]),
)


@dataclass(frozen=True)
class Diverged:
    """A merged graph, and own revisions that hang on it wherever they like."""

    merged: tuple[Node, ...]
    own: tuple[Node, ...]
    manner: Mapping[str, Manner]

    def write(self, nodes: tuple[Node, ...]) -> dict[str, bytes]:
        return {
            f"{VERSIONS}/{node.revision}_.py": self.manner[node.revision].write(
                node.revision, node.down_revisions, node.depends_on
            )
            for node in nodes
        }


def comparable(graph: RevisionGraph, one: str, other: str) -> bool:
    return one == other or one in graph.below([other]) or other in graph.below([one])


@st.composite
def merged_graphs(draw: st.DrawFn) -> list[Node]:
    """A chain with branch points and merge points that ends in one head."""
    nodes = [Node("m0")]
    for number in range(1, draw(st.integers(1, 9))):
        graph = RevisionGraph(nodes)
        one, other = (draw(st.sampled_from(nodes)).revision for _ in range(2))
        merges = draw(st.booleans()) and not comparable(graph, one, other)
        nodes.append(Node(f"m{number}", (one, other) if merges else (one,)))
    heads = RevisionGraph(nodes).heads
    return nodes if len(heads) == 1 else [*nodes, Node("m99", heads)]


@st.composite
def diverged(draw: st.DrawFn, depends: bool = False) -> Diverged:
    """Own revisions on random merged ones and on each other, own branches and own merges among them."""
    merged = draw(merged_graphs())
    own: list[Node] = []
    names = draw(st.permutations([f"o{number}" for number in range(draw(st.integers(1, 6)))]))
    for name in names:
        everything = [*merged, *own]
        one, other = (draw(st.sampled_from(everything)).revision for _ in range(2))
        merges = draw(st.booleans()) and not comparable(RevisionGraph(everything), one, other)
        down = (one, other) if merges else () if draw(st.integers(0, 5)) == 0 else (one,)
        needs = (draw(st.sampled_from(own)).revision,) if depends and own and draw(st.booleans()) else ()
        own.append(Node(name, down, needs))
    return Diverged(tuple(merged), tuple(own), {node.revision: draw(manners) for node in (*merged, *own)})


# --- what is asked


def snapshot(files: Mapping[str, bytes]) -> Snapshot:
    scripts = tuple(read_script(path, f"{hash(files[path])}", files[path]) for path in sorted(files))
    return Snapshot(ENVIRONMENT, scripts)


def subject(base: Mapping[str, bytes], result: Mapping[str, bytes], expected: tuple[str, ...] = ()) -> Subject:
    before, after = snapshot(base), snapshot(result)
    return Subject(".", "main", before, after, find_changes(before, after), expected_heads=expected)


def files_of(base: Mapping[str, bytes], result: Mapping[str, bytes], here: Mapping[str, bytes] | None = None) -> Files:
    return Files(
        read=result.get,
        is_merged=base.__contains__,
        is_here=(result if here is None else here).__contains__,
        merge_script=lambda revision, heads, _: (f"{revision}_.py", PLAIN.write(revision, heads)),
    )


@dataclass(frozen=True)
class Done:
    """A mending, and what it makes of the merge result."""

    mending: Mending
    files: dict[str, bytes]
    base: Mapping[str, bytes]

    @property
    def graph(self) -> RevisionGraph:
        return snapshot(self.files).graph

    def parents(self, revision: str) -> tuple[str, ...]:
        return self.graph.nodes[revision].down_revisions


def mended(
    base: Mapping[str, bytes],
    result: Mapping[str, bytes],
    expected: tuple[str, ...] = (),
    here: Mapping[str, bytes] | None = None,
    *,
    merge: bool = False,
) -> Done:
    mending = mend(subject(base, result, expected), files_of(base, result, here), merge=merge)
    after = dict(result)
    for one in mending.rewrites:
        assert after.pop(one.path, None) == one.before
        after[one.target] = one.after
    return Done(mending, after, base)


def chain(text: str, **manner: Manner) -> dict[str, bytes]:
    return {f"{VERSIONS}/{name}_.py": manner.get(name, PLAIN).write(name, down) for name, down in parents(text).items()}


def assert_sound(done: Done, before: RevisionGraph) -> None:
    after = done.graph
    assert (after.cycles, after.missing, after.duplicates) == ((), (), ())
    for node in after.nodes.values():
        for one in node.down_revisions:
            assert not set(node.down_revisions) & after.below([one]), "a parent is below another"
    for path, content in done.base.items():
        assert done.files[path] == content, "a merged file changed"
    own = [revision for revision in before.nodes if revision.startswith("o")]
    for upper in own:
        assert before.ancestors([upper]) & set(own) <= after.ancestors([upper]), "an order was lost"


# --- the properties


@settings(max_examples=300)
@given(diverged())
def test_random_diverged_graphs_come_to_one_head_by_parents_alone(case: Diverged) -> None:
    base = case.write(case.merged)
    result = {**base, **case.write(case.own)}
    before = snapshot(result).graph
    done = mended(base, result)
    assert done.mending.left == ()
    assert len(done.graph.heads) == 1
    assert_sound(done, before)
    # every file is what its author would have written with the right parents, and so nothing else in it changed
    moved = tuple(replace(node, down_revisions=done.parents(node.revision)) for node in case.own)
    assert done.files == {**base, **case.write(moved)}
    again = mended(base, done.files)
    assert (again.mending.rewrites, again.mending.left) == ((), ())


@given(diverged(depends=True))
def test_what_depends_on_each_other_keeps_its_order_or_is_left(case: Diverged) -> None:
    base = case.write(case.merged)
    result = {**base, **case.write(case.own)}
    done = mended(base, result)
    assert_sound(done, snapshot(result).graph)
    assert len(done.graph.heads) == 1 or done.mending.left
    assert mended(base, done.files).mending.rewrites == ()
    for node in case.own:
        assert done.graph.nodes[node.revision].depends_on == node.depends_on


@given(diverged(depends=True))
def test_a_merge_revision_brings_any_graph_to_one_head_and_changes_no_file(case: Diverged) -> None:
    base = case.write(case.merged)
    result = {**base, **case.write(case.own)}
    done = mended(base, result, merge=True)
    assert done.mending.left == ()
    assert len(done.graph.heads) == 1
    assert all(one.before is None for one in done.mending.rewrites)
    assert_sound(done, snapshot(result).graph)
    assert mended(base, done.files, merge=True).mending.rewrites == ()


@given(diverged(), st.data())
def test_an_own_script_with_a_merged_id_gets_one_of_its_own(case: Diverged, data: st.DataObject) -> None:
    base = case.write(case.merged)
    taken = data.draw(st.sampled_from([node.revision for node in case.merged]))
    twin = data.draw(st.sampled_from([node.revision for node in case.own]))
    own = {path.replace(twin, f"{twin}_{taken}"): text for path, text in case.write(case.own).items()}
    renamed = {path: text.replace(twin.encode(), taken.encode()) for path, text in own.items()}
    below = {name for node in case.own for name in node.down_revisions if node.revision == twin}
    if taken in below or taken == twin:
        return  # a script that stands on its own id: below
    result = {**base, **renamed}
    done = mended(base, result, here=renamed)
    assert done.mending.left == ()
    assert (done.graph.duplicates, done.graph.cycles, done.graph.missing) == ((), (), ())
    assert len(done.graph.heads) == 1
    assert {path: done.files[path] for path in base} == base
    assert len(done.files) == len(result)
    assert mended(base, done.files, here=done.files).mending.rewrites == ()


# --- cases


def test_a_chain_moves_by_its_lowest_revision() -> None:
    base = "a <- b <- c"
    done = mended(chain(base), chain(f"{base}; a <- x <- y"))
    assert [one.path for one in done.mending.rewrites] == [f"{VERSIONS}/x_.py"]
    assert (done.parents("x"), done.parents("y")) == (("c",), ("x",))


def test_several_lines_are_put_one_on_the_other_by_path() -> None:
    done = mended(chain("a <- b <- c"), chain("a <- b <- c; a <- z; b <- y; a <- x"))
    assert [done.parents(one) for one in "xyz"] == [("c",), ("x",), ("y",)]


def test_a_line_that_stands_right_stays_and_the_others_come_upon_it() -> None:
    done = mended(chain("a <- b"), chain("a <- b <- z; a <- x"))
    assert (done.parents("z"), done.parents("x")) == (("b",), ("z",))


@pytest.mark.parametrize(
    ("result", "what"),
    [
        ("a <- b <- x", "stands on the head"),
        ("a <- b; a <- x; b + x <- y", "is merged with it"),
        ("a <- b <- x; b <- y; x + y <- z", "parts and comes together"),
        ("a <- b", "is not there"),
    ],
)
def test_nothing_is_done_where_the_own_line(result: str, what: str) -> None:
    done = mended(chain("a <- b"), chain(result))
    assert (done.mending.rewrites, done.mending.left) == ((), ())


def test_of_a_stale_merge_revision_only_the_merged_parent_is_exchanged() -> None:
    done = mended(chain("a <- b <- c"), chain("a <- b <- c; a <- x; b + x <- y"))
    assert [one.path for one in done.mending.rewrites] == [f"{VERSIONS}/y_.py"]
    assert done.parents("y") == ("c", "x")


def test_an_own_merge_of_heads_that_the_base_has_merged_itself_comes_upon_that() -> None:
    done = mended(chain("a <- b; a <- c; b + c <- m"), chain("a <- b; a <- c; b + c <- m; b + c <- x"))
    assert done.parents("x") == ("m",)


def test_an_own_merge_of_two_heads_follows_the_one_that_moved() -> None:
    base = "a <- b <- d; a <- c"
    done = mended(chain(base), chain(f"{base}; b + c <- x"))
    assert done.parents("x") == ("d", "c")


def test_a_merge_revision_keeps_the_upper_of_two_parents_of_which_one_came_above_the_other() -> None:
    done = mended(chain("a <- b"), chain("a <- b; w; w <- x; a + w <- y; b + y <- z"))
    assert [done.parents(one) for one in "wxyz"] == [("b",), ("w",), ("w",), ("x", "y")]


def test_a_revision_that_stands_on_nothing_comes_upon_the_head() -> None:
    done = mended(chain("a <- b"), {**chain("a <- b"), **chain("x")})
    assert done.parents("x") == ("b",)


def test_own_lines_of_a_new_project_are_put_one_on_the_other() -> None:
    done = mended({}, chain("a <- b; a <- c"))
    assert (done.parents("b"), done.parents("c"), done.mending.left) == (("a",), ("b",), ())


def labelled(text: str, **labels: str) -> dict[str, bytes]:
    made = chain(text)
    for name, label in labels.items():
        made[f"{VERSIONS}/{name}_.py"] += f"branch_labels = {label!r}\n".encode()
    return made


def test_each_line_goes_onto_the_head_of_its_own_branch() -> None:
    base = "m <- m1 <- m2; r <- r1 <- r2"
    result = labelled(f"{base}; m1 <- x; r1 <- y; m1 <- z", m="main", r="reporting")
    done = mended(labelled(base, m="main", r="reporting"), result)
    assert [done.parents(one) for one in "xyz"] == [("m2",), ("r2",), ("x",)]
    named = mended(chain(base), chain(f"{base}; m1 <- x; r1 <- y"), ("x", "y"))
    assert named.mending.left, "heads that the configuration leaves out"
    expected = mended(chain(base), chain(f"{base}; m1 <- x; r1 <- y"), ("m2", "r2"))
    assert [expected.parents(one) for one in "xy"] == [("m2",), ("r2",)]


def test_a_label_of_its_own_leaves_a_branch_alone() -> None:
    done = mended(chain("a <- b"), labelled("a <- b; a <- x", x="side"))
    assert (done.mending.rewrites, done.mending.left) == ((), ())


def test_a_line_below_several_heads_is_left_with_what_to_do() -> None:
    base = labelled("a <- b; a <- c", b="main", c="reporting")
    done = mended(base, {**base, **chain("a <- x; a <- y")})
    assert done.mending.rewrites == ()
    assert [left.problem.partition(",")[0] for left in done.mending.left] == ["x stands on a", "y stands on a"]
    assert "by hand" in done.mending.left[0].remedy


def test_heads_of_the_base_are_told_and_merged_on_demand() -> None:
    base = "a <- b <- d; a <- c"
    done = mended(chain(base), chain(f"{base}; b <- x"))
    assert done.parents("x") == ("d",)
    [left] = done.mending.left
    assert (left.problem, "--merge" in left.remedy) == ("the base itself has the heads c, d", True)
    merged = mended(chain(base), chain(f"{base}; b <- x"), merge=True)
    [made] = merged.mending.rewrites
    assert (made.before, len(merged.graph.heads), merged.mending.left) == (None, 1, ())


def test_a_merge_is_of_one_branch_each() -> None:
    base = "m <- m1 <- m2; r <- r1 <- r2"
    labels = {"m": "main", "r": "reporting"}
    done = mended(labelled(base, **labels), labelled(f"{base}; m1 <- x; r1 <- y", **labels), merge=True)
    together = {frozenset(done.parents(head)) for head in done.graph.heads}
    assert together == {frozenset({"m2", "x"}), frozenset({"r2", "y"})}
    named = mended(chain(base), chain(f"{base}; m1 <- x; r1 <- y"), ("m2", "r2"), merge=True)
    assert {frozenset(named.parents(head)) for head in named.graph.heads} == together


def test_lines_that_depend_on_each_other_are_left() -> None:
    base = chain("a <- b")
    own = {
        f"{VERSIONS}/{name}_.py": PLAIN.write(name, (down,), depends)
        for name, down, depends in [("w", "a", ()), ("x", "w", ("y",)), ("y", "a", ()), ("z", "y", ("w", "x"))]
    }
    tangled = own | {f"{VERSIONS}/y_.py": PLAIN.write("y", ("a",), ("w",))}
    assert (
        mended(base, {**base, **tangled}).mending.left[0].problem.startswith("the lines of x, z depend on each other")
    )


def test_a_merged_revision_that_stands_on_an_own_one_keeps_it_where_it_is() -> None:
    base = chain("a <- b <- c")
    inserted = {**chain("a <- x <- b <- c"), **chain("a <- y")}
    done = mended(base, inserted)
    assert [one.path for one in done.mending.rewrites] == [f"{VERSIONS}/y_.py"]
    assert done.parents("y") == ("c",)
    assert done.files[f"{VERSIONS}/x_.py"] == inserted[f"{VERSIONS}/x_.py"]


def test_what_stands_on_an_inserted_revision_goes_onto_the_head_above_it() -> None:
    done = mended(chain("a <- b <- c"), chain("a <- x <- b <- c; x <- y <- z"))
    assert [one.path for one in done.mending.rewrites] == [f"{VERSIONS}/y_.py"]
    assert done.parents("y") == ("c",)


def test_a_line_that_another_needs_by_way_of_a_third_comes_first() -> None:
    base = chain("a <- b")
    own = {f"{VERSIONS}/w_.py": PLAIN.write("w", ("a",), ("x",)), f"{VERSIONS}/y_.py": PLAIN.write("y", ("a",))}
    own[f"{VERSIONS}/x_.py"] = PLAIN.write("x", ("a",), ("y",)) + b"branch_labels = 'side'\n"
    done = mended(base, base | own)
    assert (done.parents("y"), done.parents("w"), done.mending.left) == (("b",), ("y",), ())


@pytest.mark.parametrize("evil", ['a"""\nimport os\n"""', "a'", "a\\", "\u202e"])
def test_a_heads_id_cannot_break_out_of_a_merge_revision(evil: str) -> None:
    base = chain("a <- b")
    text = PLAIN.write("x", ("a",)).replace(b"'x'", repr(evil).encode()).replace(b"ID: x", b"ID: y")
    done = mended(base, {**base, f"{VERSIONS}/x_.py": text}, merge=True)
    assert done.mending.rewrites == ()
    assert "no id that can be written" in done.mending.left[0].problem


def test_a_moved_and_a_renumbered_merged_script_are_not_own() -> None:
    base = chain("a <- b") | {f"{VERSIONS}/c_.py": PLAIN.write("c", ("a",), body="op.execute('SELECT 1')")}
    moved = dict(base)
    moved[f"{VERSIONS}/elsewhere.py"] = moved.pop(f"{VERSIONS}/b_.py")
    assert mended(base, moved).mending.rewrites == ()
    moved[f"{VERSIONS}/d_.py"] = moved.pop(f"{VERSIONS}/c_.py").replace(b"'c'", b"'d'")
    assert mended(base, moved).mending.rewrites == ()


def test_what_rewriting_cannot_mend_is_told() -> None:
    done = mended(chain("a <- b"), {**chain("a <- b"), f"{VERSIONS}/x_.py": PLAIN.write("x", ("gone",))})
    [left] = done.mending.left
    assert left.problem.startswith("G203: ")
    script = PLAIN.write("x", ("a",)).replace(b"down_revision = 'a'", b"PREV = 'a'; down_revision = PREV")
    done = mended(chain("a <- b"), {**chain("a <- b <- b2"), f"{VERSIONS}/x_.py": script, **chain("a <- y")})
    assert done.mending.rewrites == ()
    assert f"{VERSIONS}/x_.py:8 cannot be rewritten: it says PREV where a string would be. It should say: " in (
        done.mending.left[0].problem
    )


def test_conflicts_are_refused() -> None:
    conflicting = replace(subject(chain("a"), chain("a <- b")), conflicts=frozenset({f"{VERSIONS}/b_.py", "README.md"}))
    with pytest.raises(CheckerError, match=r"merging main conflicts in migrations/versions/b_\.py, so"):
        mend(conflicting, files_of({}, {}))


# --- ids that stand twice


def twins(down: str = "a", name: str = "b_mine.py") -> dict[str, bytes]:
    return {f"{VERSIONS}/{name}": PLAIN.write("b", (down,), body="op.execute('mine')")}


def test_the_own_twin_is_renumbered_renamed_and_moved() -> None:
    base, mine = chain("a <- b"), twins()
    done = mended(base, base | mine, here=mine)
    [made] = done.mending.rewrites
    fresh = new_id(made.path, mine[made.path], ())
    assert made.new_path == f"{VERSIONS}/{fresh}_mine.py"
    assert made.after == PLAIN.write(fresh, ("b",), body="op.execute('mine')")
    assert mended(base, done.files).mending.rewrites == ()


def test_a_name_without_the_id_stays() -> None:
    base, mine = chain("a <- b"), twins(name="mine.py")
    [made] = mended(base, base | mine).mending.rewrites
    assert made.new_path is None


def test_what_stands_on_the_twin_follows_where_it_can_mean_nothing_else() -> None:
    base = chain("a <- b <- c")
    mine = twins() | {
        f"{VERSIONS}/x_.py": PLAIN.write("x", ("b",), ("b",)),
        f"{VERSIONS}/b_.py": base[f"{VERSIONS}/b_.py"],
    }
    alone = {path: text for path, text in mine.items() if not path.endswith("/b_.py")}
    done = mended(base, base | alone, here=alone)
    [fresh] = done.parents("x")
    assert done.graph.nodes["x"].depends_on == (fresh,)
    assert (done.parents(fresh), len(done.graph.heads)) == (("c",), 1)
    assert any("cannot have meant that" in text for text in done.mending.told)
    unsure = mended(base, base | mine)
    assert unsure.graph.nodes["x"].depends_on == ("b",)
    assert unsure.parents("x") == (fresh,), "above both"
    assert any("which may mean either" in text for text in unsure.mending.told)


def test_a_twin_that_stands_on_its_own_id_means_the_merged_one() -> None:
    base, mine = chain("a <- b"), twins(down="b")
    done = mended(base, base | mine)
    assert (done.parents(done.graph.heads[0]), done.mending.left) == (("b",), ())


def test_what_lies_below_the_twin_means_the_merged_one() -> None:
    base, mine = chain("a <- b"), twins(down="x") | {f"{VERSIONS}/x_.py": PLAIN.write("x", ("b",))}
    done = mended(base, base | mine, here=mine)
    [fresh] = done.graph.heads
    assert (done.parents("x"), done.parents(fresh)) == (("b",), ("x",))


def test_of_two_own_twins_the_first_keeps_its_id() -> None:
    base, mine = chain("a"), twins(name="one.py") | twins(name="two.py")
    done = mended(base, base | mine)
    assert [one.path for one in done.mending.rewrites] == [f"{VERSIONS}/two.py"]
    assert len(done.graph.heads) == 1


def test_twins_of_the_base_are_not_ours_to_mend() -> None:
    base = chain("a <- b") | twins()
    done = mended(base, base | chain("a <- b <- x"))
    assert (done.mending.rewrites, done.mending.left) == ((), ())


def test_the_new_id_is_nobody_elses() -> None:
    first = new_id("p.py", b"x", ())
    second = new_id("p.py", b"x", {first})
    assert first != second
    assert (len(first), new_id("p.py", b"x", ())) == (12, first)


def test_what_would_make_it_worse_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def misplan(*_: object, **__: object) -> object:
        made = plan(*_, **__)  # type: ignore[arg-type]
        return replace(made, drafts=tuple(replace(one, down_revisions=("nowhere",)) for one in made.drafts))

    from checker import mending
    from checker.source.moving import plan

    monkeypatch.setattr(mending, "plan", misplan)
    with pytest.raises(CheckerError, match=r"would not mend it .*G203 of x.*, so nothing was written"):
        mended(chain("a <- b"), chain("a <- b; a <- x"))


def test_a_merged_script_among_what_is_planned_stops_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    base, result = chain("a <- b"), chain("a <- b; a <- x")
    files = replace(files_of(base, result), is_merged=lambda _: True)
    with pytest.raises(AssertionError, match="a merged script"):
        mend(subject(base, result), files)
    assert with_files(subject(base, result), ()).result == snapshot(result)
