"""`locate --prove`: where a stamp leads, tried out on throwaway databases.

One database runs the old chain up to the missing revision, is stamped as the remedy says and then upgraded with this
checkout's code; another runs this checkout's chain alone. What the two have different is what would remain.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from checker.checks.base import listing
from checker.errors import CheckerError, UsageError
from checker.isolation.layers import Isolation, hidden_paths, isolate
from checker.lost.answer import Kind, Proof
from checker.lost.calling import SHORT
from checker.lost.recovery import Ways
from checker.pipeline import PRIVILEGED_EVENTS, Progress, read_init_scripts
from checker.postgres import Server, start_server
from checker.replay.bootstrap import BootstrapFailed, bootstrapped, read_start
from checker.replay.catalog import describe_deployed
from checker.replay.plan import Plan
from checker.replay.prepare import make_plan
from checker.replay.remains import Journey, compare_ends
from checker.replay.workspace import open_workspace
from checker.settings import ProjectSettings, Settings
from checker.source.repository import Repository
from checker.source.snapshot import Snapshot, SnapshotReader
from checker.whereabouts import Answer, Found


def proved(
    found: Found, settings: Settings, repository: Repository, environ: Mapping[str, str], progress: Progress
) -> tuple[Answer, ...]:
    """The answers, those to which a stamp is a way out with a proof. Raises PostgresUnavailable where there is no server."""
    event = environ.get("GITHUB_EVENT_NAME")
    if event in PRIVILEGED_EVENTS:
        raise UsageError(
            f"--prove runs the repository's code, and the event {event} has its rights", "Leave --prove out."
        )
    if not any(one.ways and one.ways.road for one in found.answers):
        return found.answers
    postgres = settings.postgres_settings(found.configuration.postgres)
    init = read_init_scripts(postgres, repository.root or settings.directory)
    with (
        start_server(postgres, environ=environ, tell=progress.tell, init=init) as server,
        isolate(server.host, server.port, hidden_paths(environ)) as isolation,
    ):
        return tuple(
            replace(
                one,
                located=replace(
                    one.located,
                    proof=_prove(one.ways, found, settings, repository, server, isolation, environ, progress),
                ),
            )
            if one.ways and one.ways.road
            else one
            for one in found.answers
        )


def _prove(
    ways: Ways,
    found: Found,
    settings: Settings,
    repository: Repository,
    server: Server,
    isolation: Isolation,
    environ: Mapping[str, str],
    progress: Progress,
) -> Proof:
    facts = ways.facts
    commit = facts.missing[0].commit
    targets = facts.old.heads if ways.kind is Kind.SQUASHED else (facts.revision,)
    words = [f"{'run up to' if step.run else 'stamped'} {listing(step.revisions)}" for step in ways.road]
    told = f"up to {listing(targets)}, was {', '.join(words)} and upgraded"
    old = f"a database that ran the scripts of {commit[:SHORT]} {told}"
    new = "one that ran this code's alone"
    try:
        with ExitStack() as stack:
            project = facts.here.environment.settings or ProjectSettings(path=facts.here.environment.path)
            project = project.model_copy(update={"python": settings.python}) if settings.python else project

            def plan(snapshot: Snapshot, tree: str, project: ProjectSettings) -> Plan:
                work_tree = found.tree if found.checked_out else None
                opened = open_workspace(repository, snapshot.environment, tree, work_tree=work_tree)
                place = stack.enter_context(opened)
                root = repository.root or place.root
                timeouts = found.configuration.timeouts
                return make_plan(snapshot, project, place, root, timeouts, environ, isolation, progress.tell)

            tree = repository.tree_of(commit)
            before = SnapshotReader(repository).snapshot(tree, facts.here.environment)
            here = plan(facts.here, found.tree, project)
            there = plan(before, tree, project.model_copy(update={"python": str(here.launch.python)}))
            start = read_start(project.bootstrap, repository.root or settings.directory) if project.bootstrap else None
            with bootstrapped(server, here, start) as (own, _):
                journey = Journey(there.launch, targets, tuple((one.run, one.revisions) for one in ways.road))
                ended = compare_ends(journey, here.launch, own, progress.tell)
    except BootstrapFailed as failed:
        return Proof(old, new, problem=failed.failure.message)
    except CheckerError as error:
        return Proof(old, new, problem=f"{error.problem}. {error.remedy}")
    return Proof(old, new, tuple(map(describe_deployed, ended.differences)), ended.problem)
