"""Which steps were stopped from outside, each once however many passes met the same fault."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, name
from checker.checks.failures import details
from checker.findings import Finding
from checker.replay.outcome import Failure, FailureKind, Step

_SHOWN = 200


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


def stopped_step(info: CheckInfo, subject: Subject, step: Step, failure: Failure, told: str) -> Finding:
    """A finding that says what became of a step; it points to the step's function."""
    script = subject.script(step.revision)
    return info.finding(
        subject,
        f"{step.direction}() of {name(script) if script else step.revision} {told}",
        script=script,
        at=step.direction,
        details=details(failure),
        introduced=subject.touches(step.revision),
    )


def stopped_environment(info: CheckInfo, subject: Subject, kind: FailureKind) -> Iterator[Finding]:
    """A pass that was stopped with no step under way: env.py before its first one, or after its last. Told once."""
    for one in subject.replayed.passes:
        if one.failure and one.failure.kind is kind and not any(step.failure for step in one.steps):
            message = f"env.py {one.failure.message}, in the pass {one.name} and outside of any revision"
            yield info.finding(subject, message, details=details(one.failure))
            return


def one_line(statement: str | None) -> str:
    """A statement as it fits into a sentence."""
    text = " ".join((statement or "").split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
