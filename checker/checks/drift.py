"""Which differences between the models and the schema a change introduces. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from checker.checks.base import Subject
from checker.replay.outcome import Drift


@dataclass(frozen=True)
class DriftOrigin:
    """The operations that are not missing at the base, and those that are missing there as well."""

    added: tuple[str, ...]
    kept: tuple[str, ...]
    introduced: bool
    """Whether the change introduces those that were added."""


def origin_of(subject: Subject, drift: Drift) -> DriftOrigin:
    """Where the base could not be compared, all is the change's only if that touches a revision."""
    old = Counter(drift.base or ())
    added, kept = list[str](), list[str]()
    for operation in drift.result:
        is_old = bool(old[operation])
        old[operation] -= is_old
        (kept if is_old else added).append(operation)
    touched = bool(subject.changes.new or subject.changes.edited or subject.changes.deleted)
    return DriftOrigin(tuple(added), tuple(kept), bool(added) and (drift.base is not None or touched))
