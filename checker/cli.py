"""argv → Settings → a command → an exit code. The only place that knows exit codes."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from checker import __version__
from checker.commands import audit, check, demo, explain, fix, jobs, locate
from checker.errors import CheckerError, ConfigurationError, PostgresUnavailable, of_machine
from checker.findings import Judgement, Verdict
from checker.redaction import Redaction

ISSUES = "https://github.com/alembic-premerge/alembic-premerge/issues"

# Older Typers raise click's UsageError, newer ones that of a click of their own: in both it is what this stands on.
AskedWrongly: type[typer.BadParameter] = typer.BadParameter.__mro__[1]


class Exit(IntEnum):
    """What a run ends with. USAGE is every run that could not judge: wrong usage, configuration or environment."""

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


for command in (
    check.check,
    audit.audit,
    locate.locate,
    fix.fix,
    jobs.plan,
    jobs.merge_reports,
    explain.explain,
    demo.demo,
):
    app.command()(command)


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
        code = _ends_with(work())  # of Ctrl-C, newer Typers make a 130
    except typer.Exit as error:
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = Exit.INTERRUPTED
    except Exception as error:
        return _stopped_by(error, console)
    if code == Exit.INTERRUPTED:
        console.print("interrupted", style="bold")
    return code


def _stopped_by(error: Exception, console: Console) -> Exit:
    """Print what stopped the work, and what to do about it. Called while the error is handled."""
    known = of_machine(error) if isinstance(error, OSError) else error
    if isinstance(known, CheckerError):
        _tell(known, console)
        return Exit.USAGE
    if isinstance(error, AskedWrongly):
        error.show()
        return Exit.USAGE
    console.print(Redaction(os.environ).text(traceback.format_exc()), markup=False)
    console.print(f"This is a fault of alembic-premerge {__version__}. Please report it with the lines above: {ISSUES}")
    return Exit.BUG


def _ends_with(outcome: object) -> int:
    if isinstance(outcome, Judgement):
        return exit_of(outcome.verdict)
    return outcome if isinstance(outcome, int) else Exit.PASS


def exit_of(verdict: Verdict) -> Exit:
    """The exit code of a verdict."""
    return {"pass": Exit.PASS, "fail": Exit.FINDINGS, "inconclusive": Exit.USAGE}[verdict]


def _tell(error: CheckerError, console: Console) -> None:
    redact = Redaction(os.environ).text
    if isinstance(error, ConfigurationError):
        for mistake in error.mistakes:
            console.print(redact(mistake), markup=False)
    console.print(redact(f"alembic-premerge: {error.problem}."), style="bold red", markup=False)
    if isinstance(error, PostgresUnavailable):
        for provider, reason in error.tried:
            console.print(redact(f"  {provider}: {reason}"), markup=False)
    console.print(redact(error.remedy), markup=False)
