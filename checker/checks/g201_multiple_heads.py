"""G201: more heads than the chain is meant to have."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name, point
from checker.checks.g202_diverged_branch import divergences
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="G201",
    slug="multiple-heads",
    severity=Severity.ERROR,
    says="After the merge the chain has more heads than its branch labels, or `heads:` in the configuration, allow.",
    breaks="`alembic upgrade head` stops: Multiple head revisions are present. The next deployment fails on every database.",
    mend="Put your revision on the base's head, or bring the heads together (`alembic merge heads`). "
    "Heads that stand apart on purpose get a branch label each, or are named under `heads:`.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """At most one finding. Nothing where every surplus head is a new one that diverged: that is G202."""
    heads = subject.result.graph.surplus_heads(subject.expected_heads)
    before = subject.base.graph.surplus_heads(subject.expected_heads)
    introduced = len(heads) > len(before)
    if not heads and before:
        together = f"this change brings the {len(before)} heads of {subject.base_ref} together: {listing(before)}"
        yield INFO.finding(subject, together, severity=Severity.NOTE)
    if not heads or (introduced and any(divergences(subject))):
        return
    scripts = [subject.result.by_revision[head] for head in heads]
    newest = max(scripts, key=lambda script: (subject.is_new(script.revision), subject.touches(script.revision)))
    yield INFO.finding(
        subject,
        f"the chain has {len(heads)} heads, {listing(name(script) for script in scripts)}: `alembic upgrade head` does not "
        "know which to take",
        script=newest,
        fix=f'alembic merge -m "merge heads" {" ".join(heads)}',
        introduced=introduced,
        related=[point(script, "a head") for script in scripts if script is not newest],
    )
