"""A git that is missing or broken, and a repository that has lost objects: one sentence, and never green."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checker.errors import RepositoryError
from tests.gitrepo import Checkout, project

BROKEN = {
    "not installed": None,
    "not found by its own wrapper": "#!/bin/sh\nexit 127\n",
    "garbage": "#!/bin/sh\nprintf '\\377\\000garbage\\n'\n",
    "silent": "#!/bin/sh\n",
    "a crash": "#!/bin/sh\nkill -SEGV $$\n",
    "not a program": "\0\0\0",
}
COMMANDS = (
    ("check", "--base", "main", "--no-replay"),
    ("audit",),
    ("locate", "b"),
    ("fix", "--base", "main"),
    ("plan", "--base", "main"),
)


@pytest.fixture
def changed(checkout: Checkout) -> Checkout:
    checkout.commit(project("a <- b"), "merged")
    checkout.branch("work")
    checkout.commit(project("a <- b <- c"), "new")
    return checkout


def run(folder: Path, *command: str, **environ: str) -> tuple[int, str]:
    """The exit status and the output of a command, in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "checker", *command],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=120,
    )
    return ended.returncode, ended.stdout


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_every_command_says_what_is_wrong_with_git(changed: Checkout, tmp_path: Path, text: str | None) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sh").symlink_to(shutil.which("sh") or "/bin/sh")
    if text is not None:
        (tools / "git").write_text(text)
        (tools / "git").chmod(0o755)
    for command in COMMANDS:
        code, output = run(changed.root, *command, PATH=str(tools))
        assert code == 2, (command, output)
        assert "Traceback" not in output
        assert "git" in output


def test_the_action_says_what_is_wrong_with_git(changed: Checkout, tmp_path: Path) -> None:
    (tmp_path / "git").write_text(BROKEN["a crash"] or "")
    (tmp_path / "git").chmod(0o755)
    outputs = tmp_path / "outputs"
    step = "import os; from checker.action import run; import sys; sys.exit(run(os.environ, sys.stdout.write))"
    ended = subprocess.run(
        [sys.executable, "-c", step],
        check=False,
        env={
            "PATH": f"{tmp_path}{os.pathsep}/bin",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "GITHUB_WORKSPACE": str(changed.root),
            "GITHUB_OUTPUT": str(outputs),
            "INPUT_REPLAY": "false",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 2, ended.stdout
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "verdict" in outputs.read_text()
    assert "pass" not in outputs.read_text()


def objects(checkout: Checkout) -> list[Path]:
    return sorted(path for path in (checkout.root / ".git" / "objects").glob("??/*") if path.is_file())


def damage(path: Path, how: str) -> None:
    path.chmod(0o644)
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "garbage": b"\x78\x9cnot zlib" * 5}[how])


@pytest.mark.parametrize("how", ["missing", "empty", "garbage"])
def test_an_object_that_is_lost_is_reported_and_never_green(changed: Checkout, how: str) -> None:
    """One object after the other. Either it is not needed and the answer is the right one, or there is none."""
    whole = changed.check(base="main", head="work")
    for path in objects(changed):
        content = path.read_bytes()
        damage(path, how)
        try:
            assert changed.check(base="main", head="work").findings == whole.findings
        except RepositoryError as error:
            assert len(error.problem) < 500  # noqa: PT017 - an answer or an error, and nothing else
        finally:
            path.write_bytes(content)


@pytest.mark.parametrize("how", ["missing", "empty", "garbage"])
def test_a_pack_that_is_damaged_is_reported_and_never_green(changed: Checkout, how: str) -> None:
    changed.git("repack", "-a", "-d", "-q")
    for path in sorted((changed.root / ".git" / "objects" / "pack").glob("pack-*")):
        if path.suffix not in (".pack", ".idx"):
            continue
        content = path.read_bytes()
        damage(path, how)
        with pytest.raises(RepositoryError):
            changed.check(base="main", head="work")
        path.write_bytes(content)
