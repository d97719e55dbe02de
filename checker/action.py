"""The GitHub Action's door: inputs and event → the same Settings and check → annotations, summary, outputs, comment."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from checker import cli, pipeline
from checker.commands.delivery import deliver, report_files
from checker.errors import CheckerError, ConfigurationError, UsageError
from checker.findings import Report, Severity
from checker.github import NoComment, Remark, find_pull_request, put_comment, put_remarks
from checker.inputs import Inputs, make_settings, read_inputs
from checker.job import install, with_job_python
from checker.pipeline import Judged
from checker.reports import annotations as workflow
from checker.reports import markdown, pictures, suggestions
from checker.reports.escape import one_line, prose
from checker.reports.progress import TerminalProgress
from checker.reports.summary import summary
from checker.settings import Settings

COMMENT_BYTES = 65_000  # GitHub takes 65,536 characters; the marker is ours to add
OUTPUTS = ("verdict", "errors", "warnings", "new-revisions", "heads", "reports")


@dataclass(frozen=True)
class Runner:
    """What a runner gives a step: where the repository lies, and the files that it reads afterwards."""

    workspace: Path
    output: Path | None
    summary: Path | None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Runner:
        """As the environment says; a file that it does not name is not written."""
        files = [
            Path(path) if (path := environ.get(name)) else None for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        ]
        return cls(Path(environ.get("GITHUB_WORKSPACE") or Path.cwd()), *files)

    def put(self, outputs: Mapping[str, str]) -> None:
        """Set the step's outputs. No value can end itself early and set another: the delimiter is random."""
        lines = []
        for name, value in outputs.items():
            end = f"premerge-{secrets.token_hex(16)}"
            lines.append(f"{name}<<{end}\n{value}\n{end}\n")
        _append(self.output, "".join(lines))

    def show(self, text: str) -> None:
        """Add Markdown to the job's summary."""
        _append(self.summary, text)


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
    with workflow.commands_stopped(write, secrets.token_hex(16)):
        code = cli.exit_code(lambda: step(environ, commands.append))
    write("".join(f"{text.rstrip()}\n" for text in commands if text))
    return code


def step(environ: Mapping[str, str], command: Callable[[str], object]) -> int:
    """Judge, and tell. `command` takes workflow commands, for later. Raises CheckerError for what keeps us from judging."""
    runner = Runner.of(environ)
    try:
        inputs = read_inputs(environ)
        judged, settings = judge(inputs, runner, environ)
        deliver(judged.report, _report_files(inputs, settings), Console(soft_wrap=True), quiet=False, verbose=False)
    except CheckerError as error:
        runner.put({"verdict": "fail"})
        runner.show(_stopped(error))
        command(workflow.command("error", f"{error.problem}\n{error.remedy}", title="alembic-premerge could not judge"))
        raise
    command(workflow.render(judged.report))
    runner.put(outputs(judged.report, _relative(_report_files(inputs, settings), runner.workspace)))
    runner.show(_summary(judged, environ))
    if inputs.comment:
        command(comment(judged.report, inputs, environ))
    return cli.Exit.PASS if judged.report.verdict == "pass" else cli.Exit.FINDINGS


def judge(inputs: Inputs, runner: Runner, environ: Mapping[str, str]) -> tuple[Judged, Settings]:
    """Install what is asked for, and check."""
    directory = (runner.workspace / inputs.working_directory).resolve()
    if not directory.is_dir():
        raise UsageError(f"there is no folder {inputs.working_directory}", "Mend the input working-directory.")
    settings = make_settings(inputs, directory, environ)
    with TerminalProgress(quiet=False, no_color=True) as progress:
        if settings.replay and environ.get("GITHUB_EVENT_NAME") not in pipeline.PRIVILEGED_EVENTS:
            install(inputs, directory, environ)
        return pipeline.judge_merge(settings, with_job_python(inputs, directory, environ), progress), settings


def outputs(report: Report, files: Mapping[str, str]) -> dict[str, str]:
    """The step's outputs; several values stand on a line each."""
    count = dict.fromkeys(Severity, 0)
    for finding in report.findings:
        count[finding.severity] += finding.allowed is None
    values = (
        report.verdict,
        str(count[Severity.ERROR]),
        str(count[Severity.WARNING]),
        "\n".join(one_line(revision) for project in report.projects for revision in project.new),
        "\n".join(one_line(revision) for project in report.projects for revision in project.heads),
        "\n".join(files.values()),
    )
    return dict(zip(OUTPUTS, values, strict=True))


def comment(report: Report, inputs: Inputs, environ: Mapping[str, str]) -> str:
    """Bring the pull request's comment and suggestions up to date. Returns the workflow command that says why not, if so."""
    text = markdown.render(report, limit=COMMENT_BYTES, links=_links(environ))
    # A change that is safe and brings nothing to read is no reason to write to everybody who watches.
    worth = report.verdict == "fail" or any(finding.introduced for finding in report.findings)
    job = "\0".join((inputs.working_directory, *inputs.project))
    try:
        pull = find_pull_request(environ, job)
        put_comment(pull, inputs.token, text, worth_a_new_one=worth)
        put_remarks(pull, inputs.token, _remarks(report))
    except NoComment as reason:
        return workflow.command("notice", f"{reason}; the job's summary has the same text", title="no comment")
    return ""


def _remarks(report: Report) -> list[Remark]:
    return [
        Remark(offer.key, offer.suggestion.path, offer.suggestion.start_line, offer.suggestion.end_line, offer.body)
        for offer in suggestions.render(report)
    ]


def _report_files(inputs: Inputs, settings: Settings) -> dict[str, Path]:
    return {name: settings.directory / path for name, path in report_files(list(inputs.report)).items()}


def _relative(files: Mapping[str, Path], workspace: Path) -> dict[str, str]:
    """As the job's other steps know them, which may see the workspace in another place than we do."""
    return {name: os.path.relpath(path, workspace.resolve()) for name, path in files.items()}


def _summary(judged: Judged, environ: Mapping[str, str]) -> str:
    drawn, sql = pictures.graphs(judged.subjects), pictures.statements(judged.subjects)
    return summary(judged.report, graphs=drawn, sql=sql, links=_links(environ))


def _links(environ: Mapping[str, str]) -> markdown.Links | None:
    server, repository = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_REPOSITORY")
    return markdown.Links(f"{server}/{repository}") if server and repository else None


def _stopped(error: CheckerError) -> str:
    mistakes = error.mistakes if isinstance(error, ConfigurationError) else ()
    lines = [
        f"## alembic-premerge could not judge\n\n{prose(error.problem)}\n",
        *(f"- {prose(one)}\n" for one in mistakes),
    ]
    return "".join([*lines, f"\n{prose(error.remedy)}\n"])


if __name__ == "__main__":
    main()
