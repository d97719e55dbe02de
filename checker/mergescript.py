"""The script of a merge revision, as `alembic merge` writes it.

The project's own script.py.mako is a program. It is taken from the base, where it has been reviewed, and never from what is
judged; one that cannot be rendered here is replaced by Alembic's usual text.
"""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checker.parsing import Unreadable, parse_ini, parse_toml, table_at
from checker.source.project import Environment
from checker.source.script import UNREADABLE, parse_shallow, read_script

# `%(rev)999999999s` fills all memory.
_WIDE = re.compile(r"%(?:\(\w*\))?[^A-Za-z%]*(?:\d{3}|\*)")
MESSAGE = "merge heads"
SLUG = "merge_heads"
FILE_TEMPLATE = "%(rev)s_%(slug)s"
USUAL = '''"""{message}

Revision ID: {revision}
Revises: {parents}
Create Date: {date}

"""

# revision identifiers, used by Alembic.
revision = {revision!r}
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade({arguments}):
    pass


def downgrade({arguments}):
    pass
'''


@dataclass(frozen=True)
class Manner:
    """How a project writes its scripts."""

    template: str | None = None
    """Its script.py.mako."""
    file_template: str = FILE_TEMPLATE
    options: Mapping[str, str] | None = None
    """Its section of the ini, which a template may ask for."""
    example: bytes = b""
    """A script of its own: a project of several databases has functions with arguments."""


class _Config:
    """As much of Alembic's Config as templates ask for."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = options

    def get_main_option(self, name: str, default: str | None = None) -> str | None:
        return self._options.get(name, default)


def merge_script(revision: str, heads: Sequence[str], manner: Manner, now: dt.datetime) -> tuple[str, bytes]:
    """The name and the content of the script that brings these heads together."""
    return f"{_file_name(revision, manner.file_template, now)}.py", _content(revision, tuple(heads), manner, now)


def _content(revision: str, heads: tuple[str, ...], manner: Manner, now: dt.datetime) -> bytes:
    rendered = _render(revision, heads, manner, now) if manner.template else None
    if rendered is not None:
        read = read_script("", "", rendered)
        if (read.revision, read.down_revisions, read.problem) == (revision, heads, None):
            return rendered
    text = USUAL.format(
        message=MESSAGE,
        revision=revision,
        parents=", ".join(heads),
        down=heads,
        date=now,
        arguments=_arguments(manner.example),
    )
    return text.encode("utf-8", "surrogatepass")


def _render(revision: str, heads: tuple[str, ...], manner: Manner, now: dt.datetime) -> bytes | None:
    """What the project's template makes of it; None where it needs more than we have, the application's settings say."""
    from mako.template import Template

    try:
        text = Template(text=manner.template).render_unicode(  # noqa: S702 - it writes Python, and not HTML
            message=MESSAGE,
            up_revision=revision,
            down_revision=heads,
            branch_labels=None,
            depends_on=None,
            create_date=now,
            comma=", ".join,
            config=_Config(manner.options or {}),
        )
        return str(text).encode()
    except (Exception, SystemExit):  # a template is a program, and may end in any way
        return None


def _arguments(example: bytes) -> str:
    try:
        functions = [node for node in parse_shallow(example).body if isinstance(node, ast.FunctionDef)]
    except UNREADABLE:
        return ""
    return next((ast.unparse(node.args) for node in functions if node.name == "upgrade"), "")


def _file_name(revision: str, template: str, now: dt.datetime) -> str:
    parts = {name: getattr(now, name) for name in ("year", "month", "day", "hour", "minute", "second")}
    try:
        if _WIDE.search(template):
            raise ValueError
        made = template % {"rev": revision, "slug": SLUG, "epoch": int(now.timestamp()), **parts}
    except (KeyError, TypeError, ValueError):
        made = ""
    return made if made and "/" not in made else f"{revision}_{SLUG}"


def read_options(environment: Environment, source: bytes) -> Mapping[str, str]:
    """The environment's section of its ini or pyproject.toml, of which `source` is the content."""
    text = source.decode("utf-8", "replace")
    try:
        if (environment.config_file or "").endswith(".toml"):
            table = table_at(parse_toml(text), "tool", "alembic")
            return {name: value.replace("%%", "%") for name, value in table.items() if isinstance(value, str)}
        return parse_ini(text, {"here": "."}).items(environment.section)
    except Unreadable:
        return {}
