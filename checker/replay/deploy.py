"""The pass that a deployment is: a database that ran the base's own scripts meets the merge result's.

Only here does an edit, a deletion, a re-parenting or an insertion become visible: a fresh database never ran the old
scripts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.postgres.interface import Server
from checker.replay.arrival import not_upgraded
from checker.replay.base import BaseDatabase, BasePlan
from checker.replay.chain import Progress, compare_models, run
from checker.replay.database import read_catalog, throwaway
from checker.replay.order import RevisionNode
from checker.replay.outcome import Database, Direction, Pass, Step
from checker.replay.runner import Launch, Session


@dataclass(frozen=True)
class Deployment:
    """What came of it. `catalog` is that of the database in the end, None where it did not come there."""

    result: Pass
    catalog: Any = None
    base_steps: tuple[Step, ...] = ()
    base_downgrades: tuple[Step, ...] = ()
    base_operations: tuple[str, ...] | None = None
    operations: tuple[str, ...] | None = None
    """The drift of the upgraded database; None where that was not asked."""
    base_databases: tuple[Database, ...] = ()
    """All that env.py migrates at the base; empty where its run did not come to the last of them."""


def run_deploy(
    base: BaseDatabase,
    launch: Launch,
    server: Server,
    watch: Callable[..., Any],
    *,
    order: Sequence[RevisionNode],
    progress: Progress,
) -> Deployment:
    """`launch`'s scripts in a new worker, in a database at the base's heads."""
    with base.open() as (address, before):
        if address is None:
            return Deployment(_not_run(before.result), base_steps=before.result.steps)
        with Session(launch, address) as session:
            after = run(
                session, "deploy", session.upgrade, len(order), progress, lambda ran: not_upgraded(session, order, ran)
            )
            catalog = None if after.failure else read_catalog(address, watch, session)
            drift = compare_models(launch, address, server)[1] if base.plan.compares and not after.failure else None
    downgrades = tuple(_downgrades(base.plan, before.launch, server)) if base.plan.downgrades else ()
    result = replace(after, seconds=before.result.seconds + after.seconds)
    return Deployment(result, catalog, before.result.steps, downgrades, before.operations, drift, before.databases)


def _not_run(before: Pass) -> Pass:
    """An existing problem: the base itself cannot be brought to its heads, so nothing can be said of what comes after."""
    failure = before.failure
    assert failure is not None
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
