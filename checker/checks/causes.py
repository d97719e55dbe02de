"""What a change did to merged scripts that other findings (R306, R308, R315) follow from, and what undoes it. Pure."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from checker.checks.base import Subject, restore
from checker.checks.proof import proof_of
from checker.checks.statements import are_known, changed_behaviour
from checker.findings import Finding
from checker.settings import FILE_NAMES
from checker.source.script import Script

_NO_CODE = re.compile(r"(?i)\.(md|rst|adoc)$|(^|/)(LICENSE|NOTICE|CODEOWNERS)$|(^|/)\.git(hub|ignore|attributes)\b")


@dataclass(frozen=True)
class Cause:
    """One modification of the merged history, by the check that reports it."""

    check: str
    script: Script
    """The script that the finding is about: after the change where it still exists."""
    before: Script
    """The script that a restore puts back."""
    words: str

    def __str__(self) -> str:
        return f"{self.words} ({self.check}) of {self.script.revision}"


def history_causes(subject: Subject) -> tuple[Cause, ...]:
    """The changes of merged scripts that change what upgrade() does. An edit whose statements are the same is none."""
    return tuple(_history_causes(subject))


def _history_causes(subject: Subject) -> Iterator[Cause]:
    changes = subject.changes
    for pair in changes.edited:
        proof = proof_of(subject, pair) if pair.changed_parts != ("downgrade()",) else None
        if pair.changed_parts != ("downgrade()",) and (proof is None or proof.shown):
            yield Cause("H101", pair.after, pair.before, "the edit")
    yield from (Cause("H102", script, script, "the deletion") for script in changes.deleted)
    yield from (Cause("H103", pair.after, pair.before, "the re-parenting") for pair in changes.reparented)
    for inserted in changes.inserted:
        yield Cause("H104", inserted.script, inserted.above[0], "the insertion")
    yield from (Cause("H107", pair.after, pair.before, "the renumbering") for pair in changes.renumbered)


def causes_of_divergence(subject: Subject) -> tuple[Cause, ...]:
    """What R308 follows from: the changes of merged scripts, and what other scripts do because of other code (R315)."""
    history = history_causes(subject)
    if history and not other_code_changed(subject):
        return history  # what an unchanged script sends differs because of them
    others = (Cause("R315", script, script, "the other statements") for script, _, _ in changed_behaviour(subject))
    return (*history, *others)


def causes_of(finding: Finding, subject: Subject) -> tuple[Cause, ...]:
    """All that this R308 or R315 follows from; () where something may be among it that is not known."""
    history = history_causes(subject)
    if not other_code_changed(subject):
        return history
    if finding.id == "R315" or not history or _env_makes_schema(subject):
        return ()  # something that it imports is the cause, or may be
    return causes_of_divergence(subject) if are_known(subject) else ()


def other_code_changed(subject: Subject) -> bool:
    """Whether anything but revision scripts differs that migrations may read: models, env.py, SQL files, dependencies."""
    scripts = {one.path for one in (*subject.base.scripts, *subject.result.scripts) if one.revision}
    return any(
        path not in scripts and posixpath.basename(path) not in FILE_NAMES and not _NO_CODE.search(path)
        for path in subject.changed_files()
    )


def _env_makes_schema(subject: Subject) -> bool:
    """Whether env.py itself may have made the two databases differ: what it sends is not recorded."""
    location = subject.result.environment.script_location
    return b"create_all" in subject.env or any(
        posixpath.dirname(path) == location and path.endswith("env.py") for path in subject.changed_files()
    )


# --- what undoes them


def restoring(subject: Subject, causes: Sequence[Cause]) -> str | None:
    """The command that puts the merged scripts back, where it is all that it takes to undo these changes."""
    if not causes or any(cause.check not in ("H101", "H102") for cause in causes):
        return None
    return restore(subject, *(cause.before for cause in causes))
