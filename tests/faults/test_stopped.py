"""What ends in the middle, and machines on which there is no room."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker import pipeline
from checker.errors import PostgresUnavailable
from checker.postgres import start_server
from checker.settings import PostgresSettings, Settings
from tests.faults.test_git import run
from tests.gitrepo import INI, Checkout, Silent, chain, project
from tests.postgres.helpers import ask
from tests.test_interrupted import REAL_ENV

# As a module of this name is imported, the process gets the signal.
SIGNALLED = """
import importlib.abc, os, signal, sys
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("module", ["checker.cli", "typer", "git", "pydantic", "checker.pipeline", "checker.findings"])
@pytest.mark.parametrize(
    "command", [["-m", "checker"], ["-c", "from checker.door import main; main()"]], ids=["-m", "script"]
)
def test_ctrl_c_during_imports_is_an_interruption(tmp_path: Path, module: str, command: list[str]) -> None:
    (tmp_path / "sitecustomize.py").write_text(SIGNALLED.format(module=module))
    ended = subprocess.run(
        [sys.executable, *command, "check"],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr.strip() == "interrupted"


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A folder with hardly any room."""
    place = tmp_path / "full"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "tmpfs", str(place)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    (place / "filler").write_bytes(bytes(2**10 * 52))  # with room for the file by which Python tries a folder
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("replay", ["--no-replay", "--postgres=auto"])
def test_a_full_temporary_folder_is_one_sentence(checkout: Checkout, full: Path, replay: str) -> None:
    checkout.commit(project("a <- b"), "merged")
    checkout.branch("work")
    checkout.write(project("a <- b <- c"))
    code, output = run(checkout.root, "check", "--base", "main", replay, TMPDIR=str(full))
    assert code == 2, output
    assert "Traceback" not in output


def test_no_temporary_folder_at_all(checkout: Checkout) -> None:
    checkout.commit(project("a"), "merged")
    code, output = run(checkout.root, "check", "--base", "main", "--no-replay", TMPDIR="/nonexistent")
    assert "Traceback" not in output
    assert code in (0, 2)  # Python takes another folder where there is one


@pytest.mark.postgres
@pytest.mark.parametrize("python", ["/bin/true", "/bin/false", "/bin/cat", "/nonexistent", "/etc/passwd", "/etc"])
def test_an_interpreter_that_is_none_is_not_green(checkout: Checkout, python: str) -> None:
    checkout.commit(project("a <- b"), "merged")
    checkout.branch("work")
    checkout.write(project("a <- b <- c"))
    code, output = run(checkout.root, "check", "--base", "main", "--python", python)
    assert code in (1, 2), output
    assert "Traceback" not in output
    assert python in output


@pytest.mark.parametrize(
    "text",
    [
        "projects: [{path: ., python: NAME}]",
        "projects: [{path: ., env_file: NAME}]",
        "projects: [{path: NAME}]",
        "projects: [{path: ., script_location: NAME}]",
        "environments: {a: {file: NAME}}",
        "postgres: {init: [NAME]}",
    ],
)
@pytest.mark.parametrize("name", ["9" * 5_000 + "x", "loop"], ids=["long", "loop"])
@pytest.mark.postgres
def test_a_name_that_no_file_can_have_is_one_sentence(checkout: Checkout, text: str, name: str) -> None:
    checkout.commit(project("a <- b"), "merged")
    checkout.branch("work")
    checkout.write({**project("a <- b <- c"), ".alembic-premerge.yml": text.replace("NAME", name).encode()})
    (checkout.root / "loop").symlink_to("loop")
    code, output = run(checkout.root, "check", "--base", "main")
    assert code == 2, output
    assert "Traceback" not in output


class Killer(Silent):
    """Kills a PostgreSQL with all its sessions as soon as a pass begins a step."""

    def __init__(self, wanted: str, server: int) -> None:
        self.wanted, self.server, self.passes = wanted, server, set[str]()

    def step(self, project: str, name: str, done: int, total: int, revision: str) -> None:
        self.passes.add(name)
        if name == self.wanted:
            own = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if self._is_session(path)]
            for process in (self.server, *own):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def _is_session(self, stat: Path) -> bool:
        try:
            return int(stat.read_text().rpartition(")")[2].split()[1]) == self.server
        except (OSError, ProcessLookupError):
            return False


@pytest.mark.postgres
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the server's processes in /proc")
@pytest.mark.parametrize("wanted", ["fresh", "downgrade", "stairway", "deploy"])
def test_a_server_that_dies_in_a_pass_is_no_finding(checkout: Checkout, wanted: str) -> None:
    checkout.commit({"alembic.ini": INI, "migrations/env.py": REAL_ENV, **chain("a <- b")}, "merged")
    checkout.branch("work")
    checkout.write(chain("a <- b <- c <- d"))
    server = start_server(PostgresSettings(provider="machine"), environ=os.environ, tell=lambda _: None)
    try:
        home = server.create_database()
        killer = Killer(wanted, int(str(ask(home, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)"))))
        asked = Settings(directory=checkout.root, base="main", judge_all=True, postgres=home.url())
        with pytest.raises(PostgresUnavailable, match=r"given.*ended during the run"):
            pipeline.check(asked, os.environ, killer)
        assert wanted in killer.passes
    finally:
        server.close()
