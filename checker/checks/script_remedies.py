"""How to fix a step that failed because of what its script says: the line to add, ready to be copied."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from checker.checks.base import Subject
from checker.checks.remedies import FILE, setting
from checker.postgres.interface import IMAGES
from checker.replay.outcome import Failure, Step
from checker.source.script import Script

# Types, operator classes and functions that only an extension makes.
_EXTENSIONS = {
    **dict.fromkeys(("geometry", "geography", "box2d", "box3d"), "postgis"),
    **dict.fromkeys(("vector", "halfvec", "sparsevec", "vector_cosine_ops", "vector_l2_ops"), "vector"),
    **dict.fromkeys(("gin_trgm_ops", "gist_trgm_ops"), "pg_trgm"),
    **dict.fromkeys(("citext", "hstore", "ltree", "lquery"), ""),
    **dict.fromkeys(("uuid_generate_v1", "uuid_generate_v4"), "uuid-ossp"),
}
_NOT_DEFINED = re.compile(r"name '(\w+)' is not defined")
_TYPE = re.compile(r'(?:type|operator class) "(?:[\w]+\.)?(\w+)" does not exist')
_FUNCTION = re.compile(r"function (?:\w+\.)?(\w+)\(.*\) does not exist")
_RELATION = re.compile(r'relation "(?:\w+\.)?(\w+)" does not exist')
_SCHEMA = re.compile(r'schema "([^"]+)" does not exist')


def script_remedy(failure: Failure, subject: Subject, step: Step, script: Script | None) -> str | None:
    """What to add to the script, or to the configuration for what the chain expects to find in the database."""
    if failure.error == "NameError":
        return _missing_import(failure, script)
    if failure.sqlstate in ("42704", "42883"):  # undefined_object, undefined_function
        return _missing_type(failure, script)
    if failure.sqlstate == "3F000":  # invalid_schema_name
        return _missing_schema(failure)
    table = _RELATION.search(failure.message)
    if failure.sqlstate == "42P01" and table and step.direction == "upgrade" and not _is_created(table[1], subject):
        return f"no revision creates {table[1]}: {begin_with_a_schema(subject)}"
    return None


def begin_with_a_schema(subject: Subject) -> str:
    """For a chain that starts from existing tables. The dump has the schema of the revision that is stamped."""
    stamp = next(iter(subject.base.graph.heads or subject.result.graph.heads), "REVISION")
    line = f"bootstrap: {{sql: [schema.sql], stamp: {stamp}}}"
    return (
        f"begin with a schema that exists: `pg_dump --schema-only --no-owner` of a database at {stamp} into schema.sql, "
        f"{setting(subject, line)}, and commit both files"
    )


def _missing_import(failure: Failure, script: Script | None) -> str | None:
    """The import of the module that a type was written with: autogenerate writes `pgvector.sqlalchemy.Vector` in full."""
    found = _NOT_DEFINED.search(failure.message)
    if not found or script is None:
        return None
    if found[1] == "sa":
        return f"add to the imports of {script.path}: import sqlalchemy as sa"
    if found[1] == "postgresql":
        return f"add to the imports of {script.path}: from sqlalchemy.dialects import postgresql"
    modules = sorted({module for chain in _chains(script, found[1]) if (module := _module_of(chain))})
    return f"add to the imports of {script.path}: {'; '.join(f'import {one}' for one in modules)}" if modules else None


def _module_of(chain: list[str]) -> str:
    """The module's part of `app.models.Status.NEW`: up to the first name that is written like a class."""
    upper = next((place for place, part in enumerate(chain) if part[:1].isupper()), len(chain) - 1)
    return ".".join(chain[:upper])


def _chains(script: Script, name: str) -> Iterator[list[str]]:
    """Each `name.a.b` in the script, as its parts; the longest of each."""
    inner: set[int] = set()
    for node in _nodes(script):
        if not isinstance(node, ast.Attribute) or id(node) in inner:
            continue
        parts: list[str] = []
        one: ast.expr = node
        while isinstance(one, ast.Attribute):
            parts.insert(0, one.attr)
            one = one.value
            inner.add(id(one))
        if isinstance(one, ast.Name) and one.id == name:
            yield [name, *parts]


def _nodes(script: Script) -> Iterator[ast.AST]:
    try:
        yield from ast.walk(ast.parse(script.source))
    except (SyntaxError, ValueError):
        return


def _missing_type(failure: Failure, script: Script | None) -> str | None:
    found = _TYPE.search(failure.message) or _FUNCTION.search(failure.message)
    if not found:
        return None
    if found[1] in _EXTENSIONS:
        extension = _EXTENSIONS[found[1]] or found[1]
        image = f"image: {IMAGES[extension]}, " if extension in IMAGES else ""
        return (
            f"create the extension in a revision before it: op.execute('CREATE EXTENSION IF NOT EXISTS \"{extension}\"'); or, "
            f"where every database of yours has it, add to {FILE}: postgres: {{{image}extensions: [{extension}]}}"
        )
    enum = _enum(script, found[1]) if script else None
    return f"add before the statement that uses it: {enum}.create(op.get_bind(), checkfirst=True)" if enum else None


def _enum(script: Script, name: str) -> str | None:
    """The enum type of that name, as the script itself writes it."""
    for node in _nodes(script):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("Enum", "ENUM"):
            named = {one.arg: one.value for one in node.keywords}
            if isinstance(value := named.get("name"), ast.Constant) and value.value == name:
                return ast.unparse(node)
    return None


def _missing_schema(failure: Failure) -> str:
    found = _SCHEMA.search(failure.message)
    which = f'"{found[1]}"' if found else "NAME"
    explained = "" if found else ", NAME being the schema that env.py puts into search_path"
    return (
        f"put `CREATE SCHEMA {which};` into a file, for a schema that every database of yours has, and add to {FILE}: "
        f"postgres: {{init: [schemas.sql]}}{explained}"
    )


def _is_created(table: str, subject: Subject) -> bool:
    """Whether any script of the chain makes a table of that name, or may: one that makes its names while it runs."""
    quoted = re.escape(table)
    makes = re.compile(
        rf"(?is)(?:create_table|rename_table)\(.{{0,200}}?['\"]{quoted}['\"]|create_all|\bTable\("
        rf"|\bCREATE\s[\w\s]*?\b(?:TABLE|VIEW|SEQUENCE|INDEX)\s+[\w\s\".]*?\b{quoted}\b|\bRENAME\s+TO\s+\"?{quoted}\b"
    )
    return any(makes.search(one.source.decode("utf-8", "replace")) for one in subject.result.scripts)
