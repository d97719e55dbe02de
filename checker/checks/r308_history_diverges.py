"""R308: a database that exists ends elsewhere than a fresh one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject, listing, name
from checker.checks.causes import Cause, causes_of_divergence, restoring
from checker.checks.failures import failed_step, headline
from checker.checks.r303_downgrade_does_not_restore import SHOWN
from checker.checks.r306_model_drift import AUTOGENERATE
from checker.findings import Finding, Related, Severity
from checker.replay.catalog import describe_deployed
from checker.replay.outcome import Difference, FailureKind, Pass
from checker.source.script import Script

INFO = CheckInfo(
    id="R308",
    slug="history-diverges",
    severity=Severity.ERROR,
    says="A database that ran the base's scripts and then the new ones fails, or ends in another catalog than a fresh one.",
    breaks="Tests run on fresh databases and pass; production is not fresh. The code meets a column or a table that is not "
    "there, on the databases that matter and on no other.",
    mend="Put the merged scripts back as they were, and write a new revision that makes the difference.",
    replay=True,
    passes=("deploy",),
)


def check(subject: Subject) -> Iterator[Finding]:
    """At most one finding: where the upgrade of an existing database fails, or how it ends elsewhere.

    A revision that is gone is told once, by H102 or H107; a step that hangs or dies by R310 and R311.
    """
    deploy, fresh = subject.replayed.get("deploy"), subject.replayed.get("fresh")
    if deploy is None or fresh is None or fresh.outcome != "passed":
        return
    if deploy.failure:
        yield from _failed(subject, deploy)
    elif subject.replayed.diverged:
        yield _diverged(subject, subject.replayed.diverged)


def _failed(subject: Subject, deploy: Pass) -> Iterator[Finding]:
    failure = deploy.failure
    assert failure is not None
    place = f"a database that is at {subject.base_ref}'s head"
    causes = causes_of_divergence(subject)
    why = f"; brought about by {listing(map(str, causes))}" if causes else ""
    if failure.kind is FailureKind.UNKNOWN_REVISION:
        if not subject.changes.deleted and not subject.changes.renumbered:
            yield INFO.finding(subject, f"{place} cannot be upgraded: {headline(failure)}")
    elif failure.kind is FailureKind.MIGRATION and deploy.steps:
        step = deploy.steps[-1]
        script = subject.script(step.revision)
        finding = failed_step(INFO, subject, step, failure)
        label = name(script) if script else step.revision
        message = f"{place} fails at {label}: {headline(failure)}; a fresh one passes{why}"
        fix = _fix(subject, causes, f"change {step.revision} so that it passes on the schema that it then meets")
        yield replace(
            finding, message=message, introduced=True, related=_related(causes, script), fix=finding.fix or fix
        )


def _diverged(subject: Subject, differences: tuple[Difference, ...]) -> Finding:
    told = [describe_deployed(one) for one in differences]
    more = [f"{len(told) - SHOWN} more"] if len(told) > SHOWN else []
    causes = causes_of_divergence(subject)
    why = f". Brought about by {listing(map(str, causes))}" if causes else ""
    first = causes[0].script if causes else None
    return INFO.finding(
        subject,
        f"a database that is at {subject.base_ref}'s head does not end as a fresh one does: on it, "
        f"{'; '.join([*told[:SHOWN], *more])}{why}",
        script=first,
        fix=_fix(subject, causes, _new_revision(subject)),
        details="\n".join(told) if more else None,
        related=_related(causes, first),
    )


def _fix(subject: Subject, causes: Sequence[Cause], then: str | None) -> str | None:
    """How to undo the causes, and what remains to be done after that."""
    command = restoring(subject, causes)
    if command:
        return f"{command}; then {then}" if then else command
    if not causes:
        return None
    history = sorted({cause.check for cause in causes} - {"R315"})
    if history:
        return f"apply the fix of {listing(history)}" + (f"; then {then}" if then else "")
    scripts = listing(str(cause.script.revision) for cause in causes)
    return f"write into {scripts} what it imports, as it is at {subject.base_ref}, and make the difference in a new revision"


def _new_revision(subject: Subject) -> str | None:
    """What the models still need once the merged scripts are put back; None where that is nothing."""
    drift = subject.replayed.drift
    if drift is None or drift.upgraded is None:
        return "write the difference as a new revision, if it is wanted"
    new = Counter(drift.upgraded) - Counter(drift.base or ())
    return f"write what the models need as a new revision: {AUTOGENERATE}" if new else None


def _related(causes: Sequence[Cause], but: Script | None) -> tuple[Related, ...]:
    return tuple(
        Related(one.script.path, one.script.line("revision"), str(one))
        for one in causes
        if but is None or one.script is not but
    )
