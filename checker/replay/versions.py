"""Whether a run moved the version table of the temporary database: read from our own side, past the project.

env.py may migrate another database than ours (SQLite in memory), or never commit. Its run then ends well all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from psycopg import sql

from checker.postgres.interface import Address
from checker.replay.outcome import NOT_MIGRATED, Failure, FailureKind, Step

VersionTable = tuple[str | None, str]
"""Schema, None where the search path decides, and name."""

_TABLES = """
    SELECT nspname FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE relname = %s AND nspname = coalesce(%s, nspname) AND relkind IN ('r', 'p', 'v')
    AND nspname NOT IN ('pg_catalog', 'information_schema')"""
_OPTIONS = "-c lock_timeout=5s -c default_transaction_read_only=on"


def not_moved(address: Address, tables: Iterable[VersionTable], last: Step) -> Failure | None:
    """The failure of a run whose last step did not reach a version table of this database; None where it did."""
    tables = list(tables)
    found = list(_contain(address, tables, last.revision))
    # A downgrade may drop the schema that the table is in.
    if any(found) if last.direction == "upgrade" else not found or not all(found):
        return None
    names = ", ".join(f"{schema}.{table}" if schema else table for schema, table in tables) or "alembic_version"
    said = "is missing or does not contain it" if last.direction == "upgrade" else "still contains it"
    return Failure(
        FailureKind.ENVIRONMENT,
        NOT_MIGRATED,
        f"env.py ran the {last.direction} of {last.revision} without an error, but in the temporary database the version table "
        f"({names}) {said}: env.py did not commit its transaction, or migrated another database",
    )


def stored(address: Address, tables: Iterable[VersionTable]) -> tuple[frozenset[str], ...]:
    """The revisions in each of these tables, as far as they are there."""
    with _connect(address) as connection:
        query = sql.SQL("SELECT version_num FROM {}")
        return tuple(
            frozenset(str(row[0]) for row in connection.execute(query.format(sql.Identifier(place, table))))
            for schema, table in tables
            for (place,) in connection.execute(_TABLES, (table, schema)).fetchall()
        )


def _connect(address: Address) -> psycopg.Connection[Any]:
    return psycopg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        dbname=address.database,
        autocommit=True,
        options=_OPTIONS,
    )


def _contain(address: Address, tables: Iterable[VersionTable], revision: str) -> Iterator[bool]:
    with _connect(address) as connection:
        for schema, table in tables:
            for (place,) in connection.execute(_TABLES, (table, schema)).fetchall():
                query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE version_num = %s)")
                row = connection.execute(query.format(sql.Identifier(place, table)), (revision,)).fetchone()
                yield bool(row and row[0])
