"""R303: after upgrade() and downgrade() the database is not what it was."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name
from checker.findings import Finding, Severity
from checker.replay.catalog import describe
from checker.replay.outcome import Difference, Landing

INFO = CheckInfo(
    id="R303",
    slug="downgrade-does-not-restore",
    severity=Severity.ERROR,
    says="After upgrade() and downgrade() the database's catalog is not the one before.",
    breaks='After a rollback the next upgrade fails on what was left behind (type "mood" already exists), or the old code '
    "meets a schema that it does not know.",
    mend="Undo in downgrade() all that upgrade() does. PostgreSQL does not drop an enum type with its table: "
    "`op.execute('DROP TYPE mood')`.",
    replay=True,
    passes=("stairway",),
)

SHOWN = 3
_CREATES_ANEW = re.compile(r"create\s+extension\s+(?!if\s+not\s+exists)", re.IGNORECASE)
DROPPED_BY_NAME = frozenset(
    {"type", "domain", "table", "view", "materialized view", "sequence", "schema", "function", "procedure"}
)
LAST = {"view": -2, "materialized view": -2, "table": -1, "domain": 1, "type": 1, "schema": 2}


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each revision whose downgrade leaves something behind, loses or changes something."""
    for landing in subject.replayed.landings:
        script = subject.script(landing.revision)
        if not landing.not_restored or not landing.downgrade_changed:
            continue
        yield INFO.finding(
            subject,
            f"downgrade() of {name(script) if script else landing.revision} does not restore what was there before: "
            f"{summary(landing.not_restored)}",
            script=script,
            at="downgrade",
            fix=_fix(landing.not_restored) or _fix_of_extensions(landing),
            details=further(landing.not_restored),
            introduced=subject.touches(landing.revision),
            severity=Severity.NOTE if _leaves_usable_extensions(landing) else None,
        )


def _leaves_usable_extensions(landing: Landing) -> bool:
    """Whether nothing is left but extensions, and the next upgrade will not fail on them."""
    only = all((one.kind, one.change) == ("extension", "added") for one in landing.not_restored)
    return only and not any(_CREATES_ANEW.match(one.lstrip()) for one in landing.upgrade.statements)


def _fix_of_extensions(landing: Landing) -> str | None:
    """An extension may be in use elsewhere: it is not to be dropped, and upgrade() is to take it as it is."""
    if any(one.kind != "extension" for one in landing.not_restored) or _leaves_usable_extensions(landing):
        return None
    return "create it with CREATE EXTENSION IF NOT EXISTS, so that the next upgrade() does not fail on it"


def _fix(differences: tuple[Difference, ...]) -> str | None:
    """What downgrade() lacks, where one statement for each says it. An extension may be in use elsewhere: it stays."""
    left = [one for one in differences if one.change == "added" and one.kind in DROPPED_BY_NAME]
    if not left or len(left) < len([one for one in differences if one.kind != "extension"]):
        return None
    left.sort(key=lambda one: LAST.get(one.kind, 0))  # a type is dropped after the tables that use it
    statements = [f"op.execute({f'DROP {one.kind.upper()} {one.identity}'!r})" for one in left]
    return f"add at the end of downgrade(), after what uses them is dropped: {'; '.join(statements)}"


def further(differences: tuple[Difference, ...]) -> str | None:
    """All of them in words, where the summary has not the room."""
    return "\n".join(map(describe, differences)) if len(differences) > SHOWN else None


def summary(differences: tuple[Difference, ...]) -> str:
    """The first few in words, and how many more there are."""
    words = [describe(difference) for difference in differences[:SHOWN]]
    more = len(differences) - len(words)
    return "; ".join(words) if not more else listing([*words, f"{more} more"])
