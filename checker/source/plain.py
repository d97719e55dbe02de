"""A syntax tree without what does not change what it does, and whether two such trees are the same."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from checker.source.script import IDENTIFIERS

_BLANKS = re.compile(r"(?<![ \t])[ \t]++(?=\n)")
_BLOCKS = frozenset({"body", "orelse", "finalbody"})
# What a node carries beside what it does.
_ASIDE = frozenset({"ctx", "kind", "type_comment"})
_DOTTED = (ast.Name, ast.Attribute)


class Plain(ast.NodeTransformer):
    """Takes out of a tree what does not change what it does."""

    _in_class = False

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        """Its fields are part of what it does, however they are annotated; `object` as its base is not."""
        node.bases = [base for base in node.bases if not (isinstance(base, ast.Name) and base.id == "object")]
        outer, self._in_class = self._in_class, True
        plain = self.generic_visit(node)
        self._in_class = outer
        return plain

    def visit_Constant(self, node: ast.Constant) -> Any:
        """`u"x"` is `"x"`, and blanks at the end of a line of SQL are nothing."""
        node.kind = None
        if isinstance(node.value, str):
            node.value = _BLANKS.sub("", node.value)
        return node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        """`f"x"` without a placeholder is `"x"`."""
        self.generic_visit(node)
        if all(isinstance(part, ast.Constant) for part in node.values):
            text = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
            return ast.copy_location(ast.Constant(text), node)
        return node

    def visit_Name(self, node: ast.Name) -> Any:
        """A name is what it is."""
        return node

    def generic_visit(self, node: ast.AST) -> Any:
        """As NodeTransformer has it, and without the statements that do nothing. Most of a comparison's time is spent here."""
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                setattr(node, name, self._members(value, statements=name in _BLOCKS))
            elif isinstance(value, ast.AST) and value._fields:  # operators and contexts have none
                setattr(node, name, self.visit(value))
        return self._without_hollow(node) if hasattr(node, "body") else node

    def _members(self, values: list[Any], *, statements: bool) -> list[Any]:
        made = [self.visit(one) if isinstance(one, ast.AST) else one for one in values]
        if not statements:
            return made
        return [one for one in made if one is not None and not is_idle(one)]

    def _without_hollow(self, node: ast.AST) -> Any:
        match node:
            case ast.If(test=ast.Name() | ast.Attribute(), body=[], orelse=[]):
                return None  # `if TYPE_CHECKING:` once its imports are gone
            case ast.Try(body=[], orelse=[], finalbody=[]):
                return None  # `try: import x` once that is gone
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_Import(self, node: ast.Import) -> None:
        """Import lines are how a script reaches names, not what it does with them."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """As visit_Import."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        """Without the return annotation."""
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        """Without the return annotation."""
        return self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Any:
        outer, self._in_class = self._in_class, False
        node.returns = None
        plain = self.generic_visit(node)
        if returns_nothing(node.body[-1]):
            node.body[-1:] = [] if len(node.body) > 1 else [ast.Pass()]
        self._in_class = outer
        return plain

    def visit_arg(self, node: ast.arg) -> Any:
        """Without the annotation."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        """`x: int = 1` is `x = 1`, and `x: int` alone is nothing, unless it declares a class's field or column."""
        if node.value is None:
            return ast.copy_location(ast.Expr(node.target), node) if self._in_class else None
        plain = ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)
        return self.visit(plain)

    def visit_Module(self, node: ast.Module) -> Any:
        """Without the identifiers: who a script is and where it stands is compared apart."""
        self.generic_visit(node)
        node.body = [one for one in node.body if not _sets_identifiers(one)]
        return node


def is_idle(node: ast.AST) -> bool:
    """A docstring, a bare constant, `...` or `pass`."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def returns_nothing(node: ast.AST) -> bool:
    """`return` or `return None`: at a function's end that is what happens anyway."""
    return isinstance(node, ast.Return) and (
        node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    )


def _sets_identifiers(node: ast.AST) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    names = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return bool(names) and all(name in IDENTIFIERS for name in names)


def same(one: Any, other: Any, names: Callable[[str, str], bool] = operator.eq) -> bool:
    """Whether two trees, or two lists of them, are the same; read up to the first difference.

    `names` says of two dotted names whether they count as the same.
    """
    if isinstance(one, _DOTTED) and isinstance(other, _DOTTED) and (dotted := dotted_name(one)):
        return names(dotted, dotted_name(other) or "")
    if type(one) is not type(other):
        return False
    if isinstance(one, ast.AST):
        fields = (name for name in one._fields if name not in _ASIDE)
        return all(same(getattr(one, name, None), getattr(other, name, None), names) for name in fields)
    if isinstance(one, list):
        return len(one) == len(other) and all(same(*pair, names) for pair in zip(one, other, strict=False))
    return bool(one == other)


def statements(block: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Every statement of a block, and those within it."""
    for node in block:
        yield node
        for name in (*_BLOCKS, "handlers", "cases"):
            yield from statements(getattr(node, name, ()))


def dotted_name(node: ast.AST) -> str | None:
    """`a.b.c`; None for an attribute of anything but a name."""
    if isinstance(node, ast.Name):
        return node.id
    inner = dotted_name(node.value) if isinstance(node, ast.Attribute) else None
    return f"{inner}.{node.attr}" if inner and isinstance(node, ast.Attribute) else None
