"""argv → Settings → a command → an exit code. The only place that knows exit codes."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console

from checker import __version__
from checker.errors import CheckerError, ConfigurationError, PostgresUnavailable, UsageError
from checker.findings import Report, Severity
from checker.options import AllOption, BaseOption, CheckOption, ConfigOption, HeadOption, ProjectOption, ReportOption
from checker.reports.progress import TerminalProgress
from checker.reports.registry import FORMATS
from checker.settings import Settings

ISSUES = "https://github.com/alembic-premerge/alembic-premerge/issues"

# Older Typers raise click's UsageError, newer ones that of a click of their own: in both it is what this stands on.
AskedWrongly: type[typer.BadParameter] = typer.BadParameter.__mro__[1]


class Exit(IntEnum):
    """What a run ends with."""

    PASS = 0
    FINDINGS = 1
    USAGE = 2
    BUG = 3
    INTERRUPTED = 130


app = typer.Typer(
    name="alembic-premerge",
    help="Says before the merge whether a database that exists today survives your Alembic migrations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def options(version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False) -> None:
    """Options that go before a command."""
    if version:
        typer.echo(f"alembic-premerge {__version__}")
        raise typer.Exit


@app.command()
def check(
    base: BaseOption = None,
    head: HeadOption = None,
    judge_all: AllOption = False,
    replay: Annotated[bool, typer.Option("--replay/--no-replay", help="Prove it on a throwaway PostgreSQL.")] = True,
    fail_on: Annotated[
        Literal["error", "warning"], typer.Option(help="The mildest finding that fails the run.")
    ] = "error",
    project: ProjectOption = None,
    config: ConfigOption = None,
    report: ReportOption = None,
    only: Annotated[
        CheckOption, typer.Option("--only", metavar="ID", help="Run only this check. Several allowed.")
    ] = None,
    ignore: Annotated[
        CheckOption, typer.Option("--ignore", metavar="ID", help="Leave this check out. Several allowed.")
    ] = None,
    postgres: Annotated[
        str | None,
        typer.Option(
            metavar="PROVIDER|URL",
            help="auto, container, machine, embedded, or the URL of a server.",
            envvar="ALEMBIC_PREMERGE_POSTGRES",
        ),
    ] = None,
    postgres_image: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="The container's image. [default: postgres:17]")
    ] = None,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="The interpreter that has the project's dependencies.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, and nothing at all when there is nothing to say.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show all details.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours.")] = False,
) -> None:
    """Say whether this branch's migrations are safe to merge."""
    from checker import pipeline

    settings = Settings(
        directory=Path.cwd(),
        base=base,
        head=head,
        judge_all=judge_all,
        replay=replay,
        fail_on=Severity(fail_on),
        projects=tuple(project or ()),
        config=config,
        only=_check_ids(only),
        ignore=_check_ids(ignore),
        postgres=postgres,
        postgres_image=postgres_image,
        python=python,
    )
    files = report_files(report)
    console = Console(no_color=no_color or None, highlight=False, soft_wrap=True)
    with TerminalProgress(quiet=quiet, no_color=no_color) as progress:
        result = pipeline.check(settings, os.environ, progress)
    deliver(result, files, console, quiet=quiet, verbose=verbose)
    raise typer.Exit(Exit.PASS if result.verdict == "pass" else Exit.FINDINGS)


@app.command()
def plan(
    base: BaseOption = None,
    head: HeadOption = None,
    judge_all: AllOption = False,
    project: ProjectOption = None,
    config: ConfigOption = None,
    postgres_image: Annotated[
        list[str] | None,
        typer.Option("--postgres-image", metavar="IMAGE", help="Replay on this PostgreSQL. Several allowed."),
    ] = None,
) -> None:
    """Print the job matrix of a monorepo as JSON: the environments that the merge concerns, on each PostgreSQL."""
    from checker import jobs

    settings = Settings(
        directory=Path.cwd(), base=base, head=head, judge_all=judge_all, projects=tuple(project or ()), config=config
    )
    typer.echo(json.dumps(jobs.plan(settings, os.environ, postgres_image or ())))


@app.command()
def merge_reports(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="What the jobs wrote with --report json=FILE.")
    ],
    planned: Annotated[
        str | None,
        typer.Option("--plan", metavar="JSON", help="What `plan` printed: a job of it without a NAME.json fails."),
    ] = None,
    report: ReportOption = None,
) -> None:
    """Join the reports of several jobs into one verdict."""
    from checker import jobs

    result = jobs.merge(*jobs.read_reports(files, planned))
    deliver(result, report_files(report), Console(highlight=False, soft_wrap=True), quiet=False, verbose=False)
    raise typer.Exit(Exit.PASS if result.verdict == "pass" else Exit.FINDINGS)


@app.command()
def explain(
    check_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A check's id or slug; without it, the list.")
    ] = None,
) -> None:
    """What a check says, why that breaks a database, and how to mend it."""
    from checker.checks.registry import CHECKS
    from checker.reports.explain import page, table

    console = Console(highlight=False, soft_wrap=True)
    console.print(page(_registered(check_id).info) if check_id else table(one.info for one in CHECKS), markup=False)


@app.command()
def demo(
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Make the shop there. [default: a temporary folder]")
    ] = None,
    postgres: Annotated[
        str | None, typer.Option(metavar="PROVIDER|URL", help="As for check.", envvar="ALEMBIC_PREMERGE_POSTGRES")
    ] = None,
) -> None:
    """Make a small repository with three real faults, and check it: what a user sees."""
    from checker import demo as shop

    console = Console(highlight=False, soft_wrap=True)
    folder = shop.make(keep)
    console.print(shop.introduction(folder), markup=False)
    with TerminalProgress(quiet=False, no_color=False) as progress:
        result = shop.run(folder, postgres, os.environ, progress)
    deliver(result, {"json": folder / "report.json"}, console, quiet=False, verbose=False)
    console.print(shop.farewell(folder), markup=False)


def deliver(report: Report, files: dict[str, Path], console: Console, *, quiet: bool, verbose: bool) -> None:
    """Write the report's files, and show it. Raises UsageError for a file that cannot be written."""
    from checker.reports.terminal import render

    for name, path in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(FORMATS[name](report), "utf-8")
        except OSError as error:
            raise UsageError(
                f"the report cannot be written to {path}: {error.strerror}", "Name another file with --report."
            ) from None
    if not quiet or report.findings or report.verdict == "fail":
        console.print(render(report, verbose=verbose), end="")


def report_files(stated: list[str] | None) -> dict[str, Path]:
    """What --report asks for: a file for each format. Raises UsageError for what is not FORMAT=FILE."""
    files = {}
    for text in stated or ():
        name, equals, path = text.partition("=")
        if not equals or not path or name not in FORMATS:
            raise UsageError(
                f"--report {text} is not FORMAT=FILE",
                f"The formats are {', '.join(FORMATS)}: --report json=report.json",
            )
        files[name] = Path(path)
    return files


def _check_ids(stated: list[str] | None) -> frozenset[str]:
    return frozenset(_registered(text).info.id for text in stated or ())


def _registered(text: str):  # type: ignore[no-untyped-def]
    from checker.checks.registry import find

    registered = find(text)
    if registered is None:
        raise UsageError(f"there is no check called {text}", "`alembic-premerge explain` lists them.")
    return registered


def main() -> NoReturn:
    """Run the command line, and turn whatever happens into an exit code."""
    prepare()
    sys.exit(run(sys.argv[1:]))


def prepare() -> None:
    """Make this process one that can be told to stop, and whose streams take every text."""
    # A git hook's own index is not the one that we ask about.
    for name in ("GIT_INDEX_FILE", "GIT_PREFIX"):
        os.environ.pop(name, None)
    # CI ends a job that is cancelled with SIGTERM: leave by the same way as Ctrl-C, which cleans up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a log whose encoding knows no ✓ gets a question mark, and its verdict
            stream.reconfigure(errors="replace")


def run(arguments: list[str]) -> int:
    """The exit code of a command line; what it has to say is on stdout, faults and progress on stderr."""
    return exit_code(lambda: app(arguments, standalone_mode=False, prog_name="alembic-premerge"))


def exit_code(work: Callable[[], object]) -> int:
    """What this piece of work ends with; whatever stops it is told on stderr."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        outcome = work()
    except CheckerError as error:
        _tell(error, console)
        return Exit.USAGE
    except AskedWrongly as error:
        error.show()
        return Exit.USAGE
    except typer.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        console.print("interrupted", style="bold")
        return Exit.INTERRUPTED
    except Exception:
        console.print(traceback.format_exc(), markup=False)
        console.print(
            f"This is a fault of alembic-premerge {__version__}. Please report it with the lines above: {ISSUES}"
        )
        return Exit.BUG
    return outcome if isinstance(outcome, int) else Exit.PASS


def _tell(error: CheckerError, console: Console) -> None:
    if isinstance(error, ConfigurationError):
        for mistake in error.mistakes:
            console.print(mistake, markup=False)
    console.print(f"alembic-premerge: {error.problem}.", style="bold red", markup=False)
    if isinstance(error, PostgresUnavailable):
        for provider, reason in error.tried:
            console.print(f"  {provider}: {reason}", markup=False)
    console.print(error.remedy, markup=False)
