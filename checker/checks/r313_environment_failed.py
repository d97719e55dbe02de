"""R313: the project's environment would not load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject, listing
from checker.checks.failures import details, headline
from checker.checks.remedies import environment_remedy
from checker.findings import Finding, Severity
from checker.replay.outcome import NOT_MIGRATED, Failure, FailureKind

INFO = CheckInfo(
    id="R313",
    slug="environment-failed",
    severity=Severity.ERROR,
    says="env.py, a dependency or a setting that it needs would not load: nothing could be replayed.",
    breaks="Nothing is known of the new revisions: a check that could not run is not green.",
    mend="Supply what is missing: `python:` names the interpreter with the project's dependencies, `install:` says how to make "
    "one, `env:` gives its settings, `flask_app:` the application.",
    replay=True,
    inconclusive=True,
)


def check(subject: Subject) -> Iterator[Finding]:
    """At most one finding: every pass fails on the same environment."""
    loading = [subject.replayed.get(name) for name in ("fresh", "stairway")]
    failures = (one.failure for one in loading if one and one.failure)
    failure = next((one for one in failures if one.kind is FailureKind.ENVIRONMENT), None)
    if failure is None:
        return
    finding = INFO.finding(
        subject,
        f"the project's environment {_what(failure)}",
        fix=environment_remedy(failure, subject),
        details=details(failure),
    )
    yield replace(finding, path=failure.path, line=failure.line)


def _what(failure: Failure) -> str:
    names = [name for name in (failure.missing or "").split(", ") if name]
    if failure.error == NOT_MIGRATED:
        return f"did not migrate the temporary database: {failure.message}"
    many = len(names) > 1
    asked = f"; it had asked for {listing(names)}, which {'are' if many else 'is'} not set" if names else ""
    told = {
        "setting": f"the setting{'s' if many else ''} {listing(names)} {'are' if many else 'is'} missing",
        "module": f"the module {failure.missing} is not installed in the interpreter that was used",
        "driver": f"no PostgreSQL driver is there ({failure.missing} is what it would use)",
        "python": f"the project needs Python {failure.missing}: {headline(failure)}" if names else failure.message,
        "database": f"it does not know where its database is ({headline(failure)}{asked})",
        "flask_app": f"Flask does not find the application ({headline(failure)})",
        "bootstrap": f"bootstrap: failed: {headline(failure)}",
    }
    return f"would not load: {told.get(failure.missing_kind or '', headline(failure))}"
