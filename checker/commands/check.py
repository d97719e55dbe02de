"""`check`: the main job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from checker.commands.checks import check_ids
from checker.commands.delivery import deliver, report_files
from checker.findings import Report, Severity
from checker.options import (
    AllOption,
    BaseOption,
    CheckOption,
    ConfigOption,
    FailOnOption,
    HeadOption,
    NoColorOption,
    ProjectOption,
    QuietOption,
    ReportOption,
    VerboseOption,
)
from checker.reports.progress import TerminalProgress
from checker.settings import Settings


def check(
    base: BaseOption = None,
    head: HeadOption = None,
    judge_all: AllOption = False,
    replay: Annotated[bool, typer.Option("--replay/--no-replay", help="Prove it on a throwaway PostgreSQL.")] = True,
    fail_on: FailOnOption = "error",
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
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    no_color: NoColorOption = False,
) -> Report:
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
        only=check_ids(only),
        ignore=check_ids(ignore),
        postgres=postgres,
        postgres_image=postgres_image,
        python=python,
    )
    files = report_files(report)
    console = Console(no_color=no_color or None, highlight=False, soft_wrap=True)
    with TerminalProgress(quiet=quiet, no_color=no_color) as progress:
        result = pipeline.check(settings, os.environ, progress)
    deliver(result, files, console, quiet=quiet, verbose=verbose)
    return result
