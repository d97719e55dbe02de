"""What of a script can run online on PostgreSQL: the branches for offline mode and for other dialects left out. Pure."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from checker.source.code import normalized_parts, part_name
from checker.source.script import UNREADABLE, Script, parse_shallow

# Reaches the database, or the world, past what is recorded.
_UNSEEN = re.compile(
    r"raw_connection|driver_connection|dbapi_connection|\.cursor\(|copy_expert|subprocess|os\.system|psycopg|asyncpg|pg8000"
)
_READS = {"query", "scalars", "scalar", "mappings", "fetchone", "fetchall", "fetchmany", "rowcount", "exec"}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_EXECUTES = {"execute", "exec_driver_sql"}


def acts_unseen(*scripts: Script) -> bool:
    """Whether one of them does something that is not among the statements that a replay records."""
    return any(_UNSEEN.search(text) for script in scripts for text in normalized_parts(script.source).values())


def reads_rows(*scripts: Script) -> bool:
    """Whether one of them asks what is in a table: on an empty database such code may run only in part."""
    return any(_asks(text) for script in scripts for text in normalized_parts(script.source).values())


def _asks(text: str) -> bool:
    tree = _parse(text)
    if tree is None:
        return True
    alone = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _READS:
            return True
        if isinstance(node, ast.Call) and node not in alone and getattr(node.func, "attr", "") in _EXECUTES:
            return True
    return False


def same_live_code(before: Script, after: Script) -> bool:
    """Whether both do the same online on PostgreSQL, by their own text alone."""
    one, other = _live(before), _live(after)
    return one is not None and one == other


def code_not_run(script: Script, parts: Container[str], lines: frozenset[int]) -> list[str]:
    """The statements in these parts of the script that were not executed, of those that can run online on PostgreSQL.

    Module-level code runs whenever the script is loaded.
    """
    tree = _parse(script.source.decode("utf-8", "replace"))
    if tree is None:
        return []
    helpers = {node.name: value for node in tree.body if isinstance(node, ast.FunctionDef)
               if (value := _returned(ast.Module([_Fold({}).visit(node)], []))) is not None}  # fmt: skip
    folded = ast.fix_missing_locations(_Fold(helpers).visit(tree))
    wanted = (node for node in folded.body if isinstance(node, _DEFINITIONS) and part_name(node) in parts)
    inner = (node for part in wanted for node in ast.walk(part))
    functions = [node for node in inner if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [text for function in functions for text in _not_run(function.body, lines)]


def _not_run(body: Sequence[ast.stmt], lines: frozenset[int]) -> Iterator[str]:
    for node in body:
        if lines.isdisjoint(range(node.lineno, (node.end_lineno or node.lineno) + 1)) and not _does_nothing(node):
            yield ast.unparse(node)
        elif not isinstance(node, _DEFINITIONS):  # what is in those is looked at by itself
            parts = (node, *getattr(node, "handlers", ()), *getattr(node, "cases", ()))
            for block in (getattr(part, name, []) for part in parts for name in ("body", "orelse", "finalbody")):
                yield from _not_run(block, lines)


def _does_nothing(node: ast.stmt) -> bool:
    """Whether a statement by itself does nothing, and may leave no trace where it runs."""
    match node:
        case ast.Pass() | ast.Break() | ast.Continue() | ast.Global() | ast.Nonlocal() | ast.Return(value=None):
            return True
        case ast.Expr(value=ast.Constant()) | ast.AnnAssign(value=None):
            return True
    return False


def _live(script: Script) -> Mapping[str, str] | None:
    """The parts of a script with what cannot run taken out, without helpers that nothing refers to any more."""
    trees = {name: _parse(text) for name, text in normalized_parts(script.source).items()}
    constants: dict[str, bool] = {}
    folded: dict[str, ast.Module] = {}
    for _ in range(2):  # the second time with what the helpers are known to return
        for name, tree in trees.items():
            if tree is None:
                return None
            folded[name] = _Fold(constants).visit(tree)
            value = _returned(folded[name])
            if value is not None:
                constants[name.removesuffix("()")] = value
    texts = {name: ast.unparse(ast.fix_missing_locations(tree)) for name, tree in folded.items()}
    called = {name: name.removesuffix("()").removeprefix("class ") for name in texts}
    words = {name: set(re.findall(r"\w+", text)) for name, text in texts.items()}
    named = Counter(word for found in words.values() for word in found)
    return {
        name: text
        for name, text in texts.items()
        if called[name] in ("upgrade", "downgrade")
        or called[name] == name
        or named[called[name]] > (called[name] in words[name])  # by another part than itself
    }


def _parse(text: str) -> ast.Module | None:
    try:
        return parse_shallow(text)
    except UNREADABLE:
        return None


def _returned(tree: ast.Module) -> bool | None:
    """What a helper always returns, where that is known: `def is_pg(conn): return conn.dialect.name == "postgresql"`."""
    match tree.body:
        case [ast.FunctionDef(body=[ast.Return(value=ast.Constant(value=bool(value)))])]:
            return value
    return None


def _is_dialect(node: ast.expr) -> bool:
    """Whether it reads `dialect`, `bind.dialect` or `bind.dialect.name`."""
    match node:
        case ast.Attribute(attr="name", value=ast.Attribute(attr=name) | ast.Name(id=name)):
            return name.endswith("dialect")
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name.endswith("dialect")
    return False


class _Fold(ast.NodeTransformer):
    """Puts in what is known (online, on PostgreSQL) and takes out the branches that are then not taken."""

    def __init__(self, constants: Mapping[str, bool]) -> None:
        self._constants = constants

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "is_offline_mode":
            return ast.Constant(False)
        if isinstance(node.func, ast.Name) and node.func.id in self._constants:
            return ast.Constant(self._constants[node.func.id])
        return node

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        self.generic_visit(node)
        return ast.Constant(False) if node.attr == "as_sql" else node

    def visit_Compare(self, node: ast.Compare) -> Any:
        self.generic_visit(node)
        names = _names(node.comparators[0])
        if len(node.ops) != 1 or names is None or not _is_dialect(node.left):
            return node
        if isinstance(node.ops[0], ast.Eq | ast.In):
            return ast.Constant("postgresql" in names)
        if isinstance(node.ops[0], ast.NotEq | ast.NotIn):
            return ast.Constant("postgresql" not in names)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
            return ast.Constant(not node.operand.value)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        self.generic_visit(node)
        decides = isinstance(node.op, ast.Or)  # `x or True` is True, `x and False` is False
        left = [one for one in node.values if not isinstance(one, ast.Constant)]
        if any(isinstance(one, ast.Constant) and bool(one.value) is decides for one in node.values):
            return ast.Constant(decides) if isinstance(node.values[0], ast.Constant) or not _calls(left) else node
        if not left:
            return ast.Constant(not decides)
        return left[0] if len(left) == 1 else ast.BoolOp(node.op, left)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        self.generic_visit(node)
        return (node.body if node.test.value else node.orelse) if isinstance(node.test, ast.Constant) else node

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        if not isinstance(node.test, ast.Constant):
            return node
        return (node.body if node.test.value else node.orelse) or ast.Pass()


def _names(node: ast.expr) -> set[object] | None:
    match node:
        case ast.Constant(value=str(value)):
            return {value}
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return {one.value for one in parts if isinstance(one, ast.Constant)}
    return None


def _calls(nodes: list[ast.expr]) -> bool:
    return any(isinstance(one, ast.Call) for node in nodes for one in ast.walk(node))
