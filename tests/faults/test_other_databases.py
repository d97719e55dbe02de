"""Each way to another database, tried against a second real server: with the guards alone, and with every layer.

The suite tries the short form; `make faults` tries all, twice, and prints the figures that docs/security.md has.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from checker.isolation.layers import NO_ISOLATION, Isolation, isolate
from checker.postgres.interface import Address, Server
from checker.replay.plan import run_fresh
from checker.replay.worker import load_beside
from tests.faults.ways import SERVER_WAYS, WAYS, Way
from tests.replay.conftest import Project, TestServer, foreign_server, project, server

__all__ = ["foreign_server", "project", "server"]
pytestmark = [pytest.mark.postgres, pytest.mark.skipif(sys.platform != "linux", reason="confinement is Linux's")]
ALL = bool(os.environ.get("ALL_WAYS"))
HELPER = """
import psycopg2, sys

def go(dsn):
    other = psycopg2.connect(dsn)
    other.cursor().execute("CREATE TABLE trespass (id int)")
    other.commit()

if __name__ == "__main__":
    go(sys.argv[1])
"""
GRANDCHILD = "import subprocess, sys; subprocess.run([sys.executable, 'helper.py', sys.argv[1]])"
SCRIPT = """
from alembic import op
import os, subprocess, sys
import helper

revision, down_revision = "a", None
{values}

def upgrade():
{code}

def downgrade():
    pass
"""
MAKE = Callable[..., Project]


def tried(ways: tuple[Way, ...]) -> list[object]:
    return [pytest.param(way, id=way.name) for way in ways if ALL or way.short]


def attempt(
    way: Way, make: MAKE, server: TestServer, foreign: Address, isolation: Isolation, **values: object
) -> tuple[str, str]:
    """What became of it, the other server left aside: redirected, refused or neither; and all that was reported."""
    found = make("a <- :")
    dsn = " ".join(f"{'dbname' if key == 'database' else key}='{value}'" for key, value in vars(foreign).items())
    names = {name.upper(): value for name, value in vars(foreign).items()}
    names |= {"DSN": dsn, "URL": foreign.url().removeprefix("postgresql://"), **values}
    (found.root / "helper.py").write_text(HELPER)
    (found.root / "grandchild.py").write_text(GRANDCHILD)
    code = "\n".join(f"    {line}" for line in way.code.splitlines())
    lines = "\n".join(f"{name} = {value!r}" for name, value in names.items())
    found.script("a").write_text(SCRIPT.format(values=lines, code=code))
    launch = found.launch(isolation=isolation)
    if way.sitecustomize:
        folder = found.root / "before"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(way.sitecustomize)
        launch = replace(launch, environ={**launch.environ, "PYTHONPATH": str(folder)})
    for path in (found.root, *found.root.rglob("*")):
        path.chmod(0o777)
    own = Watched(server)
    result = run_fresh(found.plan(launch=launch), own)
    said = f"{result.failure} {result.foreign} {result.strange}"
    return "redirected" if "trespass" in own.tables else "refused" if result.failure else "neither", said


class Watched(Server):
    """A server that keeps the tables of the databases that it drops."""

    def __init__(self, inner: TestServer) -> None:
        self.tables: set[str] = set()
        self.provider, self.version = inner.provider, inner.version
        self._inner = inner

    def create_database(self, template: Address | None = None) -> Address:
        return self._inner.create_database(template)

    def drop_database(self, database: Address) -> None:
        self.tables |= tables(self._inner, database)
        self._inner.drop_database(database)

    def close(self) -> None:
        raise AssertionError


def tables(server: TestServer, address: Address) -> set[str]:
    with server.connect(address) as connection:
        return {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


@pytest.fixture
def every_layer(server: TestServer) -> Iterator[Isolation]:
    home = server.create_database()
    with isolate(home.host, home.port) as isolation:
        yield isolation


@pytest.mark.parametrize("way", tried(WAYS))
def test_the_guards_alone(way: Way, project: MAKE, server: TestServer, foreign_server: TestServer) -> None:
    if "psql" in way.name and not shutil.which("psql"):
        pytest.skip("needs psql")
    foreign = foreign_server.create_database()
    became, said = attempt(way, project, server, foreign, NO_ISOLATION)
    reached = "trespass" in tables(foreign_server, foreign)
    assert foreign.password not in said
    if way.guards == "not":
        # A bare socket makes no table: that it is connected shows in what follows it. The rest reach the other server.
        assert reached or (way.name == "a socket" and became == "redirected"), said
        return
    assert (became, reached) == (way.guards, False), said


@pytest.mark.parametrize("way", tried(WAYS))
def test_every_layer(
    way: Way, project: MAKE, server: TestServer, foreign_server: TestServer, every_layer: Isolation
) -> None:
    assert every_layer.missing == ()
    foreign = foreign_server.create_database()
    became, said = attempt(way, project, server, foreign, every_layer)
    assert became == (way.layers or way.guards), said
    assert "trespass" not in tables(foreign_server, foreign), said


@pytest.mark.parametrize("way", tried(SERVER_WAYS))
def test_the_temporary_server_reaches_nothing(
    way: Way, project: MAKE, server: TestServer, foreign_server: TestServer, tmp_path: Path
) -> None:
    foreign = foreign_server.create_database()
    mark = tmp_path / "mark"
    tmp_path.chmod(0o777)
    with foreign_server.connect(foreign) as connection:
        connection.execute("CREATE TABLE victim (id int)")
    became, said = attempt(way, project, server, foreign, NO_ISOLATION, MARK=str(mark))
    assert became == "refused", said
    assert "(a.py, line " in said  # R312 names the statement
    assert not mark.exists()
    assert tables(foreign_server, foreign) == {"victim"}


def test_words_of_a_statement_that_reaches_nothing_are_not_reported() -> None:
    seen = load_beside("driver_guards").beyond_database
    assert seen("COPY (SELECT 1) TO PROGRAM 'true'") == "COPY with a program"
    assert seen("DO $$ BEGIN PERFORM dblink_exec('x', 'y'); END $$") == "dblink"
    for harmless in (
        "INSERT INTO t VALUES ('COPY t TO PROGRAM x; CREATE SERVER')",
        "CREATE TABLE program (server text, dblink text)",
        "CREATE EXTENSION dblink -- dblink(...)",
        "CREATE FOREIGN TABLE t () SERVER s",
        "COPY program FROM STDIN",
    ):
        assert seen(harmless) is None, harmless


@pytest.mark.parametrize(
    ("argv", "refused"),
    [
        (["psql", "-c", "UPDATE t SET host = 'x'"], False),
        (["psql", "postgresql:///shop"], False),
        (["psql", "postgresql://u:p@127.0.0.1:5/shop"], False),
        (["git", "commit", "-m", "psql -h other"], False),
        ("psql -h other -c 'SELECT 1'", True),
        (["sh", "-c", "pg_dump --host other"], True),
        (["pg_dump", "-dpostgresql://other/shop"], True),
        (["psql", "host=127.0.0.1 port=6"], True),
    ],
)
def test_programs_of_postgresql_are_refused_only_for_another_server(argv: object, refused: bool) -> None:
    asked: list[str] = []
    guards = load_beside("driver_guards").Guards(
        lambda: {"host": "127.0.0.1", "port": 5, "user": "u", "password": "p", "database": "d"}, None, asked.append
    )
    guards._lead_children = lambda: None
    guards._program(argv)
    assert bool(asked) is refused
