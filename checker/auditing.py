"""A branch's own past, from top to bottom: since when → timelines → what still stands → report."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from checker import __version__
from checker.allowances import TRAILER, Lenience, from_configuration, from_trailers
from checker.checks import past as past_checks
from checker.errors import UsageError
from checker.findings import (
    AuditReport,
    CollisionReport,
    EventReport,
    Finding,
    LogEntry,
    ProjectReport,
    Ref,
    Skipped,
    Tool,
)
from checker.pipeline import Progress, configure_at, wanted_projects
from checker.redaction import Redaction
from checker.settings import Configuration, Settings
from checker.source.branches import find_branches
from checker.source.collisions import Collision, OpenBranch, find_collisions
from checker.source.history import Ref as Branch
from checker.source.history import last_before, released
from checker.source.past import read_past
from checker.source.project import no_environment, refuse_hidden
from checker.source.repository import Repository, open_repository
from checker.source.snapshot import SnapshotReader
from checker.source.timeline import Event, Landed, Timeline
from checker.verdict import arrange, verdict

_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].+)?|\d+ (hour|day|week|month|year)s? ago|yesterday")


def audit(
    settings: Settings,
    environ: Mapping[str, str],
    progress: Progress,
    *,
    since: str | None = None,
    branches: bool = False,
    details: bool = False,
) -> AuditReport:
    """What became of scripts after they had landed on `settings.head`, the default branch where that is None.

    `since` is a ref or a date: what landed before it is not told. With `branches` also which open branches and pull
    requests will not fit together; with `details` the diff of each edit that still stands. Raises CheckerError.
    """
    started = time.monotonic()
    with open_repository(settings.directory, environ, progress.tell) as repository:
        name = settings.head or repository.default_branch() or "HEAD"
        tip = repository.resolve(name)
        progress.tell(f"reading the past of {name}")
        skipped = deepen(repository, tip)
        start = find_start(repository, tip, since) if since else None
        reader = SnapshotReader(repository)
        tree = repository.tree_of(tip)
        configuration = configure_at(tree, settings, repository, reader)
        environments = reader.environments(tree, wanted_projects(settings, configuration))
        if not environments:
            raise no_environment()
        for environment in environments:
            refuse_hidden(environment)
        past = read_past(repository, tip, start, environments, TRAILER)
        found = [
            finding
            for timeline in past.timelines
            for finding in judge(timeline, configuration, repository, settings.today, details=details)
        ]
        collisions: list[CollisionReport] = []
        if branches:
            progress.tell("reading the branches that are open")
            opened, unseen = find_branches(repository, Branch(name, tip), reader, environments)
            collisions = [
                _collision(timeline, one)
                for timeline in past.timelines
                for one in collide(name, timeline, opened[timeline.environment.path])
            ]
            skipped += unseen
        report = AuditReport(
            tool=Tool("alembic-premerge", __version__),
            verdict="pass",
            base=Ref(since or "the beginning", start),
            head=Ref(name, tip),
            projects=tuple(map(describe, past.timelines)),
            findings=arrange(found, replace(settings, judge_all=True)),
            skipped=tuple(skipped),
            replay=(),
            seconds=time.monotonic() - started,
            events=tuple(_event(timeline, one) for timeline in past.timelines for one in timeline.events),
            log=tuple(_log(timeline, one) for timeline in past.timelines for one in timeline.log),
            collisions=tuple(collisions),
            commits=past.commits,
        )
        report = replace(report, verdict=verdict(report, replace(settings, judge_all=True)))
        return Redaction(environ).over(report)


# --- from when on


def deepen(repository: Repository, tip: str) -> list[Skipped]:
    """Fetch the history that a shallow clone lacks; what of it is not to be had."""
    repository.deepen_until(lambda: False)
    if not repository.is_cut_off(tip):
        return []
    reason = (
        "this clone is shallow, and its remote does not give more: `git fetch --unshallow`, or `fetch-depth: 0` for "
        "actions/checkout"
    )
    return [Skipped("the history before this clone's first commit", reason)]


def find_start(repository: Repository, tip: str, since: str) -> str | None:
    """The commit after which the past is told; None for a date before the first one.

    Raises UsageError for what is neither a commit nor a date.
    """
    if _DATE.fullmatch(since):
        return repository.find(since) or last_before(repository, tip, _with_time(since))
    found = repository.find_anywhere(since)
    if found is None:
        raise UsageError(
            f"--since {since} is neither a commit that git knows nor a date",
            "Name a ref or a commit, or a date such as 2026-01-31 or '2 weeks ago'.",
        )
    return found


def _with_time(date: str) -> str:
    """git takes a date without a time for that day at the present hour."""
    return f"{date}T00:00:00" if re.fullmatch(r"\d{4}-\d\d-\d\d", date) else date


# --- judgement


def judge(
    timeline: Timeline, configuration: Configuration, repository: Repository, today: dt.date, *, details: bool
) -> Iterator[Finding]:
    """A finding for what still stands, unless the user has turned it off; what is allowed says so."""
    entries = tuple(from_configuration(configuration, ()))
    is_released: Callable[[str], bool] | None = None
    if configuration.locked == "released":
        folders = timeline.environment.places
        is_released = partial(_is_released, repository, folders, configuration.tags)
    for finding, event in past_checks.findings(timeline.environment.path, timeline, details=details):
        permissions = (*entries, *from_trailers(event.trailers))
        lenience = Lenience(permissions, configuration.severity, today=today)
        about = {str(event.revision), *event.about} if event.revision else set()
        if applied := lenience.applied_to(finding, about, is_released):
            yield applied


def _is_released(repository: Repository, folders: Sequence[str], tags: str, revision: str) -> bool:
    return released(repository, revision, folders, tags)


def collide(name: str, timeline: Timeline, branches: Sequence[OpenBranch]) -> Iterable[Collision]:
    """Which of the branches do not fit beside each other, or beside what is merged."""
    settings = timeline.environment.settings
    trunk = OpenBranch(name, timeline.end.by_revision)
    return find_collisions(trunk, branches, settings.heads if settings else ())


# --- the report


def describe(timeline: Timeline) -> ProjectReport:
    """An environment in the report; `new` is what landed in the time that was read and is still there."""
    here = timeline.end.by_revision
    return ProjectReport(
        path=timeline.environment.path,
        script_location=timeline.environment.script_location,
        revisions=len(here),
        new=tuple(str(one.script.revision) for one in timeline.log if one.script.revision in here),
        heads=timeline.end.graph.heads,
    )


def _event(timeline: Timeline, event: Event) -> EventReport:
    return EventReport(
        kind=event.kind.value,
        project=timeline.environment.path,
        revision=event.revision,
        path=event.path,
        line=event.line,
        message=past_checks.told(event),
        commit=event.commit.id,
        author=event.writer.author,
        date=event.commit.date,
        pull_request=event.commit.pull_request,
        still_stands=event.still_stands,
        until=event.until.date if event.until else None,
        hours=event.hours,
    )


def _log(timeline: Timeline, one: Landed) -> LogEntry:
    return LogEntry(
        project=timeline.environment.path,
        revision=str(one.script.revision),
        message=one.script.message,
        author=one.writer.author,
        landed=one.commit.date,
        commit=one.commit.id,
        pull_request=one.commit.pull_request,
        path=one.script.path,
    )


def _collision(timeline: Timeline, one: Collision) -> CollisionReport:
    return CollisionReport(
        project=timeline.environment.path,
        kind=one.kind,
        revision=one.revision,
        branches=one.branches,
        paths=(one.scripts[0].path, one.scripts[1].path),
    )
