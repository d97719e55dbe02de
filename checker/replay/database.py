"""A look into a throwaway database, past the worker: its catalog, and the roles that a pass leaves on its server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from psycopg import sql

from checker.postgres.claims import is_role_of_a_run
from checker.postgres.interface import Address, Server
from checker.replay.runner import Session


def connect(address: Address) -> psycopg.Connection[Any]:
    """A session in autocommit mode: a transaction left open would hold locks against the next step."""
    return psycopg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        dbname=address.database,
        autocommit=True,
    )


def version_table(session: Session | None) -> dict[str, str | None]:
    """What a catalog watch must be told to leave Alembic's own table out; nothing where it has its usual name."""
    configured = session.configured if session else None
    if configured is None or configured.table == "alembic_version":
        return {}
    return {"version_table": configured.table, "version_schema": configured.schema}


def read_catalog(address: Address, watch: Callable[..., Any], session: Session) -> Any:
    """The catalog of the database that the session has run in."""
    with closing(connect(address)) as connection:
        return watch(connection, **version_table(session)).read()


@contextmanager
def throwaway(server: Server, template: Address | None = None) -> Iterator[Address]:
    """A database for the length of a block."""
    address = server.create_database(template)
    try:
        yield address
    finally:
        server.drop_database(address)


@contextmanager
def roles_taken_back(server: Server) -> Iterator[None]:
    """Drop the roles that come to be in the block: the next pass would find them there, as no new database does."""
    before = roles(server)
    try:
        yield
    finally:
        drop_roles(server, before)


def roles(server: Server) -> frozenset[str]:
    """The roles of the whole server."""
    with throwaway(server) as address, closing(connect(address)) as connection:
        return _roles(connection)


def drop_roles(server: Server, kept: frozenset[str]) -> None:
    """Drop every role but these. Where the migrations' role may make none, what is new is not theirs."""
    if server.restricted:
        return
    with throwaway(server) as address, closing(connect(address)) as connection:
        for role in sorted(_roles(connection) - kept):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def _roles(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """All but those that runs of ours have for themselves: there may be others on the same server."""
    names = (str(row[0]) for row in connection.execute("SELECT rolname FROM pg_roles"))
    return frozenset(name for name in names if not is_role_of_a_run(name))
