"""The job that an Action's step runs in: its Python, and what is to be installed there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from checker.errors import CheckerError
from checker.inputs import Inputs, find_program

# What a project's own set-up has no use for, and must not read: this step's inputs with its token, and the runner's own.
_PRIVATE = ("INPUT_", "ACTIONS_")


def job_python(inputs: Inputs, directory: Path, environ: Mapping[str, str]) -> str | None:
    """The interpreter that the job's steps run: the input's, that of actions/setup-python, else the one on PATH."""
    if inputs.python:
        python = find_program(inputs.python, directory, environ)
        return python if Path(python).is_file() else None
    places = [f"{environ['pythonLocation']}/bin"] if environ.get("pythonLocation") else []
    path = os.pathsep.join([*places, environ.get("PATH", os.defpath)])
    return shutil.which("python3", path=path) or shutil.which("python", path=path)


def install(inputs: Inputs, directory: Path, environ: Mapping[str, str]) -> None:
    """Run what the inputs `requirements` and `install` ask for, in the job's Python; it writes to our own streams.

    Raises CheckerError where that fails.
    """
    if not inputs.requirements and not inputs.install:
        return
    python = job_python(inputs, directory, environ)
    if python is None:
        raise CheckerError("this job has no Python to install into", "Add actions/setup-python before this step.")
    if inputs.requirements:
        files = [word for name in inputs.requirements for word in ("-r", name)]
        _run([python, "-m", "pip", "install", *files], "requirements", python, directory, environ)
    if inputs.install:
        shell = shutil.which("bash", path=environ.get("PATH")) or "sh"
        _run([shell, "-e", "-c", inputs.install], "install", python, directory, environ)


def _run(argv: list[str], what: str, python: str, directory: Path, environ: Mapping[str, str]) -> None:
    env = {name: value for name, value in environ.items() if not name.upper().startswith(_PRIVATE)}
    env["PATH"] = os.pathsep.join((str(Path(python).parent), environ.get("PATH", os.defpath)))
    env |= {"PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        status = subprocess.run(argv, cwd=directory, env=env, stdin=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        raise CheckerError(f"the input {what} cannot be run: {error.strerror}", "Mend that input.") from None
    if status:
        raise CheckerError(f"the input {what} ended with status {status}", "The lines above say why.")


def with_job_python(inputs: Inputs, directory: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment in which a replay finds the job's Python as the active one, where no other is."""
    python = None if environ.get("VIRTUAL_ENV") else job_python(inputs, directory, environ)
    if python is None:
        return environ
    question = "import sys; print(sys.prefix)"
    answer = subprocess.run(
        [python, "-c", question], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    prefix = answer.stdout.strip()
    return {**environ, "VIRTUAL_ENV": prefix} if answer.returncode == 0 and prefix else environ
