"""R312: env.py or a migration reached for another database."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="R312",
    slug="foreign-connection",
    severity=Severity.WARNING,
    says="env.py or a migration asked for another database than the one that it migrates, or a statement reaches a program, a "
    "file or another server.",
    breaks="What it does there is in no transaction with the migration, is not undone with it, and was not replayed: the "
    "connection was refused, or turned to the throwaway database.",
    mend="Let a migration work on op.get_bind() alone. An env.py that migrates several databases calls run_migrations once for "
    "each, as Alembic's template multidb does: then every one of them is replayed, and none is reported here.",
    replay=True,
)


def check(subject: Subject) -> Iterator[Finding]:
    """At most one finding, for all passes. The database that env.py is configured with, under whatever name, is none.

    Where env.py could not be told its database, the default that it fell back on is no second one (R313 says all).
    """
    passes = [one for one in subject.replayed.passes if not (one.failure and one.failure.missing_kind == "database")]
    asked = dict.fromkeys(wanted for one in passes for wanted in one.strange)
    if asked:
        yield INFO.finding(
            subject,
            f"env.py or a migration reached beyond the database that it migrates: {listing(asked)}",
        )
