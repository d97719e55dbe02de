"""What is replayed and in which order: the fresh pass and the stairway, side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import psycopg

from checker.postgres.interface import Server
from checker.replay.outcome import Difference, FailureKind, Pass, Replay, Step
from checker.replay.runner import Launch, Session
from checker.replay.stairway import RevisionNode, Stairway


class Watch(Protocol):
    """Reads one database's catalog again and again; what it gives is compared by `==`."""

    def read(self) -> Any:
        """The catalog as it is now."""


Progress = Callable[[str, int, int, str], None]
"""Called with pass name, steps done, steps in all, revision; from several threads."""


def silent(name: str, done: int, total: int, revision: str) -> None:
    """No progress is shown."""


@dataclass(frozen=True)
class Plan:
    """What is to be replayed for one project.

    `order` is topological, `depends_on` included. `serial`: the passes must not run side by side, because the scripts
    make or drop roles, which all databases of a server share.
    """

    project: str
    launch: Launch
    order: tuple[RevisionNode, ...]
    irreversible_below: str | None = None
    serial: bool = False


def replay_project(
    plan: Plan,
    server: Server,
    watch: Callable[[psycopg.Connection[Any]], Watch],
    compare: Callable[[Any, Any], Sequence[Difference]],
    progress: Progress = silent,
) -> Replay:
    """Replay one project on `server`. A fault of the project is in the result, never raised.

    Where not even env.py would load, the stairway is "not run": it would only say the same again.
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
    if plan.serial:
        fresh = run_fresh(plan, server, progress)
        climbed = None if _not_loaded(fresh) else stairway.run()
    else:
        with ThreadPoolExecutor(max_workers=1) as other:
            future = other.submit(stairway.run)
            fresh = run_fresh(plan, server, progress)
            climbed = future.result()
    if climbed is None or _not_loaded(fresh):
        return Replay(plan.project, server.provider, server.version, (fresh, Pass("stairway", 0, "not run")))
    result, landings = climbed
    return Replay(plan.project, server.provider, server.version, (fresh, result), landings)


def _not_loaded(fresh: Pass) -> bool:
    return fresh.failure is not None and fresh.failure.kind is FailureKind.ENVIRONMENT


def run_fresh(plan: Plan, server: Server, progress: Progress = silent) -> Pass:
    """`upgrade heads` from an empty database, unmodified."""
    started = time.monotonic()
    address = server.create_database()
    try:
        with Session(plan.launch, address) as session:
            run = session.upgrade("heads")
            steps: list[Step] = []
            for step in run:
                steps.append(step)
                progress("fresh", len(steps), len(plan.order), step.revision)
    finally:
        server.drop_database(address)
    outcome = Pass("fresh", time.monotonic() - started, "passed", tuple(steps), foreign=tuple(session.foreign))
    return outcome if run.failure is None else replace(outcome, outcome="failed", failure=run.failure)
