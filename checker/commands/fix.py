"""`fix`: mends what can be mended by rewriting this branch's own scripts."""

from __future__ import annotations

import datetime as dt
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from checker.errors import CheckerError
from checker.findings import Judgement
from checker.options import BaseOption, ConfigOption, ProjectOption
from checker.reports.diff import render
from checker.reports.escape import log
from checker.reports.progress import TerminalProgress
from checker.reports.words import plural
from checker.settings import Settings

if TYPE_CHECKING:
    from checker.fixing import Survey


def fix(
    base: BaseOption = None,
    project: ProjectOption = None,
    config: ConfigOption = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Bring the heads together by a new merge revision, and move nothing.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Write the files. [default: show what would change]")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress, and nothing at all when there is nothing to say.")
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours.")] = False,
) -> Judgement:
    """Put this branch's own migrations on the base's head, or merge the heads. No merged script is touched."""
    from checker import fixing

    settings = Settings(directory=Path.cwd(), base=base, projects=tuple(project or ()), config=config)
    console = Console(no_color=no_color or None, highlight=False, soft_wrap=True)
    with TerminalProgress(quiet=quiet, no_color=no_color) as progress:
        found = fixing.survey(settings, os.environ, progress, dt.datetime.now(), merge=merge)
        _show(found, console)
        if not apply or not found.rewrites:
            if not quiet or found.verdict == "fail":
                console.print(_conclusion(found, _again(base, project, config, merge)), markup=False)
            return found
        fixing.write(found.root, found.rewrites)
        again = fixing.survey(settings, os.environ, progress, dt.datetime.now(), merge=merge)
    if again.rewrites:
        names = ", ".join(one.path for one in again.rewrites)
        raise CheckerError(
            f"what was written did not mend it: {names} would change again", "Please report this; `git diff` shows it."
        )
    console.print(_done(found, again), markup=False)
    return again


def _show(found: Survey, console: Console) -> None:
    for mending in found.mendings:
        for one in mending.rewrites:
            console.print(render(one.path, one.before, one.after, one.new_path), end="")
        for text in mending.told:
            console.print(f"note: {log(text)}", markup=False)
        for left in mending.left:
            console.print(
                f"cannot be mended by rewriting: {log(left.problem)}\n  mend: {log(left.remedy)}", markup=False
            )


def _again(base: str | None, project: list[str] | None, config: Path | None, merge: bool) -> str:
    """The command that does what was shown."""
    words = [*(("--base", base) if base else ()), *(word for path in project or () for word in ("--project", path))]
    words += [*(("--config", str(config)) if config else ()), *(("--merge",) if merge else ())]
    return shlex.join(["alembic-premerge", "fix", "--apply", *words])


def _conclusion(found: Survey, command: str) -> str:
    if found.rewrites:
        return f"{plural(len(found.rewrites), 'file')} would change. This writes that: {log(command)}"
    return "nothing was changed" if found.verdict == "fail" else f"nothing to mend against {log(found.base)}"


def _done(found: Survey, after: Survey) -> str:
    told = f"{plural(len(found.rewrites), 'file')} changed"
    if after.verdict == "fail":
        return f"{told}; what is named above is left to do by hand."
    return f"done: {told}, and the check finds the chain sound."
