"""G213: a revision id with a character that Alembic refuses."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing
from checker.findings import Finding, Severity
from checker.source.script import Script

# Alembic 1.0 to 1.20. A `:` is refused by newer versions alone, and is left to the replay.
REFUSED = "-@+"

INFO = CheckInfo(
    id="G213",
    slug="refused-revision-id",
    severity=Severity.ERROR,
    says="A revision id contains `-`, `@` or `+`.",
    breaks="Alembic reads these characters as steps and branches in its commands, and refuses the id as it loads the scripts: "
    "every command ends with \"Character(s) '-' not allowed in revision identifier\", on every database.",
    mend="Give the revision an id of letters, digits and underscores, in its `revision` and in the `down_revision` of the "
    "revisions above it.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each new id with such a character."""
    for script in refused_ids(subject):
        found = listing([f"'{one}'" for one in REFUSED if one in str(script.revision)])
        yield INFO.finding(
            subject,
            f"revision id {script.revision} contains {found}: Alembic refuses to load the chain",
            script=script,
            fix=f"give it an id of letters, digits and underscores, in {script.path} and in the down_revision of its children",
        )


def refused_ids(subject: Subject) -> list[Script]:
    """The new scripts with such an id, where no merged one has it: a project that has runs an Alembic that accepts it."""
    if any(_is_refused(script) for script in subject.base.scripts):
        return []
    return [script for script in subject.result.scripts if _is_refused(script)]


def _is_refused(script: Script) -> bool:
    return any(one in REFUSED for one in script.revision or "")
