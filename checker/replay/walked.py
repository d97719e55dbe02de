"""The database that a stairway walks in, the worker that walks, and what its catalog says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg

from checker.postgres.interface import Address, Server
from checker.replay.database import connect, version_table
from checker.replay.runner import Launch, Session


class Walked:
    """One database at a time, one worker at a time; `catalog` is what was read last.

    `foreign` and `strange` are what all its workers asked for besides (see Session).
    """

    def __init__(self, launch: Launch, server: Server, make_watch: Callable[..., Any]) -> None:
        self.catalog: Any = None
        self.foreign: list[str] = []
        self.strange: list[str] = []
        self._launch, self._server, self._make_watch = launch, server, make_watch
        self._ends = time.monotonic() + launch.total_seconds
        self._session: Session | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._address: Address | None = None

    def begin(self, template: Address | None = None) -> None:
        """Go on in a new database, a copy of `template`."""
        self._address = self._server.create_database(template)
        self.use_own()
        self._connection = connect(self._address)
        self._watch = self._make_watch(self._connection, **version_table(self._session))
        self.read()

    def drop(self) -> None:
        """Drop the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._address is not None:
            self._server.drop_database(self._address)
            self._address = None

    def close(self) -> None:
        """Drop the database and end the worker."""
        self._close_session()
        self.drop()

    def open(self, address: Address | None = None) -> Session:
        """The worker, in the walked database or in `address`; a new one if there is none that lives."""
        where = address or self._address
        assert where is not None
        if self._session is not None and not self._session.alive:
            self._close_session()
        if self._session is None:
            left = max(0.0, self._ends - time.monotonic())
            self._session = Session(replace(self._launch, total_seconds=left), where)
            self._session.__enter__()
        elif address is not None:
            self._session.use(address)
        return self._session

    def use_own(self) -> None:
        """Have the worker go on in the walked database, after it was used in another."""
        if self._session is not None and self._session.alive and self._address is not None:
            self._session.use(self._address)

    def read(self) -> Any:
        """The catalog as it is now."""
        self.catalog = self._watch.read()
        return self.catalog

    def read_after_start(self, *, first: bool) -> None:
        """As `read`, once env.py has come to its migrations. Only then is it known which table is Alembic's own."""
        if first and version_table(self._session):
            self._watch = self._make_watch(self._connection, **version_table(self._session))
        if self._session is not None and self._session.alive:
            self.read()

    def _close_session(self) -> None:
        if self._session is not None:
            self._session.close()
            self.foreign += [one for one in self._session.foreign if one not in self.foreign]
            self.strange += [one for one in self._session.strange if one not in self.strange]
            self._session = None
