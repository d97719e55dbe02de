"""Ctrl-C and SIGTERM: the program itself, signalled at a moment that it shows, leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.postgres import Address, Server
from tests.gitrepo import INI, Checkout, script
from tests.postgres.helpers import alive, ask, comes_true, databases, listens

pytestmark = pytest.mark.postgres

REAL_ENV = b"""
from alembic import context
from sqlalchemy import create_engine
with create_engine("postgresql+psycopg://").connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
SHOW = "import os; open(os.environ['SHOWN'], 'w').write(f'{os.getpid()} {os.environ[\"PGPORT\"]}\\n'); "


class Interrupted:
    """`alembic-premerge check` in a process of its own, on a project whose migration shows its process and then hangs."""

    def __init__(
        self,
        checkout: Checkout,
        temporary: Path,
        *options: str,
        configuration: str = "",
        before: str = "",
        more: str = "",
    ) -> None:
        self.shown = checkout.root.parent / "shown"
        self.temporary = temporary
        checkout.commit({"alembic.ini": INI, "migrations/env.py": REAL_ENV, **self.script("pass")}, "merged")
        hang = f"{SHOW}{before}op.execute('SELECT pg_sleep(600)')"
        checkout.write(self.script(hang))
        settings = f"projects: [{{path: ., env: {{SHOWN: {self.shown}}}{configuration}}}]\n{more}"
        checkout.write({".alembic-premerge.yml": settings.encode()})
        environ = {**os.environ, "TMPDIR": str(self.temporary), "XDG_CACHE_HOME": str(self.temporary / "cache")}
        environ |= {"SHOWN": str(self.shown), "PYTHONPATH": os.pathsep.join(sys.path)}
        self.status_before = self.status(checkout)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "checker", "check", "--base", "main", "--all", *options],
            cwd=checkout.root,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @staticmethod
    def script(body: str) -> dict[str, bytes]:
        return {"migrations/versions/a_.py": script("a", None, body)}

    @staticmethod
    def status(checkout: Checkout) -> str:
        return checkout.git("status", "--porcelain", "--ignored")

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Signal it once the migration hangs. Returns its exit code and its output."""
        assert comes_true(lambda: self.shown.exists() and self.shown.read_text().endswith("\n"), 90), (
            self.process.communicate(timeout=60)[0]
        )
        self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output

    def worker_is_gone(self) -> bool:
        return comes_true(lambda: not runs(int(self.shown.read_text().split()[0])))

    def server_is_gone(self) -> bool:
        port = int(self.shown.read_text().split()[1])
        return comes_true(lambda: not listens(Address("127.0.0.1", port, "", "", "")))

    def left(self) -> list[Path]:
        """What it has left in the temporary folder."""
        return [path for path in self.temporary.rglob("*") if path.is_file()]


def runs(pid: int) -> bool:
    """Whether the process does anything: one that has ended may wait for an init that never asks how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return not Path("/proc").is_dir() and alive(pid)


@pytest.fixture
def temporary() -> Iterator[Path]:
    """What TMPDIR is. Not pytest's own: where we are root, the server runs as another user, who must come in."""
    with tempfile.TemporaryDirectory(prefix="interrupted-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


both = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])


@both
def test_a_server_that_is_not_ours_is_as_it_was(
    checkout: Checkout, temporary: Path, server: Server, number: signal.Signals
) -> None:
    home = server.create_database()
    before = databases(home)
    run = Interrupted(checkout, temporary, "--postgres", home.url())
    code, output = run.end(number)
    assert code == 130, output
    assert "Traceback" not in output
    assert run.worker_is_gone()
    assert comes_true(lambda: databases(home) == before), databases(home) - before
    assert not ask(home, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'")
    assert run.left() == []
    assert run.status(checkout) == run.status_before


@both
def test_a_role_that_a_migration_made_goes_with_it(
    checkout: Checkout, temporary: Path, server: Server, number: signal.Signals
) -> None:
    home = server.create_database()
    make = "op.execute('COMMIT'); op.execute('CREATE ROLE premerge_left'); op.execute('COMMIT'); "
    options = ("--postgres", home.url(), "--config", ".alembic-premerge.yml")
    run = Interrupted(checkout, temporary, *options, before=make, more="postgres: {privileged: true}\n")
    assert comes_true(lambda: ask(home, "SELECT count(*) FROM pg_roles WHERE rolname = 'premerge_left'"), 90)
    code, output = run.end(number)
    assert code == 130, output
    assert not ask(home, "SELECT count(*) FROM pg_roles WHERE rolname = 'premerge_left'")


@both
@pytest.mark.parametrize("provider", ["machine", "embedded", pytest.param("container", marks=pytest.mark.docker)])
def test_a_server_of_ours_goes_too(checkout: Checkout, temporary: Path, number: signal.Signals, provider: str) -> None:
    run = Interrupted(checkout, temporary, "--postgres", provider)
    code, output = run.end(number)
    assert code == 130, output
    assert run.worker_is_gone()
    assert run.server_is_gone()
    assert comes_true(lambda: run.left() == []), run.left()


@both
def test_an_installation_is_ended_with_all_that_it_started(
    checkout: Checkout, temporary: Path, number: signal.Signals
) -> None:
    command = "sh -c 'echo $$ > $PWD/../shown; exec sleep 600'"
    run = Interrupted(checkout, temporary, configuration=f', install: "{command}"')
    code, output = run.end(number)
    assert code == 130, output
    assert run.worker_is_gone()
    assert not list(run.temporary.glob("cache/alembic-premerge/environments/*/bin"))
