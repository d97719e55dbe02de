"""Temporary folders: those of a killed process go with the next run, those of a living one never."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from checker.temporary import PREFIX

OWNER = """
import sys
from checker import temporary
folder = temporary.new_folder("tree")
(folder / "file").touch()
print(folder, flush=True)
sys.stdin.read()
"""


@contextmanager
def owner(place: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process with a temporary folder, and that folder."""
    environ = {**os.environ, "TMPDIR": str(place), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
    ) as process:
        assert process.stdout
        yield process, Path(process.stdout.readline().strip())


def test_the_next_run_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    with owner(tmp_path) as (process, folder):
        process.kill()
        process.wait()
        assert folder.is_dir()
    with owner(tmp_path) as (_, own):
        assert not folder.parent.exists()
        assert own.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_living_run_keeps_its_folder(tmp_path: Path) -> None:
    with owner(tmp_path) as (_, first), owner(tmp_path) as (_, second):
        assert {path.exists() for path in (first / "file", second / "file")} == {True}
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / f"{PREFIX}file").touch()
    (tmp_path / f"{PREFIX}another-user").mkdir()
    if os.geteuid() == 0:
        os.chown(tmp_path / f"{PREFIX}another-user", 64_999, 64_999)
    else:
        (tmp_path / f"{PREFIX}another-user").rmdir()
    before = sorted(tmp_path.rglob("*"))
    with owner(tmp_path):
        pass
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
def test_other_accounts_can_reach_a_folder_that_they_are_given(tmp_path: Path) -> None:
    with owner(tmp_path) as (_, folder):
        assert folder.parent.stat().st_mode & 0o777 == 0o711
        assert folder.stat().st_mode & 0o777 == 0o700
