"""The database at the base's heads: made once by the base's own scripts in one unmodified run, and copied."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from checker.postgres.interface import Address, Server
from checker.replay.arrival import not_upgraded
from checker.replay.chain import Progress, compare_models, run
from checker.replay.database import throwaway
from checker.replay.order import RevisionNode
from checker.replay.outcome import Database, FailureKind, Pass
from checker.replay.runner import Launch, Session


@dataclass(frozen=True)
class BasePlan:
    """How to run the base's own scripts: `launches` are tried in turn until one has an env.py that loads."""

    launches: tuple[Callable[[], Launch], ...]
    order: tuple[RevisionNode, ...]
    downgrades: frozenset[str] = frozenset()
    """The revisions whose downgrade is to be recorded as well."""
    compares: bool = False
    """Whether the models are to be compared with the upgraded database too: where merged scripts were changed."""


@dataclass(frozen=True)
class BaseRun:
    """What came of the base's `upgrade heads`, by which launch, and the operations that its models have ahead of it."""

    launch: Launch
    result: Pass
    operations: tuple[str, ...] | None = None
    databases: tuple[Database, ...] = ()
    """All that env.py migrates; empty where its run did not come to the last of them."""


class BaseDatabase:
    """Makes the database when it is first asked for; the methods may be called from several threads.

    A context manager: leaving it drops what was kept. `copied` False makes it anew each time: a role that a copy drops
    must not own anything in the original, since roles belong to the whole server.
    """

    def __init__(self, plan: BasePlan, server: Server, progress: Progress, *, total: int, copied: bool = True) -> None:
        self.plan = plan
        self._server, self._progress, self._total, self._copied = server, progress, total, copied
        self._lock = threading.Lock()
        self._run: BaseRun | None = None
        self._kept: Address | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._kept is not None:
            self._server.drop_database(self._kept)

    @contextmanager
    def open(self) -> Iterator[tuple[Address | None, BaseRun]]:
        """A database at the base's heads for the length of a block, and how it was made; None where that failed."""
        if not self._copied:
            with throwaway(self._server) as address:
                done = self._upgrade(address, self.plan.launches)
                yield (None if done.result.failure else address), done
            return
        with self._lock:
            done = self._run = self._run or self._make()
        if self._kept is None:
            yield None, done
            return
        with throwaway(self._server, self._kept) as address:
            yield address, done

    def _make(self) -> BaseRun:
        address = self._server.create_database()
        try:
            done = self._upgrade(address, self.plan.launches)
        except BaseException:
            self._server.drop_database(address)
            raise
        if done.result.failure:
            self._server.drop_database(address)
        else:
            self._kept = address
        return done

    def _upgrade(self, address: Address, launches: tuple[Callable[[], Launch], ...]) -> BaseRun:
        """The base's chain to its heads, with the surroundings in which its env.py loads first."""
        make, *others = launches
        launch, order = make(), self.plan.order
        with Session(launch, address) as session:
            done = run(
                session,
                "deploy",
                session.upgrade,
                self._total,
                self._progress,
                lambda ran: not_upgraded(session, order, ran),
            )
            databases = () if done.failure else session.databases
            operations = None if done.failure else compare_models(launch, address, self._server)[1]
        if others and done.failure is not None and done.failure.kind is FailureKind.ENVIRONMENT:
            return self._upgrade(address, tuple(others))
        return BaseRun(launch, done, operations, databases)


class StartingAt(Server):
    """The same server, on which a database that is no copy of another begins as a copy of `start`."""

    def __init__(self, server: Server, start: Address) -> None:
        self.provider, self.version = server.provider, server.version
        self._server, self._start = server, start

    def create_database(self, template: Address | None = None) -> Address:
        """A copy of `template`, else of `start`."""
        return self._server.create_database(template or self._start)

    def drop_database(self, database: Address) -> None:
        """Drop a database that was made here."""
        self._server.drop_database(database)

    def close(self) -> None:
        """The server itself goes on."""
