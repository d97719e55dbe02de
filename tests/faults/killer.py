"""Kills checks with SIGKILL at random moments, and looks for what is left.

    python -m tests.faults.killer PROVIDER KILLS [SEED]      PROVIDER: given, machine, embedded or container

This process adopts whatever a check leaves running, so nothing can hide from it. Prints one JSON object.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from checker.isolation.shim import kernel
from checker.postgres import Address, start_server
from checker.settings import PostgresSettings
from checker.temporary import MEMORY, PREFIX, has_owner
from tests.gitrepo import INI, Checkout, script
from tests.postgres.helpers import ask

SECONDS_TO_END = 10.0
ENV = b"""
from alembic import context
from sqlalchemy import create_engine
with create_engine("postgresql+psycopg://").connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
STAYS = (
    "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True); op.execute('CREATE TABLE t_{0} ()')"
)
WAITS = "op.execute('SELECT pg_sleep(0.3)'); op.execute('CREATE TABLE t_{0} ()')"
SLEEPS = "import time; time.sleep(0.3); op.execute('CREATE TABLE t_{0} ()')"


@dataclass
class Result:
    """What came of it. `left_at_once` counts what a killed run left for the next one to remove."""

    provider: str
    kills: int = 0
    ended_before: int = 0
    seconds_of_a_run: float = 0.0
    slowest_end: float = 0.0
    left_at_once: dict[str, int] = field(default_factory=dict)
    alive: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class Killer:
    """One provider, one repository, one temporary folder."""

    def __init__(self, provider: str, home: Path, given: Address | None, seed: int) -> None:
        self.provider, self.home, self.given = provider, home, given
        self.random = random.Random(seed)
        self.result = Result(provider)
        self.temporary = home / "tmp"
        self.temporary.mkdir(mode=0o777)
        self.temporary.chmod(0o777)
        self.checkout = make_project(home / "repository")
        self.others = descendants()

    def start(self) -> subprocess.Popen[bytes]:
        environ = {**os.environ, "TMPDIR": str(self.temporary), "XDG_CACHE_HOME": str(self.home / "cache")}
        environ |= {"PYTHONPATH": os.pathsep.join(sys.path), "TESTCONTAINERS_RYUK_DISABLED": "true"}
        postgres = self.given.url() if self.given else self.provider
        return subprocess.Popen(
            [sys.executable, "-m", "checker", "check", "--base", "main", "--postgres", postgres],
            cwd=self.checkout.root,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def whole_run(self) -> float:
        """A run to its end, after which nothing of it may be left. The seconds it took."""
        began = time.monotonic()
        process = self.start()
        output, _ = process.communicate(timeout=300)
        seconds = time.monotonic() - began
        assert process.returncode in (0, 1), output.decode()
        assert b"not run: replay" not in output, output.decode()
        self.wait_for_end()
        self.result.left += self.everything()
        return seconds

    def kill_one(self) -> None:
        process = self.start()
        try:
            process.wait(self.random.uniform(0.02, self.result.seconds_of_a_run))
            self.result.ended_before += 1
        except subprocess.TimeoutExpired:
            doomed = [process.pid]
            if self.random.random() < 0.2:  # as an out-of-memory killer might: PostgreSQL's supervisor too
                doomed += [pid for pid in descendants() - self.others if b"supervisor.py" in command(pid)]
            for pid in doomed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()
            self.result.kills += 1
        assert process.stdout
        process.stdout.close()
        self.wait_for_end()
        for one in self.everything():
            kind = one.split()[0]
            self.result.left_at_once[kind] = self.result.left_at_once.get(kind, 0) + 1

    def wait_for_end(self) -> None:
        """Until nothing runs any more; what still does after ten seconds is noted, and killed."""
        began = time.monotonic()
        while running := descendants() - self.others:
            reap(running)
            if time.monotonic() - began > SECONDS_TO_END:
                self.result.alive += [command(pid).replace(b"\0", b" ").decode(errors="replace") for pid in running]
                for pid in running:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                began = time.monotonic()
            time.sleep(0.02)
        self.result.slowest_end = max(self.result.slowest_end, time.monotonic() - began)

    def everything(self) -> list[str]:
        """Folders, databases, roles and containers of runs that have ended."""
        found = [f"folder {path}" for path in self.temporary.iterdir()]
        found += [f"folder {path}" for path in MEMORY.glob(f"{PREFIX}*") if not has_owner(path)]
        if self.given:
            for kind, query in (
                ("database", "SELECT array_agg(datname::text) FROM pg_database WHERE datname LIKE 'premerge%'"),
                ("role", "SELECT array_agg(rolname::text) FROM pg_roles WHERE rolname LIKE 'premerge%'"),
            ):
                found += [f"{kind} {name}" for name in ask(self.given, query) or ()]
        return found + ([f"container {name}" for name in self.containers()] if self.provider == "container" else [])

    def containers(self) -> list[str]:
        import docker

        with contextlib.closing(docker.from_env()) as client:
            label = "alembic-premerge.owner"
            found = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
            return [one.name for one in found if one.labels[label].startswith(str(self.temporary))]


def make_project(root: Path) -> Checkout:
    """A branch that adds two revisions to three, beside a main that went on: the merge result is not checked out."""
    root.mkdir()
    checkout = Checkout(root)
    bodies = {"a": STAYS, "b": WAITS, "c": SLEEPS, "d": STAYS, "e": SLEEPS}

    def scripts(names: str) -> dict[str, bytes]:
        return {
            f"migrations/versions/{name}_.py": script(
                name, None if name == "a" else chr(ord(name) - 1), bodies[name].format(name)
            )
            for name in names
        }

    merged = {"alembic.ini": INI, "migrations/env.py": ENV, **scripts("abc")}
    checkout.commit(merged, "merged")
    checkout.git("checkout", "-q", "-b", "work")
    checkout.commit({**merged, **scripts("de")}, "new")
    checkout.git("checkout", "-q", "main")
    checkout.commit({**merged, "README": b"main goes on\n"}, "more")
    checkout.git("checkout", "-q", "work")
    return checkout


def descendants() -> set[int]:
    """Every process below this one."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_bytes().rpartition(b")")[2].split()[1])
    found, last = set[int](), {os.getpid()}
    while last:
        last = {pid for pid, parent in parents.items() if parent in last}
        found |= last
    return found


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def reap(running: set[int]) -> None:
    """Take notice of what has ended among these."""
    for pid in running:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


@contextmanager
def a_killer(provider: str, seed: int) -> Iterator[Killer]:
    """Everything it needs, removed in the end."""
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="killer-"))
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        home.chmod(0o755)
        given = None
        if provider == "given":
            server = stack.enter_context(
                start_server(PostgresSettings(provider="machine"), environ=os.environ, tell=lambda _: None)
            )
            given = server.create_database()
            # Not one of ours by its name: that one belongs to this process.
            from tests.postgres.helpers import run

            run(given.at("postgres"), f'ALTER DATABASE "{given.database}" RENAME TO app')
            given = given.at("app")
        yield Killer(provider, home, given, seed)


def main() -> None:
    kernel.adopt_orphans()
    provider, kills, seed = sys.argv[1], int(sys.argv[2]), int((*sys.argv, "1")[3])
    with a_killer(provider, seed) as killer:
        killer.result.seconds_of_a_run = killer.whole_run()
        while killer.result.kills < kills:
            killer.kill_one()
            if killer.result.kills % 20 == 0:
                killer.whole_run()
        killer.whole_run()
    print(json.dumps(asdict(killer.result)), flush=True)


if __name__ == "__main__":
    main()
