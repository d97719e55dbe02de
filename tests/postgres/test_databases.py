"""What every server does, whoever provides it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from checker.errors import PostgresUnavailable
from checker.postgres import InitScript, Server, start_server
from checker.postgres.databases import connect
from checker.postgres.given import start
from checker.postgres.interface import Request
from checker.settings import PostgresSettings
from tests.postgres import helpers

pytestmark = pytest.mark.postgres


@pytest.fixture
def on_this(server: Server) -> PostgresSettings:
    """Settings that name the test's server as the given one: another Server object, no other process."""
    return PostgresSettings(url=server.create_database().url())


def test_a_copy_is_made_while_a_session_sits_in_the_source(server: Server) -> None:
    source = server.create_database()
    helpers.run(source, "CREATE TABLE orders (id int)", "INSERT INTO orders VALUES (7)")
    with connect(source) as sitting:
        sitting.execute("SELECT 1")
        copy = server.create_database(source)
    assert helpers.ask(copy, "SELECT id FROM orders") == 7
    helpers.run(copy, "DROP TABLE orders")
    assert helpers.ask(source, "SELECT id FROM orders") == 7


def test_a_copy_keeps_what_was_set_on_the_database(server: Server) -> None:
    source = server.create_database()
    helpers.run(source, f'ALTER DATABASE "{source.database}" SET search_path TO "$user", app, public')
    helpers.run(source, f"ALTER ROLE postgres IN DATABASE {source.database} SET lock_timeout TO '7s'")
    copy = server.create_database(source)
    assert helpers.ask(copy, "SHOW search_path") == '"$user", app, public'
    assert helpers.ask(copy, "SHOW lock_timeout") == "7s"


def test_a_database_is_dropped_under_a_session(server: Server) -> None:
    one = server.create_database()
    other = server.create_database()
    with connect(one) as sitting:
        sitting.execute("SELECT 1")
        server.drop_database(one)
    server.drop_database(one)
    assert one.database not in helpers.databases(other)


def test_another_database_is_never_dropped(server: Server, on_this: PostgresSettings) -> None:
    theirs = server.create_database()
    with start_server(on_this, environ={}, tell=print) as second, pytest.raises(ValueError, match=theirs.database):
        second.drop_database(theirs)
    assert helpers.lets_in(theirs)


def test_databases_are_made_side_by_side(server: Server, on_this: PostgresSettings) -> None:
    with start_server(on_this, environ={}, tell=print) as second, ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: second.create_database(), range(8)))
        assert len({one.database for one in made} & helpers.databases(made[0])) == 8


def test_closing_a_given_server_drops_ours_alone(server: Server, on_this: PostgresSettings) -> None:
    theirs = server.create_database()
    before = helpers.databases(theirs)
    second = start(Request(on_this, {}, print))
    second.create_database(second.create_database())
    assert len(helpers.databases(theirs) - before) == 2
    second.close()
    assert helpers.databases(theirs) == before


def test_init_runs_once_and_is_in_every_empty_database(server: Server, on_this: PostgresSettings) -> None:
    settings = on_this.model_copy(update={"extensions": ("citext",), "privileged": True})
    init = (InitScript("roles.sql", "CREATE ROLE premerge_test_app; CREATE TABLE mail (address citext)"),)
    restricted = settings.model_copy(update={"privileged": False})
    with pytest.raises(PostgresUnavailable, match="permission denied") as caught:
        start_server(restricted, environ={}, tell=print, init=init)
    assert "privileged: true" in caught.value.remedy
    with start_server(settings, environ={}, tell=print, init=init) as second:
        for _ in range(2):
            assert helpers.ask(second.create_database(), "SELECT count(*) FROM mail") == 0
        helpers.run(second.create_database(), "DROP TABLE mail", "DROP ROLE premerge_test_app")


@pytest.mark.parametrize(
    ("extensions", "init", "problem", "remedy"),
    [
        (("vector_of_nowhere",), (), "vector_of_nowhere", "--postgres-image"),
        ((), (InitScript("db/roles.sql", "CREATE ROLE;"),), "db/roles.sql", "Fix that file"),
    ],
)
def test_what_cannot_be_prepared_is_named_and_leaves_nothing(
    server: Server,
    on_this: PostgresSettings,
    extensions: tuple[str, ...],
    init: tuple[InitScript, ...],
    problem: str,
    remedy: str,
) -> None:
    watch = server.create_database()
    before = helpers.databases(watch)
    settings = on_this.model_copy(update={"extensions": extensions})
    with pytest.raises(PostgresUnavailable) as caught:
        start_server(settings, environ={}, tell=print, init=init)
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy
    assert helpers.databases(watch) == before


def test_settings_of_libpq_meant_for_another_server_do_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGSSLMODE", "require")
    monkeypatch.setenv("PGOPTIONS", "-c no_such_setting=1")
    with start_server(PostgresSettings(provider="machine"), environ=os.environ, tell=print) as own:
        assert helpers.ask(own.create_database(), "SHOW port")
