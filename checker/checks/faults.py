"""Every reason for which a pass of a replay failed: what happened, and whether this change caused it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from checker.checks.base import Subject
from checker.checks.failures import headline
from checker.replay.outcome import Failure, FailureKind, Landing, Pass, PassName, Step


@dataclass(frozen=True)
class Fault:
    """One reason for which a pass failed."""

    name: PassName
    """Of the pass."""
    what: str
    """In one line."""
    revision: str | None = None
    introduced: bool = True
    """Whether this change caused it. False: the base has the same problem."""


def faults(subject: Subject, one: Pass) -> Iterator[Fault]:
    """Why this pass failed; nothing for a pass that did not fail."""
    if one.outcome != "failed":
        return
    if one.name == "stairway":
        for landing in subject.replayed.landings:
            yield from _of_landing(subject, landing)
    failed = next((step for step in reversed(one.steps) if step.failure), None)
    if one.failure and (failed is None or failed.failure != one.failure):
        yield Fault(one.name, headline(one.failure))
    elif one.name != "stairway" and failed and failed.failure:
        yield _of_step(subject, one.name, failed, failed.failure)
    if one.name == "deploy" and subject.replayed.diverged:
        yield Fault(one.name, "an existing database ends in a different schema than a fresh one")
    if one.name == "drift" and one.failure is None and (drift := subject.replayed.drift):
        introduced = drift.base is None or bool(set(drift.result) - set(drift.base))
        yield Fault(one.name, "the models and the schema differ", introduced=introduced)


def _of_landing(subject: Subject, landing: Landing) -> Iterator[Fault]:
    for step in (landing.upgrade, landing.downgrade, landing.reupgrade):
        if step and step.failure and step.failure.kind is not FailureKind.IRREVERSIBLE:
            yield _of_step(subject, "stairway", step, step.failure)
    introduced = subject.touches(landing.revision)
    if landing.not_restored:
        what = f"downgrade() of {landing.revision} does not restore the schema"
        yield Fault("stairway", what, landing.revision, introduced)
    if landing.not_repeated:
        what = f"the second upgrade() of {landing.revision} gives a different schema"
        yield Fault("stairway", what, landing.revision, introduced)


def _of_step(subject: Subject, name: PassName, step: Step, failure: Failure) -> Fault:
    what = f"{step.direction}() of {step.revision} failed: {headline(failure)}"
    return Fault(name, what, step.revision, subject.touches(step.revision))


def reason(subject: Subject, one: Pass) -> str | None:
    """Why a pass did not pass, in one line."""
    found = sorted(faults(subject, one), key=lambda fault: not fault.introduced)
    if not found:
        return one.reason
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0].what}{more}"


def introduced(subject: Subject, one: Pass) -> bool | None:
    """Of a failed pass: whether this change caused it; None for any other pass."""
    found = [fault.introduced for fault in faults(subject, one)]
    return any(found) or not found if one.outcome == "failed" else None
