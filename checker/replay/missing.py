"""What else is missing: a project that lacks five settings is told of all five at once, not of one in each of five runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from checker.errors import CheckerError
from checker.postgres.interface import Server
from checker.replay.flask import applications
from checker.replay.install import interpreter_version
from checker.replay.interpreter import upwards
from checker.replay.outcome import Failure, FailureKind, Pass, Replay
from checker.replay.python_version import allows
from checker.replay.recipe import required_python
from checker.replay.runner import Launch, Session

_STANDING_IN = "1"
"""A number, a truth and a text at once: most settings can be read from it."""
_ROUNDS, _SECONDS = 20, 60.0


def without_interpreter(error: CheckerError) -> Failure:
    """The failure of a project for which no Python could be found or made."""
    output = getattr(error, "output", "")
    message = f"{error.problem}. {error.remedy}"
    return Failure(FailureKind.ENVIRONMENT, "no interpreter", message, missing_kind="python", details=output or None)


def with_all_that_is_missing(replay: Replay, launch: Launch, server: Server, folder: Path, root: Path) -> Replay:
    """The same, with its environment's failure completed: every setting that is not there, every application that could
    be meant, a Python that the project (in `folder`, below `root`) does not ask for.
    """

    def completed(failure: Failure | None) -> Failure | None:
        if failure is None or failure.kind is not FailureKind.ENVIRONMENT:
            return failure
        if failure.missing_kind == "setting":
            return replace(failure, missing=", ".join(all_settings(failure, launch, server)))
        if failure.missing_kind == "flask_app":
            return replace(failure, missing=", ".join(applications(launch.job.directory)) or failure.missing)
        wanted = required_python(upwards(folder, root))
        version = interpreter_version(launch.python, launch.environ)
        if failure.missing is None and wanted and version and not allows(wanted, version):
            told = ".".join(map(str, version))
            return replace(failure, missing=f"{wanted} (this was {told})", missing_kind="python")
        return failure

    def passed(one: Pass) -> Pass:
        return replace(one, failure=completed(one.failure))

    return replace(replay, passes=tuple(map(passed, replay.passes)))


def all_settings(failure: Failure, launch: Launch, server: Server) -> Sequence[str]:
    """The settings without which env.py would not load, one after the other stood in for until something else fails."""
    names = list((failure.missing or "").split(", "))
    ends = time.monotonic() + _SECONDS
    database = server.create_database()
    try:
        for _ in range(_ROUNDS):
            if time.monotonic() > ends:
                break
            filled = replace(launch, templates={**dict.fromkeys(names, _STANDING_IN), **launch.templates})
            with Session(filled, database) as session:
                run = session.upgrade("heads")
                run.step()
            found = run.failure
            if found is None or found.missing_kind != "setting" or not found.missing:
                break
            new = [name for name in found.missing.split(", ") if name not in names]
            if not new:
                break
            names += new
    finally:
        server.drop_database(database)
    return names
