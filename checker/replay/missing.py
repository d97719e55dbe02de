"""What else is missing: one run reports every setting that a project lacks, with values with which it loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from checker.errors import CheckerError, ConfigurationError
from checker.files import read_inside
from checker.postgres.interface import Server
from checker.replay.install import interpreter_version
from checker.replay.interpreter import upwards
from checker.replay.outcome import Failure, FailureKind, Pass, Replay
from checker.replay.probing import Example, propose
from checker.replay.python_version import allows
from checker.replay.recipe import required_python
from checker.replay.runner import Launch

_EXAMPLES = (
    *("example.env", ".env.example", ".env.sample", ".env.template", ".env.dist", ".env.test"),
    *("sample.env", "template.env", "env.example", "test.env"),
)


def examples(folder: Path, root: Path) -> tuple[Example, ...]:
    """The example files of variables that lie in the project's folder or above it, the nearest first."""
    found = []
    for place in upwards(folder, root):
        for name in _EXAMPLES:
            path = (place / name).relative_to(root).as_posix()
            try:
                found.append(Example(path, read_inside(root, path, "env_file")))
            except ConfigurationError:  # not there, not text, or a link that leads out of the repository
                continue
    return tuple(found)


def without_interpreter(error: CheckerError) -> Failure:
    """The failure of a project for which no Python could be found or made."""
    output = getattr(error, "output", "")
    message = f"{error.problem}. {error.remedy}"
    return Failure(FailureKind.ENVIRONMENT, "no interpreter", message, missing_kind="python", details=output or None)


def with_all_that_is_missing(replay: Replay, launch: Launch, server: Server, folder: Path, root: Path) -> Replay:
    """The same, with its environment's failures completed: the settings and the application with which the project loads,
    or a Python that the project (in `folder`, below `root`) does not ask for.
    """
    completed: dict[tuple[str, str], Failure] = {}

    def passed(one: Pass) -> Pass:
        failure = one.failure
        if failure is None or failure.kind is not FailureKind.ENVIRONMENT:
            return one
        key = (failure.error, failure.message)
        if key not in completed:  # every pass fails on the same environment
            completed[key] = _completed(failure, launch, server, folder, root)
        return replace(one, failure=completed[key])

    return replace(replay, passes=tuple(map(passed, replay.passes)))


def _completed(failure: Failure, launch: Launch, server: Server, folder: Path, root: Path) -> Failure:
    if failure.missing_kind == "bootstrap":
        return failure
    wanted, version = required_python(upwards(folder, root)), interpreter_version(launch.python, launch.environ)
    unfit = wanted and version and not allows(wanted, version)
    if proposal := propose(failure, launch, server, examples(folder, root)):
        failure = replace(failure, proposal=proposal)
        if failure.missing_kind in ("setting", "database") and proposal.env:
            named = [
                name for name, _ in proposal.env if name in proposal.required or failure.missing_kind == "database"
            ]
            return replace(failure, missing=", ".join(named) or failure.missing)
        if proposal.then is None:
            return failure
    if failure.missing is None and unfit and version:
        found = ".".join(map(str, version))
        return replace(failure, missing=f"{wanted} (this was {found})", missing_kind="python")
    return failure
