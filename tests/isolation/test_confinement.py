"""What a confined program can do, and what of it is left when it has ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from checker.isolation.supervised import Supervised
from tests.postgres.helpers import comes_true

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="confinement is Linux's")
ROOT = Path(__file__).parents[2]
REFUSED = "PermissionError"


def attempts(python: str, user: int | None) -> dict[str, object]:
    run = subprocess.run(
        [python, "-m", "tests.isolation.attempts"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "SECRET": "of-the-parent"},
        user=user,
        group=user,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert (result["status"], result["missing"]) == (0, []), result
    found: dict[str, object] = json.loads(result["output"])
    return found


@pytest.mark.parametrize("account", ["our own", "nobody's"])
def test_a_confined_program_reaches_its_server_and_nothing_else(account: str) -> None:
    python, user = sys.executable, None
    if account != "our own":
        system = shutil.which("python3", path="/usr/bin")
        if os.geteuid() != 0 or system is None:
            pytest.skip("needs root and a Python that every account may run")
        python, user = system, 65534
    found = attempts(python, user)
    assert found.pop("the network") != "reached"
    assert found.pop("signal to another process") in (REFUSED, "ProcessLookupError")
    assert int(str(found.pop("capabilities")), 16) == 0
    assert found == {
        "our server": "hello",
        "another server": REFUSED,
        "a Unix socket": REFUSED,
        "environment of another process": REFUSED,
        "memory of another process": REFUSED,
        "writing the runner's file": REFUSED,
        "reading the runner's file": REFUSED,
        "a file of its own": "written",
        "a pair of sockets": "made",
        "a child": 0,
        "new privileges": "1",
    }


DAEMON = (
    "import subprocess, sys, time\n"
    "one = subprocess.Popen(['sleep', '600'], start_new_session=True, stdin=subprocess.DEVNULL)\n"
    "print(one.pid, flush=True)\n"
    "{then}"
)


def start(then: str) -> tuple[Supervised, int]:
    running = Supervised(
        [sys.executable, "-I", "-c", DAEMON.format(then=then)], cwd=Path("/"), environ={"PATH": os.environ["PATH"]}
    )
    with running.stdout:
        return running, int(running.stdout.readline())


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    ("then", "status"), [("sys.exit(3)", 3), ("import os; os.kill(os.getpid(), 11)", -signal.SIGSEGV)]
)
def test_a_daemon_ends_with_the_program_that_started_it(then: str, status: int) -> None:
    running, daemon = start(then)
    assert running.process.wait(60) == status
    assert is_gone(daemon)


def test_a_daemon_ends_when_the_program_is_killed() -> None:
    running, daemon = start("time.sleep(600)")
    assert not is_gone(daemon)
    running.kill()
    running.kill()
    assert is_gone(daemon)
    assert running.process.returncode == -signal.SIGKILL


def test_a_daemon_ends_when_we_are_killed(tmp_path: Path) -> None:
    """Killed outright, as the kernel does it when memory is short: nothing of ours runs any more to clean up."""
    code = (
        "from tests.isolation.test_confinement import start\n"
        "running, daemon = start('time.sleep(600)')\n"
        "print(running.process.pid, daemon, flush=True)\n"
        "import time; time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout is not None
    with owner.stdout:
        pids = list(map(int, owner.stdout.readline().split()))
    owner.kill()
    owner.wait()
    assert comes_true(lambda: all(map(is_gone, pids)))


def test_a_program_that_is_not_there_is_reported() -> None:
    with pytest.raises(FileNotFoundError):
        Supervised(["/nowhere/python"], cwd=Path("/"), environ={})
