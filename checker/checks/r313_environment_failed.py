"""R313: the project's environment would not load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject
from checker.checks.failures import details, headline
from checker.findings import Finding, Severity
from checker.replay.outcome import Failure, FailureKind

INFO = CheckInfo(
    id="R313",
    slug="environment-failed",
    severity=Severity.ERROR,
    says="env.py, a dependency or a setting that it needs would not load: nothing could be replayed.",
    breaks="Nothing is known of the new revisions: a check that could not run is not green.",
    mend="Supply what is missing: `python:` names the interpreter with the project's dependencies, `env:` its settings.",
    replay=True,
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
        f"the project's environment would not load: {_what(failure)}",
        fix=_fix(failure),
        details=details(failure),
    )
    yield replace(finding, path=failure.path, line=failure.line)


def _what(failure: Failure) -> str:
    if failure.missing_kind == "setting":
        return f"the setting {failure.missing} is missing"
    if failure.missing_kind == "module":
        return f"the module {failure.missing} is not installed in the interpreter that was used"
    return headline(failure)


def _fix(failure: Failure) -> str | None:
    if failure.missing_kind == "setting" and failure.missing:
        names = ", ".join(f"{name}: …" for name in failure.missing.split(", "))
        return f"add to the project in .alembic-premerge.yml: env: {{{names}}}"
    if failure.missing_kind == "module":
        return "name the interpreter that has the project's dependencies: python: PATH in .alembic-premerge.yml, or --python"
    return None
