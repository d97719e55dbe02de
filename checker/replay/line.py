"""The stairway's second database: only ever upgraded, so that a copy of it can take the place of one that a fault spoilt."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from checker.postgres.interface import Address, Server
from checker.replay.database import drop_roles, roles
from checker.replay.outcome import Failure, FailureKind
from checker.replay.runner import Session


class LineLost(Exception):
    """The second database cannot follow to `revision`."""

    def __init__(self, revision: str, failure: Failure) -> None:
        super().__init__(failure.message)
        self.revision, self.failure = revision, failure


class Line:
    """A database in which the revisions so far were upgraded, one by one, and nothing else was done.

    It follows only when it is needed, so that all recoveries together cost one more upgrade of the chain. `with_roles`:
    the scripts make or drop roles, which it shares with every other database of the server.
    """

    def __init__(self, server: Server, open_session: Callable[[Address], Session], *, with_roles: bool) -> None:
        self._server, self._open = server, open_session
        self.address: Address | None = None
        self._applied: list[str] = []
        self._first_roles = roles(server) if with_roles else None
        self._roles = self._first_roles

    def follow(self, revisions: Sequence[str]) -> Address | None:
        """Bring it to these revisions, in this order; None where there are none. Raises LineLost.

        The database whose place a copy takes must be gone: what it did to roles is undone.
        """
        self._restore_roles()
        done = set(self._applied)
        missing = [one for one in revisions if one not in done]
        if missing:
            self.address = self.address or self._server.create_database()
            upgrade(self._open(self.address), missing, self._applied)
        if self._roles is not None:
            self._roles = roles(self._server)
        return self.address

    def adopt(self, address: Address, revisions: Sequence[str]) -> None:
        """Go on with a database that was upgraded to these revisions elsewhere."""
        self.drop()
        self.address = address
        self._applied = list(revisions)
        if self._roles is not None:
            self._roles = roles(self._server)

    def drop(self) -> None:
        """Drop it; it is made anew when it is needed."""
        if self.address is not None:
            self._server.drop_database(self.address)
        self.address = None
        self._applied = []

    def _restore_roles(self) -> None:
        if self._roles is None or self._first_roles is None:
            return
        if not self._roles <= roles(self._server):  # a downgrade dropped one that this database's own revisions made
            self.drop()
            self._roles = self._first_roles
        drop_roles(self._server, self._roles)


def upgrade(session: Session, revisions: Sequence[str], applied: list[str]) -> None:
    """Upgrade these in the session's database, one by one, and add each that passed to `applied`. Raises LineLost.

    What fails in the walk, which commits after each step, may pass as one unmodified command.
    """
    left = list(revisions)
    while left:
        run = session.walk([(one, "upgrade") for one in left], pause=False)
        for step in run:
            if not step.failure:
                applied.append(left.pop(0))
        if not left and run.failure is None:
            return
        failure = run.failure or Failure(FailureKind.ENVIRONMENT, "no step", "env.py ended without running it")
        if not left or not session.alive or not _passes_alone(session, left[0]):
            raise LineLost(left[0] if left else revisions[-1], failure)
        applied.append(left.pop(0))


def _passes_alone(session: Session, revision: str) -> bool:
    run = session.upgrade(revision)
    return bool(list(run)) and run.failure is None
