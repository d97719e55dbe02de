"""Finds the Python that a project's env.py is written for: its own, never the checker's by mistake; or makes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from checker.errors import CheckerError, ConfigurationError
from checker.replay.environment import for_a_question
from checker.replay.install import interpreter_version, make_interpreter
from checker.replay.recipe import Recipe, find_recipe
from checker.settings import ProjectSettings

Origin = Literal["configured", "active virtualenv", "project virtualenv", "current", "on PATH", "made"]
_FOLDERS = (".venv", "venv")
_QUESTION = """
import importlib.metadata as m, importlib.util as u, sys
sys.path[:0] = [folder for folder in sys.argv.pop(1).split(":") if folder]
found = lambda name: u.find_spec(name) is not None
if not (found("alembic") and any(map(found, ("psycopg2", "psycopg", "asyncpg", "pg8000")))):
    sys.exit(1)
for name in sys.argv[1:]:
    try:
        m.version(name)
    except m.PackageNotFoundError:
        sys.exit(1)
"""


@dataclass(frozen=True)
class Interpreter:
    """A Python and how it was found."""

    path: Path
    origin: Origin
    able: bool = True
    """Whether it has Alembic and a PostgreSQL driver. False only for one that was made, or that the user named."""


def find_interpreter(
    project: ProjectSettings,
    root: Path,
    environ: Mapping[str, str],
    *,
    files: Path | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Interpreter:
    """The project's Python. `root` is the user's work tree, `environ` the environment that we were called in; `files`
    is where the project's files lie as they are judged, if not there. `tell` hears of an installation.

    Raises ConfigurationError where `python:` names no Python, InstallFailed where the dependencies cannot be installed,
    CheckerError where nothing is found that has Alembic and a PostgreSQL driver.
    """
    if project.python is not None:
        return _configured(project.python, root, environ)
    recipe = _recipe(project, root, files or root)
    tried = []
    for candidate, names in _candidates(project, root, environ, recipe):
        if _can_run(candidate.path, environ, names):
            return candidate
        tried.append(f"{candidate.path} ({candidate.origin})")
    if recipe is not None:
        return _made(recipe, environ, tell)
    raise CheckerError(
        f"no Python with Alembic and a PostgreSQL driver was found for {project.path}, and no file says what to install;"
        f" tried {', '.join(tried)}",
        "Name the project's interpreter with `python:`, or say with `install:` how to make one",
    )


def _recipe(project: ProjectSettings, root: Path, files: Path) -> Recipe | None:
    if project.install:
        # In the user's own tree: `pip install -e .` into a workspace would lead nowhere tomorrow.
        return find_recipe(upwards(root / project.path, root), project.install)
    return find_recipe(upwards(files / project.path, files))


def _configured(python: str, root: Path, environ: Mapping[str, str]) -> Interpreter:
    path = root / Path(python).expanduser()
    if path.is_dir():
        path = _python_in(path) or path
    if not path.is_file():
        raise ConfigurationError(
            f"`python: {python}` names no file", "Give the path of an interpreter, relative to the repository's root."
        )
    if not interpreter_version(path, environ):
        raise ConfigurationError(
            f"`python: {python}` is not a Python that runs here", "Give the path of the project's own interpreter."
        )
    return Interpreter(path, "configured")


def _candidates(
    project: ProjectSettings, root: Path, environ: Mapping[str, str], recipe: Recipe | None
) -> Iterator[tuple[Interpreter, Sequence[str]]]:
    """Each with the distributions that it must have to be taken for the project's own."""
    ours = Path(sys.executable)
    if (active := environ.get("VIRTUAL_ENV")) and (path := _python_in(Path(active))) and path.parent != ours.parent:
        yield Interpreter(path, "active virtualenv"), ()
    for folder in upwards(root / project.path, root):
        for name in _FOLDERS:
            if path := _python_in(folder / name):
                yield Interpreter(path, "project virtualenv"), ()
    if recipe is not None and recipe.command:
        return  # the user says how to make one: no other will do
    # We stand on Alembic and psycopg ourselves: that alone does not make our Python the project's.
    names = recipe.names if recipe else ()
    yield Interpreter(ours, "current"), names
    if (found := shutil.which("python3", path=environ.get("PATH", ""))) and Path(found) != ours:
        yield Interpreter(Path(found), "on PATH"), names


def _made(recipe: Recipe, environ: Mapping[str, str], tell: Callable[[str], None]) -> Interpreter:
    python = make_interpreter(recipe, environ, tell)
    able = _can_run(python, environ)
    if not able and not recipe.command and (recipe.sync or recipe.optional):
        python = make_interpreter(replace(recipe, everything=True), environ, tell)
        able = _can_run(python, environ)
    return Interpreter(python, "made", able)


def upwards(start: Path, root: Path) -> Sequence[Path]:
    """`start` (the folder of it, where it is a file) and the folders above, up to `root`."""
    # Not resolved: in a workspace that is laid together from links, a folder's real place is elsewhere.
    start, root = Path(os.path.abspath(start)), Path(os.path.abspath(root))  # noqa: PTH100
    folders = []
    for folder in (start, *start.parents):
        if folder.is_dir():
            folders.append(folder)
        if folder == root or not folder.is_relative_to(root):
            break
    return folders


def _python_in(virtualenv: Path) -> Path | None:
    """Not resolved: the link's own place is what makes it that virtualenv's Python."""
    paths = (virtualenv / "bin" / name for name in ("python", "python3"))  # a system's own may lack the first name
    return next((path for path in paths if path.is_file()), None)


def _can_run(python: Path, environ: Mapping[str, str], names: Sequence[str] = ()) -> bool:
    """Whether it has what a replay needs, asked of itself."""
    try:
        answer = subprocess.run(
            # -I, so that no sitecustomize.py of the project's is run to answer a question; hence the path by hand
            [python, "-I", "-c", _QUESTION, environ.get("PYTHONPATH", ""), *names],
            env=for_a_question(environ),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0
