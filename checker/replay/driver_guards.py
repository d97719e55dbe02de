"""Guards on PostgreSQL drivers and on child processes: what they reach is the temporary database.

A part of the worker, loaded by its path as `observer.py` is: standard library only, Python 3.9 and up. The Python processes
that the project starts load it too (`children/sitecustomize.py`).

Each driver is changed at the level that everything else in it goes through, when it is imported or at once if it has been
already. Project code that sets out to get round this can: the confinement of the process (docs/security.md) is what stops it.
"""

from __future__ import annotations

import functools
import importlib.machinery
import inspect
import os
import re
import shlex
import sys
from collections.abc import Iterator
from typing import Any, Callable, Optional

# What may stay of a project's own connection arguments. Nothing in it says where to connect, or as whom.
HARMLESS = frozenset(
    "options application_name fallback_application_name connect_timeout client_encoding keepalives keepalives_idle "
    "keepalives_interval keepalives_count tcp_user_timeout connection_factory cursor_factory async_ async row_factory "
    "context autocommit prepare_threshold server_settings timeout command_timeout statement_cache_size loop "
    "prepared_statement_cache_size prepared_statement_name_func max_cached_statement_lifetime record_class "
    "max_cacheable_statement_size connection_class tcp_keepalive replication async_fallback startup_params".split()
)
# libpq and asyncpg read these for what they are not told. An env.py that loads a .env file may set them at any time.
MISLEADING = (
    "PGHOSTADDR PGSERVICE PGSERVICEFILE PGSYSCONFDIR PGSSLMODE PGSSLROOTCERT PGSSLCERT PGSSLKEY PGTARGETSESSIONATTRS "
    "PGREQUIRESSL PGCHANNELBINDING PGREQUIREAUTH PGPASSFILE PGGSSENCMODE"
).split()
LIBPQ = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGPASSWORD": "password", "PGDATABASE": "database"}
NO_FILE = "/nonexistent/alembic-premerge"
CHILDREN = os.path.join(os.path.dirname(os.path.realpath(__file__)), "children")
# Modules that open a database's connection themselves, with a socket of Python's
CLIENTS = frozenset("asyncpg pg8000 postgresql pymysql aiomysql mysql pytds oracledb".split())
PROGRAM = re.compile(
    r"(?:psql|pg_dump|pg_dumpall|pg_restore|createdb|dropdb|createuser|dropuser|vacuumdb|reindexdb|clusterdb|pg_isready|"
    r"pg_basebackup|pgbench)"
)
OPTION = re.compile(r"(?:-h|--host[= ]|-p|--port[= ])(.+)", re.S)
CONNINFO = re.compile(r"\s*(?:\w+\s*=\s*(?:'(?:\\.|[^'\\])*'|[^\s']*)\s*)+", re.S)
SETTING = re.compile(r"(?<!\w)(\w+)\s*=\s*(?:'((?:\\.|[^'\\])*)'|([^\s']*))", re.S)


def arguments(address: Any, asked: Any, database_key: str) -> Any:
    """Connection arguments that lead to `address`, with the harmless part of those that were asked for."""
    login = {key: address[key] for key in ("host", "port", "user", "password")}
    kept = {key: value for key, value in asked.items() if key in HARMLESS}
    return {**kept, **login, database_key: address["database"]}


def libpq_variables(address: Any) -> dict[str, str]:
    """The environment variables by which libpq goes to `address` by default, and to no file for another."""
    found = {name: str(address[key]) for name, key in LIBPQ.items() if address.get(key) is not None}
    return {**found, "PGSERVICEFILE": NO_FILE, "PGSYSCONFDIR": NO_FILE, "PGPASSFILE": NO_FILE}


def is_at(address: Any, host: Any, port: Any) -> bool:
    """Whether a socket's address is the server's; a host name is taken for any IP address."""
    ours = str(address["host"])
    numeric = bool(re.fullmatch(r"[\d.]+|[\da-fA-F]*:[\da-fA-F:]*", ours))
    return str(port) == str(address["port"]) and (not numeric or str(host) == ours)


class Guards:
    """`address` gives the temporary database of the moment. `redirect(dsn, asked, key)` gives the arguments for a
    connection and takes notice of what was asked for; `refuse(text)` raises.
    """

    def __init__(
        self, address: Callable[[], Any], redirect: Callable[[Any, Any, str], Any], refuse: Callable[[str], None]
    ) -> None:
        self._address, self._redirect, self._refuse = address, redirect, refuse
        self._patches: dict[str, Callable[[Any], None]] = {
            "psycopg2._psycopg": self._psycopg2_c,
            "psycopg2": self._psycopg2,
            "psycopg.pq": self._psycopg_pq,
            "psycopg.generators": self._psycopg_generators,
            "psycopg": self._psycopg,
            "asyncpg.connect_utils": self._asyncpg_address,
            "asyncpg": self._asyncpg,
            "pg8000.core": self._pg8000,
        }
        self._events: dict[str, Callable[[Any], None]] = {
            "ctypes.dlsym": self._symbol,
            "ctypes.dlsym/handle": self._symbol,
            "socket.connect": self._socket,
            "subprocess.Popen": lambda given: self._program(given[1]),
            "os.posix_spawn": lambda given: self._program(given[1]),
            "os.exec": lambda given: self._program(given[1]),
            "os.system": lambda given: self._program(given[0]),
            **dict.fromkeys(("os.spawn", "os.fork", "os.forkpty", "pty.spawn"), self._lead_children),
        }

    def install(self) -> None:
        """From here on, in this process and in those that it starts."""
        sys.meta_path.insert(0, self)
        for name, patch in self._patches.items():
            if name in sys.modules:  # a .pth file or a sitecustomize was here before us
                patch(sys.modules[name])
        self._guard_children()
        sys.addaudithook(self._audit)

    # ------------------------------------------------------------ modules

    def find_spec(self, name: str, path: Any = None, module: Any = None) -> Any:
        """Python's question to a finder: where a module comes from. A reload asks as well."""
        patch = self._patches.get(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path, module) if patch else None
        if patch is None or spec is None or spec.loader is None:
            return None
        loader, execute = spec.loader, spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            patch(module)

        loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec

    def _text(self, dsn: Any, parse: Callable[[Any], Any]) -> Any:
        """A libpq connection text that leads to us; one that libpq cannot read stays, and fails."""
        try:
            asked = {key: value for key, value in (parse(dsn) if dsn else {}).items() if value is not None}
        except Exception:
            return dsn
        found = self._redirect(None, asked, "dbname")
        quoted = {key: re.sub(r"([\\'])", r"\\\1", str(value)) for key, value in found.items()}
        return " ".join(f"{key}='{value}'" for key, value in quoted.items())

    def _psycopg2_c(self, module: Any) -> None:
        if hasattr(module._connect, "_premerge"):
            return
        base, original, text = module.connection, module._connect, self._text

        def __init__(connection: Any, dsn: Any = None, *more: Any, **asked: Any) -> None:  # noqa: N807
            base.__init__(connection, text(dsn, module.parse_dsn), *more, **asked)

        guarded = type("connection", (base,), {"__init__": __init__, "__module__": base.__module__, "__slots__": ()})

        def _connect(dsn: Any = None, connection_factory: Any = None, *more: Any, **asked: Any) -> Any:
            made = original(text(dsn, module.parse_dsn), connection_factory or guarded, *more, **asked)
            found = made.get_dsn_parameters().get("dbname") if hasattr(made, "get_dsn_parameters") else None
            if found is not None and found != self._address()["database"]:
                made.close()
                self._refuse(f"a connection to the database {found!r} was opened past the configuration")
            return made

        _connect._premerge = True  # type: ignore[attr-defined]
        module._connect, module.connection = _connect, guarded
        for name in ("psycopg2", "psycopg2.extensions", "psycopg2.extras"):  # which have taken the names over
            names = vars(sys.modules[name]) if name in sys.modules else {}
            names.update({key: guarded for key, value in names.items() if value is base})
            names.update({key: _connect for key, value in names.items() if value is original})
        _derive_from(guarded, base)

    def _psycopg2(self, module: Any) -> None:
        if "psycopg2._psycopg" in sys.modules:
            self._psycopg2_c(sys.modules["psycopg2._psycopg"])
        original = module.connect
        if hasattr(original, "_premerge"):
            return

        @functools.wraps(original)
        def connect(dsn: Any = None, connection_factory: Any = None, cursor_factory: Any = None, **asked: Any) -> Any:
            found = self._redirect(dsn, asked, "dbname")
            return original(connection_factory=connection_factory, cursor_factory=cursor_factory, **found)

        connect._premerge = True  # type: ignore[attr-defined]
        module.connect = connect

    def _conninfo(self, conninfo: Any) -> Any:
        binary = isinstance(conninfo, (bytes, bytearray, memoryview))
        text = bytes(conninfo).decode("utf-8", "surrogateescape") if binary else conninfo
        pq = sys.modules["psycopg.pq"]

        def parse(dsn: str) -> dict[str, str]:
            options = pq.Conninfo.parse(dsn.encode("utf-8", "surrogateescape"))
            return {one.keyword.decode(): one.val.decode("utf-8", "replace") for one in options if one.val is not None}

        found = self._text(text, parse)
        return found.encode("utf-8", "surrogateescape") if binary else found

    def _psycopg_pq(self, module: Any) -> None:
        base, conninfo = module.PGconn, self._conninfo
        if hasattr(base, "_premerge"):
            return

        class Kind(type(base)):  # type: ignore[misc]
            """The class that stands for the one in C, which nobody can change and whose instances stay its own."""

            def __instancecheck__(cls, one: Any) -> bool:
                return isinstance(one, base)

        def connect(cls: Any, info: Any) -> Any:
            return base.connect(conninfo(info))

        def connect_start(cls: Any, info: Any) -> Any:
            return base.connect_start(conninfo(info))

        members = {"connect": classmethod(connect), "connect_start": classmethod(connect_start), "_premerge": True}
        guarded = Kind("PGconn", (base,), {**members, "__module__": base.__module__})
        module.PGconn = guarded

    def _psycopg_generators(self, module: Any) -> None:
        original = module.connect
        if hasattr(original, "_premerge"):
            return

        @functools.wraps(original)
        def connect(conninfo: Any = "", **more: Any) -> Any:
            return original(self._conninfo(conninfo), **more)

        connect._premerge = True  # type: ignore[attr-defined]
        module.connect = connect
        guarded = sys.modules["psycopg.pq"].PGconn
        for package in ("psycopg_binary", "psycopg_c"):  # only now: the one module of C checks the other's class
            if f"{package}._psycopg" in sys.modules:
                sys.modules[f"{package}._psycopg"].connect = connect  # type: ignore[attr-defined]
                sys.modules[f"{package}.pq"].PGconn = guarded  # type: ignore[attr-defined]

    def _psycopg(self, module: Any) -> None:
        for name, patch in (("psycopg.pq", self._psycopg_pq), ("psycopg.generators", self._psycopg_generators)):
            if name in sys.modules:
                patch(sys.modules[name])
        for owner in (module.Connection, module.AsyncConnection):
            if not hasattr(owner.connect, "_premerge"):
                owner.connect = classmethod(self._psycopg_connect(owner.connect.__func__))
        module.connect = module.Connection.connect

    def _psycopg_connect(self, original: Any) -> Any:
        @functools.wraps(original)
        def connect(cls: Any, conninfo: str = "", **asked: Any) -> Any:
            return original(cls, "", **self._redirect(conninfo, asked, "dbname"))

        connect._premerge = True  # type: ignore[attr-defined]
        return connect

    def _asyncpg_address(self, module: Any) -> None:
        original = module._connect_addr
        if hasattr(original, "_premerge"):
            return

        def _connect_addr(*, addr: Any, params: Any, **more: Any) -> Any:
            host, port = addr if isinstance(addr, tuple) else (os.path.dirname(addr), addr.rpartition(".")[2])
            found = self._redirect(None, {"host": host, "port": port, "database": params.database}, "database")
            params = params._replace(**{key: found[key] for key in ("user", "password", "database")})
            place = (found["host"], int(found["port"]))
            if place[0].startswith("/"):
                place = f"{place[0]}/.s.PGSQL.{place[1]}"  # type: ignore[assignment]
            return original(addr=place, params=params, **more)

        _connect_addr._premerge = True  # type: ignore[attr-defined]
        module._connect_addr = _connect_addr

    def _asyncpg(self, module: Any) -> None:
        if "asyncpg.connect_utils" in sys.modules:
            self._asyncpg_address(sys.modules["asyncpg.connect_utils"])
        original = module.connect
        if hasattr(original, "_premerge"):
            return

        @functools.wraps(original)
        def connect(dsn: Any = None, **asked: Any) -> Any:
            return original(**self._redirect(dsn, asked, "database"))

        connect._premerge = True  # type: ignore[attr-defined]
        module.connect = module.connection.connect = connect

    def _pg8000(self, module: Any) -> None:
        original = module.CoreConnection.__init__
        if hasattr(original, "_premerge"):
            return
        names = list(inspect.signature(original).parameters)[1:]

        def connect(connection: Any, *given: Any, **asked: Any) -> None:
            original(connection, **self._redirect(None, {**dict(zip(names, given)), **asked}, "database"))

        connect._premerge = True  # type: ignore[attr-defined]
        module.CoreConnection.__init__ = connect

    # ------------------------------------------------------------ what goes round the modules

    def _audit(self, event: str, given: Any) -> None:
        handle = self._events.get(event)
        if handle is not None:
            handle(given)

    def _symbol(self, given: Any) -> None:
        """libpq by way of ctypes; psycopg without its C part uses it so, and is guarded itself."""
        name = given[1]
        if not isinstance(name, str) or not re.match(r"PQ(connect|setdb)", name):
            return
        if not any(one.startswith("psycopg.pq") for one in _modules()):
            self._refuse(f"libpq's {name} by way of ctypes")

    def _socket(self, given: Any) -> None:
        place, address = given[1], self._address()
        if isinstance(place, tuple):
            strange = not is_at(address, place[0], place[1])
        else:
            strange = ".s.PGSQL." in os.fsdecode(place) and not str(address["host"]).startswith("/")
        if strange and any(one.partition(".")[0] in CLIENTS for one in _modules()):
            shown = f"{place[0]}:{place[1]}" if isinstance(place, tuple) else os.fsdecode(place)
            self._refuse(f"a connection of a database driver to {shown}")

    # ------------------------------------------------------------ child processes

    def _program(self, argv: Any) -> None:
        """Refuse PostgreSQL's programs where their arguments name another server."""
        self._lead_children()
        words = list(_words(argv))
        named = next((one for one in words if PROGRAM.fullmatch(os.path.basename(one))), None)
        for option, value in _servers(words) if named else ():
            if self._is_another(option, value):
                hidden = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", value)
                self._refuse(f"{named} with the {option} {hidden}")

    def _is_another(self, option: str, value: str) -> bool:
        address = self._address()
        if option == "URL":
            place = re.sub(r"^[^/]*//([^/?]*@)?", "", value)
            led_on = re.search(r"[?&](host|hostaddr|service|port)=", place) is not None
            host, port = re.findall(r"^(.*?)(?::(\d+))?$", re.split(r"[/?]", place)[0])[0]
            ours = is_at(address, host or address["host"], port or address["port"])  # what is not given is ours
            return led_on or not ours
        return option == "service" or value != str(address["port" if option == "port" else "host"])

    def environment(self, given: Any) -> dict[str, str]:
        """The environment of a child process: libpq's variables lead to us, and a Python starts with these guards."""
        kept = {os.fsdecode(name): os.fsdecode(value) for name, value in given.items()}
        for name in MISLEADING:
            kept.pop(name, None)
        places = [place for place in kept.get("PYTHONPATH", "").split(os.pathsep) if place and place != CHILDREN]
        return {**kept, **libpq_variables(self._address()), "PYTHONPATH": os.pathsep.join([CHILDREN, *places])}

    def _lead_children(self, *_: Any) -> None:
        """Set the variables for children that inherit this process's own, unseen by os.environ."""
        environ = os.environ.copy()
        changed = self.environment(environ)
        for name in MISLEADING:
            os.unsetenv(name)
        for name in (*libpq_variables(self._address()), "PYTHONPATH"):
            os.putenv(name, changed[name])

    def _guard_children(self) -> None:
        """Wrap what takes an environment of its own for a child. os.spawn* and os.exec*e go through these."""
        self._lead_children()
        for name, place in (("execve", 2), ("posix_spawn", 2), ("posix_spawnp", 2)):
            if hasattr(os, name):
                setattr(os, name, self._with_environment(getattr(os, name), place))
        native = sys.modules.get("_posixsubprocess")
        if native is None:
            try:
                native = importlib.import_module("_posixsubprocess")
            except ImportError:  # Windows
                return
        fork = native.fork_exec

        def fork_exec(*given: Any) -> Any:
            values = list(given)
            if values[5] is None:
                self._lead_children()
            else:
                pairs = (os.fsdecode(one).partition("=") for one in values[5])
                environ = self.environment({name: value for name, _, value in pairs})
                values[5] = [os.fsencode(f"{name}={value}") for name, value in environ.items()]
            return fork(*values)

        native.fork_exec = fork_exec  # type: ignore[attr-defined]
        if hasattr(sys.modules.get("subprocess"), "_fork_exec"):
            sys.modules["subprocess"]._fork_exec = fork_exec  # type: ignore[attr-defined]

    def _with_environment(self, original: Any, place: int) -> Any:
        @functools.wraps(original)
        def call(*given: Any, **more: Any) -> Any:
            values = list(given)
            if len(values) > place:
                values[place] = self.environment(values[place])
            elif "env" in more:
                more["env"] = self.environment(more["env"])
            return original(*values, **more)

        return call


def _derive_from(guarded: Any, base: Any) -> None:
    """Put a class between another and those derived from that one before."""
    for kind in base.__subclasses__():
        if kind is not guarded:
            try:
                kind.__bases__ = tuple(guarded if one is base else one for one in kind.__bases__)
            except TypeError:  # another layout: what it opens is seen by _connect
                continue


def _words(argv: Any) -> list[str]:
    """The words of a command; those of a shell's command one by one."""
    if isinstance(argv, (str, bytes)):
        return _split(os.fsdecode(argv))
    words = [os.fsdecode(one) for one in argv or ()]
    if len(words) > 2 and words[1] == "-c" and os.path.basename(words[0]) in ("sh", "bash", "dash", "ash", "zsh"):
        return _split(words[2])
    return words


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


# Quoted text and comments of SQL; what is between dollars may be a block that is run
_ASIDE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.S)
_BEYOND = {
    "COPY with a program": r"\bCOPY\b[^;]*\b(?:TO|FROM)\s+PROGRAM\b",
    "dblink": r"\bdblink(?:_connect\w*|_exec|_send_query)?\s*\(",
    "IMPORT FOREIGN SCHEMA": r"\bIMPORT\s+FOREIGN\s+SCHEMA\b",
    "CREATE SERVER": r"\bCREATE\s+SERVER\b",
    "CREATE SUBSCRIPTION": r"\bCREATE\s+SUBSCRIPTION\b",
    "a large object in a file": r"\blo_(?:import|export)\s*\(",
    "a file of the server": r"\bpg_(?:read_file|read_binary_file|ls_dir)\s*\(",
}
_HINT = re.compile(r"program|dblink|foreign|server|subscription|lo_|pg_read|pg_ls", re.I)  # few statements come further


def beyond_database(statement: str) -> Optional[str]:
    """What a statement reaches beyond its own database, in words; None where that is nothing."""
    if not _HINT.search(statement):
        return None
    plain = _ASIDE.sub("''", statement)
    return next((words for words, pattern in _BEYOND.items() if re.search(pattern, plain, re.I)), None)


def _servers(words: list[str]) -> Iterator[tuple[str, str]]:
    """The servers that the arguments of one of PostgreSQL's programs name: (option, value)."""
    for place, word in enumerate(words):
        following = "" if word.endswith("=") else " ".join(words[place + 1 : place + 2])
        found = OPTION.fullmatch(f"{word} {following}" if word.startswith("--") and "=" not in word else word)
        if word in ("-h", "-p"):
            yield {"-h": "host", "-p": "port"}[word], following
        elif found:
            yield ("host" if word.startswith(("-h", "--host")) else "port"), found[1]
        elif re.match(r"(?:--dbname=|-d)?postgres(?:ql)?://", word):
            yield "URL", re.sub(r"^(?:--dbname=|-d)", "", word)
        elif CONNINFO.fullmatch(word.removeprefix("--dbname=")):
            for name, quoted, plain in SETTING.findall(word):
                if name in ("host", "hostaddr", "port", "service"):
                    yield ("host" if name == "hostaddr" else name), quoted or plain


def _modules() -> list[str]:
    """The modules whose functions are being run, the innermost first."""
    found: list[str] = []
    frame: Optional[Any] = sys._getframe(1)
    while frame is not None:
        found.append(str(frame.f_globals.get("__name__")))
        frame = frame.f_back
    return found


def guard_child() -> None:
    """In a Python that the project started: everything goes to the database that libpq's variables name."""
    address = {key: os.environ[name] for name, key in LIBPQ.items()}

    def redirect(dsn: Any, asked: Any, key: str) -> Any:
        return arguments({**address, "port": int(address["port"])}, asked, key)

    def refuse(wanted: str) -> None:
        raise ConnectionRefusedError(f"alembic-premerge refused {wanted}: only the temporary database may be reached")

    Guards(lambda: address, redirect, refuse).install()
