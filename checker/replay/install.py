"""Makes a virtualenv with a project's dependencies, once, and keeps it in the user's cache folder.

uv does it where there is one, else venv and pip. Nothing is written to the project's own tree, unless the user's `install:`
command does.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from checker.errors import CheckerError
from checker.replay.environment import for_a_question, installer_environment
from checker.replay.python_version import allows, parse_version
from checker.replay.recipe import Recipe
from checker.replay.run_group import CommandFailed, run_group

INSTALL_SECONDS = 1_800.0
KEPT_DAYS = 30
_READY = "alembic-premerge-ready"
_LAST_LINES = 15
_VERSION = "import sys; print('.'.join(map(str, sys.version_info[:3])))"


class InstallFailed(CheckerError):
    """The project's dependencies could not be installed; `output` holds the installer's last lines."""

    def __init__(self, problem: str, remedy: str, output: str) -> None:
        super().__init__(problem, remedy)
        self.output = output


def make_interpreter(recipe: Recipe, environ: Mapping[str, str], tell: Callable[[str], None]) -> Path:
    """The Python of a virtualenv made after `recipe`; one made before from the same files is taken again.

    Raises InstallFailed.
    """
    uv = find_uv(environ)
    base = choose_python(recipe, uv, environ)
    target = cache_folder(environ) / "environments" / _key(recipe, base, environ)
    python = target / "bin" / "python"
    with _locked(target):
        if (target / _READY).is_file() and python.is_file():
            (target / _READY).touch()
            return python
        _drop_unused(target.parent)
        tell(f"installing the project's dependencies ({recipe.source}), once")
        try:
            _build(recipe, target, base, uv, environ)
        except CommandFailed as failed:
            shutil.rmtree(target, ignore_errors=True)
            raise _told(recipe, failed) from None
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        (target / _READY).touch()
    return python


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where our files are kept between two runs: XDG_CACHE_HOME, else the user's `.cache`, else a temporary folder."""
    if given := environ.get("XDG_CACHE_HOME"):
        return Path(given) / "alembic-premerge"
    if home := environ.get("HOME"):
        return Path(home) / ".cache" / "alembic-premerge"
    return Path(tempfile.gettempdir()) / f"alembic-premerge-{os.getuid()}"


def find_uv(environ: Mapping[str, str]) -> Path | None:
    """The uv program: on PATH, else the one that is installed beside us."""
    if found := shutil.which("uv", path=environ.get("PATH", "")):
        return Path(found)
    beside = Path(sys.executable).with_name("uv")
    return beside if beside.is_file() else None


def choose_python(recipe: Recipe, uv: Path | None, environ: Mapping[str, str]) -> Path:
    """An installed Python that the project allows; the one that its .python-version names, if that is there.

    Raises InstallFailed.
    """
    wishes = [f"=={recipe.preferred}.*"] if recipe.preferred else []
    wishes += [recipe.python] if recipe.python else []
    for wish in wishes:
        for path in _pythons(uv, wish, environ):
            version = interpreter_version(path, environ)
            if version and allows(wish, version):
                return path
    if recipe.python is None:
        return Path(sys.executable)  # a .python-version says what its author has, not what the project needs
    raise InstallFailed(
        f"the project asks for Python {recipe.python}, and no such Python is installed here",
        "Install one (`uv python install`, or actions/setup-python in a workflow), or let uv download it: "
        "UV_PYTHON_DOWNLOADS=automatic",
        "",
    )


def _pythons(uv: Path | None, wish: str, environ: Mapping[str, str]) -> Iterator[Path]:
    yield Path(sys.executable)
    if uv is not None:
        found = subprocess.run(
            [uv, "python", "find", "--no-project", wish],
            env=installer_environment(environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode == 0:
            yield Path(found.stdout.strip())
    for minor in range(20, 8, -1):
        if path := shutil.which(f"python3.{minor}", path=environ.get("PATH", "")):
            yield Path(path)
    yield from pythons_off_path(environ)


def pythons_off_path(environ: Mapping[str, str]) -> Iterator[Path]:
    """Pythons that are installed and on nobody's PATH: pyenv's, and those that a GitHub runner comes with."""
    pyenv = environ.get("PYENV_ROOT") or (f"{environ['HOME']}/.pyenv" if "HOME" in environ else None)
    places = [(pyenv, "versions/3.*/bin/python"), (environ.get("RUNNER_TOOL_CACHE"), "Python/3.*/*/bin/python")]
    for folder, pattern in places:
        found = Path(folder).glob(pattern) if folder else ()
        yield from sorted(found, key=lambda path: parse_version(path.relative_to(str(folder)).parts[1]), reverse=True)


def interpreter_version(python: Path, environ: Mapping[str, str]) -> tuple[int, ...]:
    """(3, 12, 1); empty for what is no Python. It may be anybody's program, and sees next to nothing of `environ`."""
    try:
        told = subprocess.run(
            [python, "-I", "-c", _VERSION],
            env=for_a_question(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return tuple(map(int, told.stdout.strip().split(".")))
    except (OSError, ValueError, subprocess.SubprocessError):
        return ()


def _build(recipe: Recipe, target: Path, base: Path, uv: Path | None, environ: Mapping[str, str]) -> None:
    shutil.rmtree(target, ignore_errors=True)
    python = target / "bin" / "python"
    variables = {
        **installer_environment(environ),
        "VIRTUAL_ENV": str(target),
        "PATH": os.pathsep.join(filter(None, (str(target / "bin"), environ.get("PATH")))),
    }

    def run(*command: str | Path) -> None:
        run_group(command, cwd=recipe.folder, environ=variables, seconds=INSTALL_SECONDS)

    if uv is None:
        run(base, "-m", "venv", target)
        install: Sequence[str | Path] = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    else:
        # pip too, where a command of the user's will want it
        run(uv, "venv", "--quiet", "--no-project", "--python", base, *(["--seed"] if recipe.command else []), target)
        install = (uv, "pip", "install", "--quiet", "--python", python)
    if recipe.command:
        run("/bin/sh", "-c", recipe.command)
    elif recipe.sync and uv is not None:
        variables["UV_PROJECT_ENVIRONMENT"] = str(target)
        more = ["--all-extras", "--all-groups"] if recipe.everything else []
        run(uv, "sync", "--quiet", "--frozen", "--no-install-workspace", "--python", python, *more)
    else:
        run(*install, *_arguments(recipe, target))


def _arguments(recipe: Recipe, target: Path) -> list[str]:
    arguments = []
    for line in (*recipe.requirements, *(recipe.optional if recipe.everything else ())):
        arguments += line.split(maxsplit=1) if line.startswith("-r ") else [line]
    if recipe.constraints:
        pins = target / "constraints.txt"
        pins.write_text("\n".join(recipe.constraints) + "\n", "utf-8")
        arguments += ["-c", str(pins)]
    return arguments


def _told(recipe: Recipe, failed: CommandFailed) -> InstallFailed:
    last = "\n".join(failed.output.strip().splitlines()[-_LAST_LINES:])
    return InstallFailed(
        f"the project's dependencies ({recipe.source}) could not be installed: {failed.reason}",
        "Say how with `install:`, or name an interpreter that has them with `python:`",
        last,
    )


def _key(recipe: Recipe, base: Path, environ: Mapping[str, str]) -> str:
    """Everything that decides what is installed, as one word."""
    digest = hashlib.sha256()
    parts = [recipe.source, recipe.command or "", *recipe.requirements, *recipe.constraints]
    parts = [part.replace(str(recipe.folder), "") for part in parts]  # a workspace's folder is another each time
    if recipe.command:
        parts.append(str(recipe.folder))  # it may install the folder itself, to be edited there
    parts += [
        str(recipe.everything),
        str(base.resolve()),
        ".".join(map(str, interpreter_version(base, environ))),
        platform.platform(),
    ]
    for part in parts:
        digest.update(part.encode() + b"\0")
    for path in recipe.files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Two runs that need the same virtualenv: the second waits until the first has made it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _drop_unused(folder: Path) -> None:
    limit = time.time() - KEPT_DAYS * 86_400
    for ready in folder.glob(f"*/{_READY}"):
        if ready.stat().st_mtime < limit:
            ready.unlink(missing_ok=True)  # first, so that nobody takes what is half gone
            shutil.rmtree(ready.parent, ignore_errors=True)
