"""Each revision up, down and up again, the catalog compared at each landing; and how it goes on after a fault.

A fault leaves the database in a state that no chain of upgrades would have made. So there is a second database, `line`,
only ever upgraded, which follows when it is needed; a copy of it takes the walked one's place. All recoveries together
cost one more upgrade of the chain.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import psycopg

from checker.postgres.interface import Address, Server
from checker.replay.database import connect, version_table
from checker.replay.order import RevisionNode, ancestors
from checker.replay.outcome import Difference, Direction, Failure, FailureKind, Landing, Pass, Step
from checker.replay.runner import Launch, Run, Session

_PLACE_LOST = (FailureKind.DIED, FailureKind.TIMED_OUT)


class _NoWayOnError(Exception):
    """The stairway itself cannot go on; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Stairway:
    """One walk over the whole chain. `run` may be called once."""

    def __init__(
        self,
        launch: Launch,
        server: Server,
        order: Sequence[RevisionNode],
        *,
        irreversible_below: str | None,
        watch: Callable[..., Any],
        compare: Callable[[Any, Any], Sequence[Difference]],
        progress: Callable[[str, int, int, str], None],
    ) -> None:
        self._launch, self._server, self._order = launch, server, tuple(order)
        self._floor = ancestors(order, irreversible_below) if irreversible_below else frozenset()
        self._make_watch, self._compare, self._progress = watch, compare, progress
        self._session: Session | None = None
        self._run: Run | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._line: Address | None = None
        self._climbed: list[str] = []
        self._on_line = 0
        self._blocked: set[str] = set()
        self._foreign: list[str] = []
        self._strange: list[str] = []
        self._steps: list[Step] = []
        self._ends = 0.0

    def run(self) -> tuple[Pass, tuple[Landing, ...]]:
        """Climb. The pass has every step in the order in which it was run."""
        started = time.monotonic()
        self._ends = started + self._launch.total_seconds
        landings: list[Landing] = []
        failure = None
        self._walked = self._server.create_database()
        try:
            self._look()
            for number, node in enumerate(self._order, 1):
                if self._blocked.isdisjoint(node.parents):
                    landings.append(self._climb(number - 1))
                else:
                    self._blocked.add(node.revision)
                self._progress("stairway", number, len(self._order), node.revision)
        except _NoWayOnError as stop:
            failure = stop.failure
        finally:
            self._leave()
        faults = failure is not None or any(map(_faulty, landings))
        outcome: Literal["passed", "failed"] = "failed" if faults else "passed"
        seconds = time.monotonic() - started
        result = Pass("stairway", seconds, outcome, tuple(self._steps), failure, tuple(self._foreign))
        return replace(result, strange=tuple(self._strange)), tuple(landings)

    def _climb(self, index: int) -> Landing:
        node = self._order[index]
        if self._run is None:
            self._start(index)
        before = self._catalog
        up = self._step(index)
        landing = Landing(node.revision, up)
        if up.failure:
            self._blocked.add(node.revision)
            self._mend(up.failure, before)
            return landing
        self._climbed.append(node.revision)
        above = self._read()
        landing = replace(landing, upgrade_changed=above != before)
        return landing if node.revision in self._floor else self._down_and_up(index, landing, before, above)

    def _down_and_up(self, index: int, landing: Landing, before: Any, above: Any) -> Landing:
        down = self._step(index)
        landing = replace(landing, downgrade=down)
        if down.failure:
            self._mend(down.failure, above)
            return landing
        below = self._read()
        left = tuple(self._compare(before, below))
        landing = replace(landing, downgrade_changed=below != above, not_restored=left)
        if left:
            self._recover()  # a second upgrade would stumble over what was left: the same fault, told twice
            return landing
        again = self._step(index)
        landing = replace(landing, reupgrade=again)
        if again.failure:
            self._recover()
            return landing
        changed = tuple(self._compare(above, self._read()))
        if changed:
            self._recover()
        return replace(landing, not_repeated=changed)

    def _step(self, index: int) -> Step:
        """The next step of the walk; a new walk, from this revision on, where there is none under way."""
        run = self._run or self._start(index)
        step = run.step()
        if step is None:
            raise _NoWayOnError(run.failure or _ended_early(self._order[index].revision))
        self._steps.append(step)
        if step.failure:
            self._run = None
        return step

    def _start(self, index: int) -> Run:
        """A new walk, which waits before its first step: what env.py itself makes is there by then."""
        self._run = self._open().walk(list(self._remaining(index)), pause=True)
        self._run.wait()
        if not self._steps and version_table(self._session):
            # Only now is it known which table is Alembic's own.
            self._watch = self._make_watch(self._connection, **version_table(self._session))
        if self._session is not None and self._session.alive:
            self._read()
        return self._run

    def _remaining(self, index: int) -> Sequence[tuple[str, Direction]]:
        steps: list[tuple[str, Direction]] = []
        blocked = set(self._blocked)
        for node in self._order[index:]:
            if not blocked.isdisjoint(node.parents):
                blocked.add(node.revision)
                continue
            steps.append((node.revision, "upgrade"))
            if node.revision not in self._floor:
                steps += [(node.revision, "downgrade"), (node.revision, "upgrade")]
        return steps

    def _mend(self, failure: Failure, wanted: Any) -> None:
        """After a failed step: go on if it was rolled back whole, else from a copy."""
        # A server may go on with what a dead worker had asked for, and hold its locks: do not even look.
        if failure.kind in _PLACE_LOST or self._read() != wanted:
            self._recover()

    def _recover(self) -> None:
        """Put a copy of `line`, brought to just above the last revision that went up, in the walked one's place."""
        if self._run is not None:
            self._run.stop()
            self._run = None
        self._look_away()
        if self._climbed:
            self._advance_line()
        self._server.drop_database(self._walked)
        self._walked = self._server.create_database(self._line)
        if self._session is not None and self._session.alive:
            self._session.use(self._walked)
        self._look()

    def _advance_line(self) -> None:
        if self._line is None:
            self._line = self._server.create_database()
        session = self._open(self._line)
        run = session.walk([(one, "upgrade") for one in self._climbed[self._on_line :]], pause=False)
        for _ in run:
            self._on_line += 1
        if run.failure:
            raise _NoWayOnError(run.failure)

    def _open(self, address: Address | None = None) -> Session:
        """The session, in the walked database or in `address`; a new one if there is none that lives."""
        where = address or self._walked
        if self._session is not None and not self._session.alive:
            self._close_session()
        if self._session is None:
            left = max(0.0, self._ends - time.monotonic())
            self._session = Session(replace(self._launch, total_seconds=left), where)
            self._session.__enter__()
        elif address is not None:
            self._session.use(address)
        return self._session

    def _close_session(self) -> None:
        if self._session is not None:
            self._session.close()
            self._foreign += [one for one in self._session.foreign if one not in self._foreign]
            self._strange += [one for one in self._session.strange if one not in self._strange]
            self._session = None

    def _read(self) -> Any:
        self._catalog = self._watch.read()
        return self._catalog

    def _look(self) -> None:
        self._connection = connect(self._walked)
        self._watch = self._make_watch(self._connection, **version_table(self._session))
        self._read()

    def _look_away(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _leave(self) -> None:
        self._look_away()
        self._close_session()
        for address in (self._walked, self._line):
            if address is not None:
                self._server.drop_database(address)


def _faulty(landing: Landing) -> bool:
    """Whether something is wrong with it. A downgrade that says that there is no way back is not."""
    failures = [step.failure for step in (landing.upgrade, landing.downgrade, landing.reupgrade) if step]
    return any(one is not None and one.kind is not FailureKind.IRREVERSIBLE for one in failures) or bool(
        landing.not_restored or landing.not_repeated
    )


def _ended_early(revision: str) -> Failure:
    return Failure(FailureKind.ENVIRONMENT, "no step", f"env.py ended without running {revision}")
