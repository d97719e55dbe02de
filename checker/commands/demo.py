"""`demo`: the first thing that a newcomer runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from checker.commands.delivery import deliver
from checker.reports.progress import TerminalProgress


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
