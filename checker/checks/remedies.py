"""What to do about a failure: the line of configuration that supplies what is missing, ready to be copied."""

from __future__ import annotations

import re
from collections.abc import Callable

from checker.checks.base import Subject
from checker.replay.outcome import Failure

FILE = ".alembic-premerge.yml"
_ROLE = re.compile(r'\brole "([^"]+)"')
_PASSWORD_LIKE = re.compile(r"(?i)pass(word|wd)?$")
# The SQL that a version of PostgreSQL is the first to know. Only what no older one accepts in any place.
_NEWER = (
    (18, re.compile(r"(?i)\buuidv7\s*\(|\bNOT\s+ENFORCED\b|\bWITHOUT\s+OVERLAPS\b|\)\s*VIRTUAL\b")),
    (17, re.compile(r"(?i)\bJSON_TABLE\s*\(|\bMERGE\s+PARTITIONS\b")),
    (16, re.compile(r"(?i)\bANY_VALUE\s*\(|\bIS\s+JSON\b")),
    (15, re.compile(r"(?i)\bNULLS\s+NOT\s+DISTINCT\b|^\s*MERGE\s+INTO\b|\bsecurity_invoker\b")),
    (14, re.compile(r"(?i)\bOR\s+REPLACE\s+(CONSTRAINT\s+)?TRIGGER\b|\bCOMPRESSION\s+(lz4|pglz)\b|\bBEGIN\s+ATOMIC\b")),
)
_DID_NOT_KNOW_IT = ("42601", "42883", "22023", "42704")
"""Syntax error, undefined function, invalid parameter value, undefined object."""


def setting(subject: Subject, line: str) -> str:
    """Where a project's setting goes: the whole entry, where the configuration does not have the project yet."""
    if subject.configured:
        return f"add to the project {subject.project} in {FILE}: {line}"
    return f"add to {FILE}: projects: [{{path: {subject.project}, {line}}}]"


def environment_remedy(failure: Failure, subject: Subject) -> str | None:
    """For a project that would not load."""
    names = [name for name in (failure.missing or "").split(", ") if name]
    supply = _SUPPLIES.get(failure.missing_kind or "")
    return supply(names, subject) if supply else database_remedy(failure, subject)


def _settings(names: list[str], subject: Subject) -> str:
    return setting(subject, f"env: {{{', '.join(f'{name}: {_value(name)}' for name in names)}}}")


def _database(names: list[str], subject: Subject) -> str:
    if names:
        return setting(subject, f'env: {{{names[-1]}: "{{url}}"}}')
    return setting(subject, 'env: {NAME: "{url}"}') + ", NAME being the variable that it is read from"


def _flask_app(names: list[str], subject: Subject) -> str:
    return setting(subject, f"flask_app: {names[0] if names and ':' in names[0] else 'MODULE:FACTORY'}")


def _module(_names: list[str], subject: Subject) -> str:
    return (
        f"name the interpreter that has the project's dependencies: --python PATH, or {setting(subject, 'python: PATH')}; "
        "or say how to make one, with install: COMMAND"
    )


def _driver(names: list[str], _subject: Subject) -> str:
    package = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary"}.get(names[0], names[0])
    return f"install {package} beside the project's other dependencies (or `install:` a command that does)"


def _python(names: list[str], subject: Subject) -> str | None:
    """Without a name it is not the version that is wrong: what could not be made is in the message, with its remedy."""
    where = f"--python PATH, or {setting(subject, 'python: PATH')}"
    return f"name an interpreter of that version that has the project's dependencies: {where}" if names else None


_SUPPLIES: dict[str, Callable[[list[str], Subject], str | None]] = {
    "setting": _settings,
    "database": _database,
    "flask_app": _flask_app,
    "module": _module,
    "driver": _driver,
    "python": _python,
}


def _value(name: str) -> str:
    """What to write for a setting: the throwaway database where it sounds like it, else anything."""
    upper = name.upper()
    if _is_url(upper):
        return '"{url}"'
    if re.search(r"DATABASE|DB|POSTGRES|^PG|SQL", upper):
        for ending, value in (("HOST", "host"), ("SERVER", "host"), ("PORT", "port"), ("USER", "user")):
            if upper.endswith((ending, ending + "NAME")):
                return f'"{{{value}}}"'
        if _PASSWORD_LIKE.search(upper):
            return '"{password}"'
        if re.search(r"(NAME|_DB|DATABASE)$", upper):
            return '"{database}"'
    return '"1"'


def _is_url(name: str) -> bool:
    """DATABASE_URL, SQLALCHEMY_URI, PG_MAIN_DSN, POSTGRES_CONNECTION_STRING."""
    ending = next((one for one in ("URL", "URI", "DSN", "CONNECTION", "CONNECTION_STRING") if name.endswith(one)), None)
    stem = name.removesuffix(ending or "")
    if not ending or "SQL" in stem or "POSTGRES" in stem:
        return ending is not None
    return stem.endswith(("DATABASE", "DB", "PG", "_")) and any(one in stem for one in ("DATABASE", "DB", "PG"))


def database_remedy(failure: Failure, subject: Subject) -> str | None:
    """For what PostgreSQL refused because of the server, not because of the statement; None where it is the statement."""
    if failure.sqlstate == "42501":  # insufficient_privilege
        return (
            "the user of this server lacks that right: log in as a superuser with --postgres URL, or leave it out for a "
            "throwaway server on which everything is allowed"
        )
    role = _ROLE.search(failure.message)
    if failure.sqlstate == "42704" and role:
        return (
            f'put `CREATE ROLE "{role[1]}";` into a file, for a role that every database of yours has, and add to '
            f"{FILE}: postgres: {{init: [roles.sql]}}"
        )
    if needed := _newer_than(failure, subject):
        own = subject.replayed.server_version.split()[0]
        return f"this server is PostgreSQL {own}, and that needs {needed}: --postgres-image postgres:{max(needed, 17)}"
    return None


def _newer_than(failure: Failure, subject: Subject) -> int | None:
    if failure.sqlstate not in _DID_NOT_KNOW_IT or not failure.statement:
        return None
    version = re.match(r"\d+", subject.replayed.server_version)
    for needed, pattern in _NEWER:
        if pattern.search(failure.statement) and version and int(version[0]) < needed:
            return needed
    return None
