"""The answer of `locate` for a person who was woken up: the answer first, then why, then what to do."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence

from rich.text import Text

from checker import __version__
from checker.checks.base import listing
from checker.lost.answer import Event, Kind, Located, Place
from checker.lost.recovery import describe
from checker.reports.escape import json_text, log, one_line
from checker.reports.words import plural
from checker.settings import DATABASE_VARIABLE
from checker.source.sightings import What

EVENTS, PLACES, NAMES = 4, 3, 6
_VERBS = {What.CAME: "came", What.CHANGED: "was changed", What.MOVED: "was moved", What.WENT: "went"}


def as_json(answers: Sequence[Located]) -> str:
    """All answers, as docs/locate.md describes them."""
    written = {
        "version": 1,
        "tool": {"name": "alembic-premerge", "version": __version__},
        "revisions": [_plain(one) for one in answers],
    }
    return json_text(json.dumps(written, indent=2, ensure_ascii=False)) + "\n"


def _plain(located: Located) -> dict[str, object]:
    places = [
        {"ref": one.ref, "commit": one.commit, "date": one.date, "author": one.author, "has_it": one.alive}
        for one in located.places
    ]
    remedies = [{**dataclasses.asdict(one), "script": "\n".join(one.lines)} for one in located.remedies]
    return {**dataclasses.asdict(located), "answer": headline(located), "places": places, "remedies": remedies}


def render(located: Located, *, verbose: bool = False) -> Text:
    """One answer as styled text."""
    here = located.kind is Kind.HERE
    revision, colon, answer = _line(f"{located.revision}: {headline(located)}").partition(": ")
    text = Text.assemble((revision, "bold"), colon, (answer, "green" if here else "red"), "\n")
    for line in _evidence(located, verbose):
        text.append(f"  {_line(line)}\n")
    for note in located.notes:
        text.append(f"  {_line(note)}\n", "dim")
    for number, remedy in enumerate(located.remedies, 1):
        text.append(f"\n{number}. {_line(remedy.title)}\n", "bold")
        text.append(f"   {_line(remedy.why)}\n", "dim")
        for line in remedy.lines:
            text.append(f"     {_line(line)}\n", "cyan")
    if any(DATABASE_VARIABLE in line for remedy in located.remedies for line in remedy.commands):
        text.append(
            f"\nRun the lines in the repository's root. Set {DATABASE_VARIABLE} to the database's URL (postgresql://…): "
            "pg_dump reads it. alembic finds its database through env.py, as always.\n",
            "dim",
        )
    if located.proof:
        text.append_text(_proof(located))
    return text


def headline(located: Located) -> str:
    """The answer itself, in one line."""
    return {
        Kind.HERE: "it is here, in this checkout",
        Kind.AHEAD: "the database is ahead of this code",
        Kind.UNMERGED_BRANCH: _where(_first_alive(located) or _stash(located)),
        Kind.RENUMBERED: f"it is called {located.renamed[-1] if located.renamed else ''} now",
        Kind.SQUASHED: f"it was squashed into {listing(located.squashed_into)}",
        Kind.DELETED: "it is deleted in this work tree, and that is not committed"
        if located.uncommitted
        else "it was deleted",
        Kind.SHALLOW: "not found, and this clone's history is cut off",
        Kind.NEVER: "no commit, branch or tag that git knows ever had it",
    }[located.kind]


def _where(place: Place | None) -> str:
    if place is None:
        return "no branch has it any more, only the reflog: it was amended, rebased or reset away"
    if place.ref == "refs/stash":
        return "it is only in the stash"
    return f"it is not merged: only {describe(place)} has it"


def _first_alive(located: Located) -> Place | None:
    return next((one for one in located.places if one.alive), None)


def _stash(located: Located) -> Place | None:
    """What is untracked is in the stash, and not in the tree of its commit."""
    return next((one for one in located.places if one.ref == "refs/stash"), None)


def _evidence(located: Located, verbose: bool) -> Iterator[str]:
    if located.path:
        message = f": {located.message}" if located.message not in ("", "empty message") else ""
        project = "" if located.project in (None, ".") else f" (project {located.project})"
        yield f"{located.path}{message}{project}"
    events = located.events if verbose else _telling(located.events)
    for event in events:
        yield _event(event, located)
    if len(events) < len(located.events):
        yield f"and {plural(len(located.events) - len(events), 'more change')} (--verbose)"
    yield from _refs(located, verbose)
    yield from _chain(located, verbose)
    if located.no_way_down:
        yield f"there is no way down: the downgrade of {listing(located.no_way_down)} raises"
    for revision, what in located.made_again:
        yield f"{revision} makes {what} again: with the file put back, or a stamp, an upgrade stops there"
    if located.similar:
        yield f"ids like it: {', '.join(located.similar)}"
    if located.elsewhere:
        yield f"{listing(located.elsewhere)} has it: is this another service's database?"
    if located.kind is Kind.NEVER and not located.similar:
        yield "a database of another service? or a version table of another name (version_table in env.py)?"


def _telling(events: Sequence[Event]) -> list[Event]:
    return [one for one in events if one.what in (What.CAME, What.WENT)][:EVENTS]


def _event(event: Event, located: Located) -> str:
    where = "" if event.here or located.kind is Kind.UNMERGED_BRANCH else " (not in this checkout)"
    pull = f" in pull request #{event.pull_request}" if event.pull_request else ""
    own = ", by the merge itself" if event.in_merge else ""
    landed = f", landed with {event.landed[:10]}" if event.landed else ""
    subject = event.subject.removesuffix(f"(#{event.pull_request})").strip()
    by = f"{event.date[:16].replace('T', ' ')} with {event.commit[:10]} by {event.author}"
    return f"{_VERBS[event.what]} {by}{pull}{own}{landed}{where}: {subject}"


def _refs(located: Located, verbose: bool) -> Iterator[str]:
    if located.kind is Kind.HERE:
        return
    alive = [one for one in located.places if one.alive]
    if alive:
        told = {one.commit: one for one in reversed(alive)}  # of several names of one commit the first
        alive = alive if verbose else [one for one in alive if told[one.commit] is one]
        shown = alive if verbose else alive[:PLACES]
        more = f" and {len(alive) - len(shown)} more" if len(alive) > len(shown) else ""
        yield f"there now: {', '.join(_ref(one) for one in shown)}{more}"


def _ref(place: Place) -> str:
    return f"{describe(place)} ({place.commit[:10]}, {place.date[:10]}{f', {place.author}' if place.author else ''})"


def _chain(located: Located, verbose: bool) -> Iterator[str]:
    if located.kind in (Kind.NEVER, Kind.SHALLOW):
        return
    stood = f"stands on {listing(located.parents) or 'nothing'}"
    if located.kind is Kind.HERE:
        above = f"; {listing(located.children)} on it" if located.children else "; nothing on it: it is a head"
        yield stood + above
        return
    if len(located.renamed) > 1:
        yield f"called one after the other: {', '.join(located.renamed)}"
    yield stood.replace("stands", "stood") + _nearest(located)
    if len(located.missing) > 1:
        yield f"not here either, on the way down: {_some(located.missing[1:], verbose)}"
    if located.never_run:
        above = listing(located.goes_on_from)
        yield f"never run by such a database, though below {above} now: {_some(located.never_run, verbose)}"


def _nearest(located: Located) -> str:
    if not located.nearest:
        return "; nothing below it is here"
    if set(located.nearest) == set(located.parents):
        return f", which {'is' if len(located.nearest) == 1 else 'are'} here: the nearest"
    return f"; the nearest that is here: {listing(located.nearest)}"


def _some(names: Sequence[str], verbose: bool) -> str:
    shown = names if verbose else names[:NAMES]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")


def _proof(located: Located) -> Text:
    proof = located.proof
    assert proof is not None
    text = Text.assemble("\n", ("Proved", "bold") if not proof.problem else ("Not proved", "bold red"))
    if proof.problem:
        return text.append(f": {_line(proof.problem)}\n")
    text.append(f": {_line(proof.old)}, beside {_line(proof.new)}\n")
    for difference in proof.differences:
        text.append(f"  {_line(difference)}\n")
    if not proof.differences:
        text.append("  the same schema\n")
    return text


def _line(text: str) -> str:
    return log(one_line(text))
