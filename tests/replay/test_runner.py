"""The two passes, on real projects: what is found, and that the walk goes on after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checker.replay.order import RevisionNode, ancestors
from checker.replay.outcome import NOT_MIGRATED, Failure, FailureKind, Landing, Replay
from checker.replay.plan import Plan, replay_project
from tests.replay.conftest import (
    ENV,
    ENV_ASYNC,
    ENV_BEGIN,
    ENV_PER_MIGRATION,
    Project,
    TestServer,
    Watch,
    compare,
)

pytestmark = pytest.mark.postgres
Make = Callable[..., Project]

GOOD = """
    a <- : CREATE TABLE a (id int) | DROP TABLE a
    b <- a: CREATE TABLE b (id int) | DROP TABLE b
"""
LEAKY = """
    a <- : CREATE TABLE a (id int) | DROP TABLE a
    b <- a: CREATE TABLE b (id int) |
    c <- b: CREATE TABLE c (id int) | DROP TABLE c
    d <- c: CREATE TABLE d (id int) | DROP TABLE a
    e <- d: ALTER TABLE a ADD n int | ALTER TABLE a DROP n
"""


def replayed(plan: Plan, server: TestServer, **more: Any) -> Replay:
    return replay_project(plan, server, Watch, compare, **more)


def outcomes(replay: Replay) -> list[str]:
    return [f"{one.name} {one.outcome}" for one in replay.passes if one.name in ("fresh", "stairway")]


def landing(replay: Replay, revision: str) -> Landing:
    return next(one for one in replay.landings if one.revision == revision)


@pytest.mark.parametrize("env", [ENV, ENV_BEGIN, ENV_PER_MIGRATION], ids=["connect", "begin", "per migration"])
def test_a_good_chain_passes_whatever_transactions_env_py_uses(project: Make, server: TestServer, env: str) -> None:
    before = server.databases()
    replay = replayed(project(GOOD, env).plan(), server)
    assert [one.failure for one in replay.passes] == [None] * 5
    assert outcomes(replay) == ["fresh passed", "stairway passed"]
    assert all(one.upgrade_changed and one.downgrade_changed and one.reupgrade for one in replay.landings)
    assert landing(replay, "b").upgrade.statements == ("CREATE TABLE b (id int)",)
    assert server.databases() == before


def test_branch_points_merge_points_and_dependencies(project: Make, server: TestServer) -> None:
    chain = """
        a <- : CREATE TABLE a (id int) | DROP TABLE a
        b <- a: CREATE TABLE b (id int) | DROP TABLE b
        c <- a: CREATE TABLE c (id int) | DROP TABLE c
        m <- b c: CREATE TABLE m (id int) | DROP TABLE m
        x <- : CREATE TABLE x (id int) | DROP TABLE x
        d <- x + b: ALTER TABLE b ADD d int | ALTER TABLE b DROP d
        e <- m: CREATE TABLE e (id int) | DROP TABLE e
    """
    replay = replayed(project(chain).plan(), server)
    assert [one.failure for one in replay.passes] == [None] * 5
    assert [one.revision for one in replay.landings if one.reupgrade] == list("abcmxde")


def test_a_leaky_downgrade_is_told_and_the_walk_goes_on_from_a_clean_copy(project: Make, server: TestServer) -> None:
    before = server.databases()
    replay = replayed(project(LEAKY).plan(), server)
    assert outcomes(replay) == ["fresh passed", "stairway failed"]
    assert {one.revision: [d.identity for d in one.not_restored] for one in replay.landings} == {
        "a": [], "b": ["b.id"], "c": [], "d": ["d.id", "a.id"], "e": [],
    }  # fmt: skip
    assert landing(replay, "b").reupgrade is None
    assert landing(replay, "e").reupgrade is not None
    assert server.databases() == before


def test_an_enum_left_behind_is_a_leak_and_one_that_is_dropped_is_none(project: Make, server: TestServer) -> None:
    chain = """
        a <- : >> op.create_table("a", sa.Column("m", sa.Enum("x", "y", name="mood"))) | >> op.drop_table("a")
        b <- a: >> op.create_table("b", sa.Column("m", sa.Enum("x", name="tone"))) | DROP TABLE b; DROP TYPE tone
    """
    replay = replayed(project(chain).plan(), server)
    assert [d.identity for d in landing(replay, "a").not_restored] == ["mood"]
    good = landing(replay, "b")
    assert (good.not_restored, good.not_repeated) == ((), ())
    assert good.reupgrade is not None
    assert good.reupgrade.failure is None


def test_what_cannot_be_undone_is_rolled_back_and_the_walk_goes_on(project: Make, server: TestServer) -> None:
    chain = """
        a <- : CREATE TABLE a (id int) | >> raise NotImplementedError("never")
        b <- a: CREATE TABLE b (id int) | >> op.execute("DROP TABLE b") ;; raise NotImplementedError
        c <- b: CREATE TABLE c (id int) | DROP TABLE nothing
        d <- c: CREATE TABLE d (id int) | >> with op.get_context().autocommit_block(): op.execute("DROP TABLE a") ;; 1/0
        e <- d: ALTER TABLE a ADD n int | ALTER TABLE a DROP n
    """
    replay = replayed(project(chain).plan(), server)
    failures = [one.downgrade.failure for one in replay.landings if one.downgrade]
    kinds = [one.kind.value if one else None for one in failures]
    assert kinds == ["irreversible", "irreversible", "migration", "migration", None]
    refused = failures[2]
    assert refused is not None
    assert (refused.sqlstate, refused.statement) == ("42P01", "DROP TABLE nothing")
    assert landing(replay, "e").reupgrade is not None


def test_a_raise_of_its_own_is_a_word_and_no_accident(project: Make, server: TestServer) -> None:
    made = project("a <- : | DOWN\n b <- a: | DOWN\n c <- b: | DOWN\n d <- c: | DOWN")
    downgrades = {
        "a": """raise RuntimeError(
        "Order No. 227")""",
        "b": """try:
        op.execute("DROP TABLE nothing")
    except Exception:
        raise RuntimeError("could not")""",
        "c": "helper()\ndef helper():\n    raise RuntimeError('from elsewhere')",
        "d": "int('x')",
    }
    for revision, body in downgrades.items():
        script = made.script(revision)
        script.write_text(script.read_text().replace("op.execute('DOWN')", body))
    replay = replayed(made.plan(), server)
    failures = [one.downgrade.failure for one in replay.landings if one.downgrade]
    assert [one and one.kind.value for one in failures] == ["irreversible", "migration", "migration", "migration"]


def test_below_the_floor_no_downgrade_is_asked_for(project: Make, server: TestServer) -> None:
    replay = replayed(project(LEAKY).plan(irreversible_below="b"), server)
    assert [one.revision for one in replay.landings if one.downgrade is None] == ["a", "b"]
    assert landing(replay, "c").reupgrade is not None


def test_a_failing_upgrade_blocks_what_stands_on_it_and_nothing_else(project: Make, server: TestServer) -> None:
    chain = """
        a <- : CREATE TABLE a (id int) | DROP TABLE a
        b <- a: >> op.execute("CREATE TABLE b (id int)") ;; op.execute("ALTER TABLE nothing ADD x int") | DROP TABLE b
        c <- b: CREATE TABLE c (id int) | DROP TABLE c
        x <- : CREATE TABLE x (id int) | DROP TABLE x
        m <- c x: |
    """
    made = project(chain)
    replay = replayed(made.plan(), server)
    assert outcomes(replay) == ["fresh failed", "stairway failed"]
    assert [one.revision for one in replay.landings] == ["a", "b", "x"]
    failure = replay.passes[0].failure
    assert failure is not None
    assert failure == landing(replay, "b").upgrade.failure
    assert failure.kind is FailureKind.MIGRATION
    assert (failure.path, failure.line) == (str(made.script("b")), 8)
    assert failure.statement == "ALTER TABLE nothing ADD x int"
    assert failure.message == 'relation "nothing" does not exist'
    assert landing(replay, "x").reupgrade is not None


def test_one_run_fails_where_each_step_alone_passes(project: Make, server: TestServer) -> None:
    chain = """
        a <- : CREATE TABLE x (id int PRIMARY KEY, y int REFERENCES x DEFERRABLE INITIALLY DEFERRED) | DROP TABLE x
        b <- a: INSERT INTO x VALUES (1, 1) | DELETE FROM x
        c <- b: ALTER TABLE x ADD z int | ALTER TABLE x DROP z
    """
    replay = replayed(project(chain).plan(), server)
    assert replay.passes[0].failure is not None
    assert replay.passes[0].failure.sqlstate == "55006"  # pending trigger events: the constraint waits for the commit
    assert [one.upgrade.failure for one in replay.landings] == [None, None, None]


def test_where_env_py_does_not_load_the_stairway_is_not_run(project: Make, server: TestServer) -> None:
    replay = replayed(project(GOOD, "import app.nothing.here").plan(), server)
    assert outcomes(replay) == ["fresh failed", "stairway not run"]
    failure = replay.passes[0].failure
    assert failure is not None
    assert (failure.kind, failure.missing, failure.missing_kind) == (FailureKind.ENVIRONMENT, "app", "module")
    assert str(failure.path).endswith("env.py")
    assert failure.line == 1


def test_roles_are_shared_so_those_passes_run_one_after_the_other(project: Make, server: TestServer) -> None:
    chain = "a <- : CREATE ROLE premerge_reader | DROP ROLE premerge_reader"
    seen: list[str] = []
    replay = replayed(
        project(chain).plan(serial=True), server, progress=lambda name, done, total, revision: seen.append(name)
    )
    assert seen == ["fresh", "downgrade", "stairway"]
    assert replay.passes[0].failure is None


def test_a_worker_that_dies_costs_its_step_and_no_other(project: Make, server: TestServer) -> None:
    chain = """
        a <- : CREATE TABLE a (id int) | >> import os ;; os._exit(3)
        b <- a: CREATE TABLE b (id int) | >> import os, signal ;; os.kill(os.getpid(), signal.SIGKILL)
        c <- b: CREATE TABLE c (id int) | DROP TABLE c
    """
    replay = replayed(project(chain).plan(), server)
    failures = [one.downgrade.failure for one in replay.landings if one.downgrade]
    assert [(one.kind.value, one.error) if one else None for one in failures] == [
        ("died", "exit 3"), ("died", "signal SIGKILL"), None,
    ]  # fmt: skip


def test_a_step_that_hangs_is_ended_and_names_its_statement(project: Make, server: TestServer) -> None:
    chain = """
        a <- : CREATE TABLE a (id int) | >> op.execute("LOCK TABLE a") ;; op.execute("SELECT pg_sleep(600)")
        b <- a: ALTER TABLE a ADD n int | ALTER TABLE a DROP n
    """
    made = project(chain)
    replay = replayed(made.plan(launch=made.launch(step_seconds=2)), server)
    down = landing(replay, "a").downgrade
    assert down is not None
    assert down.failure is not None
    assert down.failure.kind is FailureKind.TIMED_OUT
    assert down.failure.statement == "SELECT pg_sleep(600)"
    assert landing(replay, "b").reupgrade is not None


def test_an_env_py_that_hangs_says_nothing_of_its_revisions(
    project: Make, server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.replay.runner.LOADING_SECONDS", 2)
    made = project("a <- : CREATE TABLE a (id int) | DROP TABLE a", "import time\ntime.sleep(600)\n")
    failure = replayed(made.plan(launch=made.launch(step_seconds=1)), server).passes[0].failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.ENVIRONMENT, "timed out after 2 s")


def test_an_async_env_py(project: Make, server: TestServer) -> None:
    replay = replayed(project(LEAKY, ENV_ASYNC, url="postgresql+asyncpg://nobody@nowhere/none").plan(), server)
    assert outcomes(replay) == ["fresh passed", "stairway failed"]
    assert [one.revision for one in replay.landings if one.not_restored] == ["b", "d"]


def test_ancestors_go_by_dependencies_too() -> None:
    order = (RevisionNode("a1"), RevisionNode("b1", ("a1",)), RevisionNode("c1"), RevisionNode("d1", ("b1", "c1")))
    assert ancestors(order, "d") == {"a1", "b1", "c1", "d1"}
    assert ancestors(order, "b1") == {"a1", "b1"}


SWALLOWS = """
from alembic import context
from sqlalchemy import engine_from_config, pool
engine = engine_from_config(context.config.get_section(context.config.config_ini_section), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    try:
        with context.begin_transaction():
            context.run_migrations()
    except Exception as error:
        print("went wrong", error)
"""


def failure_of(replay: Replay, name: str) -> Failure | None:
    found = replay.get(name)
    assert found is not None
    return found.failure


def test_an_exception_that_env_py_swallows_is_the_failure_of_its_step(project: Make, server: TestServer) -> None:
    chain = f"{GOOD}\n c <- b: | DROP TABLE nothing"
    replay = replayed(project(chain, SWALLOWS).plan(), server)
    alone, whole = landing(replay, "c").downgrade, failure_of(replay, "downgrade")
    assert alone is not None
    for failure in (alone.failure, whole):
        assert failure is not None
        assert (failure.kind, failure.sqlstate, failure.statement) == (
            FailureKind.MIGRATION,
            "42P01",
            "DROP TABLE nothing",
        )
    assert outcomes(replay) == ["fresh passed", "stairway failed"]


def test_a_swallowed_upgrade_fails_in_every_pass(project: Make, server: TestServer) -> None:
    replay = replayed(project(f"{GOOD}\n c <- b: SELECT * FROM nothing |", SWALLOWS).plan(), server)
    assert outcomes(replay) == ["fresh failed", "stairway failed"]
    assert failure_of(replay, "fresh") == landing(replay, "c").upgrade.failure


def test_an_env_py_that_tries_again_is_judged_by_what_came_of_it(project: Make, server: TestServer) -> None:
    again = "        connection.rollback()\n        with context.begin_transaction():\n            context.run_migrations()\n"
    count = "os.environ['TRY'] = os.environ.get('TRY', '') + '1'"
    flaky = f">> import os ;; {count} ;; op.execute('SELECT 1/' + str(len(os.environ['TRY']) - 1))"
    replay = replayed(project(f"{GOOD}\n c <- b: {flaky} |", f"{SWALLOWS}{again}").plan(), server)
    assert failure_of(replay, "fresh") is None


NEVER_COMMITS = """
from alembic import context
from sqlalchemy import engine_from_config, pool
engine = engine_from_config(context.config.get_section(context.config.config_ini_section), poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.begin()
    context.configure(connection=connection)
    context.run_migrations()
"""
FAILS_EARLY = """
try:
    raise ValueError("no settings")
except ValueError as error:
    print("went wrong", error)
"""


@pytest.mark.parametrize("env", [NEVER_COMMITS, FAILS_EARLY], ids=["never commits", "swallows its own error"])
def test_an_upgrade_without_an_error_that_does_not_come_to_the_heads_has_failed(
    project: Make, server: TestServer, env: str
) -> None:
    replay = replayed(project(GOOD, env).plan(), server)
    failure = failure_of(replay, "fresh")
    assert failure is not None
    assert (failure.kind, failure.error) == (FailureKind.ENVIRONMENT, NOT_MIGRATED)


def test_a_downgrade_that_does_nothing_at_all_has_failed(project: Make, server: TestServer) -> None:
    env = ENV.replace("with engine.connect()", "if context.get_revision_argument():\n  with engine.connect()")
    replay = replayed(project(GOOD, env.replace("\n    ", "\n      ")).plan(), server)
    failure = failure_of(replay, "downgrade")
    assert failure is not None
    assert failure.kind is FailureKind.NOT_REACHED
    assert "ended without an error, but the database is at b and not at the base" in failure.message


def test_where_a_database_is_counts_dependencies_and_what_a_floor_keeps(project: Make, server: TestServer) -> None:
    chain = """
        a <- : CREATE TABLE a (id int) | DROP TABLE a
        b <- a: CREATE TABLE b (id int) | DROP TABLE b
        x <- : CREATE TABLE x (id int) | DROP TABLE x
        d <- x + b: ALTER TABLE b ADD d int | ALTER TABLE b DROP d
    """
    made = project(chain)
    for floor in (None, "a", "x"):
        replay = replayed(made.plan(irreversible_below=floor), server)
        assert [one.failure for one in replay.passes] == [None] * 5
