"""What an env.py may well do and no replay may stumble over: a valid chain gives no finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.replay.catalog import CatalogWatch, compare
from checker.replay.plan import replay_project
from tests.replay.conftest import ENV, TestServer, write_project

pytestmark = pytest.mark.postgres

CHAIN = """
    a <- : CREATE TABLE public.a (id int) | DROP TABLE public.a
    b <- a: >> with op.get_context().autocommit_block(): op.execute("CREATE INDEX CONCURRENTLY i ON public.a (id)") | DROP INDEX public.i
    c <- a: >> op.bulk_insert(sa.table("a", sa.column("id"), schema="public"), [{"id": 1}]) | DELETE FROM public.a
    d <- c: >> from sqlalchemy.orm import Session ;; Session(op.get_bind()).execute(sa.text("SELECT 1")) |
"""  # noqa: E501


def configured(more: str, before: str = "") -> str:
    return ENV.replace("connection=connection", f"connection=connection, {more}").replace(
        "    context.configure", f"    {before}\n    context.configure"
    )


ENVIRONMENTS = {
    "another version table": configured("version_table='revisions_we_ran'"),
    "a version table in another schema": configured(
        "version_table='versions', version_table_schema='private'",
        "connection.exec_driver_sql('CREATE SCHEMA IF NOT EXISTS private'); connection.commit()",
    ),
    "a transaction for each": configured("transaction_per_migration=True"),
    "locks, timeouts and a search path": configured(
        "transaction_per_migration=True",
        "connection.exec_driver_sql(\"SELECT pg_advisory_lock(7); SET statement_timeout = '9s'; SET search_path = public\");"
        " connection.commit()",
    ),
}


@pytest.mark.parametrize("env", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_a_valid_chain_passes(tmp_path: Path, server: TestServer, env: str) -> None:
    replay = replay_project(write_project(tmp_path / "project", CHAIN, env).plan(), server, CatalogWatch, compare)
    assert [one.failure for one in replay.passes] == [None] * 5
    assert [(one.revision, one.not_restored, one.not_repeated) for one in replay.landings] == [
        (revision, (), ()) for revision in "abcd"
    ]


@pytest.mark.parametrize(("leave", "told"), [("raise SystemExit(4)", "sys.exit(4)"), ("input()", "EOF")])
def test_a_migration_that_leaves_or_asks_is_that_migrations_failure(
    tmp_path: Path, server: TestServer, leave: str, told: str
) -> None:
    made = write_project(tmp_path / "project", f"a <- : >> {leave} |")
    failure = replay_project(made.plan(), server, CatalogWatch, compare).passes[0].failure
    assert failure is not None
    assert failure.path == str(made.script("a"))
    assert told in failure.message
