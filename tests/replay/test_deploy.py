"""What happens to a database that ran the base's scripts first, and what a fresh one does not show."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.replay.base import BasePlan
from checker.replay.catalog import CatalogWatch, compare
from checker.replay.outcome import FailureKind, Pass, Replay
from checker.replay.plan import replay_project
from checker.replay.runner import Session
from tests.replay.conftest import ENV, Project, TestServer, write_project

pytestmark = pytest.mark.postgres
Deployed = Callable[..., Replay]

A = "a <- : CREATE TABLE a (id int) | DROP TABLE a"
B = "b <- a: CREATE TABLE b (n varchar(255)) | DROP TABLE b"


def told(replay: Replay) -> list[str]:
    return [f"{one.kind} {one.identity} {one.change}" for one in replay.diverged]


def result(replay: Replay, name: str = "deploy") -> Pass:
    found = replay.get(name)
    assert found is not None
    return found


@pytest.fixture
def deployed(tmp_path: Path, server: TestServer) -> Deployed:
    """The replay of a chain of which another one is the base."""

    def run(base: str, merged: str, env: str = ENV, base_envs: tuple[str, ...] = (), **more: bool) -> Replay:
        olds = [write_project(tmp_path / f"base{n}", base, one) for n, one in enumerate(base_envs or (env,))]
        new = write_project(tmp_path / "merged", merged, env)
        plan = BasePlan(tuple(one.launch for one in olds), olds[0].order, frozenset({"b"}))
        return replay_project(new.plan(base=plan, **more), server, CatalogWatch, compare)

    return run


def test_the_same_history_ends_alike(deployed: Deployed, server: TestServer) -> None:
    before = server.databases()
    replay = deployed(f"{A}\n{B}", f"{A}\n{B}\n c <- b: CREATE TABLE c (id int) | DROP TABLE c")
    assert [(one.name, one.outcome) for one in replay.passes] == [
        ("fresh", "passed"), ("stairway", "passed"), ("deploy", "passed"), ("downgrade", "passed"), ("drift", "not run"),
    ]  # fmt: skip
    assert replay.diverged == ()
    assert [one.revision for one in replay.base_steps] == ["a", "b"]
    assert [one.revision for one in result(replay).steps] == ["c"]
    assert [one.statements for one in replay.base_downgrades] == [("DROP TABLE b",)]
    assert server.databases() == before


def test_an_edit_stays_out_of_databases_that_ran_the_old_script(deployed: Deployed) -> None:
    replay = deployed(f"{A}\n{B}", f"{A}\n{B}".replace("varchar(255)", "text"))
    assert told(replay) == ["column b.n changed"]
    assert result(replay).outcome == "failed"
    assert result(replay, "fresh").outcome == "passed"


def test_an_insertion_below_is_never_run(deployed: Deployed) -> None:
    merged = f"{A}\n i <- a: CREATE TABLE i (id int) | DROP TABLE i\n {B.replace('<- a', '<- i')}"
    assert told(deployed(f"{A}\n{B}", merged)) == ["table i removed"]


def test_an_edit_of_which_a_later_revision_makes_sure_fails_where_a_fresh_database_passes(deployed: Deployed) -> None:
    later = "c <- b: ALTER TABLE b ADD UNIQUE (extra) |"
    replay = deployed(f"{A}\n{B}", f"{A}\n{B.replace('(n', '(extra int, n')}\n{later}")
    failure = result(replay).failure
    assert failure is not None
    assert (failure.kind, failure.sqlstate) == (FailureKind.MIGRATION, "42703")
    assert result(replay).steps[-1].revision == "c"
    assert result(replay, "fresh").outcome == "passed"


def test_a_revision_that_is_gone_cannot_be_located(deployed: Deployed) -> None:
    failure = result(deployed(f"{A}\n{B}", A)).failure
    assert failure is not None
    assert failure.kind is FailureKind.UNKNOWN_REVISION
    assert "'b'" in failure.message


def test_a_base_that_does_not_run_from_nothing_proves_nothing(deployed: Deployed) -> None:
    base = f"{A}\n b <- a: SELECT * FROM nothing |"
    deploy = result(deployed(base, f"{A}\n{B}"))
    assert (deploy.outcome, deploy.failure) == ("not run", None)
    assert deploy.reason == 'the base\'s own scripts do not run from nothing at b: relation "nothing" does not exist'


def test_where_the_base_does_not_load_its_scripts_run_in_the_merge_results_surroundings(deployed: Deployed) -> None:
    replay = deployed(f"{A}\n{B}", f"{A}\n{B}", base_envs=("import app.gone.since", ENV))
    assert result(replay).outcome == "passed"
    assert [one.revision for one in replay.base_steps] == ["a", "b"]


def test_a_role_that_one_pass_makes_is_gone_for_the_next(deployed: Deployed, server: TestServer) -> None:
    role = "a <- : CREATE ROLE premerge_deploy_reader | DROP ROLE premerge_deploy_reader"
    replay = deployed(role, f"{role}\n{B}", serial=True)
    assert [one.failure for one in replay.passes] == [None] * 5
    with server.connect(server.create_database()) as connection:
        assert connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'premerge_deploy_reader'").fetchall() == []


def test_what_is_bound_to_a_statement_is_recorded(deployed: Deployed) -> None:
    insert = ">> op.bulk_insert(sa.table('a', sa.column('id')), [{'id': 1}, {'id': 2}])"
    replay = deployed(A, f"{A}\n b <- a: {insert} |")
    assert result(replay).steps[0].values == (("1", "2"),)


# ---------------------------------------------------------------- down in one go


def downgrade(made: Project, server: TestServer, **more: str) -> Pass:
    return result(replay_project(made.plan(**more), server, CatalogWatch, compare), "downgrade")


def test_a_downgrade_that_says_there_is_no_way_back_ends_the_pass_well(tmp_path: Path, server: TestServer) -> None:
    chain = f"{A}\n b <- a: CREATE TABLE b (id int) | >> raise NotImplementedError\n c <- b: |"
    made = write_project(tmp_path / "project", chain)
    replay = replay_project(made.plan(), server, CatalogWatch, compare)
    down = result(replay, "downgrade")
    assert (down.outcome, down.failure, [one.revision for one in down.steps]) == ("passed", None, ["c", "b"])
    assert down.reason == "down to b, which says that there is no way back"
    assert result(replay, "stairway").outcome == "passed"


def test_a_downgrade_may_fail_only_on_the_whole_way(tmp_path: Path, server: TestServer) -> None:
    # c drops what b made, and its downgrade does not bring it back: nothing to see after c's own turn
    chain = f"{A}\n b <- a: CREATE TABLE b (id int) | DROP TABLE b\n c <- b: CREATE TABLE c (id int) | DROP TABLE b, c"
    made = write_project(tmp_path / "project", chain)
    down = downgrade(made, server)
    assert down.failure is not None
    assert (down.steps[-1].revision, down.failure.sqlstate) == ("b", "42P01")
    assert downgrade(made, server, irreversible_below="b").outcome == "passed"


# ---------------------------------------------------------------- the models

MODELS = ENV.replace(
    "configure(connection=connection", "configure(connection=connection, target_metadata=metadata"
).replace(
    "engine =",
    """import sqlalchemy as sa
metadata = sa.MetaData()
name = sa.Column("name", sa.String(5), index=True)
at = sa.Column("at", sa.DateTime, server_default=sa.func.now())
sa.Table("a", metadata, sa.Column("id", sa.Integer), name, at)
engine =""",
    1,
)
FITTING = (
    "a <- : CREATE TABLE a (id int, name varchar(5), at timestamp DEFAULT now()); CREATE INDEX ix_a_name ON a (name) |"
)


@pytest.mark.parametrize(
    ("chain", "missing"),
    [
        (FITTING, []),
        (f"{FITTING}\n b <- a: CREATE EXTENSION pgcrypto; CREATE VIEW v AS SELECT 1; CREATE SEQUENCE s |", []),
        (A, ["op.add_column('a', sa.Column('name'", "op.add_column('a', sa.Column('at'", "op.create_index("]),
        (f"{FITTING}\n b <- a: CREATE TABLE other (id int) |", ["op.drop_table('other')"]),
    ],
    ids=["fits", "not Alembic's business", "behind", "ahead"],
)
def test_drift_is_what_alembic_check_says(tmp_path: Path, server: TestServer, chain: str, missing: list[str]) -> None:
    made = write_project(tmp_path / "project", chain, MODELS)
    address = server.create_database()
    with Session(made.launch(), address) as session:
        assert list(session.upgrade())
        compared = session.compare().compared
    assert compared is not None
    assert compared.operations is not None
    assert len(compared.operations) == len(missing)
    assert all(any(code in one for one in compared.operations) for code in missing)
    ini = made.root / "alembic.ini"
    ini.write_text(
        ini.read_text().replace("nobody@nowhere/none", address.url("psycopg").replace("%", "%%").split("://")[1])
    )
    command = [sys.executable, "-m", "alembic", "check"]
    plain = subprocess.run(command, cwd=made.root, capture_output=True, check=False)
    server.drop_database(address)
    assert (plain.returncode == 0) is (missing == [])


def test_without_models_there_is_no_drift_to_look_for(tmp_path: Path, server: TestServer) -> None:
    empty = MODELS.replace("sa.Table(", "(lambda *_: None)(")
    for number, env in enumerate((ENV, empty)):
        replay = replay_project(write_project(tmp_path / str(number), A, env).plan(), server, CatalogWatch, compare)
        assert (result(replay, "drift").outcome, replay.drift) == ("not run", None)
