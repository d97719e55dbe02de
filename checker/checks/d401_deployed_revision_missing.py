"""D401: an environment stands on a revision that the merge result does not have."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, name, restore
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="D401",
    slug="deployed-revision-missing",
    severity=Severity.ERROR,
    says="The revision that an environment's database stands on is not in the merge result.",
    breaks="The next deployment there stops before it has done anything: Can't locate revision identified by that id.",
    mend="Bring the script back, or deploy the branch that has it first. `alembic-premerge locate REVISION` says where it is "
    "and prints the commands that recover.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each environment and revision. Not this change's doing where the base does not have it either."""
    for deployed in subject.deployed:
        if deployed.revision in subject.result.graph:
            continue
        script = subject.base.by_revision.get(deployed.revision)
        commit = None if script else subject.last_seen(deployed.revision)
        history = (
            f" (git last saw it in {commit})" if commit else "" if script else " (no commit that git knows has it)"
        )
        yield INFO.finding(
            subject,
            f"{deployed.environment} stands on {name(script) if script else deployed.revision}, which is not there after the "
            f"merge{history}: its next deployment fails with \"Can't locate revision identified by '{deployed.revision}'\"",
            script=script,
            fix=restore(subject, script) if script else shlex.join(["alembic-premerge", "locate", deployed.revision]),
            introduced=script is not None,
        )
