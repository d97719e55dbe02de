"""The Action's inputs: `INPUT_*` in, a frozen object and the same Settings as the command line's out."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from checker.errors import UsageError
from checker.findings import Severity
from checker.settings import Settings

_SWITCHES = {"true": True, "false": False}


@dataclass(frozen=True)
class Inputs:
    """One field for each input of action.yml, with the same default; several values stand on a line each."""

    base: str = ""
    config: str = ""
    project: tuple[str, ...] = ()
    working_directory: str = "."
    python: str = ""
    install: str = ""
    requirements: tuple[str, ...] = ()
    replay: bool = True
    postgres: str = ""
    postgres_image: tuple[str, ...] = ()
    fail_on: str = "error"
    comment: bool = False
    audit: str = "false"
    issue: bool = False
    report: tuple[str, ...] = ()
    token: str = ""


def read_inputs(environ: Mapping[str, str]) -> Inputs:
    """The inputs that a runner handed over. Raises UsageError for a value that an input cannot have.

    A composite action names them itself (INPUT_FAIL_ON); for a container the runner does (INPUT_FAIL-ON).
    """
    given = {
        name.upper().replace("-", "_").removeprefix("INPUT_"): value.strip()
        for name, value in environ.items()
        if name.upper().startswith("INPUT_")
    }
    values: dict[str, Any] = {}
    for field in fields(Inputs):
        text = given.get(field.name.upper(), "")
        if text:
            values[field.name] = _value(field.name.replace("_", "-"), text, field.default)
    return Inputs(**values)


def _value(name: str, text: str, default: object) -> object:
    if isinstance(default, bool):
        if text.lower() not in _SWITCHES:
            raise UsageError(f"the input {name} is '{text}'", "It can be true or false.")
        return _SWITCHES[text.lower()]
    if isinstance(default, tuple):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    if name == "fail-on" and text not in ("error", "warning"):
        raise UsageError(f"the input fail-on is '{text}'", "It can be error or warning.")
    return text


def make_settings(inputs: Inputs, directory: Path, environ: Mapping[str, str]) -> Settings:
    """The same Settings that the command line makes. `directory` is where the inputs' relative paths start."""
    return Settings(
        directory=directory,
        base=inputs.base or None,
        replay=inputs.replay,
        fail_on=Severity(inputs.fail_on),
        projects=inputs.project,
        config=directory / inputs.config if inputs.config else None,
        postgres=inputs.postgres or None,
        postgres_image=inputs.postgres_image[0] if inputs.postgres_image else None,
        python=find_program(inputs.python, directory, environ) if inputs.python else None,
    )


def find_program(python: str, directory: Path, environ: Mapping[str, str]) -> str:
    """The interpreter that an input means: a name on PATH, or a path. A path that leads nowhere is told of later."""
    if "/" not in python and (found := shutil.which(python, path=environ.get("PATH"))):
        return found
    return str(directory / python)
