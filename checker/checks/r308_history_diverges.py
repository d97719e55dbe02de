"""R308: a database that exists ends elsewhere than a fresh one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject, listing, name
from checker.checks.failures import failed_step, headline
from checker.checks.proof import proof_of
from checker.checks.r303_downgrade_does_not_restore import SHOWN
from checker.checks.statements import changed_behaviour
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
    causes = list(_causes(subject))
    why = f"; brought about by {_words(causes)}" if causes else ""
    if failure.kind is FailureKind.UNKNOWN_REVISION:
        if not subject.changes.deleted and not subject.changes.renumbered:
            yield INFO.finding(subject, f"{place} cannot be upgraded: {headline(failure)}")
    elif failure.kind is FailureKind.MIGRATION and deploy.steps:
        step = deploy.steps[-1]
        script = subject.script(step.revision)
        finding = failed_step(INFO, subject, step, failure)
        label = name(script) if script else step.revision
        message = f"{place} fails at {label}: {headline(failure)}; a fresh one passes{why}"
        yield replace(finding, message=message, introduced=True, related=_related(causes, script))


def _diverged(subject: Subject, differences: tuple[Difference, ...]) -> Finding:
    told = [describe_deployed(one) for one in differences]
    more = [f"{len(told) - SHOWN} more"] if len(told) > SHOWN else []
    causes = list(_causes(subject))
    why = f". Brought about by {_words(causes)}" if causes else ""
    first = causes[0][1] if causes else None
    return INFO.finding(
        subject,
        f"a database that is at {subject.base_ref}'s head does not end as a fresh one does: on it, "
        f"{'; '.join([*told[:SHOWN], *more])}{why}",
        script=first,
        details="\n".join(told) if more else None,
        related=_related(causes, first),
    )


def _words(causes: list[tuple[str, Script]]) -> str:
    return listing(f"{what} {script.revision}" for what, script in causes)


def _related(causes: list[tuple[str, Script]], but: Script | None) -> tuple[Related, ...]:
    return tuple(
        Related(script.path, script.line("revision"), f"{what} {script.revision}")
        for what, script in causes
        if but is None or script is not but
    )


def _causes(subject: Subject) -> Iterator[tuple[str, Script]]:
    """What this change did to scripts that are merged. An edit whose statements are the same is none."""
    changes = subject.changes
    for pair in changes.edited:
        proof = proof_of(subject, pair)
        if proof is None or proof.shown:
            yield "the edit (H101) of", pair.after
    yield from (("the deletion (H102) of", script) for script in changes.deleted)
    yield from (("the re-parenting (H103) of", pair.after) for pair in changes.reparented)
    yield from (("the insertion (H104) of", inserted.script) for inserted in changes.inserted)
    yield from (("the renumbering (H107) of", pair.after) for pair in changes.renumbered)
    yield from (("the other statements (R315) of", script) for script, _, _ in changed_behaviour(subject))
