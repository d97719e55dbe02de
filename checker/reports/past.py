"""A branch's past as tables, which each format lays out in its own way."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from checker.findings import AuditReport, CollisionReport, EventReport, LogEntry, Report
from checker.reports.words import plural
from checker.source.history import moment

KINDS = {
    "edited": ("edit", "edits"),
    "deleted": ("deletion", "deletions"),
    "renumbered": ("renumbering", "renumberings"),
    "reparented": ("re-parenting", "re-parentings"),
    "inserted": ("insertion", "insertions"),
}
TOGETHER = 3
"""More events than that, of one commit and kind, are one row."""


@dataclass(frozen=True)
class Table:
    """Rows of text below a title. The last rows are the newest."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    grave: tuple[bool, ...] = ()
    """Of each row whether it is one to look at; () where none is."""


def tables(report: Report) -> tuple[Table, ...]:
    """The tables of an audit; none for any other report."""
    return tuple(table for table in _tables(report) if table.rows) if isinstance(report, AuditReport) else ()


def _tables(report: AuditReport) -> Iterator[Table]:
    several = len(report.projects) > 1
    columns = ("landed", "commit", "author", "what", "now")
    events = sorted(report.events, key=lambda one: moment(one.date))
    changes = [one for one in events if one.kind != "heads"]
    groups = list(_groups(changes))
    rows = tuple(_changed(group, several) for group in groups)
    yield Table(
        f"After they had landed: {counts(changes)}", columns, rows, tuple(one[0].still_stands for one in groups)
    )
    heads = [one for one in events if one.kind == "heads"]
    rows = tuple(_several_heads(one, several) for one in heads)
    title = f"Several heads: {plural(len(heads), 'time')}"
    yield Table(title, columns, rows, tuple(one.still_stands for one in heads))
    yield Table(
        f"Branches that will not fit together: {plural(len(report.collisions), 'pair')}",
        ("first", "second", "why", "files"),
        tuple(_collision(one, several) for one in reversed(report.collisions)),
    )
    yield Table(
        f"Migration log: {plural(len(report.log), 'revision')}",
        ("revision", "message", "author", "landed", "commit"),
        tuple(_entry(one, several) for one in sorted(report.log, key=lambda one: moment(one.landed))),
    )


def _groups(events: list[EventReport]) -> Iterator[list[EventReport]]:
    """What one commit did of one kind together: a change of a hundred scripts is one row."""
    found: dict[tuple[object, ...], list[EventReport]] = {}
    for one in events:
        found.setdefault((one.project, one.commit, one.kind, one.still_stands), []).append(one)
    for group in found.values():
        yield from [group] if len(group) > TOGETHER else ([one] for one in group)


def counts(events: list[EventReport]) -> str:
    """`3 edits (2 still standing), 1 deletion`."""
    found = Counter[str](one.kind for one in events)
    standing = Counter[str](one.kind for one in events if one.still_stands)
    return ", ".join(
        f"{found[kind]} {names[found[kind] > 1]}{_of_these(standing[kind], found[kind])}"
        for kind, names in KINDS.items()
        if found[kind]
    )


def _of_these(standing: int, all_of_them: int) -> str:
    if not standing:
        return ""
    return " (still standing)" if standing == all_of_them else f" ({standing} still standing)"


def _changed(group: list[EventReport], several: bool) -> tuple[str, ...]:
    one = group[0]
    what = one.message
    if len(group) > 1:
        shown = [str(each.revision) for each in group[:TOGETHER]]
        what = f"{len(group)} revisions {one.kind}: {', '.join(shown)} and {len(group) - len(shown)} more"
    return (*_landed(one), _of(one.project, what, several), "still stands" if one.still_stands else "taken back")


def _several_heads(one: EventReport, several: bool) -> tuple[str, ...]:
    now = "still" if one.still_stands else f"for {lasted(one.hours or 0)}"
    return (*_landed(one), _of(one.project, one.message, several), now)


def _landed(one: EventReport) -> tuple[str, ...]:
    return (one.date[:16].replace("T", " "), _commit(one.commit, one.pull_request), one.author)


def _of(project: str, text: str, several: bool) -> str:
    return f"{project}: {text}" if several else text


def lasted(hours: float) -> str:
    """A time that a person can grasp: `40 minutes`, `3.2 hours`, `12 days`."""
    if hours < 1:
        return plural(round(hours * 60), "minute")
    return f"{hours:.1f} hours" if hours < 48 else plural(round(hours / 24), "day")


def _collision(one: CollisionReport, several: bool) -> tuple[str, ...]:
    why = f"both stand on {one.revision}" if one.kind == "parent" else f"both call a revision {one.revision}"
    return (*one.branches, _of(one.project, why, several), " and ".join(map(posixpath.basename, one.paths)))


def _entry(one: LogEntry, several: bool) -> tuple[str, ...]:
    message = _of(one.project, one.message, several)
    landed = one.landed[:16].replace("T", " ")
    return (one.revision, message, one.author, landed, _commit(one.commit, one.pull_request))


def _commit(commit: str, pull_request: int | None) -> str:
    return f"{commit[:10]} (#{pull_request})" if pull_request else commit[:10]
