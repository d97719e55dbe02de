"""How a failed step is told: what PostgreSQL said, to which statement, on which line."""

from __future__ import annotations

import re
from dataclasses import replace

from checker.checks.base import CheckInfo, Subject, name
from checker.checks.remedies import database_remedy
from checker.checks.script_remedies import script_remedy
from checker.findings import Finding
from checker.replay.outcome import Failure, Step

_CREATES_EXTENSION = re.compile(r"\s*create\s+extension\s+(?:if\s+not\s+exists\s+)?\"?([\w-]+)", re.IGNORECASE)
_OBJECT = re.compile(r"<[\w.]+ object at 0x[0-9a-f]+>")
# feature_not_supported (not available), undefined_file (no control file), undefined_object
_NOT_THERE = ("0A000", "58P01", "42704")


def failed_step(info: CheckInfo, subject: Subject, step: Step, failure: Failure, *, consequence: str = "") -> Finding:
    """A finding for a step that failed; it points to the migration's own line where the traceback has one."""
    script = subject.script(step.revision)
    label = name(script) if script else step.revision
    finding = info.finding(
        subject,
        f"{step.direction}() of {label} failed: {headline(failure)}{consequence}",
        script=script,
        at=step.direction,
        fix=database_remedy(failure, subject) or script_remedy(failure, subject, step, script),
        details=details(failure),
        introduced=caused_upgrade(subject, step) if step.direction == "upgrade" else subject.touches(step.revision),
    )
    if script and failure.line and failure.path and failure.path.endswith(script.path.rsplit("/", 1)[-1]):
        return replace(finding, line=failure.line)
    return finding


def caused_upgrade(subject: Subject, step: Step) -> bool:
    """Whether this change caused that an upgrade failed: it touches the revision, or the base's own run passed it where
    the merge result's run fails.
    """
    if subject.touches(step.revision):
        return True
    fresh = subject.replayed.get("fresh")
    fails = any(one.failure for one in (fresh.steps if fresh else ()) if one.revision == step.revision)
    return fails and any(one.revision == step.revision and not one.failure for one in subject.replayed.base_steps)


def missing_extension(failure: Failure | None) -> str | None:
    """The extension that the server lacks, if that is what the step failed on."""
    created = _CREATES_EXTENSION.match(failure.statement) if failure and failure.statement else None
    return created[1] if failure and created and failure.sqlstate in _NOT_THERE else None


def headline(failure: Failure) -> str:
    """The error in one line."""
    first = _OBJECT.sub("…", failure.message.strip().splitlines()[0]) if failure.message.strip() else ""
    return f"{failure.error}: {first}" if first else failure.error


def details(failure: Failure) -> str | None:
    """The statement, the whole message and the traceback, as far as there are any."""
    parts = []
    if failure.statement:
        parts.append(f"SQL: {failure.statement.strip()}")
    rest = failure.message.strip().splitlines()[1:]
    if rest:
        parts.append("\n".join(rest))
    if failure.details:
        parts.append(_OBJECT.sub("…", _in_script(failure)).strip())
    return "\n\n".join(parts) or None


def _in_script(failure: Failure) -> str:
    """The traceback from the script's own line on: how env.py came there says nothing."""
    text = failure.details or ""
    own = text.find(f'{failure.path}", line') if failure.path and not failure.path.endswith("env.py") else -1
    start = text.rfind("\n", 0, own) + 1
    return text[start:] if own >= 0 else text
