"""The checker's side of a worker: starts it, tells it what to do, keeps time, knows what happened when it is gone."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from checker.isolation.layers import NO_ISOLATION, Isolation
from checker.isolation.supervised import Supervised
from checker.postgres.interface import Address
from checker.replay.outcome import Database, Direction, Failure, FailureKind, OutsideModule, Step
from checker.replay.protocol import (
    Compared,
    Configured,
    DatabasesSeen,
    Event,
    Failed,
    Finished,
    ForeignConnect,
    Gone,
    Job,
    Observed,
    OutsideSeen,
    Paused,
    Ready,
    StatementSent,
    StepBegan,
    StepDone,
    parse,
)
from checker.replay.versions import VersionTable, not_moved, stored

WORKER = Path(__file__).with_name("worker.py")
LOADING_SECONDS = 180.0
"""What env.py and its imports may take at least, however short a step's time is."""
_LINES, _LINE_LENGTH = 200, 2_000
_NOT_FINISHED = "env.py ended without an exception in the middle of this step"


@dataclass(frozen=True)
class Launch:
    """All that it takes to start a worker, but the database. Times in seconds."""

    python: Path
    job: Job
    environ: Mapping[str, str] = field(repr=False)
    """The worker's whole environment, but for the templates."""
    templates: Mapping[str, str] = field(repr=False)
    step_seconds: float = 60
    total_seconds: float = 1800
    isolation: Isolation = NO_ISOLATION
    """What keeps a worker from all but its own database."""
    private: Path | None = None
    """The temporary folder in which the project lies, where that is ours."""
    loading: Callable[[], AbstractContextManager[Address]] | None = None
    """Gives a database for the time in which the project is loaded, where that may already write: a Flask application may
    run its own migrations when it is made."""
    stopped: threading.Event = field(default_factory=threading.Event, repr=False, compare=False)
    """Set by whoever is interrupted: every session of this launch, whatever its thread, raises Stopped."""
    outside: set[OutsideModule] = field(default_factory=set, repr=False, compare=False)
    """Filled by every session of this launch: the modules that were imported from another copy than the judged tree."""


class Stopped(Exception):
    """The work was interrupted in another thread: there is no one left to whom a result could be told."""


class Session:
    """A worker and its process group. A context manager: leaving it ends them.

    `upgrade`, `downgrade` and `walk` give one Run; only one at a time. After a failure of kind DIED or TIMED_OUT
    `alive` is False and the session is of no more use.
    """

    def __init__(self, launch: Launch, address: Address) -> None:
        self.foreign: list[str] = []
        """The databases that were asked for and are not ours."""
        self.strange: list[str] = []
        """Of these, what was refused or was not the first to be asked for."""
        self.configured: Configured | None = None
        """env.py's version table, once a run has begun."""
        self.observed: Observed | None = None
        """What the project asked for, at the end of a run that failed; only where the job probes."""
        self.databases: tuple[Database, ...] = ()
        """Those that env.py migrates, as far as its last run came."""
        self.ready: Ready | None = None
        self.alive = True
        self._tables: dict[VersionTable, None] = {}
        self._launch = launch
        self._address = address
        self._ends = time.monotonic() + launch.total_seconds
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._output = _Tail()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._launch.stopped.is_set():
            raise Stopped
        first = self._stack.enter_context(self._launch.loading()) if self._launch.loading else self._address
        commands, events = os.pipe(), os.pipe()
        try:
            self._process = self._start_worker(commands[0], events[1])
        except OSError:
            for one in (*commands, *events):
                os.close(one)
            self._stack.close()
            raise
        os.close(commands[0])
        os.close(events[1])
        self._commands = os.fdopen(commands[1], "w", encoding="utf-8")
        self._threads = (
            threading.Thread(target=self._listen, args=(os.fdopen(events[0], encoding="utf-8"),), daemon=True),
            threading.Thread(target=self._output.drain, args=(self._process.stdout,), daemon=True),
        )
        for thread in self._threads:
            thread.start()
        self._tell(self._launch.job.line(self._launch.isolation.seen(first), self._launch.templates))
        if first is not self._address:
            self.use(self._address)
        return self

    def _start_worker(self, commands: int, events: int) -> Supervised:
        launch = self._launch
        folders = (launch.job.directory, launch.job.script_location)
        confinement, environ = launch.isolation.for_program(
            (launch.python, WORKER, *folders), launch.environ, launch.private
        )
        return Supervised(
            [launch.python, WORKER, str(commands), str(events)],
            cwd=launch.job.directory,
            environ=environ,
            pass_fds=(commands, events),
            confinement=confinement,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker and everything that it has started, at once. Idempotent."""
        self.alive = False
        self.kill()
        with contextlib.suppress(OSError):
            self._commands.close()
        self._stack.close()

    def kill(self) -> None:
        """End the worker at once, and whatever it has started."""
        self._process.kill()
        for thread in self._threads:
            thread.join(timeout=2)  # a process that left the group may still hold the pipe

    def upgrade(self, target: str = "heads") -> Run:
        """`alembic upgrade TARGET`, as env.py has it."""
        return self._start({"do": "upgrade", "target": target})

    def downgrade(self, target: str = "base") -> Run:
        """`alembic downgrade TARGET`, as env.py has it."""
        return self._start({"do": "downgrade", "target": target})

    def walk(self, steps: Sequence[tuple[str, Direction]], *, pause: bool) -> Run:
        """These steps, one env.py run, a commit after each; with `pause` it waits after each for the next `step()`."""
        return self._start({"do": "walk", "steps": list(steps), "pause": pause})

    def compare(self) -> Run:
        """Alembic's comparison of the models with the database, as `alembic check` makes it: `compared` of the run."""
        run = self._start({"do": "compare"})
        run.step()
        return run

    def look_for_databases(self) -> tuple[Database, ...]:
        """The databases that env.py migrates, all of them; no migration is run."""
        self._start({"do": "databases"}).step()
        return self.databases

    def stamp(self, revision: str) -> Run:
        """`alembic stamp REVISION`; no step is announced."""
        return self._start({"do": "stamp", "target": revision})

    def call(self, command: str) -> Run:
        """A shell command in the project's environment and folder; no step is announced."""
        return self._start({"do": "command", "command": command})

    def use(self, address: Address) -> None:
        """Go on in another database, from the next run on."""
        self._address = address
        self._tell(json.dumps({"do": "address", "address": asdict(self._launch.isolation.seen(address))}))

    def _start(self, command: Mapping[str, object]) -> Run:
        if self.ready is None:
            event = self._receive(max(LOADING_SECONDS, self._launch.step_seconds))
            if isinstance(event, Ready):
                self.ready = event
            else:
                return Run(self, event)
        self._tables.clear()
        self._tell(json.dumps(command))
        return Run(self)

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # gone: the next receive() says so
            self._commands.write(line + "\n")
            self._commands.flush()

    def _listen(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._events.put(parse(line))
        self._events.put(Gone())

    def _receive(self, seconds: float) -> Event:
        """The worker's next word; Gone where there is none within `seconds`, and the worker is ended then."""
        ends = min(time.monotonic() + seconds, self._ends)
        while True:
            if self._launch.stopped.is_set():
                raise Stopped
            try:
                event = self._events.get(timeout=max(0.0, min(ends - time.monotonic(), 0.5)))
            except queue.Empty:
                if self._process.process.poll() is not None and self._events.empty():
                    event = Gone()  # a child of it may hold the pipe open
                elif time.monotonic() < ends:
                    continue
                else:
                    event = Gone(late=True)
            if self._is_noted(event):
                continue
            if isinstance(event, Gone):
                self.kill()
                self.alive = False
            return event

    def _is_noted(self, event: Event) -> bool:
        """Keep what is said beside the steps."""
        match event:
            case ForeignConnect():
                self.foreign.append(event.wanted)
                self.strange += [event.wanted] if event.strange else []
            case Configured():
                self.configured = event
                self._tables[event.schema, event.table] = None
            case Observed():
                self.observed = event
            case OutsideSeen():
                self._launch.outside.update(event.modules)
            case DatabasesSeen():
                self.databases = tuple(event.databases)
            case _:
                return False
        return True

    def stored(self) -> tuple[frozenset[str], ...]:
        """The revisions in each version table of the session's database that the last run has used."""
        usual = (self.configured.schema, self.configured.table) if self.configured else None
        return stored(self._address, self._tables or ([usual] if usual else ()))

    def not_moved(self, last: Step) -> Failure | None:
        """The failure of a run that ended well and whose last step did not reach this session's database."""
        return not_moved(self._address, self._tables, last)

    def output(self) -> str:
        """The end of what the project has written to stdout and stderr so far."""
        return self._output.text()

    @property
    def exit(self) -> str:
        """How the process ended: "exit 3", "signal SIGKILL"."""
        code = self._process.process.returncode
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"

    def _deadline(self, in_step: bool) -> float:
        return self._launch.step_seconds if in_step else max(LOADING_SECONDS, self._launch.step_seconds)

    def limit(self, in_step: bool) -> float:
        """How long a step, or what comes before the first one, may take; in seconds."""
        return self._deadline(in_step)

    @property
    def total_seconds(self) -> float:
        """How long the whole session may take."""
        return self._launch.total_seconds

    @property
    def out_of_time(self) -> bool:
        """Whether the whole session's time is over."""
        return time.monotonic() >= self._ends


class Run:
    """One command of a session: iterate over its steps, or call `step()`. `failure` is what ended it too early."""

    def __init__(self, session: Session, first: Event | None = None) -> None:
        self.failure: Failure | None = None
        self.began = False
        """Whether any step was announced."""
        self.compared: Compared | None = None
        self._session = session
        self._first = first
        self._over = False
        self._last: Step | None = None

    def __iter__(self) -> Iterator[Step]:
        while step := self.step():
            yield step

    def step(self) -> Step | None:
        """Run the next step to its end and return it, with its failure if it failed; None when the run is over.

        Only the worker's `done` makes a step a success: an env.py may catch what the migration raised.
        """
        if self._over:
            return None
        event = self._after_pause("go")
        if not isinstance(event, StepBegan):
            self._end(event, None)
            return None
        self.began = True
        step, event = self._statements(event)
        while isinstance(event, StepBegan):  # env.py tries once more what failed
            step, event = self._statements(event)
        if isinstance(event, StepDone):
            self._last = step
            lines = None if event.lines is None else frozenset(event.lines)
            return replace(step, seconds=event.seconds, lines=lines)
        self._end(event, step)
        self.failure = self.failure or Failure(FailureKind.MIGRATION, "not finished", _NOT_FINISHED)
        return replace(step, failure=self.failure)

    def _statements(self, began: StepBegan) -> tuple[Step, Event]:
        """The step with what it sends, and the event that follows."""
        statements: list[str] = []
        values: list[tuple[str, ...]] = []
        at, started = time.time(), time.monotonic()
        while isinstance(event := self._next(in_step=True, since=started), StatementSent):
            statements.append(event.sql)
            values.append(tuple(event.values))
        seconds = time.monotonic() - started
        step = Step(began.revision, began.direction, seconds, tuple(statements), values=tuple(values), began=at)
        return step, event

    def wait(self) -> None:
        """Until env.py, in a walk that pauses, has come to its migrations; or until the run is over."""
        self._first = self._next(in_step=False)

    def stop(self) -> None:
        """End a walk that pauses, here; env.py comes to its normal end."""
        if not self._over:
            self._end(self._after_pause("stop"), None)

    def _after_pause(self, word: str) -> Event:
        event = self._next(in_step=False)
        if isinstance(event, Paused):
            self._session._tell(json.dumps({"do": word}))
            event = self._next(in_step=False)
        return event

    def _next(self, *, in_step: bool, since: float = 0.0) -> Event:
        if (first := self._first) is not None:
            self._first = None
            return first
        spent = time.monotonic() - since if in_step else 0.0
        return self._session._receive(self._session._deadline(in_step) - spent)

    def _end(self, event: Event, step: Step | None) -> None:
        """Take in what ended the run, up to its last word."""
        while not isinstance(event, Finished | Gone):
            if isinstance(event, Failed):
                self.failure = self._with_output(event.failure)
            elif isinstance(event, Compared):
                self.compared = event
            event = self._next(in_step=False)
        if isinstance(event, Gone) and self.failure is None:
            self.failure = self._gone(event, step)
        if self.failure is None and step is None and self._last is not None:
            self.failure = self._session.not_moved(self._last)
        self._over = True

    def _gone(self, event: Gone, step: Step | None) -> Failure:
        last = step.statements[-1] if step and step.statements else None
        if event.late:
            limit = (
                f"was ended: the {self._session.total_seconds:g} s of the whole replay were over"
                if self._session.out_of_time
                else f"timed out after {self._session.limit(step is not None):g} s"
            )
            # A project that is still importing says nothing about its revisions.
            loading = not (self.began or self._session.out_of_time)
            kind = FailureKind.ENVIRONMENT if loading else FailureKind.TIMED_OUT
            return self._with_output(Failure(kind, "timeout", limit, statement=last))
        kind = FailureKind.DIED if self.began else FailureKind.ENVIRONMENT
        message = f"the process that ran the migrations ended ({self._session.exit})"
        return self._with_output(Failure(kind, self._session.exit, message, statement=last))

    def _with_output(self, failure: Failure) -> Failure:
        output = self._session.output()
        if not output:
            return failure
        return replace(failure, details=f"{failure.details or ''}\nIt wrote:\n{output}".strip())


class _Tail:
    """The last lines of a stream, read by a thread of its own: a pipe that nobody reads stops the one who writes."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LINES)

    def drain(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(_LINE_LENGTH):
                self._lines.append(line.decode("utf-8", "replace"))

    def text(self) -> str:
        return "".join(self._lines.copy())
