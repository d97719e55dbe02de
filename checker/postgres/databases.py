"""Databases on a running server, whoever provides it: made, copied, dropped; all of it plain SQL over psycopg."""

from __future__ import annotations

import atexit
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType

import psycopg
from psycopg import sql

from checker.errors import PostgresUnavailable
from checker.postgres.claims import PREFIX, Claim
from checker.postgres.interface import IMAGES, Address, InitScript, ProviderUnavailable, Request, Server

MINIMUM_VERSION = 13
THROWAWAY_OPTIONS = {
    # Nothing here has to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # A chain of hundreds of revisions in one transaction locks every object that it touches.
    "max_locks_per_transaction": "256",
    "max_connections": "100",
    "max_wal_size": "256MB",  # the data lies in memory
    "autovacuum": "off",
    "jit": "off",  # compiling a catalog query takes longer than running it
    "timezone": "UTC",
}
"""How our own servers are started."""
OWN_SERVER_LOGIN = {"sslmode": "disable", "gssencmode": "disable", "hostaddr": "", "options": ""}
"""For our own servers: what is not given libpq takes from PGHOSTADDR, PGSSLMODE and the like, meant for another one."""
RIGHTS = "Set postgres: {privileged: true} on the base branch, or leave the URL out for a temporary server."
_POLL = 0.05
_SETTINGS = """
    SELECT rolname, split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1)
    FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS setting
    JOIN pg_database AS d ON d.oid = setdatabase LEFT JOIN pg_roles AS r ON r.oid = setrole
    WHERE datname = %s"""


@dataclass(frozen=True)
class Login:
    """A role and its password."""

    user: str
    password: str = field(repr=False)


def throwaway_arguments() -> list[str]:
    """THROWAWAY_OPTIONS as arguments of `postgres`."""
    return [part for name, value in THROWAWAY_OPTIONS.items() for part in ("-c", f"{name}={value}")]


_STARTED = "SELECT pg_postmaster_start_time()::text"


class DatabaseServer(Server):
    """A server that `admin` may log in to; the methods may be called from several threads.

    `login` holds further libpq parameters; `stop` ends the server itself and is None where it is not ours. `owner` is a
    role made for this run, which owns the databases and has no other right; it is dropped in the end. `claim`: this run's
    claim to them, on a server that others use too; given up in the end.
    """

    def __init__(
        self,
        provider: str,
        admin: Address,
        request: Request,
        *,
        login: Mapping[str, str] = OWN_SERVER_LOGIN,
        stop: Callable[[], None] | None = None,
        owner: Login | None = None,
        claim: Claim | None = None,
    ) -> None:
        self.provider = provider
        self.host, self.port = admin.host, admin.port
        self._admin = admin
        self._login = dict(login)
        self._tell = request.tell
        self._stop = stop
        self._owner = owner
        self._claim = claim
        self._prefix = f"{PREFIX}{claim.run}_" if claim else PREFIX
        self.restricted = owner is not None
        self._closed = False
        self._ours: set[str] = set()
        self._lock = threading.Lock()
        self._template: Address | None = None
        with self._connect(admin) as connection:
            self._number = connection.info.server_version
            self.version = str(_one(connection, "SHOW server_version")).split()[0]
            self._started = _one(connection, _STARTED)
        if self._number < MINIMUM_VERSION * 10000:
            raise ProviderUnavailable(
                f"it is PostgreSQL {self.version}, and {MINIMUM_VERSION} is the oldest that can be used"
            )
        atexit.register(self.close)

    def prepare(self, extensions: tuple[str, ...], init: tuple[InitScript, ...]) -> None:
        """Have every empty database made from now on start with these extensions and scripts.

        They run once, in a database that the others are copies of: roles belong to the whole server, and a script
        that creates one could not run a second time. Raises PostgresUnavailable naming the one that failed.
        """
        if not extensions and not init:
            return
        template = self.create_database()
        with self._connect(self._admin.at(template.database)) as connection:
            for extension in extensions:
                self._create_extension(connection, extension)
        with self._connect(template) as connection:
            for script in init:
                _run_script(connection, script)
        self._template = template

    def create_database(self, template: Address | None = None) -> Address:
        """Make an empty database under a random name, or a copy of `template` (whose sessions are ended first)."""
        source = template or self._template
        new = self._admin.at(f"{self._prefix}{secrets.token_hex(6)}")
        if self._claim:
            self._claim.renew()
        with self._connect(self._admin) as connection:
            with self._lock:
                self._ours.add(new.database)
            if template is not None:
                self._end_sessions(connection, template.database)
            connection.execute(self._create_statement(new.database, source.database if source else None))
            if source is not None:
                self._copy_settings(connection, source, new)
        return replace(new, user=self._owner.user, password=self._owner.password) if self._owner else new

    def drop_database(self, database: Address) -> None:
        """Drop a database of ours, ending its sessions; one that is gone already is no error."""
        if database.database not in self._ours:
            raise ValueError(f"{database.database} was not made here")
        with self._connect(self._admin) as connection:
            connection.execute(_drop_statement(database.database))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it. Raises PostgresUnavailable where it ended during the run: what failed then is no migration's fault."""
        lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        ended = lost or (error is None and not self._closed and not self._runs())
        self.close()
        if ended:
            reason = f": {one_line(error)}" if isinstance(error, psycopg.Error) else ""
            raise PostgresUnavailable(
                f"The PostgreSQL ({self.provider}) ended during the run{reason}",
                "Run this again. If it happens again, look into the server's log, and at memory and disk space.",
            ) from None

    def _runs(self) -> bool:
        """Whether the same server still answers, and was not started anew."""
        try:
            with self._connect(self._admin) as connection:
                return bool(_one(connection, _STARTED) == self._started)
        except psycopg.Error:
            return False

    def close(self) -> None:
        """Drop every database made here and, where the server is ours, stop it and remove its files. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        atexit.unregister(self.close)
        if self._stop is not None:
            self._stop()  # the databases go with it
        else:
            self._drop_all()
        if self._claim:
            self._claim.close()

    def _drop_all(self) -> None:
        left = sorted(self._ours)  # those dropped before as well: that is no error
        try:
            with self._connect(self._admin) as connection:
                while left:
                    connection.execute(_drop_statement(left[-1]))
                    left.pop()
                if self._owner:
                    left.append(f"the role {self._owner.user}")
                    connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(_name(self._owner.user)))
                    left.pop()
        except psycopg.Error as error:
            self._tell(f"these are left on {self._admin.host}: {', '.join(left)} ({one_line(error)})")

    @contextmanager
    def _connect(self, address: Address) -> Iterator[psycopg.Connection]:
        with connect(address, self._login) as connection:
            yield connection

    def _create_statement(self, name: str, template: str | None) -> sql.Composed:
        # template1 may hold anything on a server that is not ours, so an empty database is a copy of template0.
        parts: list[sql.Composable] = [
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(_name(name), _name(template or "template0"))
        ]
        if template is None:
            parts.append(sql.SQL("ENCODING 'UTF8'"))
        if self._owner:
            parts.append(sql.SQL("OWNER {}").format(_name(self._owner.user)))
        if self._stop is not None and self._number >= 150000:
            # Twice as quick as wal_log without fsync (300 tables: 45 ms for 108 ms). It needs a checkpoint, which is
            # cheap here and may be dear on a server that has other work.
            parts.append(sql.SQL("STRATEGY file_copy"))
        return sql.SQL(" ").join(parts)

    def _copy_settings(self, connection: psycopg.Connection, source: Address, new: Address) -> None:
        # ALTER DATABASE ... SET belongs to the database's name: CREATE DATABASE does not copy it.
        settings = connection.execute(_SETTINGS, (source.database,)).fetchall()
        if not settings:
            return
        with self._connect(self._admin.at(new.database)) as session:
            for role, name, value in settings:
                # By way of the session, since only that way is a list (search_path) taken as it stands in the catalog.
                session.execute("SELECT set_config(%s, %s, false)", (name, value))
                whose = sql.SQL("ROLE {} IN ").format(_name(role)) if role else sql.SQL("")
                session.execute(
                    sql.SQL("ALTER {}DATABASE {} SET {} FROM CURRENT").format(whose, _name(new.database), _name(name))
                )

    def _end_sessions(self, connection: psycopg.Connection, database: str) -> None:
        # From 14 on, waiting for each is PostgreSQL's own business; CREATE DATABASE itself waits five seconds more.
        wait = "pid, 5000" if self._number >= 140000 else "pid"
        connection.execute(
            f"SELECT pg_terminate_backend({wait}) FROM pg_stat_activity"  # noqa: S608 - one of two constants
            " WHERE datname = %s AND (backend_type = 'client backend' OR %s)",
            (database, self._stop is not None),  # an extension's own workers are ours to end only on our own server
        )

    def _create_extension(self, connection: psycopg.Connection, extension: str) -> None:
        try:
            connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS {} CASCADE").format(_name(extension)))
        except psycopg.Error as error:
            image = IMAGES.get(extension)
            remedy = (
                f"Use an image that has it: `--postgres-image {image}`."
                if image
                else "Use an image or a server that has it (--postgres-image, or --postgres URL)."
            )
            raise PostgresUnavailable(
                f"The extension {extension} cannot be created on this PostgreSQL {self.version} ({self.provider}):"
                f" {one_line(error)}",
                remedy,
            ) from None


def connect(address: Address, login: Mapping[str, str] = OWN_SERVER_LOGIN) -> psycopg.Connection:
    """A session in autocommit mode; leaving it as a context manager closes it. Raises psycopg.OperationalError."""
    return psycopg.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password or None,
        dbname=address.database,
        autocommit=True,
        **{"connect_timeout": "10", **login},  # type: ignore[arg-type]
    )


def wait_until_ready(address: Address, seconds: float, exited: Callable[[float], str | None], hint: str = "") -> None:
    """Return when the server lets us in.

    `exited` is asked between two attempts: it may wait the given number of seconds, and says why the server will
    never come, or None. Raises ProviderUnavailable with that, or when the time is up (then with `hint`).
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            connect(address).close()
        except psycopg.OperationalError as error:
            if (reason := exited(_POLL)) is not None:
                raise ProviderUnavailable(reason) from None
            if time.monotonic() > deadline:
                raise ProviderUnavailable(f"it let nobody in within {seconds:.0f} s: {one_line(error)}{hint}") from None
        else:
            return


def one_line(error: BaseException) -> str:
    """What the error says first, on one line."""
    text = str(error).strip() or type(error).__name__
    return " ".join(text.splitlines()[0].split())


def _run_script(connection: psycopg.Connection, script: InitScript) -> None:
    try:
        connection.execute(script.sql.encode())
    except psycopg.Error as error:
        raise PostgresUnavailable(
            f"{script.name} (postgres.init) failed on PostgreSQL: {one_line(error)}",
            RIGHTS
            if isinstance(error, psycopg.errors.InsufficientPrivilege)
            else "Fix that file; it is sent as plain SQL, so psql's own commands (\\connect, \\set) cannot be in it.",
        ) from None


def _one(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def _name(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def _drop_statement(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_name(name))
