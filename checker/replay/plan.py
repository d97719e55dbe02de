"""What is replayed and in which order: the chain in one go, the stairway and the deployment, side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from checker.postgres.interface import Server
from checker.replay.arrival import not_upgraded
from checker.replay.chain import Chain, Progress, not_run, run, run_chain
from checker.replay.database import roles_taken_back, throwaway
from checker.replay.deploy import BasePlan, Deployment, run_deploy
from checker.replay.order import RevisionNode
from checker.replay.outcome import Difference, Drift, FailureKind, Landing, Pass, PassName, Replay
from checker.replay.runner import Launch, Session
from checker.replay.stairway import Stairway

Result = TypeVar("Result")
NO_BASE = "the base has the same scripts"
NOT_LOADED = "the project's environment could not be loaded"
OTHER_PASSES: tuple[PassName, ...] = ("stairway", "deploy", "downgrade", "drift")
"""All but `fresh`, in the order of a report."""


def silent(name: str, done: int, total: int, revision: str) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Plan:
    """What is to be replayed for one project.

    `order` is topological, `depends_on` included. `base` is None where a deployment would show nothing: `no_base` says
    why. `serial`: the passes must not run side by side, because the scripts make or drop roles, which all databases of
    a server share.
    """

    project: str
    launch: Launch
    order: tuple[RevisionNode, ...]
    irreversible_below: str | None = None
    serial: bool = False
    base: BasePlan | None = None
    no_base: str = NO_BASE


def replay_project(
    plan: Plan,
    server: Server,
    watch: Callable[..., Any],
    compare: Callable[[Any, Any], Sequence[Difference]],
    progress: Progress = silent,
) -> Replay:
    """Replay one project on `server`. A fault of the project is in the result, never raised.

    `watch` is given a connection, and `version_table` and `version_schema` where they are not the usual ones; what its
    `read()` returns is compared by `==` and by `compare`. Where not even env.py would load, the other passes are
    "not run": they would only say the same again.
    """
    stairway = Stairway(
        plan.launch,
        server,
        plan.order,
        irreversible_below=plan.irreversible_below,
        watch=watch,
        compare=compare,
        progress=progress,
    )

    def deploy() -> Deployment:
        if plan.base is None:
            return Deployment(not_run("deploy", plan.no_base))
        return run_deploy(plan.base, plan.launch, server, watch, order=plan.order, progress=progress)

    def chain() -> Chain:
        floor = plan.irreversible_below
        return run_chain(plan.launch, server, watch, order=plan.order, floor=floor, progress=progress)

    made, climbed, deployed = (
        _one_by_one(server, chain, stairway.run, deploy)
        if plan.serial
        else _side_by_side(chain, stairway.run, deploy, plan.launch.stopped)
    )
    if climbed is None or deployed is None or _not_loaded(made):
        others = (not_run(name, NOT_LOADED) for name in OTHER_PASSES)
        return Replay(plan.project, server.provider, server.version, (made.fresh, *others))
    return _together(plan, server, made, climbed, deployed, compare)


def _together(
    plan: Plan,
    server: Server,
    made: Chain,
    climbed: tuple[Pass, tuple[Landing, ...]],
    deployed: Deployment,
    compare: Callable[[Any, Any], Sequence[Difference]],
) -> Replay:
    result = deployed.result
    diverged: tuple[Difference, ...] = ()
    if made.catalog is not None and deployed.catalog is not None:
        diverged = tuple(compare(made.catalog, deployed.catalog))
    if diverged:
        result = replace(result, outcome="failed")
    return Replay(
        plan.project,
        server.provider,
        server.version,
        (made.fresh, climbed[0], result, made.downgrade, made.drift),
        climbed[1],
        base_steps=deployed.base_steps,
        base_downgrades=deployed.base_downgrades,
        diverged=diverged,
        drift=None if made.operations is None else Drift(made.operations, deployed.base_operations),
    )


Climbed = tuple[Pass, tuple[Landing, ...]]
Passes = tuple[Chain, Climbed | None, Deployment | None]


def _side_by_side(
    chain: Callable[[], Chain],
    stairway: Callable[[], Climbed],
    deploy: Callable[[], Deployment],
    stopped: threading.Event,
) -> Passes:
    with ThreadPoolExecutor(max_workers=2) as others:
        climbed: Future[Climbed] = others.submit(stairway)
        deployed: Future[Deployment] = others.submit(deploy)
        try:
            return chain(), climbed.result(), deployed.result()
        except BaseException:
            stopped.set()  # Ctrl-C is for this thread alone, and the others would be waited for
            raise


def _one_by_one(
    server: Server, chain: Callable[[], Chain], stairway: Callable[[], Climbed], deploy: Callable[[], Deployment]
) -> Passes:
    def alone(one: Callable[[], Result]) -> Result:
        with roles_taken_back(server):
            return one()

    made = alone(chain)
    return (made, None, None) if _not_loaded(made) else (made, alone(stairway), alone(deploy))


def _not_loaded(made: Chain) -> bool:
    return made.fresh.failure is not None and made.fresh.failure.kind is FailureKind.ENVIRONMENT


def run_fresh(plan: Plan, server: Server, progress: Progress = silent) -> Pass:
    """`upgrade heads` from an empty database, unmodified, and nothing else."""
    started = time.monotonic()
    with throwaway(server) as address, Session(plan.launch, address) as session:
        outcome = run(
            session,
            "fresh",
            session.upgrade,
            len(plan.order),
            progress,
            lambda ran: not_upgraded(session, plan.order, ran),
        )
    return replace(outcome, seconds=time.monotonic() - started)
