"""R306: the models and the replayed schema differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject, listing
from checker.checks.causes import history_causes, restoring
from checker.checks.drift import origin_of
from checker.checks.failures import details, headline
from checker.checks.outside import qualified
from checker.findings import Finding, Severity
from checker.replay.outcome import Drift

INFO = CheckInfo(
    id="R306",
    slug="model-drift",
    severity=Severity.ERROR,
    says="The project's models and the schema that its revisions make differ, by Alembic's own comparison.",
    breaks="The code asks for a column or a table that no revision makes, or the next `--autogenerate` brings a change that "
    "nobody meant.",
    mend="Write the missing revision: `alembic revision --autogenerate`. What is not Alembic's business, leave out with "
    "include_object in env.py.",
    replay=True,
    passes=("drift",),
)

SHOWN, LENGTH = 3, 120
AUTOGENERATE = 'alembic revision --autogenerate -m "…"'


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for what this change adds, and one for what exists at the base as well."""
    drift = subject.replayed.drift
    if drift is None:
        yield from _not_compared(subject)
        return
    origin = origin_of(subject, drift)
    if origin.added:
        finding = _finding(subject, origin.added, introduced=origin.introduced)
        yield replace(finding, fix=_fix(subject, drift, origin.added))
    if origin.kept:
        yield _finding(subject, origin.kept, introduced=False)


def _fix(subject: Subject, drift: Drift, operations: Sequence[str]) -> str:
    """A new revision, but not for what is only missing because a merged script was edited or deleted."""
    command = restoring(subject, history_causes(subject))
    if command is None:
        return AUTOGENERATE
    if drift.upgraded is None:
        return f"{command}; if the models then still differ, {AUTOGENERATE}"
    left = Counter(operations) & Counter(drift.upgraded)
    if not left:
        return command
    return f"{command}; then {AUTOGENERATE}" if left.total() < len(operations) else AUTOGENERATE


def _finding(subject: Subject, operations: Sequence[str], *, introduced: bool) -> Finding:
    first = [_short(one) for one in operations[:SHOWN]]
    more = [f"{len(operations) - SHOWN} more"] if len(operations) > SHOWN else []
    what = "this operation is missing" if len(operations) == 1 else f"these {len(operations)} operations are missing"
    message = f"the models and the schema that the revisions make differ; {what}: {listing([*first, *more])}"
    return INFO.finding(
        subject,
        qualified(subject, message),
        fix=AUTOGENERATE,
        severity=Severity.WARNING if subject.replayed.outside else None,
        details="\n".join(operations) if [*first, *more] != list(operations) else None,
        introduced=introduced,
    )


def _short(operation: str) -> str:
    """What is done to which object; its columns are in the details."""
    first = operation.strip().splitlines()[0].rstrip(" ,")
    text = first if first == operation.strip() else f"{first}, …)"
    return text if len(text) <= LENGTH else f"{text[:LENGTH]}…"


def _not_compared(subject: Subject) -> Iterator[Finding]:
    """Alembic's comparison itself failed: what `alembic check` would say as well."""
    tried = subject.replayed.get("drift")
    if tried is None or tried.failure is None:
        return
    finding = INFO.finding(
        subject,
        f"Alembic cannot compare the models with the schema: {headline(tried.failure)}",
        details=details(tried.failure),
        severity=Severity.WARNING,
    )
    yield replace(finding, path=tried.failure.path, line=tried.failure.line)
