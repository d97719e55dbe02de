"""Each revision up, down and up again, the catalog compared after each step; and how it goes on after a fault.

A fault leaves the database in a state that no chain of upgrades would have made. A copy of a second database (`Line`),
which is only ever upgraded, takes its place then.

An upgrade that fails is tried once more, as one unmodified command. Where that fails too, it is certain that a database
at the revision below cannot be upgraded. Whether one run of everything passes it is tried as well: Alembic remembers what
one run has made (enum types, say). If so, the walk goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from checker.postgres.interface import Address, Server
from checker.replay.climbed import Climbed, is_faulty
from checker.replay.line import Line, LineLost, upgrade
from checker.replay.order import RevisionNode, closure
from checker.replay.outcome import Difference, Direction, Failure, FailureKind, Landing, Pass, Step, Unverified
from checker.replay.runner import Launch, Run
from checker.replay.walked import Walked

_PLACE_LOST = (FailureKind.DIED, FailureKind.TIMED_OUT)


class Stairway:
    """One walk over `order`. `run` may be called once.

    Of the revisions in `floor` no downgrade is asked. `with_roles`: the scripts make or drop roles.
    """

    def __init__(
        self,
        launch: Launch,
        server: Server,
        order: Sequence[RevisionNode],
        *,
        floor: frozenset[str],
        watch: Callable[..., Any],
        compare: Callable[[Any, Any], Sequence[Difference]],
        progress: Callable[[str, int, int, str], None],
        with_roles: bool = False,
    ) -> None:
        self._launch, self._server, self._order = launch, server, tuple(order)
        self._floor = floor
        self._make_watch, self._compare, self._progress = watch, compare, progress
        self._run: Run | None = None
        self._with_roles = with_roles
        self._climbed: list[str] = []
        self._blocked: dict[str, str] = {}
        """Each revision that cannot be reached, and the one because of which."""
        self._landings: list[Landing] = []
        self._steps: list[Step] = []

    def run(self) -> Climbed:
        """Climb. The pass has every step in the order in which it was run."""
        started = time.monotonic()
        failure, lost_at = None, None
        self._walked = Walked(self._launch, self._server, self._make_watch)
        self._line = Line(self._server, self._walked.open, with_roles=self._with_roles)
        try:
            self._walked.begin()
            for number, node in enumerate(self._order, 1):
                if not self._is_blocked(node):
                    self._climb(number - 1)
                self._progress("stairway", number, len(self._order), node.revision)
        except LineLost as lost:
            failure, lost_at = lost.failure, lost.revision
        finally:
            self._walked.close()
            self._line.drop()
        seconds = time.monotonic() - started
        return self._climbed_so_far(seconds, failure, lost_at)

    def _climbed_so_far(self, seconds: float, failure: Failure | None, lost_at: str | None) -> Climbed:
        seen = {landing.revision for landing in self._landings}
        unverified = tuple(
            Unverified(node.revision, self._blocked.get(node.revision, lost_at))
            for node in self._order
            if node.revision not in seen
        )
        result = Pass(
            "stairway",
            seconds,
            "failed" if failure or unverified or any(map(is_faulty, self._landings)) else "passed",
            tuple(self._steps),
            failure,
            tuple(self._walked.foreign),
            tuple(self._walked.strange),
            stopped_at=lost_at,
        )
        return Climbed(result, tuple(self._landings), unverified)

    def _is_blocked(self, node: RevisionNode) -> bool:
        cause = next((self._blocked[one] for one in node.parents if one in self._blocked), None)
        if cause is not None:
            self._blocked[node.revision] = cause
        return cause is not None

    # --- one revision

    def _climb(self, index: int) -> None:
        """One revision up, and down and up again. Its landing is kept before anything is done about a fault."""
        node = self._order[index]
        if self._run is None:
            self._start(index)
        before = self._walked.catalog
        up = self._step(index)
        self._landings.append(Landing(node.revision, up))
        if up.failure:
            if self._is_spoilt(up.failure, before):
                self._recover()
            again = self._once_more(node.revision, up.failure)
            if again is None:
                if self._walked.read() != before:
                    self._recover()
                self._pass_by(index, up.failure)
                return
            self._update(upgrade=again)
        self._climbed.append(node.revision)
        above = self._walked.read()
        self._update(upgrade_changed=above != before)
        if node.revision not in self._floor and self._is_spoilt_by_down_and_up(index, before, above):
            self._recover_before(index + 1)

    def _is_spoilt_by_down_and_up(self, index: int, before: Any, above: Any) -> bool:
        """Down and up again. Whether the database is not what a chain of upgrades would have made."""
        down = self._step(index, begin_with="downgrade")
        self._update(downgrade=down)
        if down.failure:
            return self._is_spoilt(down.failure, above)
        below = self._walked.read()
        left = tuple(self._compare(before, below))
        self._update(downgrade_changed=below != above, not_restored=left)
        if left:
            return True  # a second upgrade would fail on what was left: the same fault, reported twice
        again = self._step(index, begin_with="downgrade")
        if again.failure and not self._is_spoilt(again.failure, below):
            again = self._once_more(self._order[index].revision, again.failure) or again
        self._update(reupgrade=again)
        if again.failure:
            return True
        changed = tuple(self._compare(above, self._walked.read()))
        self._update(not_repeated=changed)
        return bool(changed)

    def _update(self, **values: Any) -> None:
        self._landings[-1] = replace(self._landings[-1], **values)

    def _once_more(self, revision: str, failure: Failure) -> Step | None:
        """An upgrade that failed, as one unmodified command; None where that fails as well.

        The walk commits after each step, and an env.py may count on its one transaction.
        """
        if failure.kind in _PLACE_LOST:
            return None
        run = self._walked.open().upgrade(revision)
        steps = list(run)
        if run.failure is None and steps:
            return steps[-1]
        return None

    def _pass_by(self, index: int, failure: Failure) -> None:
        """After an upgrade that failed: go on above it if one run from the start of the walk passes it."""
        revision = self._order[index].revision
        made = None if failure.kind in _PLACE_LOST else self._in_one_run(revision)
        if made is None:
            self._blocked[revision] = revision
            return
        self._update(passes_in_one_run=True)
        self._climbed.append(revision)
        self._line.adopt(made, self._climbed)
        self._recover_before(index + 1)

    def _in_one_run(self, revision: str) -> Address | None:
        """A database that one unmodified run brought to the revision, and steps to all others that were climbed.

        Not where there are roles: those that the walked database made are in the way.
        """
        if self._with_roles:
            return None
        address = self._server.create_database()
        run = self._walked.open(address).upgrade(revision)
        ran = list(run)
        below = closure(self._order, [revision])
        try:
            if run.failure is None and ran:
                others = [one for one in self._climbed if one not in below]
                if others:
                    upgrade(self._walked.open(address), others, [])
                return address
        except LineLost:
            pass
        finally:
            self._walked.use_own()
        self._server.drop_database(address)
        return None

    # --- the walk

    def _step(self, index: int, begin_with: Direction = "upgrade") -> Step:
        """The next step of the walk; a new walk, from here on, where there is none under way."""
        run = self._run or self._start(index, begin_with)
        step = run.step()
        if step is None:
            revision = self._order[index].revision
            raise LineLost(revision, run.failure or _ended_early(revision))
        self._steps.append(step)
        if step.failure:
            self._run = None
        return step

    def _start(self, index: int, begin_with: Direction = "upgrade") -> Run:
        """A new walk, which waits before its first step: what env.py itself makes is there by then."""
        steps = list(self._remaining(index))
        self._run = self._walked.open().walk(steps if begin_with == "upgrade" else steps[1:], pause=True)
        self._run.wait()
        self._walked.read_after_start(first=not self._steps)
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

    def _is_spoilt(self, failure: Failure, wanted: Any) -> bool:
        """Whether a failed step was not rolled back whole."""
        # A server may go on with what a dead worker had asked for, and hold its locks: do not even look.
        return failure.kind in _PLACE_LOST or bool(self._walked.read() != wanted)

    def _recover_before(self, index: int) -> None:
        """As `_recover`, where a revision is left that needs it."""
        if self._remaining(index):
            self._recover()

    def _recover(self) -> None:
        """Put a copy of the line, brought to just above the last revision that went up, in the walked one's place."""
        if self._run is not None:
            self._run.stop()
            self._run = None
        self._walked.drop()
        self._walked.begin(self._line.follow(self._climbed))


def _ended_early(revision: str) -> Failure:
    return Failure(FailureKind.ENVIRONMENT, "no step", f"env.py ended without running {revision}")
