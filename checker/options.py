"""Options that several commands share, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from checker.reports.registry import FORMATS

ProjectOption = Annotated[
    list[str] | None,
    typer.Option("--project", metavar="PATH", help="An Alembic environment: its folder or its ini. Several allowed."),
]
ReportOption = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="FORMAT=FILE",
        help=f"Write the report to a file as well: {', '.join(FORMATS)}. Several allowed.",
    ),
]
BaseOption = Annotated[
    str | None, typer.Option(metavar="REF", help="What would be merged into. [default: the remote's default branch]")
]
HeadOption = Annotated[
    str | None,
    typer.Option(metavar="REF", help="What would be merged. [default: the work tree, uncommitted scripts included]"),
]
AllOption = Annotated[bool, typer.Option("--all", help="Judge the whole tree, not only what this change brings.")]
ConfigOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="The configuration. [default: .alembic-premerge.yml]")
]
CheckOption = list[str] | None
FailOnOption = Annotated[Literal["error", "warning"], typer.Option(help="The mildest finding that fails the run.")]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, and nothing at all when there is nothing to say.")
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show all details.")]
NoColorOption = Annotated[bool, typer.Option("--no-color", help="No colours.")]
