"""What to do about a failure: the line of configuration that supplies what is missing, ready to be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from checker.checks.base import Subject
from checker.replay.outcome import Failure, Proposal
from checker.replay.protocol import Variable
from checker.replay.values import candidates
from checker.settings import ProjectSettings

FILE = ".alembic-premerge.yml"
_ROLE = re.compile(r'\brole "([^"]+)"')
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
    # The list names all projects: with one of them alone the others would no longer be checked.
    entries = {subject.project: line, **{path: _entry(found, None) if found else "" for path, found in subject.peers}}
    parts = [f"{{path: {quoted(path)}{', ' if keys else ''}{keys}}}" for path, keys in sorted(entries.items())]
    return f"add to {FILE}: projects: [{', '.join(parts)}]"


def environment_remedy(failure: Failure, subject: Subject) -> str | None:
    """For a project that would not load."""
    names = [name for name in (failure.missing or "").split(", ") if name]
    if failure.proposal:
        return _proposed(failure.proposal, subject)
    supply = _SUPPLIES.get(failure.missing_kind or "")
    return supply(names, subject) if supply else database_remedy(failure, subject)


def _proposed(proposal: Proposal, subject: Subject) -> str:
    """The configuration with which the environment was seen to load, ready to be copied."""
    line = setting(subject, _entry(proposal, subject.settings))
    if proposal.then is None:
        return line
    return f"{line}\nThat is not enough: with it, env.py stops at {proposal.then}"


def _entry(proposal: Proposal, own: ProjectSettings | None) -> str:
    """The keys of a project's entry, what it has of them already included."""
    env = {**(own.env if own else {}), **dict(proposal.env)}
    parts = [f"flask_app: {quoted(proposal.flask_app)}"] if proposal.flask_app else []
    if proposal.env_file:
        parts.append(f"env_file: {quoted(proposal.env_file)}")
    if proposal.env:
        parts.append(f"env: {{{', '.join(f'{name}: {json.dumps(value)}' for name, value in env.items())}}}")
    return ", ".join(parts)


def quoted(text: str) -> str:
    """A text as YAML reads it inside of braces."""
    return text if re.fullmatch(r"[\w./-]+(:[\w.]+)?", text) else json.dumps(text)


def _settings(names: list[str], subject: Subject) -> str:
    values = {name: candidates(Variable(name, given=False))[0] for name in names}
    return setting(subject, _entry(Proposal(tuple(values.items())), None))


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


def database_remedy(failure: Failure, subject: Subject) -> str | None:
    """For what PostgreSQL refused because of the server, not because of the statement; None where it is the statement."""
    if failure.sqlstate == "42501":  # insufficient_privilege
        return (
            "the user of this server lacks that right: log in as a superuser with --postgres URL, or leave it out for a "
            "throwaway server on which everything is allowed"
        )
    role = _ROLE.search(failure.message)
    if failure.sqlstate == "42704" and role:
        given = "privileged: true, " if subject.replayed.provider == "given" else ""
        return (
            f'put `CREATE ROLE "{role[1]}";` into a file, for a role that every database of yours has, and add to '
            f"{FILE}: postgres: {{{given}init: [roles.sql]}}"
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
