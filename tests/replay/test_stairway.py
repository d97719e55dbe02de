"""How the stairway goes on after a fault, and what it says of the revisions that it does not come to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checker.replay.base import BasePlan
from checker.replay.catalog import CatalogWatch, compare
from checker.replay.order import RevisionNode, walkable
from checker.replay.outcome import FailureKind, Landing, Pass, Replay, Unverified
from checker.replay.plan import replay_project
from tests.replay.conftest import ENV, TestServer, write_project

pytestmark = pytest.mark.postgres
Run = Callable[..., Replay]

A = "a <- : CREATE TABLE a (id int) | DROP TABLE a"
ENUM = '>> op.create_table("{0}", sa.Column("m", sa.Enum("x", name="mood")))'
TWICE = f"""
    a <- : {ENUM.format("a")} | DROP TABLE a; DROP TYPE mood
    b <- a: {ENUM.format("b")} | DROP TABLE b
    c <- b: CREATE TABLE c (id int) | DROP TABLE c
"""
"""The type is created once in one run, since Alembic remembers it, and twice by two runs."""


@pytest.fixture
def run(tmp_path: Path, server: TestServer) -> Run:
    """The replay of a chain, with another one as its base where that is given."""

    def run(chain: str, base: str | None = None, env: str = ENV, **more: bool) -> Replay:
        new = write_project(tmp_path / "new", chain, env)
        plan = None
        if base is not None:
            old = write_project(tmp_path / "base", base, env)
            plan = BasePlan((old.launch,), old.order)
        before = server.databases()
        replay = replay_project(new.plan(base=plan, **more), server, CatalogWatch, compare)
        assert server.databases() == before
        return replay

    return run


def outcomes(replay: Replay) -> dict[str, str]:
    return {one.name: one.outcome for one in replay.passes}


def stairway(replay: Replay) -> Pass:
    found = replay.get("stairway")
    assert found is not None
    return found


def landing(replay: Replay, revision: str) -> Landing:
    return next(one for one in replay.landings if one.revision == revision)


def verified(replay: Replay) -> list[str]:
    """The revisions that went up, down and up again."""
    return [one.revision for one in replay.landings if one.reupgrade and not one.reupgrade.failure]


def test_what_one_run_passes_and_a_database_below_does_not_is_certain_and_the_walk_goes_on_above(run: Run) -> None:
    replay = run(TWICE)
    failed = landing(replay, "b")
    assert failed.upgrade.failure is not None
    assert (failed.upgrade.failure.sqlstate, failed.passes_in_one_run) == ("42710", True)
    assert outcomes(replay)["fresh"] == "passed"
    assert verified(replay) == ["a", "c"]
    assert replay.unverified == ()


def test_what_was_climbed_on_another_branch_is_there_when_the_walk_goes_on(run: Run) -> None:
    branch = "x <- : CREATE TABLE x (id int) | DROP TABLE x"
    replay = run(f"{branch}\n{TWICE}\n d <- c + x: ALTER TABLE x ADD n int | ALTER TABLE x DROP n")
    assert verified(replay) == ["x", "a", "c", "d"]


def test_a_new_revision_is_verified_from_the_bases_heads_where_the_edited_chain_fails_below(run: Run) -> None:
    b = "b <- a: CREATE TABLE b (id int) | DROP TABLE b"
    c = "c <- b: CREATE TABLE c (id int) | DROP TABLE c"
    replay = run(f"{A}\n{b.replace('CREATE', 'BREAK')}\n{c}\n d <- c: DROP TABLE b | DROP TABLE nothing", f"{A}\n{b}")
    assert outcomes(replay) == {
        "fresh": "failed", "stairway": "failed", "deploy": "passed", "downgrade": "not run", "drift": "not run",
    }  # fmt: skip
    assert [(one.revision, one.from_base) for one in replay.landings] == [
        ("a", False), ("b", False), ("c", True), ("d", True),
    ]  # fmt: skip
    assert verified(replay) == ["a", "c"]
    assert replay.unverified == ()


def test_where_neither_way_leads_to_a_revision_it_is_not_verified_and_says_because_of_which(run: Run) -> None:
    base = f"{A}\n b <- a: SELECT * FROM nothing |\n c <- b: |"
    replay = run(f"{base}\n d <- c: |", base)
    assert replay.unverified == (Unverified("c", "b"), Unverified("d", "b"))
    assert stairway(replay).outcome == "failed"


def test_an_upgrade_that_fails_only_in_the_walk_is_none(run: Run) -> None:
    """It needs what env.py set for its transaction, and the walk commits after each step."""
    env = ENV.replace(
        "        context.run",
        "        connection.exec_driver_sql(\"SET LOCAL shop.name TO 'one'\")\n        context.run",
    )
    b = "b <- a: CREATE TABLE b (id int); SELECT 1 / length(current_setting('shop.name')) | DROP TABLE b"
    replay = run(f"{A}\n{b}\n c <- b: CREATE TABLE c (id int) | DROP TABLE c", env=env)
    assert [one.upgrade.failure for one in replay.landings] == [None] * 3


def test_a_role_is_taken_back_before_the_second_database_follows(run: Run) -> None:
    chain = f"""
        r <- : CREATE ROLE premerge_stairway |
        {A.replace("<- ", "<- r")}
        b <- a: CREATE TABLE b (id int); CREATE TABLE b2 (id int) | DROP TABLE b
        c <- b: CREATE TABLE c (id int) | DROP TABLE c
    """
    replay = run(chain, serial=True)
    assert verified(replay) == ["a", "c"]
    assert [one.revision for one in replay.landings if one.not_restored] == ["r", "b"]
    assert stairway(replay).failure is None


def test_where_the_second_database_cannot_follow_the_landing_is_kept_and_the_rest_is_named(run: Run) -> None:
    third = (
        ">> import os ;; os.environ['TRY'] = os.environ.get('TRY', '') + '1' ;; op.execute('SELECT 1/' + "
        "str(max(0, 3 - len(os.environ['TRY']))))"
    )
    chain = f"""
        a <- : {third} |
        b <- a: CREATE TABLE b (id int); CREATE TABLE b2 (id int) | DROP TABLE b
        c <- b: CREATE TABLE c (id int) | DROP TABLE c
        d <- c: |
    """
    replay = run(chain)
    assert [d.identity for d in landing(replay, "b").not_restored] == ["b2"]
    failure = stairway(replay).failure
    assert failure is not None
    assert (failure.kind, failure.sqlstate, stairway(replay).stopped_at) == (FailureKind.MIGRATION, "22012", "a")
    assert replay.unverified == (Unverified("c", "a"), Unverified("d", "a"))


def test_a_fault_at_the_last_revision_needs_no_second_database(run: Run) -> None:
    replay = run(f"{A}\n b <- a: CREATE TABLE b (id int); CREATE TABLE b2 (id int) | DROP TABLE b")
    assert [(one.revision, one.direction) for one in stairway(replay).steps] == [
        ("a", "upgrade"), ("a", "downgrade"), ("a", "upgrade"), ("b", "upgrade"), ("b", "downgrade"),
    ]  # fmt: skip


ORDER = tuple(
    RevisionNode(one, tuple(below)) for one, below in [("a", ""), ("i", "a"), ("b", "i"), ("c", "b"), ("x", "")]
)


@pytest.mark.parametrize(
    ("applied", "wanted", "found"),
    [
        ("ab", "cx", "cx"),
        ("ab", "c", "c"),
        ("ab", "i", ""),  # Alembic takes what lies below an applied revision for run
        ("aib", "c", "c"),
        ("a", "c", "ibc"),
        ("abz", "c", ""),  # the database is at a revision that is gone
    ],
)
def test_what_can_be_run_in_a_database_at_the_bases_heads(applied: str, wanted: str, found: str) -> None:
    assert "".join(one.revision for one in walkable(ORDER, set(applied), set(wanted))) == found
