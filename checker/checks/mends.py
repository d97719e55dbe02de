"""What `fix` would do about a finding: the command, and its lines as a suggestion. The same plan and the same rewriting."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from checker.checks.base import Subject
from checker.findings import Suggestion
from checker.source.drafts import Draft
from checker.source.moving import Plan, plan
from checker.source.rewriting import NotRewritable, changed_lines, rewrite

LONGEST = 20  # lines of a suggestion: more than that nobody reads through before the click


@dataclass(frozen=True)
class Mend:
    """What becomes of one own script."""

    draft: Draft
    suggestion: Suggestion | None
    """None where it is more than a few lines in this file."""


def planned(subject: Subject) -> Plan:
    """What `fix` would do."""
    return plan(subject.base, subject.result, subject.changes, subject.expected_heads)


def find_mend(subject: Subject, path: str, whole: Plan) -> Mend | None:
    """What `fix` would do with this script; None where it cannot."""
    draft = next((draft for draft in whole.drafts if draft.script.path == path), None)
    if draft is None or subject.conflicting:
        return None
    known = {*subject.base.graph.nodes, *subject.result.graph.nodes}
    try:
        after = rewrite(draft.script, draft.script.source, draft.wanted, known)
    except NotRewritable:
        return None
    return Mend(draft, _suggestion(draft, after))


def _suggestion(draft: Draft, after: bytes) -> Suggestion | None:
    lines = changed_lines(draft.script.source, after, _is_plain)
    if lines is None or max(lines.end - lines.start + 1, len(lines.replacement)) > LONGEST:
        return None
    return Suggestion(draft.script.path, lines.start, lines.end, lines.replacement)


def _is_plain(line: str) -> bool:
    """Whether a reader sees all that is in it: nobody shall take over what cannot be seen."""
    return line.replace("\t", " ").isprintable()


def command(subject: Subject, *options: str) -> str:
    """`fix`, as a developer would call it on this branch."""
    base = () if subject.default_base else ("--base", subject.base_ref)
    return shlex.join(["alembic-premerge", "fix", *options, "--apply", *base])
