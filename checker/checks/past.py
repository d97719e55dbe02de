"""What `audit` holds against a branch's past: the events that still stand, in the words of the checks that warn of them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import assert_never

from checker.checks.base import CheckInfo
from checker.checks.g201_multiple_heads import INFO as MULTIPLE_HEADS
from checker.checks.h101_edited_revision import INFO as EDITED
from checker.checks.h101_edited_revision import consequence
from checker.checks.h102_deleted_revision import INFO as DELETED
from checker.checks.h103_reparented_revision import INFO as REPARENTED
from checker.checks.h104_inserted_revision import INFO as INSERTED
from checker.checks.h107_renumbered_revision import INFO as RENUMBERED
from checker.findings import Finding, Severity
from checker.source.timeline import Event, Kind, Timeline


def info_of(kind: Kind) -> CheckInfo:
    """The check that warns of such an event before it lands."""
    match kind:
        case Kind.EDITED:
            return EDITED
        case Kind.DELETED:
            return DELETED
        case Kind.RENUMBERED:
            return RENUMBERED
        case Kind.REPARENTED:
            return REPARENTED
        case Kind.INSERTED:
            return INSERTED
        case Kind.HEADS:
            return MULTIPLE_HEADS
    assert_never(kind)


def findings(project: str, timeline: Timeline, *, details: bool) -> Iterator[tuple[Finding, Event]]:
    """A finding for each event that still stands. A re-parenting that healed a broken chain is a warning.

    With `details` the diff of each edit too, which takes a moment for hundreds of them.
    """
    for event in timeline.events:
        if event.still_stands:
            yield _finding(project, event, details), event


def _finding(project: str, event: Event, details: bool) -> Finding:
    info = info_of(event.kind)
    return Finding(
        id=info.id,
        slug=info.slug,
        severity=Severity.WARNING if event.heals else info.severity,
        project=project,
        message=_message(event),
        revision=event.revision,
        path=event.path,
        line=event.line,
        fix=_fix(event),
        details=event.pair.diff if details and event.pair else None,
    )


def _message(event: Event) -> str:
    number = event.commit.pull_request
    landed = (
        f"{event.commit.id[:10]}{f' (#{number})' if number else ''} by {event.writer.author}, {event.commit.date[:10]}"
    )
    if event.kind is Kind.HEADS:
        return f"the chain has had {event.words} since {landed}: `alembic upgrade head` does not know which to take"
    means = consequence(event.pair) if event.pair else _MEANS[event.kind]
    return f"merged revision {event.revision} was {event.words} in {landed}: {means}"


_MEANS = {
    Kind.DELETED: "a database that stands on it fails with Can't locate revision",
    Kind.RENUMBERED: "a database that stands on the old id fails with Can't locate revision",
    Kind.REPARENTED: "a database that was past it never ran what is new below it",
    Kind.INSERTED: "a database that was past that place never ran it",
}


def _fix(event: Event) -> str:
    if event.kind is Kind.HEADS:
        return shlex.join(["alembic", "merge", "-m", "merge heads", *event.about])
    known = f"`allow: [{{check: {info_of(event.kind).id}, revision: {event.revision}, reason: …}}]` in .alembic-premerge.yml"
    ways = {
        Kind.EDITED: "add a revision that brings every database to the same",
        Kind.DELETED: shlex.join(["git", "checkout", f"{event.commit.id[:10]}^", "--", str(event.path)]),
        Kind.RENUMBERED: "give the script its old id back",
        Kind.REPARENTED: "make sure that every database has what now lies below it",
        Kind.INSERTED: f"add a revision that does what {event.revision} does where that is missing",
    }
    return f"{ways[event.kind]}; or, where no database is concerned, {known}"


def told(event: Event) -> str:
    """The event in a few words, for a list of many."""
    return f"{event.revision} {event.words}" if event.revision else event.words
