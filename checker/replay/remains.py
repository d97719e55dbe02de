"""What remains different where a database comes by a way of its own: two ways to the same heads, and their catalogs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass

from psycopg import sql

from checker.postgres.interface import Address, Server
from checker.replay.catalog import CatalogWatch, compare
from checker.replay.database import connect, read_catalog, roles_taken_back, throwaway
from checker.replay.outcome import Difference, Failure
from checker.replay.runner import Launch, Run, Session


@dataclass(frozen=True)
class Journey:
    """The way of its own: the old scripts up to some revisions, then stamps and upgrades with the new ones."""

    old: Launch
    targets: tuple[str, ...]
    steps: tuple[tuple[bool, tuple[str, ...]], ...]
    """(whether they are run, else stamped; the revisions). The first is a stamp over whatever stands there."""


@dataclass(frozen=True)
class Ends:
    """What the two have different, from the one that ran the new scripts alone; or what kept them from their end."""

    differences: tuple[Difference, ...] = ()
    problem: str | None = None


class _Stopped(Exception):
    """A way that does not lead to its end; the text says where."""


def compare_ends(journey: Journey, new: Launch, server: Server, tell: Callable[[str], None]) -> Ends:
    """Go both ways in databases of their own, up to the heads, and compare their catalogs."""
    try:
        tell("running this code's chain")
        with roles_taken_back(server), throwaway(server) as address, Session(new, address) as session:
            _through(session.upgrade(), "this code's own chain")
            fresh = read_catalog(address, CatalogWatch, session)
        tell("running the old chain, the stamp, and the upgrade after it")
        with roles_taken_back(server), throwaway(server) as address:
            _run_old(journey, address)
            with Session(new, address) as session:
                _go_on(journey.steps, session)
                return Ends(compare(fresh, read_catalog(address, CatalogWatch, session)))
    except _Stopped as stopped:
        return Ends(problem=str(stopped))


def _run_old(journey: Journey, address: Address) -> None:
    with Session(journey.old, address) as session:
        for target in journey.targets:
            _through(session.upgrade(target), "the old chain")
        configured = session.configured
    table = (configured.schema, configured.table) if configured else (None, "alembic_version")
    with closing(connect(address)) as connection:
        name = sql.Identifier(*(part for part in table if part))
        connection.execute(sql.SQL("DELETE FROM {}").format(name))  # what `stamp --purge` begins with


def _go_on(steps: Iterable[tuple[bool, tuple[str, ...]]], session: Session) -> None:
    for run, revisions in steps:
        for one in revisions:
            _through(
                session.upgrade(one) if run else session.stamp(one), f"the {'upgrade' if run else 'stamp'} to {one}"
            )
    _through(session.upgrade(), "the upgrade after the stamp")


def _through(run: Run, what: str) -> None:
    """Run all steps of it. Raises _Stopped where it fails."""
    last = None
    for step in run:
        last = step.revision
    if run.failure:
        where = f" at {last}" if last else ""
        raise _Stopped(f"{what} fails{where}: {_first_line(run.failure)}")


def _first_line(failure: Failure) -> str:
    return next(iter(failure.message.strip().splitlines()), failure.error)
