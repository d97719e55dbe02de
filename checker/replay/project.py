"""One project's replay: a workspace, the project's Python, the passes, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from checker.errors import CheckerError, ConfigurationError, RepositoryError
from checker.isolation.layers import NO_ISOLATION, Isolation
from checker.postgres.interface import Server
from checker.replay.base import BasePlan
from checker.replay.bootstrap import BootstrapFailed, bootstrapped, read_start
from checker.replay.catalog import CatalogWatch, compare
from checker.replay.chain import Progress, not_run
from checker.replay.database import throwaway
from checker.replay.flask import uses_flask
from checker.replay.missing import with_all_that_is_missing, without_interpreter
from checker.replay.multidb import replay_each
from checker.replay.outcome import Failure, Pass, Replay
from checker.replay.plan import NO_BASE, NOT_LOADED, OTHER_PASSES, Plan, replay_project
from checker.replay.prepare import has_roles, make_plan, order_of, with_relative_paths
from checker.replay.runner import Launch
from checker.replay.workspace import Workspace, open_workspace
from checker.settings import ProjectSettings, Timeouts
from checker.source.changes import Changes
from checker.source.project import Environment
from checker.source.repository import Repository
from checker.source.snapshot import Snapshot


@dataclass(frozen=True)
class Trees:
    """The trees that a replay is made from: before the merge, after it, and what the user has on disk."""

    base: str
    result: str
    work_tree: str | None
    """None where what is judged is not checked out."""


def isolated(
    run: Callable[..., tuple[Replay, ...]],
    isolation: Isolation,
    *arguments: Any,
    tell: Callable[[str], None],
    **named: Any,
) -> tuple[Replay, ...]:
    """What `run` replays with this isolation; where the operating system refused the project something, and it failed,
    what it replays with less. The replays say what they ran without.
    """
    replays = run(*arguments, isolation=isolation, tell=tell, **named)
    if isolation != NO_ISOLATION and any(map(_was_refused, replays)):
        tell("the project was refused the network or a file: once more with less isolation")
        isolation = isolation.relaxed()
        replays = run(*arguments, isolation=isolation, tell=tell, **named)
    open_to_workers = named["server"].open_to_workers
    missing = (*isolation.missing, *([open_to_workers] if open_to_workers else []))
    return tuple(replace(replay, not_isolated=missing) for replay in replays)


def _was_refused(replay: Replay) -> bool:
    failures = (one for each in replay.passes for one in (each.failure, *(step.failure for step in each.steps)))
    return any(one.refused for one in failures if one)


def replay_subject(
    base: Snapshot,
    result: Snapshot,
    changes: Changes,
    *,
    project: ProjectSettings,
    repository: Repository,
    trees: Trees,
    timeouts: Timeouts,
    server: Server,
    isolation: Isolation,
    environ: Mapping[str, str],
    progress: Progress,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Replay, ...]:
    """What the chain does, as the merge result has it, on a new database and on one that ran the base's scripts: one
    replay for each database that its env.py migrates.

    A project that will not load is part of the answer; only a wrong configuration raises (ConfigurationError).
    """
    base = replace(base, environment=_as_configured(base.environment, result.environment))
    own_root = [repository.root] if repository.root else []
    with ExitStack() as stack:
        places: list[Path] = []

        def workspace(snapshot: Snapshot, tree: str, surroundings: str | None = None) -> Workspace:
            opened = open_workspace(
                repository, snapshot.environment, tree, work_tree=trees.work_tree, surroundings=surroundings
            )
            place = stack.enter_context(opened)
            places.append(Path(place.root))
            return place

        def plan_of(snapshot: Snapshot, place: Workspace, settings: ProjectSettings) -> Plan:
            root = repository.root or place.root
            plan = make_plan(snapshot, settings, place, root, timeouts, environ, isolation, tell)
            plan = replace(plan, launch=_without(plan.launch, repository, trees, snapshot is base))
            if not uses_flask(place.path(snapshot.environment.script_location)):
                return plan
            return replace(plan, launch=replace(plan.launch, loading=partial(throwaway, server)))

        def base_launch(surroundings: str | None) -> Launch:
            # By the same interpreter: the base's scripts are to meet the merge result's, not its dependencies.
            settings = project.model_copy(update={"python": str(plan.launch.python)})
            launch = plan_of(base, workspace(base, trees.base, surroundings), settings).launch
            return _traced(replace(launch, stopped=plan.launch.stopped, outside=plan.launch.outside), changes)

        try:
            place = workspace(result, trees.result)
            plan = plan_of(result, place, project)
        except (ConfigurationError, RepositoryError):
            raise
        except CheckerError as error:
            return (_not_loaded(result, server, without_interpreter(error)),)
        why_not = _no_deployment(base, result)
        plan = replace(plan, no_base=why_not)
        if why_not is None or (why_not == NO_BASE and trees.base != trees.result):
            old = make_plan_of_base(base, changes, (lambda: base_launch(None), lambda: base_launch(trees.result)))
            plan = replace(plan, base=old, serial=plan.serial or has_roles(base))
        start = read_start(project.bootstrap, place.root, *own_root) if project.bootstrap else None

        def replay_one(plan: Plan, progress: Progress) -> Replay:
            try:
                with bootstrapped(server, plan, start) as (own, shortened):
                    replay = replay_project(shortened, own, CatalogWatch, compare, progress)
            except BootstrapFailed as failed:
                replay = _not_loaded(result, server, failed.failure)
            replay = with_all_that_is_missing(replay, plan.launch, server, place.path(project.path), place.root)
            replay = replace(replay, outside=tuple(sorted(plan.launch.outside)))
            return with_relative_paths(replay, (*places, *own_root))

        plan = replace(plan, launch=_traced(plan.launch, changes))
        return replay_each(plan, replay_one, progress)


def _without(launch: Launch, repository: Repository, trees: Trees, at_base: bool) -> Launch:
    """With the Python files that another of the trees has: a copy of one elsewhere was not generated, but is out of date."""
    wanted = repository.files(trees.base if at_base else trees.result)
    others = {path for tree in {trees.base, trees.result, trees.work_tree} if tree for path in repository.files(tree)}
    absent = tuple(sorted(path for path in others - wanted.keys() if path.endswith(".py")))
    return replace(launch, job=replace(launch.job, absent=absent))


def _traced(launch: Launch, changes: Changes) -> Launch:
    """With the lines of the edited scripts recorded: an edit is harmless only in what ran."""
    edited = tuple(sorted(pair.after.revision for pair in changes.edited if pair.after.revision))
    return replace(launch, job=replace(launch.job, trace=edited))


def _as_configured(base: Environment, result: Environment) -> Environment:
    """The base's environment, run from where the user's configuration has the merge result's run."""
    if base.script_location != result.script_location:
        return base
    return replace(base, path=result.path, working_directory=result.working_directory, settings=result.settings)


def make_plan_of_base(base: Snapshot, changes: Changes, launches: tuple[Callable[[], Launch], ...]) -> BasePlan:
    """The base's own chain; with the downgrades of the scripts in which more than upgrade() was edited."""
    edited = {pair.before.revision for pair in changes.edited if pair.changed_parts != ("upgrade()",)}
    compares = bool(changes.edited or changes.deleted or changes.reparented or changes.inserted or changes.renumbered)
    return BasePlan(launches, order_of(base), frozenset(one for one in edited if one), compares)


def _no_deployment(base: Snapshot, result: Snapshot) -> str | None:
    """Why a deployment would show nothing, or could not be tried; None where it is worth it."""
    if not base.scripts:
        return "the base has no revisions"
    if base.graph.broken or base.graph.duplicates or any(script.problem for script in base.scripts):
        return "Alembic cannot read the base's chain"
    if {(one.path, one.blob) for one in base.scripts} == {(one.path, one.blob) for one in result.scripts}:
        return NO_BASE
    return None


def _not_loaded(snapshot: Snapshot, server: Server, failure: Failure) -> Replay:
    others = (not_run(name, NOT_LOADED) for name in OTHER_PASSES)
    passes = (Pass("fresh", 0, "failed", failure=failure), *others)
    return Replay(snapshot.environment.path, server.provider, server.version, passes)
