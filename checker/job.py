"""The job that an Action's step runs in: its Python, and what is to be installed there.

On a GitHub-hosted runner the machine ends with the job, so the job's own Python takes the project's dependencies. Any other
machine stays: a self-hosted runner, or a developer's with act. There they go into an environment of this job's, which sees
what the job's Python has and changes nothing of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from checker.errors import CheckerError
from checker.inputs import Inputs, find_program
from checker.isolation.layers import RUNNER_FILES
from checker.replay.environment import for_a_question

# What a project's own set-up has no use for, and must not read: this step's inputs with its token, and the runner's own.
_PRIVATE = ("INPUT_", "ACTIONS_")
# Each makes pip install into another place than the environment that it runs in.
_ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "UV_SYSTEM_PYTHON", "UV_PYTHON", "PYTHONHOME")
_PLACES = "import site, sys; print(sys.prefix, sys.base_prefix, *site.getsitepackages(), sep='\\n')"


def job_python(inputs: Inputs, directory: Path, environ: Mapping[str, str]) -> str | None:
    """The interpreter that the job's steps run: the input's, that of actions/setup-python, else the one on PATH."""
    if inputs.python:
        python = find_program(inputs.python, directory, environ)
        return python if Path(python).is_file() else None
    places = [f"{environ['pythonLocation']}/bin"] if environ.get("pythonLocation") else []
    path = os.pathsep.join([*places, environ.get("PATH", os.defpath)])
    return shutil.which("python3", path=path) or shutil.which("python", path=path)


@contextmanager
def keep_runner_files(environ: Mapping[str, str], tell: Callable[[str], object]) -> Iterator[None]:
    """Restore what the block's programs change in the files by which a step sets outputs, variables and summaries.

    Landlock hides these files from a worker; this is for systems without it. `tell` gets the name of each variable whose file
    was changed.
    """
    paths = {name: Path(environ[name]) for name in RUNNER_FILES if environ.get(name)}
    before = {name: _content(path) for name, path in paths.items()}
    try:
        yield
    finally:
        for name, path in paths.items():
            if _content(path) != before[name]:
                _restore(path, before[name])
                tell(name)


def _content(path: Path) -> bytes | None:
    """None for what is no file of its own: a link could lead to another."""
    return path.read_bytes() if path.is_file() and not path.is_symlink() else None


def _restore(path: Path, content: bytes | None) -> None:
    """As it was. Raises CheckerError where that is not possible: the next step would obey what is in it."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.is_symlink() or content is None:
            path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
    except OSError as error:
        raise CheckerError(
            f"{path} was changed while migrations ran, and cannot be restored: {error.strerror}",
            "Look at the migrations of this change before you run anything else in this job.",
        ) from None


def install(inputs: Inputs, directory: Path, environ: Mapping[str, str]) -> str | None:
    """Run what the inputs `requirements` and `install` ask for; it writes to our own streams.

    The interpreter of an environment that was made for this, else None. Raises CheckerError where that fails.
    """
    if not inputs.requirements and not inputs.install:
        return None
    python = job_python(inputs, directory, environ)
    if python is None:
        raise CheckerError("this job has no Python to install into", "Add actions/setup-python before this step.")
    own = None if _ends_with_the_job(python, environ) else _make_environment(python, environ)
    env = _only_into(own, _environ(own, environ)) if own else _environ(python, environ)
    if inputs.requirements:
        files = [word for name in inputs.requirements for word in ("-r", name)]
        _run([own or python, "-m", "pip", "install", *files], "requirements", directory, env)
    if inputs.install:
        shell = shutil.which("bash", path=environ.get("PATH")) or "sh"
        _run([shell, "-e", "-c", inputs.install], "install", directory, env)
    return own


# --- where it is installed


@dataclass(frozen=True)
class _Places:
    """Where an interpreter keeps what is installed for it."""

    prefix: Path
    is_virtual: bool
    packages: tuple[str, ...]


def _places(python: str, environ: Mapping[str, str]) -> _Places | None:
    argv = [python, "-I", "-c", _PLACES]
    done = subprocess.run(
        argv, env=for_a_question(environ), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    lines = done.stdout.splitlines()
    if done.returncode or len(lines) < 2:
        return None
    return _Places(Path(lines[0]), lines[0] != lines[1], tuple(lines[2:]))


def _ends_with_the_job(python: str, environ: Mapping[str, str]) -> bool:
    """Whether what is installed for this interpreter is of this job alone.

    So on a GitHub-hosted runner, for what actions/setup-python gave, and for an environment in the runner's temporary folder.
    Not in the workspace: act can bind the developer's own checkout, with their own `.venv`.
    """
    if environ.get("RUNNER_ENVIRONMENT") == "github-hosted":
        return True
    location = environ.get("pythonLocation")
    if location and Path(python).absolute().is_relative_to(location):
        return True
    places, temporary = _places(python, environ), environ.get("RUNNER_TEMP")
    return bool(places and temporary and places.prefix.resolve().is_relative_to(Path(temporary).resolve()))


def _make_environment(python: str, environ: Mapping[str, str]) -> str:
    """A new environment that sees what this interpreter has. Its interpreter; raises CheckerError."""
    folder = Path(tempfile.mkdtemp(prefix="alembic-premerge-python-", dir=environ.get("RUNNER_TEMP") or None))
    folder.chmod(0o755)  # a replay may run as another account, which must read it
    places = _places(python, environ)
    virtual = places is not None and places.is_virtual
    seen = [] if virtual else ["--system-site-packages"]
    argv = [python, "-I", "-m", "venv", *seen, str(folder)]
    done = subprocess.run(
        argv, env=_environ(python, environ), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    own = str(folder / "bin" / "python")
    made = _places(own, environ) if done.returncode == 0 else None
    if made is None:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise CheckerError(
            f"no environment for the project's dependencies can be made with {python}: {last[0]}",
            "Add actions/setup-python before this step, or install the venv module of that Python (python3-venv).",
        )
    if virtual and places:  # a virtual environment of another shows what lies below both, and not what the first has
        lines = [f"import site; site.addsitedir({place!r})\n" for place in places.packages]
        Path(made.packages[0], "the-jobs.pth").write_text("".join(lines), "utf-8")
    print(f"installing into {folder}: {python} stays as it is on this machine", flush=True)
    return own


# --- running it


def _environ(python: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What a project's set-up is given: this interpreter first on PATH, and nothing of the runner's or of ours."""
    env = {name: value for name, value in environ.items() if not name.upper().startswith(_PRIVATE)}
    env["PATH"] = os.pathsep.join((str(Path(python).parent), environ.get("PATH", os.defpath)))
    return env | {"PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _only_into(python: str, env: Mapping[str, str]) -> dict[str, str]:
    """With what keeps pip, uv and poetry to this environment, whatever the user's own settings say."""
    kept = {name: value for name, value in env.items() if name not in _ELSEWHERE}
    return {**kept, "VIRTUAL_ENV": str(Path(python).parent.parent), "PIP_USER": "0"}


def _run(argv: list[str], what: str, directory: Path, env: Mapping[str, str]) -> None:
    try:
        status = subprocess.run(argv, cwd=directory, env=env, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        raise CheckerError(f"the input {what} cannot be run: {error.strerror}", "Correct that input.") from None
    if status:
        raise CheckerError(f"the input {what} ended with status {status}", "The lines above say why.")


def with_job_python(
    inputs: Inputs, directory: Path, environ: Mapping[str, str], own: str | None = None
) -> Mapping[str, str]:
    """The environment in which a replay finds the job's Python as the active one, where no other is.

    `own` is the interpreter of the environment that `install` made.
    """
    if own:
        return {**environ, "VIRTUAL_ENV": str(Path(own).parent.parent)}
    python = None if environ.get("VIRTUAL_ENV") else job_python(inputs, directory, environ)
    # By its place alone. It may be a file that the pull request added, and a static check runs nothing of that.
    return {**environ, "VIRTUAL_ENV": str(Path(python).parent.parent)} if python else environ
