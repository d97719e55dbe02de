from __future__ import annotations

import contextlib

import psycopg
import pytest

from checker.errors import PostgresUnavailable
from checker.postgres import Address, Server, start_server
from checker.postgres.databases import connect
from checker.postgres.given import parse_url
from checker.postgres.interface import ProviderUnavailable, Request
from checker.postgres.select import Provider
from checker.settings import PostgresSettings
from tests.postgres import helpers


@pytest.mark.parametrize(
    ("url", "address", "login"),
    [
        ("postgres://u:p%40w@db:5433/app", Address("db", 5433, "u", "p@w", "app"), {}),
        ("postgresql+asyncpg://u:p@db/app", Address("db", 5432, "u", "p", "app"), {}),
        ("postgresql://u@[::1]/app?sslmode=require", Address("::1", 5432, "u", "env", "app"), {"sslmode": "require"}),
        ("postgresql://u:p@/app?host=/run/pg&port=6000", Address("/run/pg", 6000, "u", "p", "app"), {}),
    ],
)
def test_urls_as_people_write_them(url: str, address: Address, login: dict[str, str]) -> None:
    assert parse_url(url, "env") == (address, login)
    assert parse_url(address.url("psycopg"), "env")[0] == address


@pytest.mark.parametrize(
    "url", ["mysql://u:geheim@h/d", "postgresql://u:geheim@h:port/d", "postgresql://u:geheim@h/d?ssl=x"]
)
def test_a_bad_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        parse_url(url, "")
    assert "geheim" not in f"{caught.value} {caught.value.remedy} {caught.value.__cause__}"


@pytest.mark.postgres
def test_a_role_without_superuser_is_enough(server: Server) -> None:
    admin = server.create_database()
    helpers.run(admin, "CREATE ROLE premerge_test_maker LOGIN CREATEDB PASSWORD 'p@ss/word'")
    url = f"postgresql+psycopg2://premerge_test_maker:p%40ss%2Fword@{admin.host}:{admin.port}/{admin.database}"
    try:
        with start_server(PostgresSettings(url=url), environ={}, tell=print) as given:
            first = given.create_database()
            helpers.run(first, "CREATE TABLE t ()")
            second = given.create_database(first)
            assert helpers.ask(second, "SELECT count(*) FROM t") == 0
            assert (given.provider, given.version) == ("given", server.version)
        assert not {first.database, second.database} & helpers.databases(admin)
        helpers.run(admin, "ALTER ROLE premerge_test_maker NOCREATEDB")
        with pytest.raises(PostgresUnavailable, match="may not create databases") as caught:
            start_server(PostgresSettings(url=url), environ={}, tell=print)
        assert "ALTER ROLE premerge_test_maker CREATEDB" in caught.value.remedy
    finally:
        helpers.run(admin, "DROP ROLE premerge_test_maker")


@pytest.mark.postgres
def test_a_given_server_that_fails_is_not_replaced_by_another(server: Server) -> None:
    asked = []

    def never(request: Request) -> None:
        asked.append(request)

    address = server.create_database()
    url = f"postgresql://{address.user}:geheim@{address.host}:{address.port}/{address.database}"
    with pytest.raises(PostgresUnavailable) as caught:
        start_server(
            PostgresSettings(url=url),
            environ={},
            tell=print,
            providers=(Provider("container", never),),  # type: ignore[arg-type]
        )
    assert not asked
    assert [name for name, _ in caught.value.tried] == ["given"]
    assert "password authentication failed" in str(caught.value)
    assert "geheim" not in f"{caught.value}{caught.value.remedy}{caught.value.tried}"


@pytest.mark.postgres
def test_migrations_run_as_a_role_that_owns_its_databases_and_nothing_else(server: Server) -> None:
    admin = server.create_database()
    roles = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'premerge\\_%'"
    before = helpers.ask(admin, roles)
    with start_server(PostgresSettings(url=admin.url()), environ={}, tell=print) as given:
        own = given.create_database(given.create_database())
        assert given.restricted
        assert own.user != admin.user
        helpers.run(own, "CREATE SCHEMA s", "CREATE EXTENSION citext", "CREATE TABLE s.t (c citext)")
        for statement in (
            f'DROP DATABASE "{admin.database}"',
            "CREATE DATABASE premerge_test_more",
            "CREATE ROLE premerge_test_more",
            "ALTER SYSTEM SET work_mem = '1MB'",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "CREATE EXTENSION dblink; SELECT dblink_connect_u('dbname=postgres')",
        ):
            with pytest.raises(psycopg.Error, match=r"permission denied|must be (owner|superuser)"):
                helpers.run(own, statement)
    assert helpers.ask(admin, roles) == before


@pytest.mark.postgres
def test_the_url_s_own_role_only_on_request(server: Server) -> None:
    admin = server.create_database()
    with start_server(PostgresSettings(url=admin.url(), privileged=True), environ={}, tell=print) as given:
        assert given.create_database().user == admin.user
        assert given.open_to_workers


@pytest.mark.postgres
def test_the_next_run_drops_what_a_killed_one_left_and_nothing_of_a_living_one(server: Server) -> None:
    admin = server.create_database()
    helpers.run(admin, "CREATE DATABASE premerge_of_somebody_else")
    before = helpers.databases(admin)
    roles = "SELECT array_agg(rolname::text ORDER BY rolname) FROM pg_roles"
    roles_before = helpers.ask(admin, roles)
    killed, _, left = helpers.start_owner(admin.url(), before=("env", "TMPDIR=/"))
    living, _, kept = helpers.start_owner(admin.url())
    orphan = connect(left)  # a session that its worker's end has not ended
    with contextlib.closing(orphan):
        killed.kill()
        killed.wait()
        assert helpers.comes_true(lambda: held(admin) == 1)
        with start_server(PostgresSettings(url=admin.url()), environ={}, tell=print) as given:
            given.create_database()
            assert helpers.databases(admin) >= before | {kept.database}
            assert left.database not in helpers.databases(admin)
            assert left.user not in helpers.ask(admin, roles)
            assert helpers.lets_in(kept)
        with pytest.raises(psycopg.OperationalError):
            orphan.execute("SELECT 1")
    helpers.end_owner(living)
    helpers.end_owner(killed)
    assert helpers.databases(admin) == before
    assert helpers.ask(admin, roles) == roles_before
    helpers.run(admin, "DROP DATABASE premerge_of_somebody_else")


def held(address: Address) -> int:
    """How many runs have a claim there."""
    return int(helpers.ask(address, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))


@pytest.mark.postgres
def test_a_claim_that_was_lost_is_renewed(server: Server) -> None:
    admin = server.create_database()
    with start_server(PostgresSettings(url=admin.url()), environ={}, tell=print) as given:
        helpers.run(
            admin, "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1"
        )
        own = given.create_database()
        with start_server(PostgresSettings(url=admin.url()), environ={}, tell=print):
            assert own.database in helpers.databases(admin)
