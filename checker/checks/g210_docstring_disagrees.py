"""G210: what a script's docstring says of it is not so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name
from checker.findings import Finding, Severity
from checker.source.script import Script

_LINE = re.compile(r"^(Revision ID|Revises):(.*)$", re.M)
_NOTHING = {"None", "base"}

INFO = CheckInfo(
    id="G210",
    slug="docstring-disagrees",
    severity=Severity.NOTE,
    says="The docstring's `Revision ID:` or `Revises:` is not what the variables say.",
    breaks="Nothing by itself: Alembic goes by the variables. A reader who goes by the docstring is led astray.",
    mend="Write into the docstring what `revision` and `down_revision` say.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One note for each such line of a script that this change brings or touches."""
    for script in subject.result.scripts:
        merged = subject.base.by_revision.get(script.revision or "")
        if script.problem or (merged and merged.blob == script.blob):
            continue
        old = set(disagreements(merged, subject)) if merged else set()
        for variable, stated in disagreements(script, subject):
            is_so = script.revision if variable == "revision" else listing(script.down_revisions) or "None"
            yield INFO.finding(
                subject,
                f"the docstring of {name(script)} says {stated or 'nothing'} where {variable} is {is_so}",
                script=script,
                at=variable,
                introduced=(variable, stated) not in old,
            )


def disagreements(script: Script, subject: Subject) -> Iterator[tuple[str, str]]:
    """(the variable, what the docstring says instead). Words that are no revision ids are prose, and never wrong."""
    for title, rest in _LINE.findall(script.docstring or ""):
        text = rest.strip(" \t")
        stated = {word for word in re.findall(r"[\w.-]+", text) if word not in _NOTHING}
        if not all(_is_revision(word, subject) for word in stated):
            continue
        if title == "Revises" and "down_revision" not in script.unknown:
            if not _same(stated, set(script.down_revisions)):
                yield "down_revision", text
        elif title == "Revision ID" and stated and not _same(stated, {str(script.revision)}):
            yield "revision", text


def _is_revision(word: str, subject: Subject) -> bool:
    known = word in subject.result.graph or word in subject.base.graph
    return known or re.fullmatch(r"[0-9a-f]{6,40}", word) is not None


def _same(stated: set[str], actual: set[str]) -> bool:
    """Ids may be written short."""
    return len(stated) == len(actual) and all(any(one.startswith(word) for one in actual) for word in stated)
