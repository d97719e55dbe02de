"""The check itself, from top to bottom: refs → snapshots → checks → replay → report."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from checker import __version__
from checker.allowances import Lenience, find_stale, gather, refuse_unknown_checks
from checker.checks.base import Subject
from checker.checks.faults import introduced, reason, unreported
from checker.checks.g203_missing_down_revision import empty_parents
from checker.checks.g213_refused_revision_id import refused_ids
from checker.checks.outside import imported_elsewhere
from checker.checks.proof import prove
from checker.checks.r316_replay_incomplete import check as check_incomplete
from checker.checks.registry import REPLAY, STATIC, Registered
from checker.deployments import Deployments, all_revisions, assign, file_reader, read_deployments
from checker.files import read_inside
from checker.findings import (
    Finding,
    OutsideReport,
    PassReport,
    ProjectReport,
    ReplayReport,
    Report,
    ServerReport,
    Skipped,
    StepReport,
    Tool,
)
from checker.postgres.interface import InitScript, Server
from checker.redaction import Redaction
from checker.replay.outcome import Replay
from checker.settings import (
    Configuration,
    PostgresSettings,
    ProjectSettings,
    Settings,
    load_configuration,
)
from checker.source.changes import find_changes
from checker.source.comparison import Comparison, compare_refs, what_to_compare
from checker.source.history import last_seen
from checker.source.pairing import EnvironmentPair, pair_environments
from checker.source.repository import Repository, open_repository
from checker.source.snapshot import SnapshotReader
from checker.trust import read_configuration_of, restrict_postgres, trusted_configuration
from checker.verdict import arrange, is_wanted, verdict

# Workflows of these events have secrets and a token that may write, and can be made to check out anybody's code.
PRIVILEGED_EVENTS = ("pull_request_target", "workflow_run")


class Progress(Protocol):
    """Who is told how far the work is."""

    def tell(self, text: str) -> None:
        """Something began that takes a moment."""

    def step(self, project: str, name: str, done: int, total: int, revision: str) -> None:
        """A pass of the replay has done so many of its steps, and is at this revision."""


@dataclass(frozen=True)
class Judged:
    """A report, and what it was made from: for outputs that show more than a report holds."""

    report: Report
    subjects: tuple[Subject, ...]


def check(settings: Settings, environ: Mapping[str, str], progress: Progress) -> Report:
    """Judge what would be merged: the main job.

    Raises CheckerError for what keeps us from judging.
    """
    return judge_merge(settings, environ, progress).report


def judge_merge(settings: Settings, environ: Mapping[str, str], progress: Progress) -> Judged:
    """As `check`, and with the report what it was made from."""
    started = time.monotonic()
    with open_repository(settings.directory, environ, progress.tell) as repository:
        asked = what_to_compare(repository, environ, settings.base, settings.head)
        settings = replace(settings, judge_all=settings.judge_all or asked.judge_all)
        comparison = compare_refs(repository, asked)
        reader = SnapshotReader(repository)
        configuration = configure(settings, repository, reader, comparison)
        subjects = find_subjects(settings, configuration, repository, reader, comparison)
        deployments = ask_environments(settings, configuration, repository, reader, comparison, subjects, environ)
        lenience = gather(configuration, subjects, repository, reader, comparison, settings.today)
        subjects = complete(subjects, deployments, lenience, reader, comparison, settings)
        findings = [finding for subject in subjects for finding in judge(subject, STATIC, lenience)]
        replayed = replay(subjects, settings, configuration, repository, comparison, environ, progress)
        for subject in replayed.subjects:
            findings = [*prove(subject, findings), *judge_replays(subject, lenience, settings)]
        report = Report(
            tool=Tool("alembic-premerge", __version__),
            verdict="pass",
            base=comparison.base,
            head=comparison.head,
            projects=tuple(describe(subject) for subject in subjects),
            findings=arrange(findings, settings),
            skipped=(*_not_compared(comparison, settings), *deployments.skipped, *replayed.skipped),
            replay=tuple(describe_replay(one) for subject in replayed.subjects for one in subject.by_database()),
            seconds=time.monotonic() - started,
        )
        done = {subject.project: subject for subject in (*subjects, *replayed.subjects)}
        report = replace(report, verdict=verdict(report, settings))
        return Judged(Redaction(environ, settings.postgres).over(report), tuple(done.values()))


# --- what is compared


def _not_compared(comparison: Comparison, settings: Settings) -> Iterator[Skipped]:
    """On the base branch itself nothing differs: that this passes says nothing of the migrations there."""
    if comparison.base.commit == comparison.head.commit and not settings.judge_all:
        reason = (
            f"{comparison.head.ref} and {comparison.base.ref} are the same commit, so there is nothing to merge; "
            "`--all` checks every revision"
        )
        yield Skipped("comparison", reason, wanted=False)


def configure(
    settings: Settings, repository: Repository, reader: SnapshotReader, comparison: Comparison
) -> Configuration:
    """The configuration of the work tree; without one, that of the head."""
    return configure_at(comparison.head_tree, settings, repository, reader)


def configure_at(tree: str, settings: Settings, repository: Repository, reader: SnapshotReader) -> Configuration:
    """The configuration of the work tree; without one, that of the tree."""
    if settings.config or repository.root:
        configuration = load_configuration(repository.root or settings.directory, settings.config)
    else:
        configuration = read_configuration_of(tree, reader)
    refuse_unknown_checks(configuration)
    return configuration


def wanted_projects(settings: Settings, configuration: Configuration) -> tuple[ProjectSettings, ...]:
    """The projects that --project names, as the configuration describes them, else all that it describes."""
    described = {project.path: project for project in configuration.projects}
    named = tuple(described.get(path, ProjectSettings(path=path)) for path in settings.projects)
    return named or configuration.projects


def find_subjects(
    settings: Settings,
    configuration: Configuration,
    repository: Repository,
    reader: SnapshotReader,
    comparison: Comparison,
) -> list[Subject]:
    """Every environment that the merge concerns, as it is at the base and as it will be."""
    wanted = wanted_projects(settings, configuration)
    pairs = pair_environments(reader, comparison, wanted, unchanged=settings.judge_all)
    return [make_subject(pair, repository, reader, comparison) for pair in pairs]


def make_subject(
    pair: EnvironmentPair, repository: Repository, reader: SnapshotReader, comparison: Comparison
) -> Subject:
    """What the checks are given of a pair."""
    environment = pair.after.environment
    folders = sorted({*pair.before.environment.places, *environment.places})
    return Subject(
        project=environment.path,
        base_ref=comparison.base.ref,
        default_base=comparison.default_base,
        base=pair.before,
        result=pair.after,
        changes=find_changes(pair.before, pair.after),
        expected_heads=environment.settings.heads if environment.settings else (),
        removed=pair.removed,
        configured=environment.settings is not None,
        conflicts=frozenset(comparison.merge.conflicts),
        last_seen=lambda revision: last_seen(repository, revision, folders),
        read=partial(reader.read, comparison.result_tree),
        changed_files=partial(reader.changed, comparison.base_tree, comparison.result_tree),
    )


def ask_environments(
    settings: Settings,
    configuration: Configuration,
    repository: Repository,
    reader: SnapshotReader,
    comparison: Comparison,
    subjects: Sequence[Subject],
    environ: Mapping[str, str],
) -> Deployments:
    """What the user's environments report, if there is anything to hold against it."""
    about = {registered.info.id for registered in STATIC if registered.info.id.startswith("D")} - settings.ignore
    if not subjects or not (about & settings.only if settings.only else about):
        return Deployments((), ())
    read = file_reader(repository.root, reader, comparison.base_tree)
    trusted = trusted_configuration(settings, configuration, comparison, reader)
    return read_deployments(configuration.environments, read, environ, trusted.environments.values())


def complete(
    subjects: Sequence[Subject],
    deployments: Deployments,
    lenience: Lenience,
    reader: SnapshotReader,
    comparison: Comparison,
    settings: Settings,
) -> list[Subject]:
    """The subjects with what the environments report of them, and the first with what is allowed without effect."""
    known = partial(all_revisions, reader, comparison)
    stale = find_stale(lenience.permissions, subjects, known, settings.today, judge_all=settings.judge_all)
    completed = assign(deployments.known, subjects, reader, comparison)
    return [replace(one, stale=tuple(stale)) for one in completed[:1]] + completed[1:]


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

    from checker.isolation.layers import hidden_paths, isolate
    from checker.postgres import start_server
    from checker.replay.project import Trees, isolated, replay_subject

    trusted = trusted_configuration(settings, configuration, comparison, SnapshotReader(repository))
    postgres = settings.postgres_settings(restrict_postgres(configuration.postgres, trusted.postgres, settings))
    init = read_init_scripts(postgres, repository.root or settings.directory)
    with (
        start_server(postgres, environ=environ, tell=progress.tell, init=init) as server,
        isolate(server.host, server.port, hidden_paths(environ)) as isolation,
    ):
        done = tuple(
            _with_replays(
                subject,
                isolated(
                    replay_subject,
                    isolation,
                    subject.base,
                    subject.result,
                    subject.changes,
                    project=_project_settings(subject, settings),
                    repository=repository,
                    trees=Trees(
                        comparison.base_tree,
                        comparison.result_tree,
                        comparison.head_tree if comparison.checked_out else None,
                    ),
                    timeouts=configuration.timeouts,
                    server=server,
                    environ=environ,
                    progress=partial(progress.step, subject.project),
                    tell=progress.tell,
                ),
            )
            for subject in able
        )
    judged = tuple(one for one in done if not _lacks_rights(one, server))
    lacking = [one for one in done if one not in judged]
    skipped += [Skipped(f"replay of {one.project}", _LACKS_RIGHTS) for one in lacking]
    return Replayed(tuple(_with_peers(judged)), (*skipped, *_not_deployed(judged), *_not_judged(judged)))


_LACKS_RIGHTS = (
    "a revision needs a right that the role made for this run does not have on the given server (insufficient_privilege); "
    "set postgres: {privileged: true} on the base branch, or leave --postgres out for a temporary server"
)


def _lacks_rights(subject: Subject, server: Server) -> bool:
    """Whether a step was refused for our own restriction of the role: that is no fault of the migration's."""
    steps = (step for each in subject.replays for one in each.passes for step in one.steps)
    return server.restricted and any(step.failure and step.failure.sqlstate == "42501" for step in steps)


def _with_peers(subjects: Sequence[Subject]) -> Iterator[Subject]:
    """Each subject with the others: a configuration names all projects or none."""
    known = tuple((one.project, one.replay.proposal if one.replay else None) for one in subjects)
    for subject in subjects:
        yield replace(subject, peers=tuple(one for one in known if one[0] != subject.project))


def _with_replays(subject: Subject, replays: tuple[Replay, ...]) -> Subject:
    return replace(subject, replay=replays[0], replays=replays)


def _not_deployed(subjects: Iterable[Subject]) -> Iterator[Skipped]:
    """Where the base's own chain cannot be run. That is no fault of the change, so it is told and fails nothing."""
    for one in (one for subject in subjects for one in subject.replays):
        deploy = one.get("deploy")
        if deploy and deploy.outcome == "not run" and deploy.reason and deploy.seconds:
            what = f"{one.project} ({one.database})" if one.database else one.project
            yield Skipped(f"the upgrade of an existing database of {what}", deploy.reason, wanted=False)


def _not_judged(subjects: Iterable[Subject]) -> Iterator[Skipped]:
    """Where another copy of the project's modules was imported: what depends on them says little of the judged tree."""
    for one in subjects:
        elsewhere = imported_elsewhere(one.replay)
        if elsewhere:
            reason = f"another copy was imported: {elsewhere}"
            yield Skipped(f"the comparison of the judged tree's modules in {one.project}", reason, wanted=False)


def refuse_replay(subjects: Sequence[Subject], settings: Settings, environ: Mapping[str, str]) -> Skipped | None:
    """Why nothing at all is replayed, if so."""
    if not settings.replay:
        return Skipped("replay", "turned off", wanted=False)
    if not subjects:
        return Skipped("replay", "no migration changed", wanted=False)
    if settings.only and not settings.only & {registered.info.id for registered in REPLAY}:
        return Skipped("replay", "no check that needs it was asked for", wanted=False)
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
    return tuple(InitScript(name, read_inside(root, name, "postgres.init")) for name in postgres.init)


def _hindrance(subject: Subject) -> str | None:
    """Why this subject cannot be run, if so: a chain that Alembic could not even read."""
    graph = subject.result.graph
    paths = {script.path for script in subject.result.scripts}
    if not paths:
        return "it has no revisions"
    if paths & subject.conflicts:
        return "merging conflicts in its scripts"
    if empty_parents(subject) or refused_ids(subject):
        return "Alembic cannot read its chain, as the findings say"
    if graph.broken or graph.duplicates or any(script.problem for script in subject.result.scripts):
        return "Alembic cannot read its chain, as the findings say"
    return None


def _project_settings(subject: Subject, settings: Settings) -> ProjectSettings:
    environment = subject.result.environment
    project = environment.settings or ProjectSettings(path=environment.path)
    return project.model_copy(update={"python": settings.python}) if settings.python else project


# --- judgement


def judge(subject: Subject, checks: Iterable[Registered], lenience: Lenience) -> Iterator[Finding]:
    """What the checks say of a subject, and the user has not turned off."""
    for registered in checks:
        yield from filter(None, (lenience.applied(finding, subject) for finding in registered.check(subject)))


def judge_replays(subject: Subject, lenience: Lenience, settings: Settings) -> Iterator[Finding]:
    """What is said of each of a subject's replays; of several, which database it is about."""
    for one in subject.by_database():
        database = one.replayed.database
        for finding in judge_replay(one, lenience, settings):
            yield replace(finding, message=f"database {database}: {finding.message}") if database else finding


def judge_replay(subject: Subject, lenience: Lenience, settings: Settings) -> Iterator[Finding]:
    """What the replay's checks say, and R316 for what made a pass fail and none of them reports. No filter hides that."""
    found = [finding for registered in REPLAY for finding in registered.check(subject)]
    kept = list(filter(None, (lenience.applied(finding, subject) for finding in found)))
    shown = [finding for finding in kept if is_wanted(finding, settings)]
    yield from kept
    yield from check_incomplete(replace(subject, unreported=tuple(unreported(subject, found, shown))))


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


def describe_replay(subject: Subject) -> ReplayReport:
    """A replay in the report."""
    replayed = subject.replayed
    return ReplayReport(
        project=replayed.project,
        server=ServerReport(replayed.provider, replayed.server_version),
        passes=tuple(
            PassReport(one.name, one.seconds, one.outcome, reason(subject, one), introduced(subject, one))
            for one in replayed.passes
        ),
        steps=tuple(
            StepReport(
                landing.revision,
                landing.upgrade.seconds,
                landing.downgrade.seconds if landing.downgrade else None,
                len(landing.upgrade.statements),
            )
            for landing in replayed.landings
        ),
        not_isolated=replayed.not_isolated,
        database=replayed.database,
        outside=tuple(OutsideReport(one.name, one.path, one.expected) for one in replayed.outside),
    )
