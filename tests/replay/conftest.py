"""A real server, small real Alembic projects written from a text, and what it takes to replay them."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from checker.errors import PostgresUnavailable
from checker.postgres import start_server
from checker.postgres.interface import Address, Server
from checker.replay.environment import passed_on, templates
from checker.replay.order import RevisionNode
from checker.replay.outcome import Difference
from checker.replay.plan import Plan
from checker.replay.protocol import Job
from checker.replay.runner import Launch
from checker.settings import PostgresSettings, ProviderName

Connect = Callable[[], "psycopg.Connection[tuple[object, ...]]"]


class TestServer(Server):
    """A real server, reached with a login that every way to hand over a URL has to quote."""

    __test__ = False

    def __init__(self, inner: Server) -> None:
        self.provider, self.version = inner.provider, inner.version
        self._inner = inner
        self._home = inner.create_database()
        with self.connect(self._home) as connection:
            connection.execute("CREATE ROLE premerge SUPERUSER LOGIN PASSWORD 'p%ss wörd'")

    @staticmethod
    def connect(address: Address) -> psycopg.Connection[Any]:
        return psycopg.connect(address.url(), autocommit=True)

    def create_database(self, template: Address | None = None) -> Address:
        return replace(self._inner.create_database(template), user="premerge", password="p%ss wörd")

    def drop_database(self, database: Address) -> None:
        self._inner.drop_database(database)

    def databases(self) -> set[str]:
        with self.connect(self._home) as connection:
            return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}

    def close(self) -> None:
        self._inner.close()


def start(provider: ProviderName) -> Server:
    return start_server(PostgresSettings(provider=provider), environ=os.environ, tell=print)


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    with TestServer(start("embedded")) as one:
        yield one


@pytest.fixture(scope="session")
def foreign_server() -> Iterator[TestServer]:
    """A second server, which a project reaches for and which must stay as it is."""
    with TestServer(start("embedded")) as one:
        yield one


@pytest.fixture(scope="session", params=["machine", "embedded"])
def server_address(request: pytest.FixtureRequest) -> Iterator[Address]:
    """A superuser's login at a server of each PostgreSQL version that is to be had here."""
    try:
        one = start(request.param)
    except PostgresUnavailable as error:
        if request.param == "embedded":
            raise
        pytest.skip(str(error))
    with one:
        yield one.create_database()


@pytest.fixture
def connect(server_address: Address) -> Iterator[Connect]:
    """Opens connections in autocommit mode to a database that belongs to this test alone."""
    name = f"test_{uuid.uuid4().hex}"
    opened: list[psycopg.Connection[tuple[object, ...]]] = []

    def connect_to(database: str) -> psycopg.Connection[tuple[object, ...]]:
        opened.append(psycopg.connect(server_address.at(database).url(), autocommit=True))
        return opened[-1]

    admin = connect_to(server_address.database)
    roles = "SELECT rolname FROM pg_roles"
    before = set(admin.execute(roles))
    admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield lambda: connect_to(name)
    finally:
        for (subscription,) in (mine := connect_to(name)).execute("SELECT subname FROM pg_subscription").fetchall():
            mine.execute(f"DROP SUBSCRIPTION {subscription}")
        for one in opened[1:]:
            one.close()
        admin.execute(f"DROP DATABASE {name} (FORCE)")
        for (role,) in set(admin.execute(roles)) - before:
            admin.execute(f'DROP ROLE "{role}"')
        admin.close()


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
