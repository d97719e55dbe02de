"""`plan` and `merge-reports`: a monorepo's check spread over several jobs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from checker.commands.delivery import deliver, report_files
from checker.findings import Report
from checker.options import AllOption, BaseOption, ConfigOption, HeadOption, ProjectOption, ReportOption
from checker.settings import Settings


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


def merge_reports(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="What the jobs wrote with --report json=FILE.")
    ],
    planned: Annotated[
        str | None,
        typer.Option("--plan", metavar="JSON", help="What `plan` printed: a job of it without a NAME.json fails."),
    ] = None,
    report: ReportOption = None,
) -> Report:
    """Join the reports of several jobs into one verdict."""
    from checker import jobs

    result = jobs.merge(*jobs.read_reports(files, planned))
    deliver(result, report_files(report), Console(highlight=False, soft_wrap=True), quiet=False, verbose=False)
    return result
