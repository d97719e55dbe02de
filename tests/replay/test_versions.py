"""A pass counts only if the temporary PostgreSQL database was migrated: seen in its version table, from our own side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from checker.replay.catalog import CatalogWatch, compare
from checker.replay.outcome import FailureKind
from checker.replay.plan import replay_project, run_fresh
from tests.replay.conftest import ENV, Project, TestServer, write_project

pytestmark = pytest.mark.postgres
Make = Callable[..., Project]

CHAIN = """
    a <- : >> op.create_table("a", sa.Column("id", sa.Integer)) | DROP TABLE a
    b <- a: >> op.create_table("b", sa.Column("id", sa.Integer)) | DROP TABLE b
"""
FROM_INI = "engine_from_config(context.config.get_section(context.config.config_ini_section), poolclass=pool.NullPool)"


def env_with(engine: str, before: str = "") -> str:
    return "import os, sqlalchemy\n" + ENV.replace(FROM_INI, engine).replace("engine =", f"{before}\nengine =")


@pytest.mark.parametrize(
    ("setting", "default"), [("SHOP_DB", "sqlite:///:memory:"), ("STORAGE", "sqlite://"), ("STORAGE", "sqlite:///a.db")]
)
def test_sqlite_in_memory_is_not_the_migrated_database(
    project: Make, server: TestServer, setting: str, default: str
) -> None:
    """And the setting that its URL is read from is named, whatever it is called."""
    env = env_with(f"sqlalchemy.create_engine(os.environ.get({setting!r}, {default!r}))")
    made = project(CHAIN, env)
    replay = replay_project(made.plan(), server, CatalogWatch, compare)
    assert [one.outcome for one in replay.passes] == ["failed", *["not run"] * 4]
    failure = replay.passes[0].failure
    assert failure is not None
    assert (failure.kind, failure.missing, failure.missing_kind) == (FailureKind.ENVIRONMENT, setting, "database")
    given = made.plan(launch=made.launch(env={setting: "{url}"}))
    assert [one.outcome for one in replay_project(given, server, CatalogWatch, compare).passes][:2] == ["passed"] * 2


def test_sqlite_in_memory_beside_the_migrated_database_is_allowed(project: Make, server: TestServer) -> None:
    cache = "cache = sqlalchemy.create_engine('sqlite://').connect()\ncache.execute(sqlalchemy.text('SELECT 1'))"
    assert run_fresh(project(CHAIN, env_with(FROM_INI, cache)).plan(), server).outcome == "passed"


def test_an_env_py_that_never_commits_has_migrated_nothing(project: Make, server: TestServer) -> None:
    """SQLAlchemy begins a transaction with the first statement, and Alembic leaves the commit of it to env.py."""
    env = ENV.replace("    context.configure", "    connection.exec_driver_sql('SELECT 1')\n    context.configure")
    made = project(CHAIN, env)
    outcome = run_fresh(made.plan(), server)
    assert outcome.failure is not None
    assert (outcome.outcome, outcome.failure.kind) == ("failed", FailureKind.ENVIRONMENT)
    assert "version table (alembic_version) is missing" in outcome.failure.message
    assert "did not commit" in outcome.failure.message


def test_an_env_py_that_runs_nothing_has_migrated_nothing(project: Make, server: TestServer) -> None:
    outcome = run_fresh(project(CHAIN, ENV.replace("context.run_migrations()", "pass")).plan(), server)
    assert outcome.failure is not None
    assert "without running any migrations" in outcome.failure.message


def test_tenants_have_a_version_table_each(tmp_path: Path, server: TestServer) -> None:
    """One schema each, by the search path or by name: the version table is found where env.py has put it."""
    env = ENV.replace("    context.configure(connection=connection)\n", "    run = context.run_migrations\n")
    by_path = (
        "import sqlalchemy\n" + env[: env.index("    with context.begin")] + "    for tenant in ('t1', 't2'):\n"
        "        connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS {tenant}; SET search_path TO {tenant}')\n"
        "        connection.commit()\n"
        "        connection.dialect.default_schema_name = tenant\n"
        "        context.configure(connection=connection)\n"
        "        with context.begin_transaction():\n"
        "            run()\n"
    )
    replay = replay_project(write_project(tmp_path / "p", CHAIN, by_path).plan(), server, CatalogWatch, compare)
    assert [one.failure for one in replay.passes] == [None] * 5
    assert [one.revision for one in replay.passes[0].steps] == ["a", "b", "a", "b"]
