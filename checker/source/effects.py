"""What a revision script makes and takes away, as far as its own text says it: tables, columns and indexes by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import StrEnum

from checker.source.code import normalized_parts
from checker.source.script import UNREADABLE, Script, parse_shallow

_DROP = re.compile(r"(?i)\bdrop\s+(table|column)\b")


class WayBack(StrEnum):
    """What a script's downgrade() promises."""

    THERE = "there"
    LOSES = "loses"
    """It drops tables or columns, with what is in them."""
    EMPTY = "empty"
    """It does nothing, though upgrade() does something."""
    NONE = "none"
    """It raises."""


def does_something(script: Script) -> bool:
    """Whether upgrade() has any statement. A merge has none; a script that cannot be read may do anything."""
    parts = normalized_parts(script.source)
    text = parts.get("upgrade()")
    return text is None or not text.rstrip().endswith(":\n    pass")


def way_back(script: Script) -> WayBack:
    """What taking a database down below this revision with its own script comes to."""
    body = _function(script, "downgrade")
    text = normalized_parts(script.source).get("downgrade()", "")
    if body is None or text.rstrip().endswith(":\n    pass"):
        return WayBack.EMPTY if does_something(script) else WayBack.THERE
    if any(isinstance(node, ast.Raise) for node in body.body):
        return WayBack.NONE
    return WayBack.LOSES if _drops(body) else WayBack.THERE


def makes(script: Script) -> frozenset[str]:
    """What upgrade() creates: `table orders`, `column orders.total`, `index ix_total`."""
    body = _function(script, "upgrade")
    return frozenset(_made(body)) if body else frozenset()


def _made(body: ast.AST, table: str = "") -> Iterator[str]:
    for node in ast.iter_child_nodes(body):
        if isinstance(node, ast.With) and (batch := _batch_table(node)):
            yield from _made(node, batch)
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield from _made_by_call(node, node.func.attr, table)
        yield from _made(node, table)


def _made_by_call(call: ast.Call, name: str, table: str) -> Iterator[str]:
    first = _text(call.args[0]) if call.args else None
    if name == "create_table" and first:
        yield f"table {first}"
    elif name == "create_index" and first:
        yield f"index {first}"
    elif name == "add_column":
        column = next((arg for arg in call.args if isinstance(arg, ast.Call)), None)
        called = _text(column.args[0]) if column and column.args else None
        owner = first or table
        if called and owner:
            yield f"column {owner}.{called}"


def _batch_table(node: ast.With) -> str | None:
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    named = (_text(call.args[0]) for call in calls if call.args and _name(call) == "batch_alter_table")
    return next(named, None)


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _drops(body: ast.AST) -> bool:
    """Whether it drops what rows are kept in, by Alembic's operations or in SQL."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr in ("drop_table", "drop_column"))
        or _DROP.search(_text(node) or "")
        for node in ast.walk(body)
    )


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _function(script: Script, name: str) -> ast.FunctionDef | None:
    try:
        tree = parse_shallow(script.source)
    except UNREADABLE:
        return None
    return next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name), None)
