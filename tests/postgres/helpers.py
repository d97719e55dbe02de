from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from checker.postgres import Address
from checker.postgres.databases import connect

OWNER = """
import os, sys
from checker.postgres import start_server
from checker.postgres.databases import connect
from checker.settings import PostgresSettings

asked = {"url" if "://" in sys.argv[1] else "provider": sys.argv[1]}
server = start_server(PostgresSettings(**asked), environ=os.environ, tell=lambda line: None)
address = server.create_database()
print(os.geteuid(), address.host, address.port, address.user, address.password, address.database, flush=True)
sys.stdin.read()
if sys.argv[2] == "close":
    server.close()
"""
"""A process that owns a server and does nothing until its stdin closes."""


def start_owner(
    provider: str, end: str = "close", before: tuple[str, ...] = ()
) -> tuple[subprocess.Popen[str], int, Address]:
    process = subprocess.Popen(
        [*before, sys.executable, "-c", OWNER, provider, end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    line = process.stdout.readline().split()
    assert line, f"the owner ended with {process.wait()}"
    user, host, port, *login = line
    return process, int(user), Address(host, int(port), *login)


def end_owner(process: subprocess.Popen[str]) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    return process.wait(60)


def ask(address: Address, query: str) -> Any:
    with connect(address) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def run(address: Address, *statements: str) -> None:
    with connect(address) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def databases(address: Address) -> set[str]:
    return set(ask(address, "SELECT array_agg(datname::text) FROM pg_database"))


def lets_in(address: Address) -> bool:
    try:
        connect(address).close()
    except psycopg.OperationalError:
        return False
    return True


def listens(address: Address) -> bool:
    try:
        socket.create_connection((address.host, address.port), 5).close()
    except OSError:
        return False
    return True


def postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def comes_true(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
