"""No env.py and no migration reaches another database: each way round is tried against a second real server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from checker.postgres.interface import Address
from checker.replay.outcome import Pass
from checker.replay.plan import run_fresh
from tests.replay.conftest import ENV, Project, TestServer

pytestmark = pytest.mark.postgres
Make = Callable[..., Project]

_TRESPASS = "CREATE TABLE trespass (id int)"
_ENGINE = 'with sa.create_engine({}).begin() as other: other.exec_driver_sql("' + _TRESPASS + '")'
_RAW = ' ;; cursor = other.cursor() ;; cursor.execute("' + _TRESPASS + '") ;; other.commit()'
_ASYNC = "import asyncio, {0} ;; async def go(): other = await {0}.{1} ;; {2} ;; asyncio.run(go())"
# DSN, KEYS (libpq's) and URL lead to the foreign server
TURNED_ROUND = {
    "engine, psycopg2": _ENGINE.format('"postgresql+psycopg2://URL"'),
    "engine, psycopg": _ENGINE.format('"postgresql+psycopg://URL"'),
    "engine, pg8000": _ENGINE.format('"postgresql+pg8000://URL"'),
    "connect_args": _ENGINE.format('"postgresql+psycopg2://", connect_args={"dsn": "DSN"}'),
    "creator, psycopg2": "import psycopg2 ;; "
    + _ENGINE.format('"postgresql+psycopg2://", creator=lambda: psycopg2.connect("DSN")'),
    "raw psycopg2, DSN": 'import psycopg2 ;; other = psycopg2.connect("DSN")' + _RAW,
    "raw psycopg2, keys": "from psycopg2 import connect ;; other = connect(KEYS)" + _RAW,
    "raw psycopg": 'import psycopg ;; other = psycopg.connect("DSN")' + _RAW,
    "raw psycopg.Connection": 'import psycopg ;; other = psycopg.Connection.connect("DSN")' + _RAW,
    "raw pg8000.dbapi": "import pg8000.dbapi ;; other = pg8000.dbapi.connect(KEYS)" + _RAW,
    "raw pg8000.native": f'import pg8000.native ;; other = pg8000.native.Connection(KEYS) ;; other.run("{_TRESPASS}")',
    "raw asyncpg": "import asyncio, asyncpg ;; async def go(): ;;"
    f' other = await asyncpg.connect("postgresql://URL") ;; await other.execute("{_TRESPASS}") ;; asyncio.run(go())',
    "asyncpg pool": "import asyncio, asyncpg ;; async def go(): ;;"
    ' pool = await asyncpg.create_pool("postgresql://URL", min_size=1, max_size=1) ;;'
    f' await pool.execute("{_TRESPASS}") ;; await pool.close() ;; asyncio.run(go())',
    "raw psycopg.AsyncConnection": "import asyncio, psycopg ;; async def go(): ;;"
    f' other = await psycopg.AsyncConnection.connect("DSN") ;; await other.execute("{_TRESPASS}") ;;'
    " await other.commit() ;; await other.close() ;; asyncio.run(go())",
}
# A driver that the third guard does not know, so that the first one has to do it alone
_SHIM = (
    "import psycopg2, types ;; own = types.SimpleNamespace(**vars(psycopg2)) ;; "
    "own.connect = lambda **k: psycopg2._connect(psycopg2.extensions.make_dsn(**k)) ;; "
    "engine = sa.create_engine('postgresql+psycopg2://URL', module=own) ;; "
)
TURNED_ROUND["engine, a driver of its own"] = (
    _SHIM + f"with engine.begin() as other: other.exec_driver_sql('{_TRESPASS}')"
)
TURNED_ROUND["the same with a listener"] = (
    _SHIM
    + "sa.event.listen(engine, 'do_connect', lambda d, r, a, k: k.update(host='192.0.2.1', dbname='postgres')) ;; "
    f"with engine.begin() as other: other.exec_driver_sql('{_TRESPASS}')"
)
REFUSED = {
    "creator past the drivers": "import psycopg2, importlib.machinery, importlib.util ;; "
    "spec = importlib.machinery.PathFinder.find_spec('psycopg2._psycopg', psycopg2.__path__) ;; "
    "raw = importlib.util.module_from_spec(spec) ;; spec.loader.exec_module(raw) ;; "
    + _ENGINE.format('"postgresql+psycopg2://", creator=lambda: raw._connect("DSN")'),
    "SQLite file": _ENGINE.format('"sqlite:///FILE"'),
    "SQLite creator": "import sqlite3 ;; " + _ENGINE.format('"sqlite://", creator=lambda: sqlite3.connect("FILE")'),
}


def run(make: Make, server: TestServer, foreign: Address, code: str) -> tuple[Pass, Project]:
    keys = {"host": foreign.host, "port": foreign.port, "user": foreign.user, "password": foreign.password}
    keys["database"] = foreign.database
    words = ", ".join(f"{key}={value!r}" for key, value in keys.items())
    for name, text in {
        "DSN": " ".join(f"{'dbname' if key == 'database' else key}='{value}'" for key, value in keys.items()),
        "KEYS": words,
        "URL": foreign.url().removeprefix("postgresql://"),
    }.items():
        code = code.replace(name, text)
    project = make("a <- :")
    script = project.script("a")
    body = "\n".join("    " + line.rstrip() for line in _lines(code.replace("FILE", str(project.root / "other.db"))))
    script.write_text(script.read_text().replace("def upgrade():\n    pass", f"def upgrade():\n{body}"))
    return run_fresh(project.plan(), server), project


def _lines(code: str) -> list[str]:
    """The statements; those of `async def go():` are marked by one more blank before them."""
    lines, inside = [], False
    for part in code.split(";;"):
        line = part.strip()
        if line.startswith("asyncio.run"):
            inside = False
        lines.append(("    " if inside else "") + line)
        inside = inside or line.startswith("async def")
    return lines


def tables(server: TestServer, address: Address) -> set[str]:
    with server.connect(address) as connection:
        return {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


@pytest.mark.parametrize("code", TURNED_ROUND.values(), ids=TURNED_ROUND)
def test_a_connection_is_turned_round_to_the_throwaway_database(
    project: Make, server: TestServer, foreign_server: TestServer, code: str
) -> None:
    foreign = foreign_server.create_database()
    code += ' ;; op.execute("INSERT INTO trespass VALUES (1)")'  # which is there only if it was made in our database
    result, _ = run(project, server, foreign, code)
    assert result.failure is None
    assert tables(foreign_server, foreign) == set()
    assert foreign.password not in "".join(result.foreign)


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_turned_round_is_refused(
    project: Make, server: TestServer, foreign_server: TestServer, code: str
) -> None:
    foreign = foreign_server.create_database()
    result, made = run(project, server, foreign, code)
    assert result.failure is not None
    assert result.failure.error == "ForeignDatabaseError"
    assert tables(foreign_server, foreign) == set()
    file = made.root / "other.db"
    assert not file.exists() or ("creator" in code and file.stat().st_size == 0)
    assert len(result.foreign) == 1


def test_what_was_asked_for_is_told_without_the_password(project: Make, server: TestServer) -> None:
    env = ENV.replace("engine =", "from sqlalchemy import create_engine\nengine =").replace(
        "engine_from_config(context.config.get_section(context.config.config_ini_section), ",
        'create_engine("postgresql+psycopg://app:secret@db.example.org:5433/shop", ',
    )
    result = run_fresh(project("a <- : CREATE TABLE a (id int)", env).plan(), server)
    assert result.failure is None
    assert result.foreign == ("app@db.example.org:5433/shop",)


def test_an_engine_in_memory_is_none_of_our_business(project: Make, server: TestServer) -> None:
    chain = 'a <- : >> with sa.create_engine("sqlite://").connect() as c: c.exec_driver_sql("SELECT 1")'
    result = run_fresh(project(chain).plan(), server)
    assert (result.failure, result.foreign) == (None, ())
