"""Lines for a shell: how Alembic, git and pg_dump are called, with whatever strangers wrote quoted. Pure."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from checker.lost.answer import Missing
from checker.settings import DATABASE_VARIABLE
from checker.source.project import Environment

SHORT = 10


@dataclass(frozen=True)
class Caller:
    """How Alembic is called for one environment: in which folder, with which words before the command's own."""

    directory: str
    words: tuple[str, ...]
    flask: bool = False
    options: tuple[str, ...] = ()
    """What stands behind the command's name."""

    def line(self, *arguments: str, root: str = ".") -> str:
        """A line for a shell; `root` is the folder of another checkout."""
        command = shlex.join([*self.words, arguments[0], *self.options, *arguments[1:]])
        folder = posixpath.normpath(posixpath.join(root, self.directory))
        return command if folder == "." else f"(cd {shlex.quote(folder)} && {command})"

    def take(self, step: Step, *, purge: bool) -> tuple[str, ...]:
        """The lines of a step; with `purge` whatever the version table says now, which need not be known here."""
        if step.run:
            return tuple(self.line("upgrade", one) for one in step.revisions)
        first = ("--purge",) if purge else ()
        if not self.flask:  # which takes one revision at a time
            return (self.line("stamp", *first, *step.revisions),)
        return tuple(
            self.line("stamp", *(first if number == 0 else ()), one) for number, one in enumerate(step.revisions)
        )


@dataclass(frozen=True)
class Step:
    """A stamp, or an upgrade that runs what is below."""

    revisions: tuple[str, ...]
    run: bool = False


def caller(environment: Environment, application: tuple[str, str | None] | None) -> Caller:
    """How this environment's Alembic is called. `application` is for one of Flask-Migrate: where `flask db` is run, and
    what FLASK_APP is there, if that must be said."""
    settings = environment.settings
    options = [word for key, value in (settings.x if settings else {}).items() for word in ("-x", f"{key}={value}")]
    if application:
        folder, app = application
        place = posixpath.relpath(environment.script_location, folder)
        named = ("--directory", place) if place != "migrations" else ()
        return Caller(folder, ("flask", *(("--app", app) if app else ()), "db", *options), flask=True, options=named)
    folder, ini = environment.working_directory, environment.config_file
    words = ["alembic", *options]
    if ini and not ini.endswith(".toml"):
        name = posixpath.relpath(ini, folder)
        words += ["-c", name] if name != "alembic.ini" else []
    words += ["-n", environment.section] if environment.section != "alembic" else []
    return Caller(folder, tuple(words))


def backup(name: str) -> tuple[str, ...]:
    """The lines that back up the database, and fail unless the backup can be read and has data.

    A URL may be SQLAlchemy's: `postgresql+psycopg2://` becomes `postgresql://`, which is all that libpq knows. A backup in
    the directory format is never overwritten by a second run: pg_dump refuses a folder that is not empty.
    """
    return (
        f': "${{{DATABASE_VARIABLE}:?set it to the URL of this database}}"',
        f'pg_dump --format=directory --file={name} "postgresql:${{{DATABASE_VARIABLE}#*:}}"',
        f"pg_restore --list {name} | grep -c 'TABLE DATA'",
    )


def restore_lines(missing: Iterable[Missing]) -> list[str]:
    """The lines that put scripts back, those of one commit together."""
    paths: dict[str, list[str]] = {}
    for one in missing:
        paths.setdefault(one.commit[:SHORT], []).append(one.script.path)
    return [shlex.join(["git", "checkout", commit, "--", *files]) for commit, files in paths.items()]


def fetch_lines(remote: str, *, shallow: bool, pull: str | None = None) -> tuple[str, ...]:
    """What brings all of a remote into the user's own repository."""
    whole = ("--unshallow",) if shallow else ()
    refs = [f"+refs/heads/*:refs/remotes/{remote}/*", *([f"+{pull}:{pull}"] if pull else [])]
    return (shlex.join(["git", "fetch", *whole, "--tags", remote, *refs]),)
