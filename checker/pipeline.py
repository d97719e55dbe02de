"""The check itself, from top to bottom: refs → snapshots → checks → replay → report."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from checker import __version__
from checker.checks.base import Subject
from checker.checks.registry import REPLAY, STATIC, Registered, find
from checker.errors import ConfigurationError, ProjectError, RepositoryError
from checker.findings import (
    Finding,
    PassReport,
    ProjectReport,
    Ref,
    Related,
    ReplayReport,
    Report,
    ServerReport,
    Severity,
    Skipped,
    StepReport,
    Tool,
)
from checker.postgres.interface import InitScript
from checker.replay.outcome import Replay
from checker.settings import (
    Configuration,
    PostgresSettings,
    ProjectSettings,
    Settings,
    load_configuration,
    read_configuration,
)
from checker.source.changes import find_changes
from checker.source.project import Environment
from checker.source.repository import Merge, Repository, open_repository
from checker.source.snapshot import Snapshot, SnapshotReader

# Workflows of these events have secrets and a token that may write, and can be made to check out anybody's code.
PRIVILEGED_EVENTS = ("pull_request_target", "workflow_run")
# More findings of one kind than this are one finding with a list.
GROUP_ABOVE = 5


class Progress(Protocol):
    """Who is told how far the work is."""

    def tell(self, text: str) -> None:
        """Something began that takes a moment."""

    def step(self, project: str, name: str, done: int, total: int, revision: str) -> None:
        """A pass of the replay has done so many of its steps, and is at this revision."""


@dataclass(frozen=True)
class Comparison:
    """What is compared: the base's tip and what merging the head into it gives."""

    base: Ref
    head: Ref
    base_tree: str
    merge: Merge
    head_tree: str


def check(settings: Settings, environ: Mapping[str, str], progress: Progress) -> Report:
    """Judge what would be merged: the main job.

    Raises CheckerError for what keeps us from judging.
    """
    started = time.monotonic()
    with open_repository(settings.directory, environ) as repository:
        comparison = choose_refs(settings, repository)
        reader = SnapshotReader(repository)
        configuration = configure(settings, repository, reader, comparison)
        subjects = find_subjects(settings, configuration, repository, reader, comparison)
        findings = [finding for subject in subjects for finding in judge(subject, STATIC)]
        replayed = replay(subjects, settings, configuration, repository, comparison, environ, progress)
        findings += [finding for subject in replayed.subjects for finding in judge(subject, REPLAY)]
        report = Report(
            tool=Tool("alembic-premerge", __version__),
            verdict="pass",
            base=comparison.base,
            head=comparison.head,
            projects=tuple(describe(subject) for subject in subjects),
            findings=arrange(findings, settings),
            skipped=replayed.skipped,
            replay=tuple(describe_replay(subject.replay) for subject in replayed.subjects if subject.replay),
            seconds=time.monotonic() - started,
        )
        return replace(report, verdict=verdict(report, settings))


# --- refs


def choose_refs(settings: Settings, repository: Repository) -> Comparison:
    """The base's tip, the head, and what merging the one into the other gives."""
    base_name = settings.base or repository.default_branch() or "HEAD"
    base = repository.resolve(base_name)
    if settings.head:
        head_name, head = settings.head, repository.resolve(settings.head)
        shown = Ref(head_name, head)
    elif repository.root:
        head = repository.work_tree_commit()
        clean = head == repository.find("HEAD")
        shown = Ref(repository.current_branch() or "HEAD", head if clean else None)
    else:
        raise RepositoryError("this repository has no work tree", "Name what to check with --head.")
    merge = repository.merge(base, head)
    return Comparison(Ref(base_name, base), shown, repository.tree_of(base), merge, repository.tree_of(head))


def configure(
    settings: Settings, repository: Repository, reader: SnapshotReader, comparison: Comparison
) -> Configuration:
    """The configuration of the work tree; without one, that of the head."""
    if settings.config or repository.root:
        return load_configuration(repository.root or settings.directory, settings.config)
    for name in (".alembic-premerge.yml", ".alembic-premerge.yaml"):
        blob = reader.files(comparison.head_tree).get(name)
        if blob:
            return read_configuration(repository.read(blob).decode("utf-8", "replace"), name)
    return Configuration()


# --- snapshots


def find_subjects(
    settings: Settings,
    configuration: Configuration,
    repository: Repository,
    reader: SnapshotReader,
    comparison: Comparison,
) -> list[Subject]:
    """Every environment that the merge concerns, as it is at the base and as it will be."""
    base_tree, result_tree = comparison.base_tree, comparison.merge.tree
    wanted = [ProjectSettings(path=path) for path in settings.projects] or configuration.projects
    wanted = [_with_configuration(project, configuration) for project in wanted]
    environments = reader.environments(result_tree, wanted)
    at_base = reader.environments(base_tree)
    if not environments and not at_base:
        raise ProjectError(
            "no Alembic environment was found: no ini with an [alembic] section, no [tool.alembic], no env.py with scripts",
            "Name its folder with --project, or its script_location in .alembic-premerge.yml.",
        )
    changed = _changed_paths(reader.files(base_tree), reader.files(result_tree))
    subjects = []
    matched: set[Environment] = set()
    for environment in environments:
        before = _at_base(environment, at_base, reader, base_tree)
        matched.add(before.environment)
        touched = any(environment.concerns(path) or before.environment.concerns(path) for path in changed)
        # A named project in which nothing is found is judged whatever changed: most likely its name is wrong.
        blind = environment.settings is not None and not reader.snapshot(result_tree, environment).scripts
        if touched or blind or settings.judge_all or comparison.merge.conflicts:
            after = reader.snapshot(result_tree, environment)
            subjects.append(_subject(before, after, repository, comparison))
    if not wanted:
        for environment in at_base:
            if environment not in matched:
                before = reader.snapshot(base_tree, environment)
                gone = reader.snapshot(result_tree, environment)
                subjects.append(replace(_subject(before, gone, repository, comparison), removed=not gone.scripts))
    return subjects


def _with_configuration(project: ProjectSettings, configuration: Configuration) -> ProjectSettings:
    """What --project names may be described in the configuration too."""
    return next((known for known in configuration.projects if known.path == project.path), project)


def _changed_paths(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]


def _at_base(
    environment: Environment, at_base: Sequence[Environment], reader: SnapshotReader, base_tree: str
) -> Snapshot:
    """The environment as the base has it: the one with the same folders, else the same ini, else the same revisions."""
    folders = set(environment.version_locations)
    for other in at_base:
        if folders & set(other.version_locations):
            return reader.snapshot(base_tree, other)
    own = reader.snapshot(base_tree, environment)
    if own.scripts:
        return own
    for other in at_base:
        if (other.config_file, other.section) == (environment.config_file, environment.section) and other.config_file:
            return reader.snapshot(base_tree, other)
    return own


def _subject(before: Snapshot, after: Snapshot, repository: Repository, comparison: Comparison) -> Subject:
    environment = after.environment
    chosen = environment.settings
    folders = sorted({*before.environment.version_locations, *environment.version_locations})
    return Subject(
        project=environment.path,
        base_ref=comparison.base.ref,
        base=before,
        result=after,
        changes=find_changes(before, after),
        expected_heads=chosen.heads if chosen else (),
        configured=chosen is not None,
        conflicts=frozenset(comparison.merge.conflicts),
        last_seen=lambda revision: repository.commits_naming(revision, folders),
    )


# --- replay


@dataclass(frozen=True)
class Replayed:
    """The subjects that were replayed, with what came of it, and what could not be."""

    subjects: tuple[Subject, ...]
    skipped: tuple[Skipped, ...]


def replay(
    subjects: Sequence[Subject],
    settings: Settings,
    configuration: Configuration,
    repository: Repository,
    comparison: Comparison,
    environ: Mapping[str, str],
    progress: Progress,
) -> Replayed:
    """Run every subject's chain on a throwaway PostgreSQL. Raises PostgresUnavailable where there is none."""
    refusal = refuse_replay(subjects, settings, environ)
    if refusal:
        return Replayed((), (refusal,))
    hindered = [(subject, _hindrance(subject)) for subject in subjects if not subject.removed]
    able = [subject for subject, hindrance in hindered if hindrance is None]
    skipped = [Skipped(f"replay of {one.project}", hindrance) for one, hindrance in hindered if hindrance]
    if not able:
        return Replayed((), tuple(skipped))

    from checker.postgres import start_server
    from checker.replay.project import replay_subject

    postgres = settings.postgres_settings(configuration.postgres)
    init = read_init_scripts(postgres, repository.root or settings.directory)
    with start_server(postgres, environ=environ, tell=progress.tell, init=init) as server:
        done = tuple(
            replace(
                subject,
                replay=replay_subject(
                    subject.result,
                    project=_project_settings(subject, settings),
                    repository=repository,
                    tree=comparison.merge.tree,
                    work_tree=comparison.head_tree if settings.head is None else None,
                    timeouts=configuration.timeouts,
                    server=server,
                    environ=environ,
                    progress=partial(progress.step, subject.project),
                ),
            )
            for subject in able
        )
    return Replayed(done, tuple(skipped))


def refuse_replay(subjects: Sequence[Subject], settings: Settings, environ: Mapping[str, str]) -> Skipped | None:
    """Why nothing at all is replayed, if so."""
    if not settings.replay:
        return Skipped("replay", "turned off", wanted=False)
    if not subjects:
        return Skipped("replay", "no migration changed", wanted=False)
    event = environ.get("GITHUB_EVENT_NAME")
    if event in PRIVILEGED_EVENTS:
        return Skipped(
            "replay",
            f"the event {event} has the repository's own rights, and a replay runs the pull request's code with them; use the "
            "event pull_request, or turn the replay off",
        )
    return None


def read_init_scripts(postgres: PostgresSettings, root: Path) -> tuple[InitScript, ...]:
    """The SQL that every empty database starts with. Raises ConfigurationError for a file that is not there."""
    scripts = []
    for name in postgres.init:
        try:
            scripts.append(InitScript(name, (root / name).read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"postgres.init names {name}, which cannot be read: {error}",
                "Name a file relative to the repository's root.",
            ) from None
    return tuple(scripts)


def _hindrance(subject: Subject) -> str | None:
    """Why this subject cannot be run, if so: a chain that Alembic could not even read."""
    graph = subject.result.graph
    paths = {script.path for script in subject.result.scripts}
    if not paths:
        return "it has no revisions"
    if paths & subject.conflicts:
        return "merging conflicts in its scripts"
    if graph.broken or graph.duplicates or any(script.problem for script in subject.result.scripts):
        return "Alembic cannot read its chain, as the findings say"
    return None


def _project_settings(subject: Subject, settings: Settings) -> ProjectSettings:
    environment = subject.result.environment
    project = environment.settings or ProjectSettings(path=environment.path)
    return project.model_copy(update={"python": settings.python}) if settings.python else project


# --- judgement


def judge(subject: Subject, checks: Iterable[Registered]) -> Iterator[Finding]:
    """What the checks say of a subject."""
    for registered in checks:
        yield from registered.check(subject)


def arrange(findings: Iterable[Finding], settings: Settings) -> tuple[Finding, ...]:
    """The findings that are wanted, old sins as notes, many of a kind as one, the gravest first."""
    wanted = [finding for finding in findings if _is_wanted(finding, settings)]
    if not settings.judge_all:
        wanted = [finding if finding.introduced else replace(finding, severity=Severity.NOTE) for finding in wanted]
    grouped = [finding for group in _groups(wanted) for finding in _grouped(group)]
    return tuple(
        sorted(
            grouped,
            key=lambda one: (not one.introduced, one.severity.rank, one.project, one.id, one.path or "", one.line or 0),
        )
    )


def _is_wanted(finding: Finding, settings: Settings) -> bool:
    return finding.id not in settings.ignore and (not settings.only or finding.id in settings.only)


def _groups(findings: Iterable[Finding]) -> Iterable[list[Finding]]:
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.project, finding.id, finding.severity, finding.introduced), []).append(finding)
    return groups.values()


def _grouped(group: list[Finding]) -> list[Finding]:
    limit = GROUP_ABOVE if group[0].introduced else 1
    if len(group) <= limit:
        return group
    first = group[0]
    registered = find(first.id)
    says = registered.info.says if registered else first.message
    return [
        replace(
            first,
            revision=None,
            message=f"{len(group)} times: {says}",
            fix=None,
            details="\n".join(one.message for one in group),
            related=tuple(Related(one.path, one.line, one.message) for one in group if one.path),
        )
    ]


def verdict(report: Report, settings: Settings) -> Literal["pass", "fail"]:
    """fail when a finding of this change is grave enough, or when something that was asked for could not be done."""
    grave = [
        finding
        for finding in report.findings
        if finding.severity.rank <= settings.fail_on.rank
        and finding.allowed is None
        and (finding.introduced or settings.judge_all)
    ]
    failed = any(one.outcome == "failed" for replayed in report.replay for one in replayed.passes)
    untold = (
        failed
        and not any(finding.id.startswith("R") for finding in report.findings)
        and not settings.only | settings.ignore
    )
    return "fail" if grave or untold or any(skipped.wanted for skipped in report.skipped) else "pass"


def describe(subject: Subject) -> ProjectReport:
    """A subject in the report."""
    environment = subject.result.environment
    return ProjectReport(
        path=environment.path,
        script_location=environment.script_location,
        revisions=len(subject.result.graph),
        new=tuple(str(script.revision) for script in subject.changes.new),
        heads=subject.result.graph.heads,
    )


def describe_replay(replayed: Replay) -> ReplayReport:
    """A replay in the report."""
    return ReplayReport(
        project=replayed.project,
        server=ServerReport(replayed.provider, replayed.server_version),
        passes=tuple(PassReport(one.name, one.seconds, one.outcome) for one in replayed.passes),
        steps=tuple(
            StepReport(
                landing.revision,
                landing.upgrade.seconds,
                landing.downgrade.seconds if landing.downgrade else None,
                len(landing.upgrade.statements),
            )
            for landing in replayed.landings
        ),
    )
