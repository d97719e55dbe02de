"""A monorepo's check spread over several jobs: which there are, and one verdict over what they report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from checker.errors import UsageError
from checker.findings import Report, Skipped
from checker.parsing import parse_json
from checker.pipeline import configure, find_subjects
from checker.settings import PostgresSettings, Settings
from checker.source.comparison import compare_refs, what_to_compare
from checker.source.repository import open_repository
from checker.source.snapshot import SnapshotReader
from checker.verdict import joint_verdict

STATIC = "static"
"""The job that judges everything without a replay: there is one even where no environment is concerned."""


def plan(settings: Settings, environ: Mapping[str, str], images: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """A job matrix: each environment that the merge concerns on each PostgreSQL image, and the static stage of all.

    Each entry has a `name` of its own that a file can have, and the inputs of its job. Raises CheckerError.
    """
    with open_repository(settings.directory, environ) as repository:
        asked = what_to_compare(repository, environ, settings.base, settings.head)
        settings = replace(settings, judge_all=settings.judge_all or asked.judge_all)
        comparison = compare_refs(repository, asked)
        reader = SnapshotReader(repository)
        configuration = configure(settings, repository, reader, comparison)
        subjects = find_subjects(settings, configuration, repository, reader, comparison)
    wanted = images or (configuration.postgres.image or PostgresSettings().image,)
    projects = [subject.project for subject in subjects if not subject.removed]
    entries = [
        {"project": project, "postgres-image": image, "replay": "true"} for project in projects for image in wanted
    ]
    return {"include": list(_named([{"project": "", "postgres-image": "", "replay": "false"}, *entries]))}


def _named(entries: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    taken: set[str] = set()
    for entry in entries:
        words = (
            f"{entry['project']}-{entry['postgres-image'].rpartition('/')[2]}" if entry["replay"] == "true" else STATIC
        )
        stem = re.sub(r"[^A-Za-z0-9._]+", "-", words).strip("-.") or "job"
        name = next(one for one in (stem, *(f"{stem}-{number}" for number in range(2, 10_000))) if one not in taken)
        taken.add(name)
        yield {"name": name, **entry}


def read_reports(files: Sequence[Path], planned: str | None) -> tuple[list[Report], list[Skipped]]:
    """The jobs' JSON reports, and what is missing of the plan (as `plan` printed it): a job that wrote no NAME.json.

    Raises UsageError for a file that is no such report, or a plan that is none.
    """
    reports = [_read(file) for file in files]
    there = {file.stem for file in files}
    missing = [name for name in _names(planned) if name not in there] if planned else []
    return reports, [Skipped(name, "its job wrote no report") for name in missing]


def _read(file: Path) -> Report:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Report).validate_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", "Name the reports that the jobs wrote.") from None
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise UsageError(f"{file} is no report of ours: {reason}", "Give what --report json=FILE wrote.") from None


def _names(planned: str) -> list[str]:
    try:
        plan_: Any = parse_json(planned)
        return [str(entry["name"]) for entry in plan_["include"]]
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            "--plan is not what `alembic-premerge plan` prints", "Hand its output over as it is."
        ) from None


def merge(reports: Sequence[Report], missing: Sequence[Skipped]) -> Report:
    """One report over all: what several jobs say alike is said once, and a single `fail` is the verdict; a job without
    a report could not be judged.

    Raises UsageError for none at all, and for reports on different commits.
    """
    if not reports:
        raise UsageError("there is no report to merge", "Name at least one file that --report json=FILE wrote.")
    first = reports[0]
    if any((one.base.commit, one.head.commit) != (first.base.commit, first.head.commit) for one in reports):
        raise UsageError("the reports are on different commits", "Merge what the jobs of one run wrote.")
    skipped = dict.fromkeys(one for report in reports for one in report.skipped if one.wanted)
    return replace(
        first,
        verdict=joint_verdict(("inconclusive" if missing else "pass", *(one.verdict for one in reports))),
        projects=tuple({project.path: project for one in reports for project in one.projects}.values()),
        findings=tuple(dict.fromkeys(finding for one in reports for finding in one.findings)),
        skipped=(*skipped, *missing),
        replay=tuple(replayed for one in reports for replayed in one.replay),
        seconds=sum(one.seconds for one in reports),
    )
