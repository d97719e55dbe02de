"""`audit`: a branch's own past."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from checker.commands.checks import check_ids
from checker.commands.delivery import deliver, report_files
from checker.findings import AuditReport, Severity
from checker.options import (
    CheckOption,
    ConfigOption,
    FailOnOption,
    NoColorOption,
    ProjectOption,
    QuietOption,
    ReportOption,
    VerboseOption,
)
from checker.reports.progress import TerminalProgress
from checker.settings import Settings


def audit(
    head: Annotated[
        str | None,
        typer.Option(metavar="REF", help="The branch whose past is read. [default: the remote's default branch]"),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="REF|DATE", help="Only what landed after it: a ref, 2026-01-31, '2 weeks ago'."),
    ] = None,
    branches: Annotated[
        bool, typer.Option("--branches", help="Also which open branches and pull requests will not fit together.")
    ] = False,
    fail_on: FailOnOption = "error",
    project: ProjectOption = None,
    config: ConfigOption = None,
    report: ReportOption = None,
    only: Annotated[CheckOption, typer.Option("--only", metavar="ID", help="Tell only this. Several allowed.")] = None,
    ignore: Annotated[
        CheckOption, typer.Option("--ignore", metavar="ID", help="Leave this out. Several allowed.")
    ] = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    no_color: NoColorOption = False,
) -> AuditReport:
    """Tell what became of migrations after they had landed: edits, deletions, several heads, and who did it when."""
    from checker import auditing

    settings = Settings(
        directory=Path.cwd(),
        head=head,
        fail_on=Severity(fail_on),
        projects=tuple(project or ()),
        config=config,
        only=check_ids(only),
        ignore=check_ids(ignore),
    )
    files = report_files(report)
    console = Console(no_color=no_color or None, highlight=False, soft_wrap=True)
    with TerminalProgress(quiet=quiet, no_color=no_color) as progress:
        result = auditing.audit(
            settings, os.environ, progress, since=since, branches=branches, details=bool(files) or verbose
        )
    deliver(result, files, console, quiet=quiet, verbose=verbose)
    return result
