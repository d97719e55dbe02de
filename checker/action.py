"""The GitHub Action's door: inputs and event → the same Settings and check → annotations, summary, outputs, comment."""

from __future__ import annotations

import os
import secrets
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from checker import __version__, auditing, cli, jobs, pipeline
from checker.commands.delivery import deliver, report_files
from checker.errors import CheckerError, ConfigurationError, PostgresUnavailable, UsageError
from checker.findings import AuditReport, Report, Severity, Skipped
from checker.github import Refused, Remark, find_pull_request, put_comment, put_remarks
from checker.inputs import Inputs, make_settings, read_inputs
from checker.job import install, keep_runner_files, with_job_python
from checker.nightly import ISSUE_BYTES, Workflow, find_workflow, keep_issue, last_success
from checker.pipeline import Judged
from checker.redaction import Redaction
from checker.reports import annotations as workflow
from checker.reports import markdown, pictures, suggestions
from checker.reports.escape import clip, one_line, prose
from checker.reports.progress import TerminalProgress
from checker.reports.summary import SUMMARY_LIMIT, summary
from checker.settings import Settings
from checker.verdict import joint_verdict

COMMENT_BYTES = 65_000  # GitHub takes 65,536 characters; the marker is ours to add
NOT_JUDGED = "Migrations could not be judged"
LONGEST = 2_000
OUTPUTS = ("verdict", "errors", "warnings", "new-revisions", "heads", "reports")


@dataclass(frozen=True)
class Runner:
    """What a runner gives a step: where the repository lies, and the files that it reads afterwards."""

    workspace: Path
    output: Path | None
    summary: Path | None
    redaction: Redaction

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Runner:
        """As the environment says; a file that it does not name is not written."""
        files = [
            Path(path) if (path := environ.get(name)) else None for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        ]
        workspace = Path(environ.get("GITHUB_WORKSPACE") or Path.cwd())
        return cls(workspace, files[0], files[1], Redaction(environ))

    def put(self, outputs: Mapping[str, str]) -> None:
        """Set the step's outputs. No value can end itself early and set another: the delimiter is random."""
        lines = []
        for name, value in outputs.items():
            end = f"premerge-{secrets.token_hex(16)}"
            lines.append(f"{name}<<{end}\n{value}\n{end}\n")
        _append(self.output, self.redaction.text("".join(lines)))

    def show(self, text: str) -> None:
        """Add Markdown to the job's summary."""
        _append(self.summary, self.redaction.text(text))


def _append(path: Path | None, text: str) -> None:
    if path:
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)


def main() -> NoReturn:
    """Run a step, and end with the same exit codes as the command line."""
    cli.prepare()
    sys.exit(run(os.environ, _write))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def run(environ: Mapping[str, str], write: Callable[[str], object]) -> int:
    """The step's exit code. `write` is the job's log.

    All that is told while strangers' code runs stands between stop-commands markers; our own commands come after them.
    """
    # One stream: a runner reads two in no certain order, and what came by the other could slip out of the markers.
    os.dup2(1, 2)
    commands: list[str] = []
    # Whatever ends this process early, the verdict is not unset: a runner takes the last value of an output.
    Runner.of(environ).put({"verdict": "fail"})
    try:
        with workflow.commands_stopped(write, secrets.token_hex(16)):
            return cli.exit_code(lambda: step(environ, commands.append))
    finally:
        write(Redaction(environ).text("".join(f"{text.rstrip()}\n" for text in commands if text)))


def step(environ: Mapping[str, str], command: Callable[[str], object]) -> int:
    """Judge and report. `command` takes workflow commands, for later. Whatever is raised is in the summary too."""
    runner, inputs = Runner.of(environ), None
    try:
        inputs = read_inputs(environ)
        return _judge_and_report(inputs, runner, environ, command)
    except BaseException as error:
        runner.put({"verdict": "fail"})
        stopped = Stopped.by(error)
        runner.show(stopped.text)
        command(workflow.command("error", stopped.sentence, title="alembic-premerge could not judge"))
        if inputs and inputs.issue:
            command(issue(NOT_JUDGED, stopped.text, inputs, environ, wrong=True))
        raise


def _judge_and_report(
    inputs: Inputs, runner: Runner, environ: Mapping[str, str], command: Callable[[str], object]
) -> int:
    judged, settings = judge(inputs, runner, environ, command)
    reports = [judged.report, *audit(inputs, settings, environ)]
    files = [_report_files(inputs, settings, audit=isinstance(one, AuditReport)) for one in reports]
    for report, own in zip(reports, files, strict=True):
        deliver(report, own, Console(soft_wrap=True), quiet=False, verbose=False)
    for report in reports:
        command(workflow.render(report))
    told = outputs(reports, [path for own in files for path in _relative(own, runner.workspace)])
    runner.put(told)
    runner.show(_summary(judged, environ, SUMMARY_LIMIT // len(reports)))
    for report in reports[1:]:
        runner.show(markdown.render(report, limit=SUMMARY_LIMIT // len(reports), links=_links(environ)))
    if inputs.comment:
        command(comment(judged.report, inputs, environ))
    if inputs.issue:
        command(report_issue(reports, inputs, environ))
    return cli.exit_of(joint_verdict(report.verdict for report in reports))


def judge(
    inputs: Inputs, runner: Runner, environ: Mapping[str, str], command: Callable[[str], object]
) -> tuple[Judged, Settings]:
    """Install what is asked for, and check."""
    directory = (runner.workspace / inputs.working_directory).resolve()
    if not directory.is_dir():
        raise UsageError(f"there is no folder {inputs.working_directory}", "Correct the input working-directory.")
    settings, own = make_settings(inputs, directory, environ), None
    with TerminalProgress(quiet=False, no_color=True) as progress:
        if settings.replay and environ.get("GITHUB_EVENT_NAME") not in pipeline.PRIVILEGED_EVENTS:
            own = install(inputs, directory, environ)
            settings = replace(settings, python=own) if own and inputs.python else settings
        job = with_job_python(inputs, directory, environ, own)
        with keep_runner_files(environ, lambda name: command(_was_changed(name))):
            return _on_each_image(inputs.postgres_image, settings, job, progress), settings


def _was_changed(name: str) -> str:
    text = f"The file that {name} names was changed while migrations ran, and is as it was before."
    return workflow.command("error", text, title="a migration changed a file of the runner")


def _on_each_image(
    images: Sequence[str], settings: Settings, environ: Mapping[str, str], progress: TerminalProgress
) -> Judged:
    """The check on every PostgreSQL that is asked for, and one report over them all."""
    first = pipeline.judge_merge(settings, environ, progress)
    others = images[1:]
    elsewhere = [one.server.provider for one in first.report.replay if one.server.provider != "container"]
    if others and elsewhere:  # that server has one version, whatever an image would have had
        reason = f"an image needs a Docker daemon, and the server here is the {elsewhere[0]} one"
        return replace(
            first, report=jobs.merge([first.report], [Skipped(f"replay on {one}", reason) for one in others])
        )
    reports = [first.report]
    for image in others if first.report.replay else ():
        progress.tell(f"and on {image}")
        reports.append(pipeline.judge_merge(replace(settings, postgres_image=image), environ, progress).report)
    return replace(first, report=jobs.merge(reports, ())) if len(reports) > 1 else first


def audit(inputs: Inputs, settings: Settings, environ: Mapping[str, str]) -> Iterator[AuditReport]:
    """What landed since the last success, or since what the input names, where that is asked for."""
    if inputs.audit == "false":
        return
    since, unknown = inputs.audit, None
    if inputs.audit == "true":
        try:
            since = last_success(_workflow(inputs, environ), inputs.token)
        except Refused as reason:
            # What is not known is not green; and the whole past would be held against whoever comes by tonight.
            unknown = Skipped("the audit", f"since which commit it should be is not known: {reason}")
            since = "HEAD"
    with TerminalProgress(quiet=False, no_color=True) as progress:
        report = auditing.audit(replace(settings, head="HEAD"), environ, progress, since=since, details=True)
    yield (
        replace(report, verdict=joint_verdict([report.verdict, "inconclusive"]), skipped=(*report.skipped, unknown))
        if unknown
        else report
    )


def outputs(reports: Sequence[Report], files: Sequence[str]) -> dict[str, str]:
    """The step's outputs; several values stand on a line each. The first report is the check's."""
    count = dict.fromkeys(Severity, 0)
    for finding in (finding for report in reports for finding in report.findings):
        count[finding.severity] += finding.allowed is None
    values = (
        "pass" if all(report.verdict == "pass" for report in reports) else "fail",
        str(count[Severity.ERROR]),
        str(count[Severity.WARNING]),
        "\n".join(one_line(revision) for project in reports[0].projects for revision in project.new),
        "\n".join(one_line(revision) for project in reports[0].projects for revision in project.heads),
        "\n".join(files),
    )
    return dict(zip(OUTPUTS, values, strict=True))


def report_issue(reports: Sequence[Report], inputs: Inputs, environ: Mapping[str, str]) -> str:
    """The issue about what is wrong in these reports, or that nothing is any more; as `issue`."""
    wrong = [report for report in reports if report.verdict != "pass"]
    limit = ISSUE_BYTES // max(len(wrong), 1) - 1_000
    body = "\n".join(markdown.render(report, limit=limit, links=_links(environ)) for report in wrong)
    title = "Migrations: something is wrong" if any(report.verdict == "fail" for report in wrong) else NOT_JUDGED
    return issue(title, body, inputs, environ, wrong=bool(wrong))


def issue(title: str, body: str, inputs: Inputs, environ: Mapping[str, str], *, wrong: bool) -> str:
    """Keep the job's one issue. Returns the workflow command that says why that could not be done, if so."""
    try:
        found = _workflow(inputs, environ)
        run = f"\n[The run that found it]({found.run})\n" if found.run else ""
        keep_issue(found, inputs.token, title, Redaction(environ).text(body) + run, wrong=wrong)
    except Refused as reason:
        return workflow.command("warning", f"{reason}; the job's summary has the same text", title="no issue")
    return ""


def _workflow(inputs: Inputs, environ: Mapping[str, str]) -> Workflow:
    return find_workflow(environ, "\0".join((inputs.working_directory, *inputs.project)))


def comment(report: Report, inputs: Inputs, environ: Mapping[str, str]) -> str:
    """Bring the pull request's comment and suggestions up to date. Returns the workflow command that says why not, if so."""
    text = markdown.render(report, limit=COMMENT_BYTES, links=_links(environ))
    # A change that is safe and brings nothing to read is no reason to write to everybody who watches.
    worth = report.verdict != "pass" or any(finding.introduced for finding in report.findings)
    job = "\0".join((inputs.working_directory, *inputs.project))
    try:
        pull = find_pull_request(environ, job)
        put_comment(pull, inputs.token, text, worth_a_new_one=worth)
        put_remarks(pull, inputs.token, _remarks(report))
    except Refused as reason:
        return workflow.command("notice", f"{reason}; the job's summary has the same text", title="no comment")
    return ""


def _remarks(report: Report) -> list[Remark]:
    return [
        Remark(offer.key, offer.suggestion.path, offer.suggestion.start_line, offer.suggestion.end_line, offer.body)
        for offer in suggestions.render(report)
    ]


def _report_files(inputs: Inputs, settings: Settings, *, audit: bool = False) -> dict[str, Path]:
    """Where the reports go; an audit's beside the check's: report.json and report-audit.json."""
    files = {name: settings.directory / path for name, path in report_files(list(inputs.report)).items()}
    return {name: path.with_stem(f"{path.stem}-audit") for name, path in files.items()} if audit else files


def _relative(files: Mapping[str, Path], workspace: Path) -> list[str]:
    """As the job's other steps know them, which may see the workspace in another place than we do."""
    return [os.path.relpath(path, workspace.resolve()) for path in files.values()]


def _summary(judged: Judged, environ: Mapping[str, str], limit: int) -> str:
    drawn, sql = pictures.graphs(judged.subjects), pictures.statements(judged.subjects)
    return summary(judged.report, graphs=drawn, sql=sql, links=_links(environ), limit=limit)


def _links(environ: Mapping[str, str]) -> markdown.Links | None:
    server, repository = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    return markdown.Links(f"{server}/{repository}") if server and repository else None


@dataclass(frozen=True)
class Stopped:
    """What a person is told where there is no report."""

    problem: str
    remedy: str
    details: tuple[str, ...] = ()

    @classmethod
    def by(cls, error: BaseException) -> Stopped:
        """What ended the run, and what to do about it."""
        if isinstance(error, PostgresUnavailable):
            return cls(error.problem, error.remedy, tuple(f"{provider}: {reason}" for provider, reason in error.tried))
        if isinstance(error, CheckerError):
            return cls(error.problem, error.remedy, error.mistakes if isinstance(error, ConfigurationError) else ())
        if isinstance(error, KeyboardInterrupt):
            return cls("The run was interrupted", "The job was cancelled or took too long: run it again.")
        what = "".join(traceback.format_exception_only(error)).strip()
        remedy = f"Please report it with the traceback in this step's log: {cli.ISSUES}"
        return cls(f"This is a fault of alembic-premerge {__version__}: {what}", remedy)

    @property
    def sentence(self) -> str:
        """For an annotation."""
        return "\n".join((self.problem, *self.details, self.remedy))

    @property
    def text(self) -> str:
        """For the job's summary and the issue."""
        lines = [f"- {prose(clip(one, LONGEST))}\n" for one in self.details]
        problem = prose(clip(self.problem, LONGEST))
        return f"## ✗ could not judge\n\n{problem}\n\n{''.join(lines)}\n{prose(self.remedy)}\n"


if __name__ == "__main__":
    main()
