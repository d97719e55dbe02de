"""Whether an upgrade or a downgrade put the database where it should be, by Alembic's version table."""

from __future__ import annotations

from collections.abc import Sequence

from checker.replay.order import RevisionNode, closure, descendants
from checker.replay.outcome import NOT_MIGRATED, Failure, FailureKind
from checker.replay.runner import Session


def not_upgraded(session: Session, order: Sequence[RevisionNode], ran: int) -> Failure | None:
    """The failure of an `upgrade heads` that ended without an error after `ran` steps and did not come to the heads.

    Where several schemas have a version table, one at the heads is enough: the others need not belong to this chain.
    """
    wanted = {node.revision for node in order}
    found = session.stored()
    if not wanted or any(wanted <= closure(order, revisions) for revisions in found):
        return None
    if not ran and not any(found):
        return Failure(FailureKind.ENVIRONMENT, NOT_MIGRATED, "env.py ended without running any migrations")
    heads = wanted - {parent for node in order for parent in node.parents}
    return _not_reached("upgrade heads", found, _listing(heads))


def not_downgraded(session: Session, order: Sequence[RevisionNode], floor: str | None) -> Failure | None:
    """Likewise of a downgrade to the base, or to `floor`."""
    found = session.stored()
    above = descendants(order, floor) if floor else None
    if not found or any(revisions.isdisjoint(above) if above is not None else not revisions for revisions in found):
        return None
    return _not_reached("downgrade", found, floor or "the base")


def _not_reached(command: str, found: Sequence[frozenset[str]], wanted: str) -> Failure:
    place = " and ".join(map(_listing, found)) if any(found) else "no revision"
    message = f"`alembic {command}` ended without an error, but the database is at {place} and not at {wanted}"
    return Failure(FailureKind.NOT_REACHED, "not reached", message)


def _listing(revisions: frozenset[str] | set[str]) -> str:
    return ", ".join(sorted(revisions)) or "no revision"
