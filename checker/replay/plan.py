"""What is replayed and in which order: the chain in one go, the stairway and the deployment, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from checker.postgres.interface import Server
from checker.replay.arrival import not_upgraded
from checker.replay.base import BaseDatabase, BasePlan, StartingAt
from checker.replay.chain import Chain, Progress, not_run, run, run_chain
from checker.replay.climbed import Climbed
from checker.replay.database import roles_taken_back, throwaway
from checker.replay.deploy import Deployment, run_deploy
from checker.replay.order import RevisionNode, ancestors, walkable
from checker.replay.outcome import Difference, Drift, FailureKind, Pass, PassName, Replay
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

    `order` is topological, `depends_on` included. `base` is None where the base's chain cannot be run, and `no_base` says
    why nothing is deployed. `serial`: the passes must not run side by side, because the scripts make or drop roles,
    which all databases of a server share.
    """

    project: str
    launch: Launch
    order: tuple[RevisionNode, ...]
    irreversible_below: str | None = None
    serial: bool = False
    base: BasePlan | None = None
    no_base: str | None = None


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
    with ExitStack() as stack:
        base = None
        if plan.base is not None:
            total, copied = len(plan.order), not plan.serial
            base = stack.enter_context(BaseDatabase(plan.base, server, progress, total=total, copied=copied))
        work = _Work(plan, server, watch, compare, progress, base)
        made, climbed, deployed = _one_by_one(work) if plan.serial else _side_by_side(work)
    if climbed is None or deployed is None or _not_loaded(made):
        others = (not_run(name, NOT_LOADED) for name in OTHER_PASSES)
        return Replay(plan.project, server.provider, server.version, (made.fresh, *others))
    return _together(plan, server, made, climbed, deployed, compare)


@dataclass(frozen=True)
class _Work:
    """The passes of one project, each to be called once."""

    plan: Plan
    server: Server
    watch: Callable[..., Any]
    compare: Callable[[Any, Any], Sequence[Difference]]
    progress: Progress
    base: BaseDatabase | None

    def chain(self) -> Chain:
        plan, floor = self.plan, self.plan.irreversible_below
        return run_chain(plan.launch, self.server, self.watch, order=plan.order, floor=floor, progress=self.progress)

    def deploy(self) -> Deployment:
        plan = self.plan
        if self.base is None or plan.no_base:
            return Deployment(not_run("deploy", plan.no_base or NO_BASE))
        return run_deploy(self.base, plan.launch, self.server, self.watch, order=plan.order, progress=self.progress)

    def compared(self, made: Chain, deployed: Deployment) -> Deployment:
        """With the base's own run where nothing was deployed and a revision fails: does it fail at the base as well?"""
        if self.base is None or deployed.base_steps or not any(step.failure for step in made.fresh.steps):
            return deployed
        with self.base.open() as (_, done):
            return replace(deployed, base_steps=done.result.steps)

    def stairway(self) -> Climbed:
        """Every revision, from nothing."""
        return self._climb(self.server, self.plan.order)

    def rest(self, climbed: Climbed) -> Climbed:
        """Of the revisions that were not reached from nothing, those that can be reached from the base's heads."""
        order = self._above_base(climbed)
        if not order or self.base is None:
            return climbed
        with self.base.open() as (address, _):
            if address is None:
                return climbed
            return climbed.with_rest(self._climb(StartingAt(self.server, address), order))

    def _above_base(self, climbed: Climbed) -> tuple[RevisionNode, ...]:
        if self.plan.base is None or not climbed.unverified:
            return ()
        order, below = self.plan.order, {node.revision for node in self.plan.base.order}
        return walkable(order, below, {one.revision for one in climbed.unverified})

    def _climb(self, server: Server, order: tuple[RevisionNode, ...]) -> Climbed:
        plan = self.plan
        floor = ancestors(plan.order, plan.irreversible_below) if plan.irreversible_below else frozenset[str]()
        return Stairway(
            plan.launch,
            server,
            order,
            floor=floor,
            watch=self.watch,
            compare=self.compare,
            progress=self.progress,
            with_roles=plan.serial,
        ).run()


def _together(
    plan: Plan,
    server: Server,
    made: Chain,
    climbed: Climbed,
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
        (made.fresh, climbed.result, result, made.downgrade, made.drift),
        climbed.landings,
        climbed.unverified,
        base_steps=deployed.base_steps,
        base_downgrades=deployed.base_downgrades,
        diverged=diverged,
        drift=None
        if made.operations is None
        else Drift(made.operations, deployed.base_operations, deployed.operations),
        databases=made.databases,
        base_databases=deployed.base_databases,
    )


Passes = tuple[Chain, Climbed | None, Deployment | None]


def _side_by_side(work: _Work) -> Passes:
    with ThreadPoolExecutor(max_workers=2) as others:
        climbed: Future[Climbed] = others.submit(lambda: work.rest(work.stairway()))
        deployed: Future[Deployment] = others.submit(work.deploy)
        try:
            made = work.chain()
            return made, climbed.result(), work.compared(made, deployed.result())
        except BaseException:
            work.plan.launch.stopped.set()  # Ctrl-C is for this thread alone, and the others would be waited for
            raise


def _one_by_one(work: _Work) -> Passes:
    def alone(one: Callable[[], Result]) -> Result:
        with roles_taken_back(work.server):
            return one()

    made = alone(work.chain)
    if _not_loaded(made):
        return made, None, None
    climbed = alone(work.stairway)
    rest, deployed = alone(lambda: work.rest(climbed)), alone(work.deploy)
    return made, rest, alone(lambda: work.compared(made, deployed))


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
