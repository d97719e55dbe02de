"""What a script does, apart from how it is written: its code with all that changes nothing taken out."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from checker.source.script import IDENTIFIERS, UNREADABLE, parse

MODULE = "module-level code"
LONG_LINE = 88
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t].+[ \t]import[ \t]*(?:\([^)]*\)|.*)|import[ \t].*)", re.M)
_BLANKS = re.compile(r"[ \t]+(?=\n)")
# Where a definition starts at the top level. Cut there, each piece is Python by itself.
_DEFINITION = re.compile(rb"^(?=@|def\s|class\s|async\s+def\s)", re.M)
_CODED = re.compile(rb"\A(\xef\xbb\xbf|[^\n]*\n?[^\n]*coding[:=])")


@lru_cache(maxsize=4096)  # one script is compared with many where it may have been renumbered
def normalized_parts(source: bytes) -> Mapping[str, str]:
    """The script's functions and classes by name, and its module-level code, as plain code.

    Import lines, comments, docstrings, annotations, formatting and the identifiers are left out: two scripts with equal
    parts do the same, as far as their own text decides it. A script that is not Python gives its non-blank lines.
    """
    try:
        return _as_text(_Plain().visit(parse(source)))
    except UNREADABLE:
        text = source.decode("utf-8", "replace")
        return {MODULE: "\n".join(line.strip() for line in text.splitlines() if line.strip())}


def differing_parts(before: bytes, after: bytes) -> list[str]:
    """The names of the parts that differ between two versions of a script.

    As a comparison of their normalized_parts gives them; but what stands the same in both, to the letter, is passed over:
    most edits touch one function of a script, or its imports, and few of a long function's statements.
    """
    old, new = _changed_middle(before, after)
    try:
        trees = parse(old), parse(new)
        _leave_out_shared_statements(trees, (old.splitlines(), new.splitlines()))
        plain, other = (_as_text(_Plain().visit(tree)) for tree in trees)
    except UNREADABLE:
        plain, other = normalized_parts(before), normalized_parts(after)
    return differing(plain, other)


def differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names of the parts that are not the same, in the order in which they stand."""
    return [name for name in {**before, **after} if before.get(name, "") != after.get(name, "")]


def _changed_middle(before: bytes, after: bytes) -> tuple[bytes, bytes]:
    """Both without the definitions that they share at the beginning and at the end; whole where bytes need a codec."""
    if _CODED.match(before) or _CODED.match(after):
        return before, after
    old, new = _DEFINITION.split(before), _DEFINITION.split(after)
    same = _shared(old, new)
    tail = _shared(old[same:][::-1], new[same:][::-1])
    return b"".join(old[same : len(old) - tail]), b"".join(new[same : len(new) - tail])


def _shared(one: Sequence[object], other: Sequence[object]) -> int:
    """How many of their first members are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((number for number, (left, right) in pairs if left != right), min(len(one), len(other)))


def _leave_out_shared_statements(trees: tuple[ast.Module, ast.Module], lines: tuple[Sequence[bytes], ...]) -> None:
    """Take the statements that a function begins and ends with in both versions out of both: all but the last one, which
    decides what a `return` at the end is worth."""
    old, new = ({node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)} for tree in trees)
    for name in old.keys() & new.keys():
        bodies = [one[name].body for one in (old, new)]
        texts = [[_text(node, own) for node in body[:-1]] for body, own in zip(bodies, lines, strict=True)]
        same = _shared(*texts)
        tail = _shared(*(text[same:][::-1] for text in texts))
        for body in bodies:
            del body[len(body) - 1 - tail : -1], body[:same]


def _text(node: ast.stmt, lines: Sequence[bytes]) -> bytes:
    """The whole lines that a statement stands on."""
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    return b"\n".join(lines[first - 1 : node.end_lineno])


@lru_cache(maxsize=4096)
def resolved_parts(source: bytes) -> Mapping[str, str]:
    """As normalized_parts, with every imported name spelled out from its module: `JSON(...)` after
    `from sqlalchemy.dialects.postgresql import JSON` and `postgresql.JSON(...)` after `from sqlalchemy.dialects import
    postgresql` are one and the same."""
    try:
        tree = parse(source)
        return _as_text(_Plain().visit(_SpelledOut(_imported(tree)).visit(tree)))
    except UNREADABLE:
        return normalized_parts(source)


def imports(source: bytes) -> list[bytes]:
    """The script's import lines as they are written."""
    return _IMPORT.findall(source)


def _as_text(plain: ast.Module) -> Mapping[str, str]:
    parts: dict[str, list[str]] = {}
    for node in plain.body:
        code = ast.unparse(ast.fix_missing_locations(node))
        parts.setdefault(_part_name(node), []).append(code)
    return {name: "\n".join(text) for name, text in parts.items()}


def _imported(tree: ast.Module) -> Mapping[str, str]:
    """What each imported name stands for, where nothing else in the script has that name."""
    found: dict[str, set[str]] = {}
    for name, meaning in _bindings(tree):
        found.setdefault(name, set()).add(meaning)
    return {name: meanings.pop() for name, meanings in found.items() if len(meanings) == 1 and "" not in meanings}


def _bindings(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Each name that is bound anywhere, and the dotted name that it is imported from; "" where it is not imported."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for one in node.names:
                    yield (one.asname, one.name) if one.asname else (one.name.split(".")[0],) * 2
            case ast.ImportFrom():
                for one in node.names:
                    yield one.asname or one.name, f"{'.' * node.level}{node.module or ''}.{one.name}"
            case ast.Name(ctx=ast.Store() | ast.Del()):
                yield node.id, ""
            case ast.arg():
                yield node.arg, ""
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, ""


class _SpelledOut(ast.NodeTransformer):
    """Puts the dotted name in place of an imported one."""

    def __init__(self, imported: Mapping[str, str]) -> None:
        self._imported = imported

    def visit_Name(self, node: ast.Name) -> Any:
        """The name that it stands for."""
        return ast.copy_location(ast.Name(self._imported.get(node.id, node.id), node.ctx), node)


def spread(line: str) -> str:
    """A long line of code with each argument of its outermost call on a line of its own, so that a diff shows the one
    that changed. What is inside a string that runs over several lines comes back as it is."""
    if len(line) <= LONG_LINE:
        return line
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(line.strip()).readline))
    except (tokenize.TokenError, SyntaxError):
        tokens = []  # `if x:` and other lines that are not a statement by themselves, in some Python versions
    indent = " " * (len(line) - len(line.lstrip()))
    text, depth, begin, pieces = line.strip(), 0, 0, []
    for token in tokens:
        depth += (
            (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}")) if token.type == tokenize.OP else 0
        )
        opens = depth == 1 and token.string in ("(", "[", "{", ",")
        closes = depth == 0 and token.string in (")", "]", "}")
        if token.type == tokenize.OP and (opens or closes):
            end = token.end[1] if opens else token.start[1]
            pieces.append(text[begin:end].strip())
            begin = end
            if closes:
                break
    pieces.append(text[begin:])
    inner = [f"{indent}    {piece}" for piece in pieces[1:-1] if piece]
    return "\n".join([indent + pieces[0], *inner, indent + pieces[-1].strip()]) if len(pieces) > 2 else line


def _part_name(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return f"{node.name}()"
        case ast.ClassDef():
            return f"class {node.name}"
        case _:
            return MODULE


class _Plain(ast.NodeTransformer):
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

    def generic_visit(self, node: ast.AST) -> Any:
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                setattr(node, name, [one for one in block if not _is_idle(one)])
        return self._without_hollow(node)

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
        if _returns_nothing(node.body[-1]):
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


def _is_idle(node: ast.AST) -> bool:
    """A docstring, a bare constant, `...` or `pass`."""
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _returns_nothing(node: ast.AST) -> bool:
    """`return` or `return None`: at a function's end that is what happens anyway."""
    return isinstance(node, ast.Return) and (
        node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
    )


def _sets_identifiers(node: ast.AST) -> bool:
    if not isinstance(node, ast.Assign):
        return False
    names = [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return bool(names) and all(name in IDENTIFIERS for name in names)
