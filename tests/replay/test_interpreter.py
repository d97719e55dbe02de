"""Which Python a project gets: real virtualenvs, made without pip, that borrow our own packages or do not."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

import pytest

from checker.errors import CheckerError, ConfigurationError
from checker.replay.interpreter import find_interpreter
from checker.settings import ProjectSettings

ENVIRON = {"PATH": os.environ["PATH"]}


def virtualenv(folder: Path, *, able: bool) -> Path:
    venv.create(folder, symlinks=True)
    if able:
        packages = next((folder / "lib").glob("python3*")) / "site-packages"
        for name in ("alembic", "psycopg"):
            (packages / f"{name}.py").touch()
    return folder / "bin" / "python"


def test_the_projects_own_comes_before_the_repositorys(tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    above = virtualenv(tmp_path / ".venv", able=True)
    project = ProjectSettings(path="api")
    assert find_interpreter(project, tmp_path, ENVIRON).path == above
    own = virtualenv(tmp_path / "api" / "venv", able=True)
    found = find_interpreter(project, tmp_path, ENVIRON)
    assert (found.path, found.origin) == (own, "project virtualenv")


def test_one_without_alembic_is_passed_over(tmp_path: Path) -> None:
    virtualenv(tmp_path / ".venv", able=False)
    active = virtualenv(tmp_path / "active", able=True)
    project = ProjectSettings(path=".")
    found = find_interpreter(project, tmp_path, {**ENVIRON, "VIRTUAL_ENV": str(tmp_path / "active")})
    assert (found.path, found.origin) == (active, "active virtualenv")
    current = find_interpreter(project, tmp_path, {**ENVIRON, "VIRTUAL_ENV": str(tmp_path / ".venv")})
    assert (current.path, current.origin) == (Path(sys.executable), "current")


def test_where_there_is_none_the_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(virtualenv(tmp_path / "bare", able=False)))
    with pytest.raises(CheckerError, match=r"bare/bin/python \(current\)") as caught:
        find_interpreter(ProjectSettings(path="."), tmp_path, ENVIRON)
    assert "`python:`" in caught.value.remedy


def test_what_is_configured_is_taken_as_it_is_or_refused(tmp_path: Path) -> None:
    bare = virtualenv(tmp_path / "env", able=False)
    for named in ("env/bin/python", "env"):
        assert find_interpreter(ProjectSettings(path=".", python=named), tmp_path, ENVIRON).path == bare
    with pytest.raises(ConfigurationError, match="names no file"):
        find_interpreter(ProjectSettings(path=".", python="env/bin/python2"), tmp_path, ENVIRON)
