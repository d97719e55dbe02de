"""Every reason for which a pass of a replay failed: what happened, whether this change caused it, who reports it. Pure.

A pass that failed or did not come to its end is never green by mistake: what no finding reports is R316.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from checker.checks.base import Subject, Unreported, listing
from checker.checks.drift import origin_of
from checker.checks.failures import caused_upgrade, headline
from checker.findings import Finding
from checker.replay.outcome import Failure, FailureKind, Landing, Pass, PassName, Step

_STOPPED = {FailureKind.TIMED_OUT: "R310", FailureKind.DIED: "R311", FailureKind.ENVIRONMENT: "R313"}
_UPGRADE = ("R301", "R307", "R309", "R314")
_STEPS: dict[PassName, tuple[str, ...]] = {
    "fresh": _UPGRADE,
    "stairway": _UPGRADE,
    "deploy": ("R308", *_UPGRADE),
    "downgrade": ("R302",),
}


@dataclass(frozen=True)
class Fault:
    """One reason for which a pass failed."""

    name: PassName
    """Of the pass."""
    what: str
    """In one line."""
    revision: str | None = None
    """The revision at which it happened."""
    introduced: bool = True
    """Whether this change caused it. False: the base has the same problem."""
    by: tuple[str, ...] = ()
    """The checks that report it."""
    unfinished: bool = False
    """Whether other checks could not be made because of it, so that a filter must not hide it."""
    known: bool = False
    """Whether it follows from what the static stage reports."""

    def is_reported(self, findings: Iterable[Finding]) -> bool:
        """Whether one of the findings is about it. What is held against nobody does not report what the change caused."""
        return any(
            finding.id in self.by
            and (finding.revision == self.revision or None in (finding.revision, self.revision))
            and (finding.introduced or not self.introduced)
            for finding in findings
        )


def faults(subject: Subject, one: Pass) -> Iterator[Fault]:
    """Why this pass failed, or did not come to its end; nothing for a pass that did."""
    if one.outcome != "failed":
        return
    failed = next((step for step in reversed(one.steps) if step.failure), None)
    if one.name == "stairway":
        for landing in subject.replayed.landings:
            yield from _of_landing(subject, landing)
        yield from _not_verified(subject)
    elif failed and failed.failure:
        yield _of_step(subject, one.name, failed, failed.failure)
    if one.failure and (failed is None or failed.failure != one.failure):
        yield _of_pass(subject, one, one.failure)
    if one.name == "deploy" and subject.replayed.diverged:
        yield Fault(one.name, "an existing database ends in a different schema than a fresh one", by=("R308",))
    if one.name == "drift" and one.failure is None and (drift := subject.replayed.drift):
        introduced = origin_of(subject, drift).introduced
        yield Fault(one.name, "the models and the schema differ", introduced=introduced, by=("R306",))


def _of_landing(subject: Subject, landing: Landing) -> Iterator[Fault]:
    for step, by in ((landing.upgrade, _UPGRADE), (landing.downgrade, ("R302",)), (landing.reupgrade, ("R304",))):
        if step and step.failure and step.failure.kind is not FailureKind.IRREVERSIBLE:
            yield _of_step(subject, "stairway", step, step.failure, by)
    introduced = subject.touches(landing.revision)
    if landing.not_restored and not landing.does_nothing_down:
        what = f"downgrade() of {landing.revision} does not restore the schema"
        yield Fault("stairway", what, landing.revision, introduced, ("R303",))
    if landing.not_repeated:
        what = f"the second upgrade() of {landing.revision} gives a different schema"
        yield Fault("stairway", what, landing.revision, introduced, ("R304",))


def _of_step(
    subject: Subject, name: PassName, step: Step, failure: Failure, by: tuple[str, ...] | None = None
) -> Fault:
    stopped = _STOPPED.get(failure.kind)
    introduced = caused_upgrade(subject, step) if step.direction == "upgrade" else subject.touches(step.revision)
    return Fault(
        name,
        f"{step.direction}() of {step.revision} failed: {headline(failure)}",
        step.revision,
        introduced or name == "deploy",
        (stopped, *_UPGRADE) if stopped else by or _STEPS[name],
        unfinished=bool(stopped) or step.direction == "upgrade",
    )


def _of_pass(subject: Subject, one: Pass, failure: Failure) -> Fault:
    """A failure outside of any step."""
    stopped = _STOPPED.get(failure.kind)
    gone = failure.kind is FailureKind.UNKNOWN_REVISION
    by = ("R306",) if one.name == "drift" else (stopped,) if stopped else ("R308",) if gone else ()
    return Fault(
        one.name,
        headline(failure),
        introduced=one.stopped_at is None or subject.touches(one.stopped_at),
        by=by,
        unfinished=bool(stopped) and one.name != "drift",
        known=gone and bool(subject.changes.deleted or subject.changes.renumbered),
    )


def _not_verified(subject: Subject) -> Iterator[Fault]:
    """The revisions that the stairway did not come to, by the revision because of which."""
    for because, revisions in not_verified(subject).items():
        own = [one for one in revisions if subject.touches(one)]
        for some, introduced in ((own, True), ([one for one in revisions if one not in own], False)):
            if some:
                what = f"{count(some)} not verified{f' because of {because}' if because else ''}"
                yield Fault("stairway", what, because, introduced, ("R310", "R311", *_UPGRADE), unfinished=introduced)


def not_verified(subject: Subject) -> dict[str | None, list[str]]:
    """The revisions that the stairway did not come to, by the revision because of which."""
    groups: dict[str | None, list[str]] = {}
    for one in subject.replayed.unverified:
        groups.setdefault(one.because, []).append(one.revision)
    return groups


def count(revisions: Sequence[str], where: str = "") -> str:
    """How many revisions, and the first: "14 revisions (first: a) above it were"."""
    some = listing(revisions) if len(revisions) <= 3 else f"{len(revisions)} revisions (first: {revisions[0]})"
    return f"{some}{where} {'was' if len(revisions) == 1 else 'were'}"


def unreported(subject: Subject, found: Sequence[Finding], shown: Sequence[Finding]) -> Iterator[Unreported]:
    """What made a pass fail and no finding reports: of all that were `found`, or, where it kept other checks from being
    made, of those that the user's filters let through (`shown`).
    """
    for one in subject.replayed.passes:
        for fault in faults(subject, one):
            if fault.known:
                continue
            if not fault.is_reported(found):
                yield Unreported(f"the pass {one.name} failed: {fault.what}", fault.revision, fault.introduced)
            elif fault.unfinished and not fault.is_reported(shown):
                hidden = "could not be finished, and the finding that says why is turned off"
                yield Unreported(f"the pass {one.name} {hidden}: {fault.what}", fault.revision, fault.introduced)


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
