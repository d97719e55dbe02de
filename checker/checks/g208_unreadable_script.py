"""G208: a file among the scripts that Alembic or we cannot read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="G208",
    slug="unreadable-script",
    severity=Severity.ERROR,
    says="A file in the versions folder is not a readable revision script.",
    breaks="Alembic loads every file there before it does anything: one that does not load stops every command on every "
    "database.",
    mend="Mend the syntax, resolve the conflict, set a literal `revision`, or move the file out of the folder.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each such file, and for each script in which merging gives a textual conflict.

    A script for Python 2 where merged ones are too: that is what this project runs, and its ids can be read.
    """
    runs_python2 = any(script.python2 for script in subject.base.scripts)
    before = {(script.path, script.problem) for script in subject.base.scripts}
    for script in subject.result.scripts:
        if script.path in subject.conflicts:
            yield INFO.finding(
                subject,
                f"{subject.base_ref} and this branch changed {script.path} in ways that git cannot merge",
                script=script,
                fix=f"git merge {shlex.quote(subject.base_ref)}  # and resolve the conflict",
            )
        elif script.problem and not (script.python2 and runs_python2 and script.revision):
            yield INFO.finding(
                subject,
                f"{script.path} cannot be read: {script.problem}",
                script=script,
                introduced=(script.path, script.problem) not in before,
            )
