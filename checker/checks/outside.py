"""The modules that a replay imported from another copy than the judged tree, in words. Pure."""

from __future__ import annotations

from checker.checks.base import Subject, listing
from checker.replay.outcome import Replay

SHOWN = 3


def imported_elsewhere(replay: Replay | None) -> str | None:
    """Which module came from where; None where all came from the judged tree."""
    outside = replay.outside if replay else ()
    more = [f"{len(outside) - SHOWN} more"] if len(outside) > SHOWN else []
    return listing([*map(str, outside[:SHOWN]), *more]) if outside else None


def qualified(subject: Subject, message: str) -> str:
    """The message of a finding that depends on the project's modules, with those that are not the judged tree's."""
    elsewhere = imported_elsewhere(subject.replay)
    return (
        f"{message}. This may be about another copy of the project: it imported {elsewhere}" if elsewhere else message
    )
