"""`bootstrap:` for a chain that does not start from nothing: once in a database of its own, of which all others are copies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from checker.errors import ConfigurationError
from checker.files import read_inside
from checker.postgres.interface import Address, InitScript, Server
from checker.replay.database import connect
from checker.replay.order import RevisionNode, ancestors
from checker.replay.outcome import Failure, FailureKind
from checker.replay.plan import Plan
from checker.replay.runner import Launch, Run, Session
from checker.settings import Bootstrap

_COPY = re.compile(r"^COPY\s", re.IGNORECASE | re.MULTILINE)
_FROM_STDIN = re.compile(r"\sFROM\s+stdin\b", re.IGNORECASE)
_STATEMENT_END = re.compile(r";[ \t]*\r?\n")
_COPY_END = re.compile(r"^\\\.\s*$", re.MULTILINE)
# pg_dump writes it since the releases of August 2025; it means something to psql alone.
_RESTRICT = re.compile(r"^\\(un)?restrict\b.*$", re.MULTILINE)
_EMPTY = """
    SELECT count(*) = 0 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
    AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')"""

_NOTHING = (
    "`{}` ended well and made nothing in the throwaway database. Its address is in DATABASE_URL and the other usual "
    "variables; where the command reads another one, name it with env:"
)


@dataclass(frozen=True)
class Start:
    """What every empty database of a replay begins with: SQL files or a command, then a stamp."""

    stamp: str
    sql: tuple[InitScript, ...] = ()
    command: str | None = None


def read_start(bootstrap: Bootstrap, root: Path, *also: Path) -> Start:
    """The start that the configuration describes, its files read (`also` as for read_inside). Raises ConfigurationError for
    one that is not there.
    """
    files = (InitScript(name, read_inside(root, name, "bootstrap.sql", *also)) for name in bootstrap.sql)
    return Start(bootstrap.stamp, tuple(files), bootstrap.command)


@contextmanager
def bootstrapped(server: Server, plan: Plan, start: Start | None) -> Iterator[tuple[Server, Plan]]:
    """The server and the plan for a chain that begins with `start`: what it stamps, and what is below, is not run.

    Raises BootstrapFailed; ConfigurationError where the stamp is no revision of the chain.
    """
    if start is None:
        yield server, plan
        return
    below = ancestors(plan.order, start.stamp)
    if not below:
        raise ConfigurationError(
            f"bootstrap.stamp names {start.stamp}, which is no revision of {plan.project}",
            "Name the revision whose schema the bootstrap makes.",
        )
    floor = plan.irreversible_below
    if floor is None or ancestors(plan.order, floor) <= below:
        floor = start.stamp  # nothing below it was ever run here
    base = replace(plan.base, order=_above(plan.base.order, start)) if plan.base else None
    with BootstrappedServer(server, plan.launch, start) as own:
        yield own, replace(plan, order=_above(plan.order, start), irreversible_below=floor, base=base)


def _above(order: tuple[RevisionNode, ...], start: Start) -> tuple[RevisionNode, ...]:
    below = ancestors(order, start.stamp)
    return tuple(node for node in order if node.revision not in below)


class BootstrapFailed(Exception):
    """The start could not be made; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class BootstrappedServer(Server):
    """The same server, on which a database that is no copy of another begins with the bootstrap. Leaving it drops that
    bootstrap's database; the server itself goes on.
    """

    def __init__(self, server: Server, launch: Launch, start: Start) -> None:
        """Raises BootstrapFailed."""
        self.provider, self.version = server.provider, server.version
        self._server = server
        self._template = server.create_database()
        try:
            _fill(self._template, launch, start)
        except BaseException:
            self.close()
            raise

    def create_database(self, template: Address | None = None) -> Address:
        """A copy of `template`, else one that begins with the bootstrap."""
        return self._server.create_database(template or self._template)

    def drop_database(self, database: Address) -> None:
        """Drop a database that was made here."""
        self._server.drop_database(database)

    def close(self) -> None:
        """Drop the bootstrap's own database."""
        self._server.drop_database(self._template)


def _fill(database: Address, launch: Launch, start: Start) -> None:
    for script in start.sql:
        _run_script(database, script)
    with Session(launch, database) as session:
        if start.command:
            _finish(session.call(start.command))
            if _is_empty(database):
                raise BootstrapFailed(_failure("nothing made", _NOTHING.format(start.command)))
        _finish(session.stamp(start.stamp))


def _finish(run: Run) -> None:
    for _ in run:
        pass
    if run.failure:
        kind = run.failure.missing_kind or "bootstrap"
        raise BootstrapFailed(replace(run.failure, missing_kind=kind))


def _run_script(database: Address, script: InitScript) -> None:
    with connect(database) as connection:
        for statement, rows in parts(script.sql):
            try:
                _run(connection, statement, rows)
            except psycopg.Error as error:
                said = error.diag.message_primary or str(error)
                where = _line(script.sql, statement, error.diag.statement_position)
                raise BootstrapFailed(
                    replace(_failure(type(error).__name__, said), path=script.name, line=where, sqlstate=error.sqlstate)
                ) from None


def _run(connection: psycopg.Connection[Any], statement: str, rows: str | None) -> None:
    if rows is None:
        connection.execute(statement.encode())
        return
    with connection.cursor().copy(statement.encode()) as copy:
        copy.write(rows)


def parts(sql: str) -> Iterator[tuple[str, str | None]]:
    """What pg_dump writes, as a driver can send it: (statements, None) and (COPY … FROM stdin, its rows)."""
    sql = _RESTRICT.sub("", sql)
    at = 0
    while copy := _next_copy(sql, at):
        start, stop = copy
        if sql[at:start].strip():
            yield sql[at:start], None
        end = _COPY_END.search(sql, stop)
        yield sql[start:stop], sql[stop : end.start() if end else len(sql)]
        at = end.end() if end else len(sql)
    if sql[at:].strip():
        yield sql[at:], None


def _next_copy(sql: str, at: int) -> tuple[int, int] | None:
    """Where the next `COPY … FROM stdin;` begins and ends."""
    while copy := _COPY.search(sql, at):
        at = sql.find(";", copy.end())
        if at < 0:
            return None
        end = _STATEMENT_END.match(sql, at)
        if end and _FROM_STDIN.search(sql, copy.end(), at):
            return copy.start(), end.end()
    return None


def _line(sql: str, statement: str, position: str | None) -> int | None:
    start = _RESTRICT.sub("", sql).find(statement)
    if position is None or start < 0:
        return None
    return _RESTRICT.sub("", sql)[: start + int(position)].count("\n") + 1


def _is_empty(database: Address) -> bool:
    with connect(database) as connection:
        row = connection.execute(_EMPTY).fetchone()
    return bool(row and row[0])


def _failure(error: str, message: str) -> Failure:
    return Failure(FailureKind.ENVIRONMENT, error, message, missing="bootstrap", missing_kind="bootstrap")
