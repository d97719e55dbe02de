"""What became of scripts after they had landed, told from landings without a repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from checker.source.history import Commit, FileChange, Touch
from checker.source.project import Environment
from checker.source.script import read_header
from checker.source.timeline import Kind, Landing, Timeline, find_landings, read_timeline
from tests.gitrepo import VERSIONS, script

ENVIRONMENT = Environment(".", "migrations", (VERSIONS,), ".")
State = Mapping[str, tuple[str | None, int]]
"""Each revision's parent, and which version of its code it has."""


def commit(
    number: int, *, seconds: int = 3600, subject: str = "work", parents: int = 1, committer: str = "F"
) -> Commit:
    moment = 1_772_000_000 + number * seconds
    date = (
        f"2026-03-{1 + moment // 86400 % 28:02}T{moment // 3600 % 24:02}:{moment // 60 % 60:02}:{moment % 60:02}+00:00"
    )
    above = tuple(f"p{number}{one}" for one in range(parents))
    return Commit(f"c{number}", above, f"author {number}", date, committer, date, subject)


def sources(state: State) -> dict[str, bytes]:
    return {
        f"{VERSIONS}/{name}.py": script(name, down, f"op.execute('{name} {version}')")
        for name, (down, version) in state.items()
    }


def told(states: Iterable[State]) -> Timeline:
    """The past of a branch that had these states one after the other."""
    before: dict[str, bytes] = {}
    landings = []
    for number, state in enumerate(states):
        after = sources(state)
        changes = tuple(
            FileChange(path, _text(before.get(path)), _text(after.get(path)))
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path)
        )
        landings.append(Landing((Touch(commit(number), changes),)))
        before = after
    return read_timeline(ENVIRONMENT, {}, landings, lambda path, blob: read_header(path, blob, blob.encode()))


def _text(source: bytes | None) -> str | None:
    return source.decode() if source is not None else None


def events(timeline: Timeline) -> list[tuple[str, str | None, bool]]:
    return [(one.kind.value, one.revision, one.still_stands) for one in timeline.events]


A: State = {"a": (None, 0)}
AB: State = {**A, "b": ("a", 0)}
ABC: State = {**AB, "c": ("b", 0)}


def test_what_only_grows_has_no_events() -> None:
    timeline = told([A, AB, ABC])
    assert events(timeline) == []
    assert [(one.script.revision, one.commit.id) for one in timeline.log] == [("a", "c0"), ("b", "c1"), ("c", "c2")]


def test_an_edit_stands_until_the_code_is_what_it_was() -> None:
    edited: State = {**A, "b": ("a", 1)}
    assert events(told([AB, edited])) == [("edited", "b", True)]
    assert events(told([AB, edited, AB])) == [("edited", "b", False)] * 2
    again: State = {**A, "b": ("a", 2)}
    assert events(told([AB, edited, again, edited])) == [
        ("edited", "b", True),
        ("edited", "b", False),
        ("edited", "b", False),
    ]


def test_a_deletion_stands_until_the_script_is_back() -> None:
    assert events(told([ABC, AB])) == [("deleted", "c", True)]
    assert events(told([ABC, AB, ABC])) == [("deleted", "c", False)]
    assert events(told([ABC, AB, ABC, AB])) == [("deleted", "c", False), ("deleted", "c", True)]


def test_a_script_that_comes_back_with_other_code_is_edited() -> None:
    assert events(told([ABC, AB, {**AB, "c": ("b", 1)}])) == [("deleted", "c", False), ("edited", "c", True)]


def test_a_reparenting_and_an_insertion() -> None:
    assert events(told([ABC, {**AB, "c": ("a", 0)}]))[0] == ("reparented", "c", True)
    inserted: State = {**A, "b": ("new", 0), "new": ("a", 0)}
    assert events(told([AB, inserted])) == [("inserted", "new", True)]
    assert events(told([AB, inserted, AB])) == [
        ("inserted", "new", False),
        ("deleted", "new", True),
        ("reparented", "b", False),
    ]


def test_a_renumbered_script_is_told_by_its_old_id() -> None:
    before, after = sources(AB), sources(A)
    renamed = before[f"{VERSIONS}/b.py"].replace(b"revision = 'b'", b"revision = 'z'")
    changes = (
        FileChange(f"{VERSIONS}/b.py", before[f"{VERSIONS}/b.py"].decode(), None),
        FileChange(f"{VERSIONS}/z.py", None, renamed.decode()),
    )
    first = Landing((Touch(commit(0), tuple(FileChange(path, None, text.decode()) for path, text in before.items())),))
    timeline = read_timeline(
        ENVIRONMENT,
        {},
        [first, Landing((Touch(commit(1), changes),))],
        lambda path, blob: read_header(path, blob, blob.encode()),
    )
    assert events(timeline) == [("renumbered", "b", True)]
    assert timeline.events[0].words == "renumbered to z"
    assert set(after) < {script.path for script in timeline.end.scripts}


def test_several_heads_last_until_they_are_brought_together() -> None:
    two: State = {**AB, "x": ("a", 0)}
    [open_] = told([AB, two]).events
    assert (open_.kind, open_.still_stands, open_.hours, set(open_.about)) == (Kind.HEADS, True, None, {"b", "x"})
    [healed, moved] = told([AB, two, {**two, "x": ("b", 0)}]).events
    assert (healed.hours, healed.still_stands, healed.words) == (1.0, False, "2 heads: b, x; x re-parented")
    assert (moved.kind, moved.heals) == (Kind.REPARENTED, True)
    [deleted, gone] = told([AB, two, AB]).events
    assert deleted.words.endswith("; x gone")
    assert gone.kind is Kind.DELETED


# --- landings


def touch(number: int, **facts: Any) -> Touch:
    return Touch(commit(number, **facts), (FileChange(f"{VERSIONS}/a.py", f"{number}", f"{number + 1}"),))


def line(*touches: Touch) -> list[str]:
    return [one.commit.id for one in reversed(touches)]


def test_a_rebased_series_lands_at_once() -> None:
    series = [touch(number, seconds=2) for number in range(3)]
    [landing] = find_landings(line(*series), series[::-1])
    assert landing.commit.id == "c2"
    assert landing.changes == (FileChange(f"{VERSIONS}/a.py", "0", "3"),)


def test_what_is_no_series_does_not() -> None:
    for second in (
        touch(1, seconds=61),
        touch(1, seconds=2, committer="G"),
        touch(1, seconds=2, parents=2),
        touch(1, seconds=2, subject="more (#2)"),
    ):
        first = touch(0, subject="some (#1)")
        assert len(find_landings(line(first, second), [second, first])) == 2


def test_a_side_branch_lands_with_its_merge_and_keeps_its_author() -> None:
    side = Touch(commit(1), (FileChange(f"{VERSIONS}/b.py", None, "text"),))
    merge = Touch(commit(2, parents=2), (FileChange(f"{VERSIONS}/b.py", None, "text"),))
    [landing] = find_landings(line(merge), [merge, side])
    assert landing.commit_of(f"{VERSIONS}/b.py").id == "c2"
    assert landing.writer_of(f"{VERSIONS}/b.py").author == "author 1"


# --- against a plain comparison of one state with the next


@st.composite
def pasts(draw: st.DrawFn) -> list[dict[str, tuple[str | None, int]]]:
    """States of a chain in which each landing adds, edits, deletes, restores or re-parents something."""
    states: list[dict[str, tuple[str | None, int]]] = [{"r0": (None, 0)}]
    for _ in range(draw(st.integers(1, 12))):
        state = dict(states[-1])
        names = sorted(state)
        what = draw(st.sampled_from(["add", "edit", "delete", "reparent"]))
        name = draw(st.sampled_from([f"r{number}" for number in range(6)]))
        if what == "add" or name not in state:
            below: list[str | None] = [one for one in names if one < name]
            state.setdefault(name, (draw(st.sampled_from(below or [None])), 0))
        elif what == "edit":
            state[name] = (state[name][0], draw(st.integers(0, 2)))
        elif what == "reparent":
            state[name] = (draw(st.sampled_from([None, *(one for one in names if one < name)])), state[name][1])
        elif len(state) > 1:
            del state[name]
        states.append(state)
    return states


@given(pasts())
def test_any_past_is_told_as_its_states_compare(states: list[dict[str, tuple[str | None, int]]]) -> None:
    timeline = told(states)
    last: dict[str, tuple[str | None, int]] = {}
    wanted = []
    for before, after in zip([{}, *states], states, strict=False):
        wanted += [("deleted", name) for name in before.keys() - after.keys()]
        wanted += [("edited", name) for name in after if name in last and last[name][1] != after[name][1]]
        last |= after
    found = [(one.kind.value, str(one.revision)) for one in timeline.events]
    assert sorted(one for one in found if one[0] in ("edited", "deleted")) == sorted(wanted)
    end = states[-1]
    assert {str(one.script.revision) for one in timeline.log} == set().union(*states)
    for event in timeline.events:
        if event.kind is Kind.DELETED and event.still_stands:
            assert event.revision not in end
        if event.kind is Kind.EDITED:
            versions = [state[str(event.revision)][1] for state in states if event.revision in state]
            assert not event.still_stands or (event.revision in end and versions[0] != versions[-1])
