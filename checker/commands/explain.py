"""`explain`: a check's page in the terminal."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from checker.commands.checks import registered_check


def explain(
    check_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="A check's id or slug; without it, the list.")
    ] = None,
) -> None:
    """What a check says, why that breaks a database, and how to mend it."""
    from checker.checks.registry import CHECKS
    from checker.reports.explain import page, table

    console = Console(highlight=False, soft_wrap=True)
    console.print(
        page(registered_check(check_id).info) if check_id else table(one.info for one in CHECKS), markup=False
    )
