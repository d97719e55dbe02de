"""One project's replay: a workspace, the project's Python, the passes, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from checker.errors import CheckerError, ConfigurationError
from checker.postgres.interface import Server
from checker.replay.bootstrap import BootstrapFailed, bootstrapped, read_start
from checker.replay.catalog import CatalogWatch, compare
from checker.replay.missing import with_all_that_is_missing, without_interpreter
from checker.replay.outcome import Failure, Pass, Replay
from checker.replay.plan import replay_project
from checker.replay.prepare import make_plan, with_relative_paths
from checker.replay.workspace import open_workspace
from checker.settings import ProjectSettings, Timeouts
from checker.source.repository import Repository
from checker.source.snapshot import Snapshot


def replay_subject(
    snapshot: Snapshot,
    *,
    project: ProjectSettings,
    repository: Repository,
    tree: str,
    work_tree: str | None,
    timeouts: Timeouts,
    server: Server,
    environ: Mapping[str, str],
    progress: Callable[[str, int, int, str], None],
    tell: Callable[[str], None] = lambda _: None,
) -> Replay:
    """What the chain does, as `tree` has it. A project that will not load is part of the answer; only a wrong
    configuration raises (ConfigurationError).
    """
    with open_workspace(repository, snapshot.environment, tree, work_tree=work_tree) as workspace:
        root = repository.root or workspace.root
        try:
            plan = make_plan(snapshot, project, workspace, root, timeouts, environ, tell)
        except ConfigurationError:
            raise
        except CheckerError as error:
            return _not_loaded(snapshot, server, without_interpreter(error))
        start = read_start(project.bootstrap, workspace.root) if project.bootstrap else None
        try:
            with bootstrapped(server, plan, start) as (own, shortened):
                replay = replay_project(shortened, own, CatalogWatch, compare, progress)
        except BootstrapFailed as failed:
            replay = _not_loaded(snapshot, server, failed.failure)
        replay = with_all_that_is_missing(replay, plan.launch, server, workspace.path(project.path), workspace.root)
        return with_relative_paths(replay, (Path(workspace.root), root))


def _not_loaded(snapshot: Snapshot, server: Server, failure: Failure) -> Replay:
    passes = (Pass("fresh", 0, "failed", failure=failure), Pass("stairway", 0, "not run"))
    return Replay(snapshot.environment.path, server.provider, server.version, passes)
