"""Ways by which a migration could reach another database, as a table: the code, and what the guards alone make of it.

`guards`: "redirected" (it reached the temporary database), "refused", or "not" (the guards do not stop it; the confinement
of the process or of the server has to).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """Code of upgrade(). DSN, URL, HOST, PORT, USER, PASSWORD and DATABASE lead to the other server."""

    name: str
    code: str
    guards: str = "redirected"
    short: bool = False
    """Whether the suite tries it; `make faults` tries all."""
    sitecustomize: str = ""
    """What runs before our guards do."""
    layers: str = ""
    """What every layer makes of it, where that is not what the guards do: "neither" is a child that failed by itself."""


SQL = "CREATE TABLE trespass (id int)"
_PSYCOPG2 = f"; c = other.cursor(); c.execute({SQL!r}); other.commit()"
_PQ = f".exec_({SQL.encode()!r})"
_CHILD = "import psycopg2; other = psycopg2.connect(%r)" + _PSYCOPG2
_LOGIN = "env = dict(os.environ, PGHOST=HOST, PGPORT=str(PORT), PGUSER=USER, PGPASSWORD=PASSWORD, PGDATABASE=DATABASE)"
_PRISTINE = (
    "import psycopg2, importlib.machinery, importlib.util\n"
    "spec = importlib.machinery.PathFinder.find_spec('psycopg2._psycopg', psycopg2.__path__)\n"
    "raw = importlib.util.module_from_spec(spec); spec.loader.exec_module(raw)\n"
)
_LIBPQ = (
    "import ctypes, glob, psycopg_binary\n"
    "libpq = ctypes.CDLL(glob.glob(os.path.dirname(psycopg_binary.__file__) + '.libs/libpq-*')[0])\n"
    "libpq.PQconnectdb.restype = ctypes.c_void_p\n"
    "other = libpq.PQconnectdb(DSN.encode())\n"
    f"libpq.PQexec(ctypes.c_void_p(other), {SQL.encode()!r})"
)
_MULTI = (
    "import multiprocessing, helper\n"
    "one = multiprocessing.get_context('{}').Process(target=helper.go, args=(DSN,)); one.start(); one.join()"
)
_CONNECTION = (
    "import psycopg2, psycopg2.extensions\n"
    "class Mine({}):\n"
    "    def __init__(self, dsn, **more): super().__init__(DSN, **more)\n"
    "other = psycopg2.connect('dbname=x', connection_factory=Mine)" + _PSYCOPG2
)
_EXTENSION = "op.execute('CREATE EXTENSION {}')\n"
_PSQL = f"'psql', '-qc', {SQL!r}"

WAYS = (
    Way("psycopg.pq.PGconn.connect", "import psycopg.pq; psycopg.pq.PGconn.connect(DSN.encode())" + _PQ, short=True),
    Way(
        "psycopg.pq.PGconn.connect_start",
        "import psycopg, psycopg.waiting, psycopg.generators\n"
        f"psycopg.waiting.wait_conn(psycopg.generators._connect(DSN), 1){_PQ}",
    ),
    Way(
        "psycopg.generators.connect",
        f"import psycopg, psycopg.waiting\npsycopg.waiting.wait_conn(psycopg.generators.connect(DSN), 1){_PQ}",
        short=True,
    ),
    Way(
        "psycopg_binary's own module",
        "import psycopg, psycopg_binary._psycopg, psycopg.waiting\n"
        f"psycopg.waiting.wait_conn(psycopg_binary._psycopg.connect(DSN), 1){_PQ}",
    ),
    Way("libpq by ctypes", _LIBPQ, "refused", short=True),
    Way("psycopg2._connect", "import psycopg2; other = psycopg2._connect(DSN)" + _PSYCOPG2, short=True),
    Way(
        "psycopg2.extensions.connection",
        "import psycopg2.extensions; other = psycopg2.extensions.connection(DSN)" + _PSYCOPG2,
    ),
    Way("a connection_factory", _CONNECTION.format("psycopg2.extensions.connection"), short=True),
    Way(
        "a connection_factory of the class in C",
        _CONNECTION.format("psycopg2.extensions.connection.__mro__[1]"),
        "refused",
    ),
    Way(
        "a reload",
        "import psycopg2, importlib; importlib.reload(psycopg2); other = psycopg2.connect(DSN)" + _PSYCOPG2,
        short=True,
    ),
    Way(
        "a second import",
        "import psycopg2\n[sys.modules.pop(one) for one in list(sys.modules) if one.startswith('psycopg2')]\n"
        "import psycopg2; other = psycopg2.connect(DSN)" + _PSYCOPG2,
    ),
    Way(
        "a driver imported by sitecustomize",
        "import kept; other = kept.connect(DSN)" + _PSYCOPG2,
        short=True,
        sitecustomize="import psycopg2, psycopg2.extras, types, sys\n"
        "kept = sys.modules['kept'] = types.ModuleType('kept'); kept.connect = psycopg2.connect",
    ),
    Way(
        "psycopg imported by sitecustomize",
        "import kept; other = kept.connect(DSN)" + _PSYCOPG2,
        sitecustomize="import psycopg, types, sys\n"
        "kept = sys.modules['kept'] = types.ModuleType('kept'); kept.connect = psycopg.connect",
    ),
    Way(
        "a second copy of the driver's module in C",
        _PRISTINE + "other = raw._connect(DSN)" + _PSYCOPG2,
        "not",
        layers="refused",
    ),
    Way(
        "asyncpg.connect_utils",
        "import asyncio, asyncpg.connection, asyncpg.connect_utils\n"
        "kept = asyncpg.connect.__wrapped__\n"
        f"async def go():\n    other = await kept('postgresql://' + URL); await other.execute({SQL!r})\nasyncio.run(go())",
        short=True,
    ),
    Way(
        "pg8000 with a socket of its own",
        "import pg8000.native, socket\n"
        "sock = socket.create_connection((HOST, PORT))\n"
        "other = pg8000.native.Connection(USER, password=PASSWORD, database=DATABASE, sock=sock)\n"
        f"other.run({SQL!r})",
        layers="refused",
    ),
    Way(
        "a socket",
        "import socket; socket.create_connection((HOST, PORT), 5).close(); helper.go(DSN)",
        "not",
        layers="refused",
    ),
    Way("multiprocessing, spawn", _MULTI.format("spawn"), short=True),
    Way("multiprocessing, forkserver", _MULTI.format("forkserver"), layers="refused"),
    Way("multiprocessing, fork", _MULTI.format("fork")),
    Way("a Python", "subprocess.run([sys.executable, '-c', " + repr(_CHILD) + " % DSN])", short=True),
    Way(
        "a Python with an environment of its own",
        "subprocess.run([sys.executable, '-c', " + repr(_CHILD) + " % DSN], env={'PATH': os.environ['PATH']})",
    ),
    Way("a Python by os.system", "import shlex; os.system(f'{sys.executable} helper.py {shlex.quote(DSN)}')"),
    Way("a Python's child", "subprocess.run([sys.executable, 'grandchild.py', DSN])"),
    Way(
        "a Python without site (-I -S)",
        "subprocess.run([sys.executable, '-I', 'helper.py', DSN])",
        "not",
        layers="neither",
    ),
    Way(
        "psql with a host",
        f"subprocess.run(['psql', '-h', HOST, '-p', str(PORT), DSN, '-qc', {SQL!r}])",
        "refused",
        short=True,
    ),
    Way("psql with a URL", f"os.system('psql postgresql://' + URL + ' -qc \"{SQL}\"')", "refused"),
    Way("psql with an environment", f"{_LOGIN}\nsubprocess.run([{_PSQL}], env=env)", short=True),
    Way(
        "psql after PGHOSTADDR",
        f"{_LOGIN}\nos.environ.update(env, PGHOSTADDR='127.0.0.1')\nsubprocess.run([{_PSQL}])",
        short=True,
    ),
    Way("psql by os.posix_spawn", f"{_LOGIN}\nos.waitpid(os.posix_spawnp('psql', [{_PSQL}], env), 0)"),
    Way("psql by os.spawn", f"{_LOGIN}\nos.spawnvpe(os.P_WAIT, 'psql', [{_PSQL}], env)"),
    Way(
        "psql with a service file",
        "text = f'[x]\\nhost={HOST}\\nport={PORT}\\nuser={USER}\\npassword={PASSWORD}\\ndbname={DATABASE}'\n"
        "open('service', 'w').write(text)\n"
        f"os.environ.update(PGSERVICE='x', PGSERVICEFILE=os.path.abspath('service'))\nsubprocess.run([{_PSQL}])",
    ),
    Way(
        "psql in a script",
        "open('script', 'w').write('PGPASSWORD=\"$1\" psql \"$2\" -qc \"$3\"')\n"
        f"subprocess.run(['sh', 'script', PASSWORD, DSN, {SQL!r}], check=False)",
        "not",
        layers="neither",
    ),
)
"""Ways from the worker's own process and its children."""

SERVER_WAYS = (
    Way(
        "dblink",
        _EXTENSION.format("dblink") + f"op.execute(f\"SELECT dblink_exec($x${{DSN}}$x$, '{SQL}')\")",
        short=True,
    ),
    Way(
        "COPY TO PROGRAM",
        'op.execute(f"COPY (SELECT 1) TO PROGRAM $x$touch {MARK}$x$")',
        short=True,
    ),
    Way(
        "postgres_fdw",
        _EXTENSION.format("postgres_fdw") + "where = f\"host '{HOST}', port '{PORT}', dbname '{DATABASE}'\"\n"
        "op.execute(f'CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS ({where})')\n"
        "login = f\"user '{USER}', password '{PASSWORD}'\"\n"
        "op.execute(f'CREATE USER MAPPING FOR current_user SERVER other OPTIONS ({login})')\n"
        "op.execute('IMPORT FOREIGN SCHEMA public FROM SERVER other INTO public')",
    ),
    Way(
        "CREATE SUBSCRIPTION",
        "with op.get_context().autocommit_block():\n"
        '    op.execute(f"CREATE SUBSCRIPTION other CONNECTION $x${DSN}$x$ PUBLICATION p WITH (create_slot = false)")',
    ),
)
"""Ways by the temporary server."""
