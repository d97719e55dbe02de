"""Which steps were stopped from outside, each once however many passes met the same fault."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import Subject
from checker.replay.outcome import Failure, FailureKind, Step


def stopped_steps(subject: Subject, kind: FailureKind) -> Iterator[tuple[Step, Failure]]:
    """Every step that a failure of this kind ended, by revision and direction."""
    steps = [step for one in subject.replayed.passes for step in one.steps]
    for landing in subject.replayed.landings:
        steps += [step for step in (landing.upgrade, landing.downgrade, landing.reupgrade) if step]
    seen = set()
    for step in steps:
        if step.failure and step.failure.kind is kind and (step.revision, step.direction) not in seen:
            seen.add((step.revision, step.direction))
            yield step, step.failure
