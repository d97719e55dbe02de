"""G201: more heads than the chain is meant to have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from checker.checks.base import CheckInfo, Subject, listing, name, point
from checker.checks.g202_diverged_branch import divergences
from checker.checks.mends import command, find_mend, planned
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="G201",
    slug="multiple-heads",
    severity=Severity.ERROR,
    says="After the merge the chain has more heads than its branch labels, or `heads:` in the configuration, allow.",
    breaks="`alembic upgrade head` stops: Multiple head revisions are present. The next deployment fails on every database.",
    mend="Put your revision on the base's head (`alembic-premerge fix --apply`), or bring the heads together "
    "(`alembic-premerge fix --merge --apply`, or `alembic merge heads`). "
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
        fix=_fix(subject, heads),
        introduced=introduced,
        related=[point(script, "a head") for script in scripts if script is not newest],
    )


def _fix(subject: Subject, heads: Sequence[str]) -> str:
    """What brings them together by hand, and the command that moves the change's own revisions or merges."""
    by_hand = f'alembic merge -m "merge heads" {" ".join(heads)}'
    if not subject.changes.new or subject.conflicting:
        return by_hand
    whole = planned(subject)
    moves = whole.drafts and not whole.left
    able = moves and all(find_mend(subject, draft.script.path, whole) for draft in whole.drafts)
    return f"{by_hand} (or: {command(subject) if able else command(subject, '--merge')})"
