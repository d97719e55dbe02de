"""Runs a project's migrations in the project's own Python, on a throwaway database and on no other.

Started by `runner.py` as `PYTHON worker.py READ_FD WRITE_FD`. Only the standard library and the project's own Alembic
and SQLAlchemy are used here, on Python 3.9 and up. Stdout and stderr belong to the project; what is said between runner
and worker are JSON objects, one a line, over the two file descriptors.

The runner's first line is the job: protocol, config_file, toml_file, ini_section, script_location, version_locations,
directory (the working directory), x, address {host, port, user, password, database}, environment {name: template},
flask_app, probe, database (which of several in one env.py, by the name that `databases` gave it; else the first), trace
(the revisions whose executed lines are wanted), root (of the judged tree), checkout (the user's work tree), absent (the
paths that are tracked in another tree and not in the judged one). The worker answers `ready` {python, alembic, sqlalchemy,
driver}, or `failed` and `finished`. Then come commands, and each but the last ends with `finished`:

    {"do": "upgrade", "target": "heads"}      env.py once, as Alembic itself runs it
    {"do": "downgrade", "target": "base"}     likewise
    {"do": "walk", "steps": [["REVISION", "upgrade"], ...], "pause": true}
                                              env.py once, these steps in this order, a commit after each; with `pause`
                                              the first step is preceded and every `done` is followed by `paused`, and
                                              the runner says go or stop
    {"do": "databases"}                       env.py once, without any migration: which databases it migrates
    {"do": "compare"}                         the models against the database, as `alembic check` compares them
    {"do": "stamp", "target": "REVISION"}     the version table, and nothing else; env.py once
    {"do": "command", "command": "..."}       a shell command of the user's, in the project's environment (`bootstrap:`)
    {"do": "address", "address": {...}}       another throwaway database from here on; no answer

A runner that closes its end ends the worker.

What the worker says meanwhile: `configured` {table, schema} of env.py's version table, `step` {revision, direction}
before each step, `statement` {sql, values} before each statement that the script sends, `done` {seconds, lines} when the
step has come to its end (`lines` of its script that ran, for those of `trace`, else null), `compared` {operations},
`failed` {failure}, `connect` {wanted, strange} when something asked for a database that is not ours, `databases`
{databases: [{name, asked}]} after each env.py: those that it migrates and, as in `connect`, what it asked for,
`outside` {modules: [{name, path, expected}]} after a command that imported another copy of modules that the judged tree has,
`observed` {asked, parts} where the job says `probe` (`observer.py`). A worker that is gone without `finished` died in the
step that it had announced last.
"""

from __future__ import annotations

import argparse
import ast
import errno
import gc
import hashlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
import sysconfig
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any, Callable, Optional
from urllib.parse import quote, unquote, urlsplit

PROTOCOL = 1
STATEMENTS = 2_000  # of one step; what comes after is not recorded
CHARACTERS = 20_000  # of one text
NAMES = 20  # of variables that were asked for in vain; a large project asks for hundreds that it can do without
VALUES, VALUE_CHARACTERS = (
    500,
    200,
)  # bound parameters of one statement, told one by one; what is more is told by its hash
DRIVERS = {"psycopg2": "psycopg2", "psycopg": "psycopg", "asyncpg": "asyncpg", "pg8000": "pg8000"}
ASYNC_DRIVERS = ("asyncpg", "psycopg")
REFUSALS = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH),
    *(errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.ETIMEDOUT),
)
POSTGRES_URL = re.compile(r"postgres(?:ql)?(?:\+(\w+))?://")


def load_beside(name: str) -> Any:
    """A module of ours, by its path: a module of the project's may have that name."""
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), f"{name}.py")
    spec: Any = importlib.util.spec_from_file_location(f"_alembic_premerge_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GUARDS = load_beside("driver_guards")
JUDGED_MODULES = load_beside("judged_modules")


class ForeignDatabaseError(Exception):
    """The project asked for a database that is not the throwaway one, in a way that cannot be turned round.

    `dialect` is SQLAlchemy's name of what it asked for, where that is not PostgreSQL.
    """

    def __init__(self, message: str, dialect: Optional[str] = None) -> None:
        super().__init__(message)
        self.dialect = dialect


class NotInstalledError(Exception):
    """The project's interpreter lacks something without which no migration can run; `name` is the module."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


class NotFinishedError(Exception):
    """env.py ended without an exception, and a step that it began did not come to its end."""


class CommandFailedError(Exception):
    """The command of `bootstrap:` did not end well."""


class Channel:
    """The two file descriptors, a JSON object a line."""

    def __init__(self, read: int, write: int) -> None:
        for descriptor in (read, write):
            os.set_inheritable(descriptor, False)  # a process that the project starts must not keep the runner waiting
        self._read = os.fdopen(read, "r", encoding="utf-8")
        self._write = os.fdopen(write, "w", encoding="utf-8")

    def send(self, event: str, **values: Any) -> None:
        """Say one thing to the runner."""
        self._write.write(json.dumps({"event": event, **values}, default=str) + "\n")
        self._write.flush()

    def receive(self) -> Any:
        """The runner's next line; a runner that is gone ends the worker."""
        line = self._read.readline()
        if not line:
            os._exit(0)
        return json.loads(line)


class Target:
    """The throwaway database of the moment, and every one before it (a module may remember an earlier address)."""

    def __init__(self, address: Any) -> None:
        self.address = address
        self.generation = 0
        self._ours = {self._place(address)}
        self._first: Any = None  # the place that the project asked for first
        self.observer: Any = None
        self.told: dict[tuple[str, str, str], str] = {}  # what was asked for, in words, by place

    @staticmethod
    def _place(values: Any) -> tuple[str, str, str]:
        return (str(values.get("host")), str(values.get("port") or 5432), str(values.get("database")))

    def move(self, address: Any) -> None:
        """Another database is meant from here on."""
        self.address = address
        self._ours.add(self._place(address))

    def is_ours(self, place: tuple[str, str, str]) -> bool:
        """Whether a place is a throwaway database of this session."""
        return place in self._ours

    def judge(self, dsn: Any, asked: Any) -> tuple[Optional[str], bool]:
        """What is asked for, in words, if it is not ours; and whether it is a second place, beside the one asked for first.

        A place on the developer's own machine is no second one: it is the default of a setting that was not given.
        """
        if self.observer:
            self.observer.connecting(dsn, asked)
        place = _place_of(dsn) if dsn else self._place({"database": asked.get("dbname"), **asked})
        ours = place in self._ours
        if self._first is None:
            self._first = "ours" if ours else place
        local = place[0] in ("None", "", "localhost", "127.0.0.1", "::1") or place[0].startswith("/")
        if not ours:
            self.told[place] = _told([dsn], asked)
        return self.told.get(place), not ours and not local and place != self._first

    def arguments(self, asked: Any, database_key: str) -> Any:
        """Connection arguments that lead to us, with the harmless part of those that were asked for."""
        for name in GUARDS.MISLEADING:
            os.environ.pop(name, None)
        return GUARDS.arguments(self.address, asked, database_key)

    def url(self, driver: str) -> str:
        """SQLAlchemy's URL of it."""
        return f"postgresql+{driver}://{self._login()}/{quote(self.address['database'], safe='')}"

    def _login(self) -> str:
        user, password = (quote(self.address[key], safe="") for key in ("user", "password"))
        return f"{user}:{password}@{self.address['host']}:{self.address['port']}"

    def fill(self, template: str, driver: str) -> str:
        """`template` with {url}, {host}, {port}, {user}, {password}, {database}, {login} (quoted, for a URL) put in.

        {url@HOST} is a URL that leads to another host: it shows which variable a connection is made from.
        """
        values = {**self.address, "url": self.url(driver), "login": self._login()}
        template = re.sub(r"\{url@(\w+)\}", lambda found: f"postgresql+{driver}://pm:pm@{found[1]}:5432/pm", template)
        return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), template)


class AskedFor:
    """The environment variables that the project asked for and that are not set: what a settings library cannot find."""

    FRAMES = 15

    def __init__(self) -> None:
        self._names: dict[str, bool] = {}
        self._defaults: dict[str, str] = {}

    def listen(self, places: Any) -> None:
        """From here on. All ways to os.environ (get, getenv, `in`, [...]) go through this one method."""
        kind = type(os.environ)
        original = kind.__getitem__

        def getitem(environ: Any, key: Any) -> Any:
            try:
                return original(environ, key)
            except KeyError:
                if not self._names.get(key):
                    self._names[key] = self._by_project(places)
                self._remember_default(key, sys._getframe(1))
                raise

        kind.__getitem__ = getitem  # type: ignore[method-assign]

    def _by_project(self, places: Any) -> bool:
        """Whether the project's code asks, itself or through a settings library; an import of a package asks much."""
        frame: Any = sys._getframe(2)
        for _ in range(self.FRAMES):
            if frame is None or frame.f_code.co_filename.startswith("<frozen importlib"):
                return False
            if _of_project(os.path.realpath(frame.f_code.co_filename), places):
                return True
            frame = frame.f_back
        return False

    def _remember_default(self, key: Any, caller: Any) -> None:
        default = caller.f_locals.get("default") if caller.f_code.co_name == "get" else None
        if isinstance(default, str) and default:
            self._defaults[key] = default

    def with_default(self, dialect: Optional[str]) -> list[str]:
        """Those in whose place the project took a URL of this dialect."""
        return [name for name in self.still_missing() if re.split(r"[:+]", self._defaults.get(name, ""))[0] == dialect]

    def still_missing(self) -> list[str]:
        """Those that have not been set since."""
        there = set(os.environ)  # `name in os.environ` would come to our own ears
        return [name for name, asked in self._names.items() if asked and name not in there]


ASKED = AskedFor()


class StepTables:
    """The tables that the code of a step adds to a MetaData, and their removal.

    Alembic runs each command in a process of its own. Here many steps share one: a class that upgrade() declares, or a
    `metadata.reflect()`, would meet itself when the step is run again ("Table 'x' is already defined").
    Tables of a module that a step is the first to import stay, as the module does.
    """

    def __init__(self) -> None:
        self._added: list[tuple[Any, Any]] = []

    def listen(self, running: Callable[[], Any]) -> None:
        """From here on. `running` gives the path of the script that is at work, or None."""
        schema = importlib.import_module("sqlalchemy.schema")

        def attached(table: Any, parent: Any) -> None:
            script = running()
            if script and isinstance(parent, schema.MetaData) and self._by_code_of(script):
                self._added.append((parent, table))

        importlib.import_module("sqlalchemy.event").listen(schema.Table, "after_parent_attach", attached)

    @staticmethod
    def _by_code_of(script: str) -> bool:
        """Whether the script's function makes the table; not an import in it, nor Alembic in a MetaData of its own."""
        frame: Any = sys._getframe(2)
        while frame is not None and frame.f_code.co_filename != script:
            module = str(frame.f_globals.get("__name__"))
            if frame.f_code.co_filename.startswith("<frozen importlib") or module.startswith("alembic."):
                return False
            frame = frame.f_back
        return frame is not None

    def remove(self) -> None:
        """Take those that are still there out of their MetaData. Classes mapped to them go with the garbage."""
        added, self._added = self._added, []
        for metadata, table in added:
            if metadata.tables.get(table.key) is table:
                metadata.remove(table)
        if added:
            gc.collect()


# ---------------------------------------------------------------- guards


def guard(target: Target, report: Callable[[str, bool], None]) -> None:
    """Turn every connection of this process to the throwaway database, or refuse it. Three guards, each for itself."""
    event, pool = importlib.import_module("sqlalchemy.event"), importlib.import_module("sqlalchemy.pool")
    engine = importlib.import_module("sqlalchemy.engine").Engine
    guard_drivers(target, report)

    def do_connect(dialect: Any, record: Any, cargs: Any, cparams: Any) -> Any:
        if dialect.name == "postgresql":
            told, second = target.judge(cargs[0] if cargs else None, cparams)
            if told:
                report(told, second)
            key = "database" if dialect.driver in ("asyncpg", "pg8000") else "dbname"
            # Connecting here, rather than only changing the arguments, keeps the project's own listeners from
            # changing them back.
            return dialect.connect(**target.arguments(cparams, key))
        if dialect.name == "sqlite" and _in_memory(cargs):
            return None
        report(f"{dialect.name}: {_told(cargs, cparams)}", True)
        message = f"a {dialect.name} database was asked for; only PostgreSQL is replayed"
        raise ForeignDatabaseError(message, dialect.name)

    def connect(connection: Any, record: Any) -> None:
        record.info["premerge"] = target.generation
        try:
            _prove(connection, target.address["database"])
        except BaseException as error:
            connection.close()
            if isinstance(error, ForeignDatabaseError):
                report(str(error), True)
            raise

    def checkout(connection: Any, record: Any, proxy: Any) -> None:
        if record.info.get("premerge") != target.generation:  # its database may be gone
            raise importlib.import_module("sqlalchemy.exc").DisconnectionError("opened by an earlier command")

    event.listen(engine, "do_connect", do_connect)
    event.listen(pool.Pool, "connect", connect)
    event.listen(pool.Pool, "checkout", checkout)


def _in_memory(cargs: Any) -> bool:
    name = str(cargs[0]) if cargs else ":memory:"
    return name in ("", ":memory:") or ":memory:" in name or "mode=memory" in name


def _prove(connection: Any, database: str) -> None:
    """Raise ForeignDatabaseError unless the connection leads to `database`, whose name is random and so is a proof."""
    cursor = connection.cursor()
    try:
        if "sqlite" in type(connection).__module__:
            cursor.execute("PRAGMA database_list")
            found = next((row[2] for row in cursor.fetchall() if row[2]), database)
        else:
            cursor.execute("SELECT current_database()")
            found = cursor.fetchone()[0]
    except Exception as error:
        raise ForeignDatabaseError("a connection that is not PostgreSQL's was opened") from error
    finally:
        cursor.close()
        connection.rollback()
    if found != database:
        raise ForeignDatabaseError(f"a connection to the database {found!r} was opened past the configuration")


def _place_of(dsn: Any) -> tuple[str, str, str]:
    """Host, port and database of a URL, or of libpq's `key=value` text."""
    parts = urlsplit(str(dsn)) if "://" in str(dsn) else None
    if parts is not None:
        return (str(parts.hostname), str(parts.port or 5432), unquote(parts.path.lstrip("/")))
    given = dict(re.findall(r"(\w+)\s*=\s*'?([^\s']*)", str(dsn)))
    return (str(given.get("host")), given.get("port") or "5432", str(given.get("dbname")))


def _told(cargs: Any, cparams: Any) -> str:
    """What was asked for, without the password."""
    if cargs and isinstance(cargs[0], str) and cargs[0]:
        hidden = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", cargs[0])
        return re.sub(r"(password\s*=\s*)('(?:\\.|[^'])*'|\S+)", r"\1***", hidden)
    host, user = cparams.get("host") or "localhost", cparams.get("user")
    database = cparams.get("dbname") or cparams.get("database") or user
    return f"{user + '@' if user else ''}{host}:{cparams.get('port') or 5432}/{database}"


def guard_drivers(target: Target, report: Callable[[str, bool], None]) -> None:
    """The third guard: drivers that are used without SQLAlchemy, and child processes."""

    def redirect(dsn: Any, asked: Any, key: str) -> Any:
        told, second = target.judge(dsn, asked)
        if told:
            report(told, second)
        return target.arguments(asked, key)

    def refuse(wanted: str) -> None:
        report(wanted, True)
        raise ForeignDatabaseError(wanted)

    GUARDS.Guards(lambda: target.address, redirect, refuse).install()


# ---------------------------------------------------------------- which databases env.py migrates


class Database:
    """One of the databases that an env.py migrates, as far as it is known: its engines, where, and its version tables."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pools: list[Any] = []
        self.places: list[tuple[str, str, str]] = []
        self.tables: list[Any] = []  # the migration contexts that have them


class Databases:
    """The databases that one env.py migrates, told apart while it runs. All of them lead to the throwaway database.

    What `alembic init -t multidb` and Flask-Migrate's `--multidb` write runs the chain once for each of several
    databases. A second run may as well be for another schema of the same database, a tenant's. They are the same
    database where they use the same engine, or ask for the same place and have a version table in a schema of their own.
    """

    def __init__(self, target: Target, sections: Any) -> None:
        self.known: list[Database] = []
        self._target, self._sections = target, sections

    def of(self, migration: Any, arguments: Any) -> Database:
        """The database of a call of run_migrations."""
        engine = getattr(migration.connection, "engine", None)
        pool = getattr(engine, "pool", None)
        place = self._place(engine, arguments)
        for one in self.known:
            if any(pool is other for other in one.pools) or (place in one.places and _other_schema(one, migration)):
                found = one
                break
        else:
            found = Database(self._name(arguments, place))
            self.known.append(found)
        found.pools.append(pool)
        found.places += [place] if engine is None else [place, _place_of_url(engine.url)]
        found.tables.append(migration)
        return found

    def described(self) -> list[dict[str, Any]]:
        """For the runner."""
        told = self._target.told
        return [
            {"name": one.name, "asked": sorted({told[place] for place in one.places if place in told})}
            for one in self.known
        ]

    def _place(self, engine: Any, arguments: Any) -> tuple[str, str, str]:
        """Where the project wants it, before the configuration got our URL."""
        for value in arguments.values():
            if isinstance(value, str) and value in self._sections:
                return self._sections[value]  # type: ignore[no-any-return]
        return _place_of_url(engine.url) if engine is not None else ("None", "None", "None")

    def _name(self, arguments: Any, place: tuple[str, str, str]) -> str:
        """As the project itself calls it: the same in every run of its env.py."""
        values = list(arguments.values())
        if len(values) == 1 and isinstance(values[0], str):
            name = values[0] or "default"
        elif values:
            name = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
        else:
            name = str(len(self.known) + 1) if self._target.is_ours(place) else place[2]
        names = [one.name for one in self.known]
        return name if name not in names else f"{name} ({len(names) + 1})"


def _place_of_url(url: Any) -> tuple[str, str, str]:
    return (str(url.host), str(url.port or 5432), str(url.database))


def _other_schema(database: Database, migration: Any) -> bool:
    """Whether the version table has a schema in which the database has none yet; asked only of a second engine."""
    if any(one.version_table != migration.version_table for one in database.tables):
        return False
    return _schema(migration) not in [_schema(one) for one in database.tables]


def _schema(migration: Any) -> Optional[str]:
    """The schema of the version table; where none is named, the first of the search path."""
    if migration.version_table_schema or migration.connection is None:
        return str(migration.version_table_schema)
    connection = migration.connection
    own = connection.engine.raw_connection() if connection.closed else connection.connection
    try:
        cursor = own.cursor()
        cursor.execute("SELECT current_schema()")
        return str(cursor.fetchone()[0])
    except Exception:  # not PostgreSQL: it is refused when its turn comes
        return None
    finally:
        if connection.closed:
            own.close()


def refuse_other_dialects(migration: Any) -> None:
    """Raise where env.py would migrate SQLite in memory: a project may use that beside its database, never as it."""
    if migration.dialect.name != "postgresql":
        url = str(getattr(getattr(migration.connection, "engine", None), "url", migration.dialect.name))
        message = f"env.py migrates {url}, and not the temporary PostgreSQL database"
        raise ForeignDatabaseError(message, migration.dialect.name)


def in_one_phase(connection: Any, *_: Any) -> None:
    """Make the two-phase commits of this connection's dialect plain ones.

    Only one of the databases is migrated, a step of a walk is committed by itself, and a server has them only where
    max_prepared_transactions says so.
    """
    dialect = connection.dialect
    if "do_prepare_twophase" in vars(dialect):
        return
    dialect.do_begin_twophase = lambda connection, xid: dialect.do_begin(connection.connection)
    dialect.do_prepare_twophase = lambda connection, xid: None
    dialect.do_commit_twophase = lambda connection, *_, **__: dialect.do_commit(connection.connection)
    dialect.do_rollback_twophase = lambda connection, *_, **__: dialect.do_rollback(connection.connection)


# ---------------------------------------------------------------- which lines of a script ran


class Tracer:
    """The lines of one file that are executed between start and stop, by this thread."""

    def __init__(self) -> None:
        self.lines: set[int] = set()
        self._path = ""
        self._before: Any = None

    def start(self, path: str) -> None:
        """From here on. Every call of a function costs a little: it is for the few scripts that need it."""
        self.lines, self._path, self._before = set(), path, sys.gettrace()
        sys.settrace(self._call)

    def stop(self) -> None:
        """And no longer."""
        sys.settrace(self._before)

    def _call(self, frame: Any, _event: str, _argument: Any) -> Any:
        return self._line if frame.f_code.co_filename == self._path else None

    def _line(self, frame: Any, event: str, _argument: Any) -> Any:
        if event == "line":
            self.lines.add(frame.f_lineno)
        return self._line


# ---------------------------------------------------------------- the project's configuration


def installed(module: str) -> bool:
    """Whether the project's interpreter has it."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def choose_driver(config: Any, section: str, env_text: str) -> str:
    """The driver for the URLs that we hand out: what the project names, what its env.py needs, what is there."""
    own = POSTGRES_URL.match(_raw(config, section, "sqlalchemy.url"))
    candidates = [own[1]] if own and own[1] else []
    if re.search(r"async_engine|AsyncEngine|AsyncConnection", env_text):
        candidates += ASYNC_DRIVERS
    url = importlib.import_module("sqlalchemy.engine.url")
    default = url.make_url("postgresql://").get_dialect().driver
    candidates += [default, *DRIVERS]
    for name in candidates:
        if usable(name):
            return str(name)
    missing = DRIVERS.get(candidates[0], candidates[0])
    raise NotInstalledError(
        missing, f"no PostgreSQL driver that this SQLAlchemy knows is installed in {sys.executable}"
    )


def usable(driver: str) -> bool:
    """Whether the driver is installed, and this SQLAlchemy knows it (1.4 does not know psycopg)."""
    url = importlib.import_module("sqlalchemy.engine.url")
    try:
        url.make_url(f"postgresql+{driver}://").get_dialect()
    except Exception:  # NoSuchModuleError, or what a third party's dialect raises
        return False
    return installed(DRIVERS.get(driver, driver))


def _raw(config: Any, section: str, option: str) -> str:
    parser = config.file_config
    return str(parser.get(section, option, raw=True)) if parser.has_option(section, option) else ""


def alembic_config(job: Any) -> Any:
    """Alembic's Config as its own command line would make it."""
    module, command = importlib.import_module("alembic.config"), importlib.import_module("alembic.command")
    section = job.get("ini_section") or "alembic"
    options = argparse.Namespace(
        x=list(job.get("x") or ()) or None, config=job.get("config_file"), name=section, raiseerr=True, quiet=False,
        verbose=False, cmd=(command.upgrade, ["revision"], ["sql", "tag"]), revision="heads", sql=False, tag=None,
    )  # fmt: skip
    more = {}
    if job.get("toml_file") and "toml_file" in inspect.signature(module.Config).parameters:
        more["toml_file"] = job["toml_file"]  # an older Alembic does not read it, as on its command line
    config = module.Config(file_=job.get("config_file"), ini_section=section, cmd_opts=options, **more)
    if not config.file_config.has_section(section):
        config.file_config.add_section(section)  # everything may stand in pyproject.toml
    return config


def flask_config(job: Any, url: str) -> Any:
    """Flask-Migrate's Config, with an application context pushed; None where env.py can do without."""
    sys.argv[:] = ["flask", "db", "upgrade"]
    info = importlib.import_module("flask.cli").ScriptInfo(
        app_import_path=job.get("flask_app") or os.environ.get("FLASK_APP")
    )
    # An application whose configuration does not name a database gets ours, as one does that names another.
    flask = importlib.import_module("flask").Flask
    flask.default_config = {**flask.default_config, "SQLALCHEMY_DATABASE_URI": url}
    app = info.load_app()  # not by way of `flask db`, which says "No such command" of whatever goes wrong in here
    app.app_context().push()
    migrate = app.extensions.get("migrate")
    if migrate is None:
        return None
    directory = os.path.dirname(job["config_file"]) if job.get("config_file") else job["script_location"]
    return migrate.migrate.get_config(directory, x_arg=list(job.get("x") or ()))


def sections_of(config: Any) -> dict[str, tuple[str, str, str]]:
    """Where the PostgreSQL URL of each section of the configuration leads, as the project has it."""
    found = {}
    for section in config.file_config.sections():
        for _, value in config.file_config.items(section, raw=True):
            if POSTGRES_URL.match(value):
                found[section] = _place_of(value)
    return found


def hand_over(config: Any, target: Target, driver: str) -> None:
    """Put the throwaway database's URL wherever the configuration names a PostgreSQL one."""
    section = config.config_ini_section
    for name in [section, *config.file_config.sections()]:
        for option, value in list(config.file_config.items(name, raw=True)):
            own = POSTGRES_URL.match(value)
            if own or (name == section and option == "url"):
                named = own[1] if own and own[1] and usable(own[1]) else driver
                config.set_section_option(name, option, target.url(named).replace("%", "%%"))
    if not POSTGRES_URL.match(_raw(config, section, "sqlalchemy.url")):
        config.set_main_option("sqlalchemy.url", target.url(driver).replace("%", "%%"))
    if config.config_file_name is None:
        # A project without an ini makes its Config in code: under which name is the URL? Warehouse says `url`.
        config.set_main_option("url", target.url(driver).replace("%", "%%"))


# ---------------------------------------------------------------- what went wrong


def describe(error: BaseException, step: Any, places: Any) -> dict[str, Any]:
    """The failure as the runner wants it: the fields of outcome.Failure. `step` is None before the first one."""
    cause = error
    if isinstance(error, SystemExit) and error.__context__ is not None:
        cause = error.__context__  # `except Exception: sys.exit(1)` hides what happened
    if type(error).__name__ == "NoAppException" and _is_within(error.__context__):
        cause = error.__context__  # type: ignore[assignment]  # Flask hides an application's own errors
    database = _or_none(_database_error, cause)
    path, line = _or_none(_place, cause, step, places) or (step["path"] if step else None, None)
    failure = {
        "kind": _kind(cause, step),
        "error": type(cause).__name__,
        "message": (_or_none(_message, cause, database) or type(cause).__name__)[:CHARACTERS],
        "path": path,
        "line": line,
        "statement": str(_or_none(getattr, cause, "statement", None) or "")[:CHARACTERS] or None,
        "sqlstate": _or_none(_sqlstate, database),
        "details": "".join(_or_none(_project_frames, cause, places) or ())[-CHARACTERS:] or None,
        "refused": bool(_or_none(_refused_by_system, cause)),
    }
    if step is None:
        failure["missing"], failure["missing_kind"] = _or_none(_missing, cause) or (None, None)
        asked = ASKED.still_missing()
        if asked and not database and failure["missing_kind"] not in ("module", "driver"):
            more = f" (and {len(asked) - NAMES} before these)" if len(asked) > NAMES else ""
            told = f"Asked for in the environment, and not set: {', '.join(asked[-NAMES:])}{more}"
            failure["details"] = f"{failure['details'] or ''}\n{told}".strip()[-CHARACTERS:]
    return failure


def _or_none(ask: Callable[..., Any], *arguments: Any) -> Any:
    """What `ask` returns; None where it raises: an exception's own methods and attributes are the project's code."""
    try:
        return ask(*arguments)
    except Exception:
        return None


def _is_within(error: Optional[BaseException]) -> bool:
    """Whether an import failed inside of the application's module, rather than to find it."""
    return isinstance(error, Exception) and any(one.filename.endswith(".py") and "flask" not in one.filename.split(os.sep)
        and not one.filename.startswith("<frozen") for one in traceback.extract_tb(error.__traceback__)[1:])  # fmt: skip


def _kind(error: BaseException, step: Any) -> str:
    if step is None:
        return "unknown-revision" if any(map(_cannot_locate, _chain(error))) else "environment"
    refused = isinstance(error, NotImplementedError) or _or_none(_refuses, error, step)
    if step["direction"] == "downgrade" and refused:
        return "irreversible"
    return "migration"


def _cannot_locate(error: BaseException) -> bool:
    """Whether it is Alembic's ResolutionError. By name: Alembic may be the very module that is missing."""
    wanted = ("alembic.script.revision", "ResolutionError")
    return any((kind.__module__, kind.__name__) == wanted for kind in type(error).__mro__)


def _refuses(error: BaseException, step: Any) -> bool:
    """Whether downgrade() itself says no, by a `raise` of its own: RuntimeError("Cannot go back") is as good a word.

    What it raises because something else failed is that failure.
    """
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or error.__context__ is not None or not isinstance(error, Exception):
        return False
    last = frames[-1]
    own = last.name == "downgrade" and os.path.realpath(last.filename) == os.path.realpath(step["path"])
    return own and bool(re.match(r"raise\b", last.line or ""))


def _chain(error: Optional[BaseException]) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _refused_by_system(error: BaseException) -> bool:
    """Whether a file or the network was out of reach for this process: that may be the runner's doing."""
    return any(
        isinstance(one, OSError) and (one.errno in REFUSALS or type(one).__name__ == "gaierror")
        for one in _chain(error)
    )


def _database_error(error: BaseException) -> Any:
    """The driver's own exception in the chain, if PostgreSQL had a say in it."""
    for one in _chain(error):
        original = getattr(one, "orig", None) or one
        if _sqlstate(original):
            return original
    return None


def _sqlstate(error: Any) -> Optional[str]:
    for name in ("sqlstate", "pgcode"):
        value = getattr(error, name, None)
        if isinstance(value, str):
            return value
    fields = error.args[0] if getattr(error, "args", None) else None
    return fields.get("C") if isinstance(fields, dict) else None  # pg8000 gives PostgreSQL's fields as a dict


def _message(error: BaseException, database: Any) -> str:
    if database is None:
        if isinstance(error, SystemExit):
            return f"sys.exit({error.code!r}) was called"
        original = getattr(error, "orig", None) or error
        return str(original).strip() or type(original).__name__
    fields = database.args[0] if database.args and isinstance(database.args[0], dict) else {}
    diagnosis = getattr(database, "diag", None)
    wrapped = database.__cause__ or database
    lines = [
        getattr(diagnosis, "message_primary", None) or fields.get("M") or getattr(wrapped, "message", None),
        getattr(diagnosis, "message_detail", None) or fields.get("D") or getattr(wrapped, "detail", None),
        getattr(diagnosis, "message_hint", None) or fields.get("H") or getattr(wrapped, "hint", None),
    ]
    lines[0] = lines[0] or str(database)
    for index, word in ((1, "DETAIL"), (2, "HINT")):
        lines[index] = f"{word}: {lines[index]}" if lines[index] else None
    return "\n".join(str(line) for line in lines if line)


def _missing(error: BaseException) -> tuple[Optional[str], Optional[str]]:
    """(what, kind) of the thing whose lack this is, if it is one that can be named for certain."""
    for one in _chain(error):
        found = _missing_in(one)
        if found[1]:
            return found
    return None, None


def _missing_in(error: BaseException) -> tuple[Optional[str], Optional[str]]:
    if isinstance(error, (ModuleNotFoundError, NotInstalledError)) and error.name:
        return error.name, "driver" if error.name in DRIVERS.values() else "module"
    own = [str(error.args[0])] if isinstance(error, KeyError) and _raised_by_environ(error) else []
    if names := own or _required_fields(error) or _named_in(error):
        return ", ".join(names), "setting"
    if isinstance(error, ForeignDatabaseError) or _without_url(error):
        return ", ".join(ASKED.with_default(getattr(error, "dialect", None)) or _url_names()), "database"
    if type(error).__name__ == "NoAppException":
        return "FLASK_APP", "flask_app"
    too_old = isinstance(error, NameError) and sys.version_info < (3, 14) and _annotates_ahead(error)
    return (f">=3.14 (this was {sys.version.split()[0]})", "python") if too_old else (None, None)


def _raised_by_environ(error: KeyError) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    # By the module's name: its file is "<frozen os>" on newer Pythons.
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "os"


def _named_in(error: BaseException) -> list[str]:
    """The variables that were asked for in vain and that the error itself names: decouple, environs, starlette's
    Config, django-environ, and `raise RuntimeError("SECRET_KEY is not set")`."""
    if getattr(error, "orig", None) or _sqlstate(error) or isinstance(error, (ImportError, SyntaxError)):
        return []
    words = set(re.findall(r"\w+", str(error)))
    asked = [name for name in ASKED.still_missing() if len(name) > 2]
    # A library that puts a prefix before its names reports them without it: POSTGRES_URI for MWDB_POSTGRES_URI.
    endings = tuple(f"_{word}" for word in words if re.match(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+$|[A-Z]{5,}$", word))
    own = isinstance(error, LookupError)
    return [one for one in asked if one in words] or [one for one in asked if own and one.endswith(endings)]


def _without_url(error: BaseException) -> bool:
    return type(error).__name__ == "ArgumentError" and type(error).__module__.startswith("sqlalchemy")


def _url_names() -> list[str]:
    """The variables that were asked for in vain and that sound like the database's URL; else like a database at all."""
    asked = ASKED.still_missing()
    sound = [name for name in asked if re.search(r"(?i)database|db|sql|postgres|pg|dsn", name)]
    return [name for name in sound if re.search(r"(?i)ur[il]|dsn|conn", name)] or sound


def _required_fields(error: BaseException) -> list[str]:
    """The settings that pydantic (1 or 2) did not find, by the names of their variables."""
    if type(error).__name__ != "ValidationError" or not hasattr(error, "errors"):
        return []
    missing = [one["loc"] for one in error.errors() if str(one.get("type", "")).endswith("missing") and one.get("loc")]
    return [_variable(_settings_class(error), [str(part) for part in place]) for place in missing]


def _settings_class(error: BaseException) -> Any:
    """The settings class whose fields these are: pydantic tells its name only, so it is looked for in the frames."""
    trace = error.__traceback__
    while trace is not None:
        for name in ("__pydantic_self__", "self"):
            kind = type(trace.tb_frame.f_locals.get(name))
            if any(base.__name__ == "BaseSettings" for base in kind.__mro__):
                return kind
        trace = trace.tb_next
    return None


def _variable(kind: Any, place: list[str]) -> str:
    """The environment variable that a field is read from."""
    if kind is None:
        return place[0]
    config = getattr(kind, "model_config", None)
    if config is None:  # pydantic 1
        fields = [field for name, field in kind.__fields__.items() if place[0] in (name, field.alias)]
        named = sorted(fields[0].field_info.extra.get("env_names", ())) if fields else []
        upper = not getattr(kind.__config__, "case_sensitive", False)
        return (named[0].upper() if upper else named[0]) if named else place[0]
    alias = any(place[0] in _aliases(field) for field in kind.model_fields.values())
    prefix = "" if alias else config.get("env_prefix") or ""
    delimiter = config.get("env_nested_delimiter")
    name = prefix + (delimiter.join(place) if delimiter else place[0])
    return name if config.get("case_sensitive") else name.upper()


def _aliases(field: Any) -> list[str]:
    choices = getattr(field.validation_alias, "choices", None) or [field.validation_alias, field.alias]
    return [one for one in choices if isinstance(one, str)]


def _annotates_ahead(error: NameError) -> bool:
    """Whether an annotation names what its own module defines further down: an error until Python 3.14, which reads
    annotations late."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or not getattr(error, "name", None):
        return False
    try:
        tree = ast.parse(_text(frames[-1].filename))
    except SyntaxError:
        return False
    line, name = frames[-1].lineno or 0, error.name
    defined = any(isinstance(one, ast.ClassDef) and one.name == name and one.lineno > line for one in tree.body)
    notes = (getattr(one, "annotation", None) or getattr(one, "returns", None) for one in ast.walk(tree))
    found = [note for note in notes if note is not None and note.lineno <= line <= (note.end_lineno or line)]
    names = (part for note in found for part in ast.walk(note) if isinstance(part, ast.Name))
    return defined and any(one.id == name for one in names)


def _place(error: BaseException, step: Any, places: Any) -> tuple[Optional[str], Optional[int]]:
    """File and line: in the step's own script, else in another script, else in env.py, else in the project."""
    frames = [(os.path.realpath(one.filename), one.lineno) for one in _frames(error)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((os.path.realpath(error.filename), error.lineno))
    env = os.path.realpath(os.path.join(places["scripts"], "env.py"))
    tests: list[Callable[[str], bool]] = [
        lambda path: bool(step) and path == os.path.realpath(step["path"]),
        lambda path: path != env and any(_below(path, folder) for folder in places["versions"]),
        lambda path: path == env,
        lambda path: _of_project(path, places),
    ]
    for test in tests:
        for path, line in reversed(frames):
            if test(path):
                return path, line
    return (step["path"], None) if step else (None, None)


def _frames(error: BaseException) -> list[Any]:
    """All frames, those of the exceptions that led to this one included: SQLAlchemy raises anew."""
    return [frame for one in _chain(error) for frame in traceback.extract_tb(one.__traceback__)]


def _below(path: str, folder: str) -> bool:
    return path.startswith(folder + os.sep)


def _of_project(path: str, places: Any) -> bool:
    foreign = [os.path.realpath(place) for place in sysconfig.get_paths().values()] + [os.path.realpath(__file__)]
    if os.path.basename(path).startswith("<"):  # "<frozen importlib._bootstrap>", "<string>"
        return False
    return any(_below(path, places[name]) for name in ("scripts", "root")) and not any(
        path == one or _below(path, one) for one in foreign
    )


def _project_frames(error: BaseException, places: Any) -> Iterable[str]:
    kept = [
        one
        for one in traceback.extract_tb(error.__traceback__)
        if _of_project(os.path.realpath(one.filename), places)
        or any(_below(os.path.realpath(one.filename), folder) for folder in places["versions"])
    ]
    return [*traceback.format_list(kept), *traceback.format_exception_only(type(error), error)]


# ---------------------------------------------------------------- the session


class Worker:
    """One session: the project's configuration, its script directory, and the step that is being run."""

    def __init__(self, channel: Channel, job: Any) -> None:
        self.channel, self.job = channel, job
        self.target = Target(job["address"])
        self.step: Any = None
        self.config: Any = None
        self._started = 0.0
        self._recording = False
        self._recorded = 0
        self._wanted: set[str] = set()
        self._sections: dict[str, tuple[str, str, str]] = {}
        self._tracer: Optional[Tracer] = None
        self._loaded: Any = None
        self._loading = False
        self._acts_on_load = False
        self._unfinished: dict[Any, Any] = {}  # (revision, direction): the step and the exception that ended it
        self._caught: Optional[BaseException] = None
        self._tables = StepTables()
        self._modules: Any = None
        scripts = os.path.realpath(job["script_location"])
        versions = [os.path.realpath(place) for place in job.get("version_locations") or ()]
        root = os.path.realpath(job["directory"])
        self.places = {"scripts": scripts, "versions": versions or [os.path.join(scripts, "versions")], "root": root}

    def prepare(self) -> Any:
        """Guards, environment and configuration: all that comes before the project's own code. Returns the versions."""
        os.chdir(self.job["directory"])
        ASKED.listen(self.places)
        if self.job.get("probe"):
            self.target.observer = _load_observer(self.places)
        for name in (
            "sqlalchemy",
            "alembic",
        ):  # before the project's folder is searched: its migrations may be `alembic/`
            if not installed(name):
                raise NotInstalledError(name, f"{name} is not installed in {sys.executable}")
        sys.path.append(self.job["directory"])  # last, as `python -m alembic` would have it for what nothing shadows
        sys.argv[:] = ["alembic", "upgrade", "heads"]
        guard(self.target, self._report)
        self._modules = JUDGED_MODULES.install(self.job)
        self._listen()
        config = alembic_config(self.job)
        env_text = _text(os.path.join(self.job["script_location"], "env.py"))
        driver = choose_driver(config, config.config_ini_section, env_text)
        self._set_environment(driver)
        if "current_app" in env_text:
            config = flask_config(self.job, self.target.url(driver)) or config
        config.set_main_option("script_location", self.job["script_location"].replace("%", "%%"))
        self.config, self.driver = config, driver
        self._sections = sections_of(config)
        hand_over(config, self.target, driver)
        versions = {name: importlib.import_module(name).__version__ for name in ("alembic", "sqlalchemy")}
        return {"python": sys.version.split()[0], "driver": driver, **versions}

    def _set_environment(self, driver: str) -> None:
        for name, template in (self.job.get("environment") or {}).items():
            os.environ[name] = self.target.fill(template, driver)

    def _listen(self) -> None:
        event, engine = importlib.import_module("sqlalchemy.event"), importlib.import_module("sqlalchemy.engine")
        maintainer = importlib.import_module("alembic.runtime.migration").HeadMaintainer
        update = maintainer.update_to_step

        def update_to_step(heads: Any, step: Any) -> Any:
            self._recording = False  # from here on it is Alembic that writes, to its own version table
            return update(heads, step)

        def record(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
            self._acts_on_load = self._acts_on_load or self._loading
            if self._recording:
                self._see_beyond(statement)
                self._record(statement + (f"  -- {len(parameters)} rows" if many else ""), parameters)

        maintainer.update_to_step = update_to_step
        event.listen(engine.Engine, "before_cursor_execute", record)
        self._tables.listen(lambda: self.step["path"] if self._recording else None)
        event.listen(engine.Engine, "engine_connect", in_one_phase)

    def _record(self, statement: str, parameters: Any) -> None:
        self._recorded += 1
        if self._recorded == STATEMENTS + 1:
            statement = f"-- only the first {STATEMENTS} statements are recorded"
        if self._recorded <= STATEMENTS + 1:
            cut = "…" if len(statement) > CHARACTERS else ""
            self.channel.send("statement", sql=statement[:CHARACTERS] + cut, values=_values(parameters))

    def _see_beyond(self, statement: str) -> None:
        """Report a statement that reaches a program, a file or another server."""
        words = GUARDS.beyond_database(statement)
        if words:
            path, frame = os.path.realpath(self.step["path"]), sys._getframe(1)
            while frame.f_back is not None and os.path.realpath(frame.f_code.co_filename) != path:
                frame = frame.f_back
            line = f", line {frame.f_lineno}" if os.path.realpath(frame.f_code.co_filename) == path else ""
            self._report(f"{words} ({os.path.basename(path)}{line})", True)

    def _report(self, wanted: str, strange: bool) -> None:
        if wanted not in self._wanted:
            self._wanted.add(wanted)
            self.channel.send("connect", wanted=wanted, strange=strange)

    def serve(self) -> None:
        """Carry out the runner's commands for as long as there is a runner."""
        while True:
            command = self.channel.receive()
            if command["do"] == "address":
                self.target.move(command["address"])
                self._set_environment(self.driver)
                hand_over(self.config, self.target, self.driver)
            else:
                self._run(command)

    def _run(self, command: Any) -> None:
        self.target.generation += 1
        self.step = None
        if self._acts_on_load:
            self._loaded = None
        self._unfinished.clear()
        self._caught = None
        try:
            if command["do"] == "command":
                self._call(command["command"])
            else:
                self._run_env(command)
        except BaseException as error:  # SystemExit too: it is the project's failure, not the session's end
            self._fail(error)
        self._recording = False
        self._tables.remove()
        self._finish()

    def _finish(self) -> None:
        if self.target.observer:
            self.channel.send("observed", **self.target.observer.report())
        outside = self._modules.outside() if self._modules else []
        if outside:
            self.channel.send("outside", modules=outside)
        self.channel.send("finished")

    def _call(self, command: str) -> None:
        """The project's own virtualenv is active for it, and what it writes is told with its failure."""
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
        self.target.arguments({}, "dbname")  # no variable of env.py's leads libpq elsewhere
        code = subprocess.call(["/bin/sh", "-c", command], env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL)
        if code:
            raise CommandFailedError(f"`{command}` ended with {code}")

    def _run_env(self, command: Any) -> None:
        environment = importlib.import_module("alembic.runtime.environment")
        scripts = self._scripts()
        target = command.get("target", "heads")
        migrations = self._functions(command, scripts, target)
        context = environment.EnvironmentContext(
            self.config, scripts, fn=migrations, as_sql=False, starting_rev=None, destination_rev=target, tag=None
        )
        databases = Databases(self.target, self._sections)
        self._choose_database(context, databases, only_look=command["do"] == "databases")
        self._see_exceptions(context)
        try:
            with context:
                scripts.run_env()
        finally:
            self.channel.send("databases", databases=databases.described())
        self._refuse_unfinished()

    def _see_exceptions(self, context: Any) -> None:
        """Keep the exception with which Alembic's run_migrations() ends: env.py may catch it and go on."""
        run = context.run_migrations

        def run_migrations(**arguments: Any) -> None:
            try:
                run(**arguments)
            except BaseException as error:
                self._caught = error
                for key, (step, _) in self._unfinished.items():
                    if step is self.step:
                        self._unfinished[key] = (step, error)
                raise
            self._caught = None  # an env.py may try again

        context.run_migrations = run_migrations

    def _refuse_unfinished(self) -> None:
        """Raise what env.py has caught. A step counts only if it came to its end, whatever env.py makes of its exception."""
        for step, error in self._unfinished.values():
            self.step = step
            raise error or NotFinishedError("env.py ended without an exception in the middle of this step")
        if self._caught is not None:
            self.step = None
            raise self._caught

    def _choose_database(self, context: Any, databases: Databases, *, only_look: bool) -> None:
        """Of several databases in one env.py run only the job's, else the first. All of them lead to the same one here,
        and two of them would meet in its version table.
        """
        run = context.run_migrations

        def run_migrations(**arguments: Any) -> None:
            migration = context.get_context()
            database = databases.of(migration, arguments)
            if only_look or database.name != (self.job.get("database") or databases.known[0].name):
                return
            refuse_other_dialects(migration)
            run(**arguments)

        context.run_migrations = run_migrations

    def _functions(self, command: Any, scripts: Any, target: str) -> Callable[..., Iterator[Any]]:
        if command["do"] in ("upgrade", "downgrade"):
            find = scripts._upgrade_revs if command["do"] == "upgrade" else scripts._downgrade_revs
            return lambda heads, context: self._announced(lambda: find(target, heads), context)
        if command["do"] == "compare":
            return lambda heads, context: self._compared(scripts, heads, context)
        if command["do"] == "databases":
            return lambda heads, context: iter(())
        if command["do"] == "stamp":
            return lambda heads, context: iter(scripts._stamp_revs(target, heads))
        pending = [iter(command["steps"])]  # an env.py with several schemas asks again: the walk is for the first

        def walk(heads: Any, context: Any) -> Iterator[Any]:
            self._configured(context)
            scripts.get_heads()  # what the scripts do while they are loaded is none of the first revision's doing
            return self._walked(self._steps(scripts, pending.pop() if pending else ()), context, command.get("pause"))

        return walk

    def _scripts(self) -> Any:
        """The script directory, one for a session: it loads its scripts once, which takes longer than running them.

        It loads them where Alembic itself does: when run_migrations first asks for a revision, after all that env.py
        imports before it. A project's modules may depend on that order. Scripts that send SQL while they are loaded are
        loaded again for each command, as on Alembic's command line: another command may mean another database.
        """
        if self._loaded is None:
            scripts = importlib.import_module("alembic.script").ScriptDirectory.from_config(self.config)
            if self.job.get("version_locations"):
                scripts.version_locations = self.job["version_locations"]
            self.places["versions"] = [os.path.realpath(str(place)) for place in scripts._version_locations]
            self._watch_loading(scripts.revision_map)
            self._loaded = scripts
        return self._loaded

    def _watch_loading(self, revision_map: Any) -> None:
        load = getattr(revision_map, "_generator", None)
        if load is None:
            return

        def loading() -> Iterator[Any]:
            self._loading = True
            try:
                yield from load()
            finally:
                self._loading = False

        revision_map._generator = loading

    def _steps(self, scripts: Any, steps: Any) -> Iterator[Any]:
        kind = importlib.import_module("alembic.runtime.migration").MigrationStep
        for revision, direction in steps:
            make = kind.upgrade_from_script if direction == "upgrade" else kind.downgrade_from_script
            yield make(scripts.revision_map, scripts.get_revision(revision))

    def _configured(self, context: Any) -> None:
        self.channel.send("configured", table=context.version_table, schema=context.version_table_schema)

    def _compared(self, scripts: Any, heads: Any, context: Any) -> Iterator[Any]:
        """No step, and the answer: what `alembic check` would find, env.py's own hooks included."""
        metadata = context.opts.get("target_metadata")
        tables = [one.tables for one in (metadata if isinstance(metadata, (list, tuple)) else [metadata]) if one]
        if not any(tables):  # none at all, or an empty one, whose models nobody has imported
            self.channel.send("compared", operations=None)
            return iter(())
        module = importlib.import_module("alembic.autogenerate.api")
        arguments = dict.fromkeys("message branch_label version_path rev_id depends_on".split())
        revision = module.RevisionContext(
            self.config, scripts, {**arguments, "autogenerate": True, "sql": False, "head": "head", "splice": False}
        )
        revision.run_autogenerate(heads, context)
        found = [
            operation
            for script in revision.generated_revisions[-1:]
            for operations in script.upgrade_ops_list
            for operation in _operations(operations)
            if not _is_false_drop(operation, tables, context.dialect)
        ]
        lines = [_code(module.AutogenContext(context, opts=context.opts), operation) for operation in found]
        self.channel.send("compared", operations=lines)
        return iter(())

    def _announced(self, find: Callable[[], Any], context: Any) -> Iterator[Any]:
        self._configured(context)
        for step in find():
            self._begin(step)
            yield step
            self._end()

    def _walked(self, steps: Any, context: Any, pause: Any) -> Iterator[Any]:
        """The steps; resumed only after Alembic has written the version table for the last one."""
        if pause:  # what env.py itself makes, a schema say, is none of the first revision's doing
            context.connection.connection.commit()
            if not self._may_go_on():
                return
        for step in steps:
            self._begin(step)
            yield step
            # Alembic would remember the enums that this step made and not see that the next step drops them.
            context.impl.memo.clear()
            self._tables.remove()
            # At the driver, so that it holds whatever transaction env.py has opened, `engine.begin()` included.
            context.connection.connection.commit()
            self._end()
            if pause and not self._may_go_on():
                return

    def _may_go_on(self) -> bool:
        self.channel.send("paused")
        return bool(self.channel.receive()["do"] == "go")

    def _begin(self, step: Any) -> None:
        direction = "upgrade" if step.is_upgrade else "downgrade"
        self.step = {"revision": step.revision.revision, "direction": direction, "path": step.revision.path}
        self._unfinished[self.step["revision"], direction] = (self.step, None)
        self.channel.send("step", revision=self.step["revision"], direction=direction)
        self._recorded, self._recording, self._started = 0, True, time.perf_counter()
        if self.step["revision"] in (self.job.get("trace") or ()):
            self._lines()  # of one that env.py tries once more
            self._tracer = Tracer()
            self._tracer.start(self.step["path"])

    def _end(self) -> None:
        self._recording = False
        self._unfinished.pop((self.step["revision"], self.step["direction"]), None)
        seconds, lines = time.perf_counter() - self._started, self._lines()
        self.channel.send("done", seconds=seconds, lines=lines)

    def _lines(self) -> Optional[list[int]]:
        tracer, self._tracer = self._tracer, None
        if tracer is None:
            return None
        tracer.stop()
        return sorted(tracer.lines)

    def _fail(self, error: BaseException) -> None:
        self._recording = False
        self._lines()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # the project may have closed it
                continue
        self.channel.send("failed", failure=describe(error, self.step, self.places))

    def prepare_or_fail(self) -> bool:
        """Say ready; or say what is in the way, and return False."""
        try:
            versions = self.prepare()
        except BaseException as error:
            self._fail(error)
            self._finish()
            return False
        self.channel.send("ready", protocol=PROTOCOL, **versions)
        return True


def _load_observer(places: Any) -> Any:
    module = load_beside("observer")
    observer = module.Observer(lambda file: _of_project(os.path.realpath(file), places))
    observer.listen()
    return observer


def _values(parameters: Any) -> list[str]:
    """Bound parameters as text, those of many rows one row after the other."""
    rows = parameters if isinstance(parameters, list) else [parameters]
    values = [
        repr(value)
        for row in rows
        for value in ([row[key] for key in sorted(row)] if isinstance(row, dict) else row or ())
    ]
    if len(values) > VALUES:
        values[VALUES:] = ["".join(values[VALUES:])]
    return [
        value if len(value) <= VALUE_CHARACTERS else hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
        for value in values
    ]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _operations(container: Any) -> Iterator[Any]:
    """The operations in it, those of each table one by one, as `alembic check` counts them."""
    for operation in container.ops:
        if hasattr(operation, "ops"):
            yield from _operations(operation)
        else:
            yield operation


def _is_false_drop(operation: Any, metadata: Any, dialect: Any) -> bool:
    """Whether the operation drops the check of an `Enum` or `Boolean(create_constraint=True)` that the models still have.

    Only two versions of Alembic report these (alembic#1859): they read the check in the database and leave it out in the
    models.
    """
    check = getattr(operation, "constraint_type", None) == "check" and type(operation).__name__ == "DropConstraintOp"
    if not check or importlib.import_module("alembic").__version__ not in ("1.19.0", "1.19.1"):
        return False
    schemas = (operation.schema, operation.schema or dialect.default_schema_name)
    return any(
        _makes(constraint, operation, dialect)
        for tables in metadata
        for table in tables.values()
        if table.name == operation.table_name and table.schema in schemas
        for constraint in table.constraints
        if getattr(constraint, "_type_bound", False)
    )


def _makes(constraint: Any, operation: Any, dialect: Any) -> bool:
    """Whether this check in the models is the one that the operation drops; without a name by its only column."""
    preparer = dialect.identifier_preparer
    name = preparer.format_constraint(constraint, _alembic_quote=False)
    if name is not None:
        return bool(name == operation.constraint_name)
    condition = str(getattr(operation.to_constraint(), "sqltext", ""))
    start = "|".join(re.escape(text) for one in constraint.columns for text in (one.name, preparer.quote(one.name)))
    made_by_server = re.search(r"_check\d*$", str(operation.constraint_name))
    return bool(made_by_server and start and re.match(rf"\(*(?:{start})\)?(?:::[\w ]+)?\s*=", condition))


def _code(context: Any, operation: Any) -> str:
    """An operation as autogenerate would write it."""
    render = importlib.import_module("alembic.autogenerate.render")
    try:
        return str(render.render_op_text(context, operation))[:CHARACTERS]
    except Exception:  # a type or an operation of the project's own, for which nobody wrote a renderer
        return repr(operation.to_diff_tuple() if hasattr(operation, "to_diff_tuple") else operation)[:CHARACTERS]


def leave_no_bytecode() -> None:
    """Compiled files are read everywhere, and written among the installed packages only.

    A prefix for all of them (PYTHONPYCACHEPREFIX) would have SQLAlchemy compiled anew on every new machine: 2 seconds.
    """
    loader = importlib.machinery.SourceFileLoader
    write = loader.set_data
    packages = [sysconfig.get_paths()[name] for name in ("purelib", "platlib", "stdlib")]

    def set_data(self: Any, path: str, data: Any, **more: Any) -> None:
        if any(_below(path, folder) for folder in packages):
            write(self, path, data, **more)

    loader.set_data = set_data  # type: ignore[method-assign]
    sys.dont_write_bytecode = False  # the variable was for what the project may start


def main() -> None:
    """Serve one runner."""
    here = os.path.dirname(os.path.realpath(__file__))
    # Python put our own folder first: a plan.py or catalog.py of ours must not stand before the project's.
    sys.path[:] = [place for place in sys.path if os.path.realpath(place or os.getcwd()) != here]
    leave_no_bytecode()
    channel = Channel(int(sys.argv[1]), int(sys.argv[2]))
    worker = Worker(channel, channel.receive())
    if worker.prepare_or_fail():
        worker.serve()


if __name__ == "__main__":
    main()
