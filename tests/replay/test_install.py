"""A virtualenv is made from what a project has, by uv and by pip: real ones, with wheels from a folder, no registry."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from checker.replay import install
from checker.replay.interpreter import Interpreter, find_interpreter
from checker.settings import ProjectSettings


def wheel(folder: Path, name: str, version: str = "1.0") -> None:
    """A distribution that holds an empty module of its name."""
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "")
        info = f"{name}-{version}.dist-info"
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project whose requirements can be had from a folder beside it."""
    root, wheels = tmp_path / "repository", tmp_path / "wheels"
    for folder in (root, wheels):
        folder.mkdir()
    for name in ("alembic", "psycopg", "shop_dependency", "asyncpg"):
        wheel(wheels, name)
    (root / "requirements.txt").write_text(
        f"--no-index\n--find-links {wheels.as_uri()}\nalembic\npsycopg\nshop_dependency\n"
    )
    return root


class Asker:
    """Asks for the interpreter as a run would, and keeps what the user was told."""

    def __init__(self, root: Path) -> None:
        self.root, self.told = root, list[str]()
        self.cache = root.parent / "cache"

    def __call__(self, install: str | None = None) -> Interpreter:
        environ = {**os.environ, "XDG_CACHE_HOME": str(self.cache)}
        environ.pop("VIRTUAL_ENV", None)
        self.told.clear()
        return find_interpreter(ProjectSettings(path=".", install=install), self.root, environ, tell=self.told.append)


def has(python: Path, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], stderr=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.parametrize("program", ["uv", "pip"])
def test_it_is_made_once_and_again_when_the_files_change(
    repository: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    if program == "pip":
        monkeypatch.setattr(install, "find_uv", lambda environ: None)
    ask = Asker(repository)
    before = sorted(repository.rglob("*"))
    first = ask()
    assert (first.origin, first.able) == ("made", True)
    assert ask.told == ["installing the project's dependencies (requirements.txt), once"]
    assert has(first.path, "shop_dependency")
    assert first.path.is_relative_to(ask.cache)
    assert sorted(repository.rglob("*")) == before
    assert (ask().path, ask.told) == (first.path, [])
    with (repository / "requirements.txt").open("a") as file:
        file.write("asyncpg\n")
    second = ask()
    assert second.path != first.path
    assert has(second.path, "asyncpg")


def test_what_the_installer_said_is_told_and_nothing_is_kept(repository: Path) -> None:
    with (repository / "requirements.txt").open("a") as file:
        file.write("nobody_has_this\n")
    ask = Asker(repository)
    with pytest.raises(install.InstallFailed, match="could not be installed") as caught:
        ask()
    assert "nobody" in caught.value.output
    assert "`install:`" in caught.value.remedy
    assert not list(ask.cache.glob("alembic-premerge/environments/*/bin"))


def test_a_command_of_the_users_runs_with_the_virtualenv_active(repository: Path) -> None:
    ask = Asker(repository)
    found = ask(install="pip install -q -r requirements.txt && pwd > ../where")
    assert has(found.path, "shop_dependency")
    assert (repository.parent / "where").read_text().strip() == str(repository)


def test_extras_are_taken_in_where_the_driver_is_among_them(repository: Path) -> None:
    (repository / "requirements.txt").unlink()
    wheels = repository.parent / "wheels"
    dependency = f"shop_dependency @ {wheels.as_uri()}/shop_dependency-1.0-py3-none-any.whl"
    (repository / "pyproject.toml").write_text(
        f'[project]\nname = "shop"\ndependencies = ["alembic", "{dependency}"]\n'
        '[project.optional-dependencies]\npg = ["asyncpg"]\n'
        f'[tool.uv]\nno-index = true\nfind-links = ["{wheels}"]\n'
    )
    found = Asker(repository)()
    assert found.able
    assert has(found.path, "asyncpg")


def test_a_driver_that_nothing_names_is_missing_and_the_rest_is_there(repository: Path) -> None:
    text = (repository / "requirements.txt").read_text()
    (repository / "requirements.txt").write_text(text.replace("psycopg\n", ""))
    found = Asker(repository)()
    assert (found.origin, found.able) == ("made", False)
    assert has(found.path, "alembic")


def test_a_python_that_is_not_here_is_named(repository: Path) -> None:
    (repository / "pyproject.toml").write_text('[project]\nname = "shop"\nrequires-python = ">=3.99"\n')
    with pytest.raises(install.InstallFailed, match=r"asks for Python >=3\.99"):
        Asker(repository)()


def test_a_python_that_only_a_runner_or_pyenv_has_is_found(tmp_path: Path) -> None:
    for variable, place in (("PYENV_ROOT", "versions/3.9.1/bin"), ("RUNNER_TOOL_CACHE", "Python/3.9.1/x64/bin")):
        folder = tmp_path / variable
        (folder / place).mkdir(parents=True)
        (folder / place / "python").symlink_to(sys.executable)
        assert list(install.pythons_off_path({variable: str(folder)})) == [folder / place / "python"]


def test_our_own_python_is_the_projects_only_with_its_dependencies(repository: Path) -> None:
    (repository / "requirements.txt").write_text("alembic\npsycopg\nsqlalchemy\n")
    found = Asker(repository)()
    assert (found.origin, found.path) == ("current", Path(sys.executable))


def test_an_unused_virtualenv_goes_when_another_is_made(repository: Path) -> None:
    ask = Asker(repository)
    old = ask().path.parent.parent
    os.utime(old / "alembic-premerge-ready", (0, 0))
    with (repository / "requirements.txt").open("a") as file:
        file.write("asyncpg\n")
    ask()
    assert not old.exists()
