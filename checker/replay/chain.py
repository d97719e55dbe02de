"""The chain in one go, as env.py has it: `fresh` from nothing to the heads, `drift` there, `downgrade` back to base."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from checker.postgres.interface import Address, Server
from checker.replay.arrival import not_downgraded, not_upgraded
from checker.replay.database import read_catalog, throwaway
from checker.replay.order import RevisionNode
from checker.replay.outcome import NOT_MIGRATED, Database, Failure, FailureKind, Pass, PassName, Step
from checker.replay.runner import Launch, Run, Session

Progress = Callable[[str, int, int, str], None]
"""Called with pass name, steps done, steps in all, revision; from several threads."""


NO_MODELS = "target_metadata in env.py is not set or has no tables: does env.py import the models?"


@dataclass(frozen=True)
class Chain:
    """What came of the three. `catalog` is that at the heads, None where the chain did not come there; so are the
    `operations` of the drift, which are None as well where env.py has no models.
    """

    fresh: Pass
    drift: Pass
    downgrade: Pass
    catalog: Any = None
    operations: tuple[str, ...] | None = None
    databases: tuple[Database, ...] = ()
    """All that env.py migrates."""


def run_chain(
    launch: Launch,
    server: Server,
    watch: Callable[..., Any],
    *,
    order: Sequence[RevisionNode],
    floor: str | None = None,
    progress: Progress,
) -> Chain:
    """Up, compare, down, in one database. `floor` is the revision below which no downgrade is asked."""
    with throwaway(server) as address, Session(launch, address) as session:
        total = len(order)
        fresh = run(session, "fresh", session.upgrade, total, progress, lambda ran: not_upgraded(session, order, ran))
        if fresh.failure:
            why = "the fresh pass failed"
            databases = _all_databases(session, launch, address)
            return Chain(fresh, not_run("drift", why), not_run("downgrade", why), databases=databases)
        databases = session.databases
        catalog = read_catalog(address, watch, session)
        drift, operations = compare_models(launch, address, server)
        down = run(
            session,
            "downgrade",
            lambda: session.downgrade(floor or "base"),
            total,
            progress,
            lambda _: not_downgraded(session, order, floor),
        )
        return Chain(fresh, drift, _as_far_as_it_goes(down), catalog, operations, databases)


def _all_databases(session: Session, launch: Launch, address: Address) -> tuple[Database, ...]:
    """Those of an env.py whose run ended before it came to the last of them."""
    if session.alive:
        return session.look_for_databases()
    with Session(launch, address) as another:
        return another.look_for_databases()


def not_run(name: PassName, reason: str) -> Pass:
    """A pass that was not run, and why."""
    return Pass(name, 0, "not run", reason=reason)


def run(
    session: Session,
    name: PassName,
    start: Callable[[], Run],
    total: int,
    progress: Progress,
    arrived: Callable[[int], Failure | None],
) -> Pass:
    """One command of a session, all its steps, as a pass. `arrived` is asked after that many steps
    whether the database is where it should be."""
    started = time.monotonic()
    one = start()
    steps: list[Step] = []
    for step in one:
        steps.append(step)
        progress(name, len(steps), total, step.revision)
    failure = one.failure or arrived(len(steps))
    return Pass(
        name,
        time.monotonic() - started,
        "failed" if failure else "passed",
        tuple(steps),
        failure,
        tuple(session.foreign),
        tuple(session.strange),
    )


def compare_models(launch: Launch, address: Address, server: Server) -> tuple[Pass, tuple[str, ...] | None]:
    """The drift pass on a database that is at the heads, and the operations that the models lack.

    In a process of its own, as `alembic check` is one: a script that has run may have added tables to the models'
    MetaData (`metadata.reflect()`, a class that it declares), and nothing in its process can take that back whole. An
    application that writes while it is loaded is loaded on a copy: what it creates there (the tables of its plugins) its
    models have too.
    """
    started = time.monotonic()
    with ExitStack() as stack:
        place = stack.enter_context(throwaway(server, address)) if launch.loading else address
        one = stack.enter_context(Session(replace(launch, loading=None), place)).compare()
    seconds = time.monotonic() - started
    if one.compared is None:
        return Pass("drift", seconds, "failed", failure=one.failure or _no_answer()), None
    if one.compared.operations is None:
        return Pass("drift", seconds, "not run", reason=NO_MODELS), None
    return Pass("drift", seconds, "failed" if one.compared.operations else "passed"), tuple(one.compared.operations)


def _no_answer() -> Failure:
    return Failure(FailureKind.ENVIRONMENT, NOT_MIGRATED, "env.py ended without running any migrations")


def _as_far_as_it_goes(down: Pass) -> Pass:
    """A revision that says that there is no way back ends the pass and is no fault of it."""
    if down.failure is None or down.failure.kind is not FailureKind.IRREVERSIBLE:
        return down
    last = down.steps[-1].revision
    return replace(down, outcome="passed", failure=None, reason=f"down to {last}, which says that there is no way back")


def statements_of(steps: Sequence[Step], revision: str | None) -> Step | None:
    """The step of that revision, if it was run to its end."""
    return next((step for step in steps if step.revision == revision and not step.failure), None)
