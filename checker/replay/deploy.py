"""The pass that a deployment is: a database that ran the base's own scripts meets the merge result's.

Only here does an edit, a deletion, a re-parenting or an insertion become visible: a fresh database never ran the old
scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.postgres.interface import Address, Server
from checker.replay.arrival import not_upgraded
from checker.replay.chain import Progress, compare_models, run
from checker.replay.database import read_catalog, throwaway
from checker.replay.order import RevisionNode
from checker.replay.outcome import Direction, Failure, FailureKind, Pass, Step
from checker.replay.runner import Launch, Session


@dataclass(frozen=True)
class BasePlan:
    """How to run the base's own scripts: `launches` are tried in turn until one has an env.py that loads."""

    launches: tuple[Callable[[], Launch], ...]
    order: tuple[RevisionNode, ...]
    downgrades: frozenset[str] = frozenset()
    """The revisions whose downgrade is to be recorded as well."""


@dataclass(frozen=True)
class Deployment:
    """What came of it. `catalog` is that of the database in the end, None where it did not come there."""

    result: Pass
    catalog: Any = None
    base_steps: tuple[Step, ...] = ()
    base_downgrades: tuple[Step, ...] = ()
    base_operations: tuple[str, ...] | None = None


def run_deploy(
    base: BasePlan,
    launch: Launch,
    server: Server,
    watch: Callable[..., Any],
    *,
    order: Sequence[RevisionNode],
    progress: Progress,
) -> Deployment:
    """The base's scripts from nothing to its heads, then `launch`'s in a new worker, in the same database."""
    with throwaway(server) as address:
        total = len(order)
        own, before, operations = _run_base(base, address, total, progress)
        if before.failure:
            return Deployment(_not_run(before, before.failure), base_steps=before.steps)
        with Session(launch, address) as session:
            after = run(
                session, "deploy", session.upgrade, total, progress, lambda ran: not_upgraded(session, order, ran)
            )
            catalog = None if after.failure else read_catalog(address, watch, session)
    downgrades = tuple(_downgrades(base, own, server)) if base.downgrades else ()
    result = replace(after, seconds=before.seconds + after.seconds)
    return Deployment(result, catalog, before.steps, downgrades, operations)


def _run_base(
    base: BasePlan, address: Address, total: int, progress: Progress
) -> tuple[Launch, Pass, tuple[str, ...] | None]:
    """The base's chain to its heads, with the surroundings in which its env.py loads first."""
    make, *others = base.launches
    launch = make()
    with Session(launch, address) as session:
        done = run(
            session, "deploy", session.upgrade, total, progress, lambda ran: not_upgraded(session, base.order, ran)
        )
        operations = None if done.failure else compare_models(launch, address)[1]
    if others and done.failure is not None and done.failure.kind is FailureKind.ENVIRONMENT:
        return _run_base(replace(base, launches=tuple(others)), address, total, progress)
    return launch, done, operations


def _not_run(before: Pass, failure: Failure) -> Pass:
    """An old sin: the base itself cannot be brought to its heads, so nothing can be said of what comes after."""
    where = f" at {before.steps[-1].revision}" if before.steps else ""
    first = failure.message.strip().splitlines()[0] if failure.message.strip() else failure.error
    reason = f"the base's own scripts do not run from nothing{where}: {first}"
    return Pass("deploy", before.seconds, "not run", reason=reason)


def _downgrades(base: BasePlan, launch: Launch, server: Server) -> Iterator[Step]:
    """Each wanted revision up, down and up again on the way; up to the first step that fails."""
    steps: list[tuple[str, Direction]] = []
    left = set(base.downgrades)
    for node in base.order:
        steps.append((node.revision, "upgrade"))
        if node.revision in left:
            steps += [(node.revision, "downgrade"), (node.revision, "upgrade")]
            left.remove(node.revision)
        if not left:
            break
    with throwaway(server) as address, Session(launch, address) as session:
        walk = session.walk(steps, pause=False)
        yield from (step for step in walk if step.direction == "downgrade" and not step.failure)
