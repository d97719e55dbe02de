"""Which revisions a database that is in use stands on: read once, in a transaction that may only read."""

from __future__ import annotations

import psycopg
from psycopg import sql

from checker.postgres.databases import one_line
from checker.postgres.given import parse_url
from checker.postgres.interface import ProviderUnavailable

SECONDS = 10
VERSION_TABLE = "alembic_version"

_TABLES = """
    SELECT n.nspname, pg_table_is_visible(c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %s AND c.relkind IN ('r', 'p', 'v')
    ORDER BY 1
"""


def deployed_revisions(url: str, password: str = "") -> tuple[str, ...]:
    """The rows of the version table on the search path, else of those in all schemas; () where it is empty.

    Raises ProviderUnavailable where it cannot be read within some seconds, or there is no such table; neither the URL
    nor the password is in a message.
    """
    address, login = parse_url(url, password)
    try:
        with psycopg.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password or None,
            dbname=address.database,
            **{"connect_timeout": str(SECONDS), **login},  # type: ignore[arg-type]
        ) as connection:
            # Said to the transaction and not at the start: a pooler refuses start-up options, and would keep a SET.
            connection.read_only = True
            connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(sql.Literal(f"{SECONDS}s")))
            return _read(connection)
    except psycopg.Error as error:
        raise ProviderUnavailable(one_line(error), "Let this role read the version table.") from None


def _read(connection: psycopg.Connection) -> tuple[str, ...]:
    tables = connection.execute(_TABLES, (VERSION_TABLE,)).fetchall()
    if not tables:
        raise ProviderUnavailable(f"it has no table {VERSION_TABLE}", "Name the database that the project migrates.")
    schemas = [schema for schema, visible in tables if visible] or [schema for schema, _ in tables]
    found: dict[str, None] = {}
    for schema in schemas:
        table = sql.Identifier(schema, VERSION_TABLE)
        found |= {str(row[0]): None for row in connection.execute(sql.SQL("SELECT version_num FROM {}").format(table))}
    return tuple(found)
