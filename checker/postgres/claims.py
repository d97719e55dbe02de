"""A run's claim to its databases on a server that others use too: from any machine, at the same time.

Every database and role that is made there has the run's number in its name, and the run holds an advisory lock on that
number in a session of its own. PostgreSQL gives the lock up when the session ends, however that happens, so what has the
number of a run without a lock belongs to a dead run.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
from collections.abc import Callable

import psycopg
from psycopg import sql

PREFIX = "premerge_"
"""With which every database and role begins that is made here."""
_ROLE = re.compile(PREFIX + "([0-9a-f]{12})")
_DATABASE = re.compile(_ROLE.pattern + "_[0-9a-f]{12}")
_HELD = """
    SELECT to_hex((classid::bigint << 32) | objid::bigint) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND granted"""


def new_run() -> str:
    """A run's number."""
    return secrets.token_hex(6)


def is_role_of_a_run(name: str) -> bool:
    """Whether a role of this name was made for a run, and not by a migration."""
    return _ROLE.fullmatch(name) is not None


class Claim:
    """A run's lock, in a session that `connect` opens. The methods may be called from several threads."""

    def __init__(self, run: str, connect: Callable[[], psycopg.Connection]) -> None:
        self.run = run
        self._connect = connect
        self._lock = threading.Lock()
        self._connection = self._take()

    def renew(self) -> None:
        """Take the lock again if its session has ended, or is not the same one any more behind a connection pool."""
        with self._lock:
            with contextlib.suppress(psycopg.Error):
                if self.run in _living(self._connection):
                    return
            self._connection.close()
            self._connection = self._take()

    def close(self) -> None:
        """Give it up."""
        with self._lock:
            self._connection.close()

    def _take(self) -> psycopg.Connection:
        connection = self._connect()
        try:
            if connection.info.server_version >= 140000:
                connection.execute("SET idle_session_timeout = 0")
            connection.execute("SELECT pg_advisory_lock(%s)", (int(self.run, 16),))
        except BaseException:
            connection.close()
            raise
        return connection


def remove_dead(connection: psycopg.Connection) -> None:
    """Drop the databases and roles of runs that have no lock. What this role may not drop, another run may."""
    databases = _named(connection, _DATABASE, "SELECT datname FROM pg_database WHERE datname LIKE 'premerge%'")
    roles = _named(connection, _ROLE, "SELECT rolname FROM pg_roles WHERE rolname LIKE 'premerge%'")
    # After the lists: whatever is in them was made by a run that had its lock by then.
    living = _living(connection)
    for kind, names in (("DATABASE IF EXISTS {} WITH (FORCE)", databases), ("ROLE IF EXISTS {}", roles)):
        for name, run in names.items():
            if run not in living:
                with contextlib.suppress(psycopg.Error):
                    connection.execute(sql.SQL("DROP " + kind).format(sql.Identifier(name)))


def _living(connection: psycopg.Connection) -> frozenset[str]:
    return frozenset(str(row[0]).zfill(12) for row in connection.execute(_HELD))


def _named(connection: psycopg.Connection, pattern: re.Pattern[str], query: str) -> dict[str, str]:
    found = ((str(row[0]), pattern.fullmatch(str(row[0]))) for row in connection.execute(query.encode()))
    return {name: match[1] for name, match in found if match}
