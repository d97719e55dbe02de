"""From an environment in a workspace to a plan: which Python runs what, with which settings, in which order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from checker.files import read_inside
from checker.isolation.layers import Isolation
from checker.replay.environment import passed_on, templates
from checker.replay.flask import find_application, uses_flask
from checker.replay.interpreter import find_interpreter, upwards
from checker.replay.order import RevisionNode
from checker.replay.outcome import Failure, Landing, Pass, Replay, Step
from checker.replay.plan import Plan
from checker.replay.protocol import Job
from checker.replay.runner import Launch
from checker.replay.workspace import Workspace
from checker.settings import ProjectSettings, Timeouts
from checker.source.project import Environment
from checker.source.snapshot import Snapshot

# Roles belong to the whole server: two passes that make the same one at the same time get in each other's way.
_ROLES = re.compile(rb"\b(create|drop|alter)\s+(role|user|group)\b", re.IGNORECASE)


def make_plan(
    snapshot: Snapshot,
    project: ProjectSettings,
    workspace: Workspace,
    root: Path,
    timeouts: Timeouts,
    environ: Mapping[str, str],
    isolation: Isolation,
    tell: Callable[[str], None] = lambda _: None,
) -> Plan:
    """How to replay the snapshot's environment. `root` is the user's work tree: interpreter and env_file are looked for
    there.

    `tell` hears of what takes a moment. Raises ConfigurationError for an interpreter or env_file that is not there,
    CheckerError where no interpreter serves.
    """
    interpreter = find_interpreter(project, root, environ, files=workspace.root, tell=tell)
    return Plan(
        project=snapshot.environment.path,
        launch=Launch(
            python=interpreter.path,
            job=replace(_job(snapshot.environment, project, workspace), root=workspace.root, checkout=root),
            environ=passed_on(environ),
            templates=templates(_env_file(project, root), project.env),
            step_seconds=timeouts.step,
            total_seconds=timeouts.total,
            isolation=isolation,
            private=workspace.root if workspace.temporary else None,
        ),
        order=order_of(snapshot),
        irreversible_below=project.irreversible_below,
        serial=has_roles(snapshot),
    )


def order_of(snapshot: Snapshot) -> tuple[RevisionNode, ...]:
    """The snapshot's revisions in topological order, `depends_on` included."""
    graph = snapshot.graph
    return tuple(RevisionNode(revision, graph.before(revision)) for revision in graph.topological_order())


def has_roles(snapshot: Snapshot) -> bool:
    """Whether a script makes, changes or drops a role."""
    return any(_ROLES.search(script.source) for script in snapshot.scripts)


def _job(environment: Environment, project: ProjectSettings, workspace: Workspace) -> Job:
    config = environment.config_file
    in_pyproject = bool(config and config.endswith(".toml"))
    directory, flask_app = workspace.path(environment.working_directory), project.flask_app
    if uses_flask(workspace.path(environment.script_location)):
        folders = upwards(workspace.path(environment.script_location), workspace.root)
        directory, flask_app = find_application(folders, flask_app)
    return Job(
        directory=directory,
        script_location=workspace.path(environment.script_location),
        config_file=workspace.path(config) if config and not in_pyproject else None,
        toml_file=workspace.path(config) if config and in_pyproject else None,
        ini_section=environment.section,
        x=tuple(f"{key}={value}" for key, value in project.x.items()),
        flask_app=flask_app,
    )


def _env_file(project: ProjectSettings, root: Path) -> str:
    if project.env_file is None:
        return ""
    return read_inside(root, project.env_file, f"env_file of project {project.path}")


def with_relative_paths(replay: Replay, roots: tuple[Path, ...]) -> Replay:
    """The same with every path relative to the repository's root, wherever the workspace lay."""

    def failure(one: Failure | None) -> Failure | None:
        return replace(one, path=_relative(one.path, roots)) if one and one.path else one

    def step(one: Step) -> Step:
        return replace(one, failure=failure(one.failure))

    def landing(one: Landing) -> Landing:
        return replace(
            one,
            upgrade=step(one.upgrade),
            downgrade=step(one.downgrade) if one.downgrade else None,
            reupgrade=step(one.reupgrade) if one.reupgrade else None,
        )

    def passed(one: Pass) -> Pass:
        return replace(one, steps=tuple(map(step, one.steps)), failure=failure(one.failure))

    return replace(
        replay,
        passes=tuple(map(passed, replay.passes)),
        landings=tuple(map(landing, replay.landings)),
        base_steps=tuple(map(step, replay.base_steps)),
    )


def _relative(path: str, roots: tuple[Path, ...]) -> str:
    for root in roots:
        if Path(path).is_relative_to(root.resolve()):
            return Path(path).relative_to(root.resolve()).as_posix()
    return path
