"""`locate`: what became of a revision that a database stands on, and how to go on."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from checker.commands.delivery import write_file
from checker.errors import UsageError
from checker.options import ConfigOption, ProjectOption
from checker.reports.progress import TerminalProgress
from checker.settings import DATABASE_VARIABLE, Settings

if TYPE_CHECKING:
    from checker.whereabouts import Asked


def locate(
    revision: Annotated[
        list[str] | None,
        typer.Argument(metavar="[REVISION]...", help="The id, or a part of it that no other begins with."),
    ] = None,
    message: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The error as pasted; - reads it from standard input.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help=f"Ask this database's alembic_version; it is only read. Without any question, ${DATABASE_VARIABLE} is asked.",
        ),
    ] = None,
    prove: Annotated[
        bool, typer.Option("--prove", help="Show on throwaway databases what a stamp would leave different.")
    ] = False,
    head: Annotated[
        str | None, typer.Option(metavar="REF", help="The code that cannot find it. [default: the work tree]")
    ] = None,
    project: ProjectOption = None,
    config: ConfigOption = None,
    report: Annotated[
        list[str] | None, typer.Option("--report", metavar="json=FILE", help="Write the answer to a file as well.")
    ] = None,
    postgres: Annotated[
        str | None,
        typer.Option(
            metavar="PROVIDER|URL",
            help="For --prove: auto, container, machine, embedded, or the URL of a server.",
            envvar="ALEMBIC_PREMERGE_POSTGRES",
        ),
    ] = None,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="For --prove: the interpreter that has the dependencies.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show every commit, ref and revision.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours.")] = False,
) -> int:
    """Answer "Can't locate revision identified by …": where it is, and the commands that recover."""
    from checker.proving import proved
    from checker.reports.located import as_json, render
    from checker.source.repository import open_repository
    from checker.whereabouts import find

    settings = Settings(
        directory=Path.cwd(),
        head=head,
        projects=tuple(project or ()),
        config=config,
        postgres=postgres,
        python=python,
    )
    file = _json_file(report)
    if not (revision or message or database):
        database = os.environ.get(DATABASE_VARIABLE)
    asked = _asked(tuple(revision or ()), message, database)
    with (
        TerminalProgress(quiet=quiet, no_color=no_color) as progress,
        open_repository(settings.directory, os.environ, progress.tell) as repository,
    ):
        found = find(settings, asked, repository, progress)
        answers = proved(found, settings, repository, os.environ, progress) if prove else found.answers
    located = [one.located for one in answers]
    if file:
        write_file(file, as_json(located))
    console = Console(no_color=no_color or None, highlight=False, soft_wrap=True)
    for number, one in enumerate(located):
        console.print(*([""] if number else []), render(one, verbose=verbose), sep="\n", end="")
    return int(any(one.kind != "here" for one in located))


def _asked(revisions: tuple[str, ...], message: str | None, database: str | None) -> Asked:
    """All that is asked. Raises UsageError for nothing, and for a message or a database that names no revision."""
    from checker.lost.pasted import LOOKED_FOR, revisions_in
    from checker.whereabouts import Asked

    named = revisions
    if message is not None:
        found = revisions_in(sys.stdin.read() if message == "-" else message)
        if not found:
            raise UsageError(
                f"no revision id is in that message; looked for: {'; '.join(LOOKED_FOR)}", "Give the id itself."
            )
        named += found
    stands = _database(database) if database else ()
    if not named and not stands:
        raise UsageError("no revision is asked for", "Give its id, --message TEXT or --database URL.")
    return Asked((*named, *stands), stands)


def _database(url: str) -> tuple[str, ...]:
    from checker.postgres.deployed import deployed_revisions
    from checker.postgres.interface import ProviderUnavailable

    try:
        found = deployed_revisions(url, os.environ.get("PGPASSWORD", ""))
    except ProviderUnavailable as error:
        raise UsageError(
            f"which revision the database stands on cannot be read: {error}", error.remedy or "Mend the URL."
        ) from None
    if not found:
        raise UsageError("the database's alembic_version is empty", "Nothing has run there: `alembic upgrade head`.")
    return found


def _json_file(stated: list[str] | None) -> Path | None:
    file = None
    for text in stated or ():
        name, equals, path = text.partition("=")
        if name != "json" or not equals or not path:
            raise UsageError(f"--report {text} is not json=FILE", "`locate` writes JSON: --report json=located.json")
        file = Path(path)
    return file
