"""Finds the Python that a project's env.py is written for: its own, never the checker's by mistake."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from checker.errors import CheckerError, ConfigurationError
from checker.settings import ProjectSettings

Origin = Literal["configured", "active virtualenv", "project virtualenv", "current"]
_FOLDERS = (".venv", "venv")
_QUESTION = """
import importlib.util as u, sys
found = lambda name: u.find_spec(name) is not None
sys.exit(not (found("alembic") and any(map(found, ("psycopg2", "psycopg", "asyncpg", "pg8000")))))
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python and how it was found."""

    path: Path
    origin: Origin


def find_interpreter(project: ProjectSettings, root: Path, environ: Mapping[str, str]) -> Interpreter:
    """The project's Python. `root` is the repository's folder, `environ` the environment that we were called in.

    Raises ConfigurationError where `python:` names no file, CheckerError where nothing is found that has Alembic and a
    PostgreSQL driver.
    """
    if project.python is not None:
        return _configured(project.python, root)
    tried = []
    for candidate in _candidates(project, root, environ):
        if _can_run(candidate.path, environ):
            return candidate
        tried.append(f"{candidate.path} ({candidate.origin})")
    raise CheckerError(
        f"No Python with Alembic and a PostgreSQL driver was found for {project.path}; tried {', '.join(tried)}",
        "Install the project's dependencies, or name its interpreter with `python:` in the configuration.",
    )


def _configured(python: str, root: Path) -> Interpreter:
    path = root / Path(python).expanduser()
    if path.is_dir():
        path = _python_in(path) or path
    if not path.is_file():
        raise ConfigurationError(
            f"`python: {python}` names no file", "Give the path of an interpreter, relative to the repository's root."
        )
    return Interpreter(path, "configured")


def _candidates(project: ProjectSettings, root: Path, environ: Mapping[str, str]) -> Iterator[Interpreter]:
    if (active := environ.get("VIRTUAL_ENV")) and (path := _python_in(Path(active))):
        yield Interpreter(path, "active virtualenv")
    for folder in _upwards(root / project.path, root):
        for name in _FOLDERS:
            if path := _python_in(folder / name):
                yield Interpreter(path, "project virtualenv")
    yield Interpreter(Path(sys.executable), "current")


def _upwards(start: Path, root: Path) -> Iterator[Path]:
    """`start` (the folder of it, where it is a file) and the folders above, up to `root`."""
    start, root = start.resolve(), root.resolve()
    for folder in (start, *start.parents):
        if folder.is_dir():
            yield folder
        if folder == root or not folder.is_relative_to(root):
            return


def _python_in(virtualenv: Path) -> Path | None:
    """Not resolved: the link's own place is what makes it that virtualenv's Python."""
    path = virtualenv / "bin" / "python"
    return path if path.is_file() else None


def _can_run(python: Path, environ: Mapping[str, str]) -> bool:
    """Whether it has what a replay needs, asked of itself."""
    try:
        answer = subprocess.run(
            [python, "-c", _QUESTION],
            env={name: environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME") if name in environ},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0
