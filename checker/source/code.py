"""What a script does, apart from how it is written: its code with all that changes nothing taken out."""

from __future__ import annotations

import ast
import io
import operator
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import cached_property, lru_cache
from itertools import chain, zip_longest
from typing import Any

from checker.diff import common_start
from checker.source.plain import Plain, is_idle, returns_nothing, same, statements
from checker.source.script import UNREADABLE, parse_shallow

MODULE = "module-level code"
LONG_LINE = 88
# The tokenizer of Python 3.11 takes time quadratic in the length of some lines.
LONGEST_LINE = 4_000
_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t].+[ \t]import[ \t]*(?:\([^)]{0,5000}\)|.*)|import[ \t].*)", re.M)
# Where a definition starts at the top level. Cut there, each piece is Python by itself.
_DEFINITION = re.compile(rb"^(?=@|def\s|class\s|async\s+def\s)", re.M)
_CODED = re.compile(rb"\A(?:\xef\xbb\xbf|(?:[^\n]*+\n)?[^\n]*coding[:=])")


@lru_cache(maxsize=4096)  # one script is compared with many where it may have been renumbered
def normalized_parts(source: bytes) -> Mapping[str, str]:
    """The script's functions and classes by name, and its module-level code, as plain code.

    Import lines, comments, docstrings, annotations, formatting and the identifiers are left out: two scripts with equal
    parts do the same, as far as their own text decides it. A script that is not Python gives its non-blank lines.
    """
    try:
        return _as_text(Plain().visit(parse_shallow(source)))
    except UNREADABLE:
        text = source.decode("utf-8", "replace")
        return {MODULE: "\n".join(line.strip() for line in text.splitlines() if line.strip())}


def differing_parts(before: bytes, after: bytes) -> list[str]:
    """The names of the parts that differ between two versions of a script in what they do.

    As a comparison of their normalized_parts gives them; but what stands the same in both, to the letter, is passed over,
    and a function is read up to the first statement that differs. Where that may come from other import lines alone, names
    are compared spelled out from their modules: `JSON(...)` after `from sqlalchemy.dialects.postgresql import JSON` and
    `postgresql.JSON(...)` after `from sqlalchemy.dialects import postgresql` are one and the same.
    """
    other_imports = imports(before) != imports(after)
    may_mean = _Meanings(before, after).may_be_one if other_imports else operator.eq
    try:
        found = _compare(*_changed_middle(before, after), may_mean, spelled_out=False)
        if all(found.values()) or not other_imports:
            return list(found)
        spelled_out = _compare(before, after, operator.eq, spelled_out=True)
    except UNREADABLE:
        return _differing(normalized_parts(before), normalized_parts(after))
    return [name for name, sure in found.items() if sure or name in spelled_out]


class _Meanings:
    """What names may stand for by a script's imports, before and after."""

    def __init__(self, before: bytes, after: bytes) -> None:
        self._sources = (before, after)

    @cached_property
    def _sides(self) -> tuple[Mapping[str, set[str]], ...]:
        return tuple(self._read(parse_shallow(source).body) for source in self._sources)

    def _read(self, block: Iterable[ast.stmt]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for node in statements(block):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name, meaning in _bindings(node):
                    found.setdefault(name, set()).add(meaning)
        return found

    def may_be_one(self, before: str, after: str) -> bool:
        """Whether two dotted names can be one and the same: as they are written, or spelled out."""
        if before == after:
            return True
        names, others = self._all(0, before), self._all(1, after)
        return names is None or others is None or not names.isdisjoint(others)

    def _all(self, side: int, dotted: str) -> set[str] | None:
        """What a name may stand for; None where that is anything, as of one that is imported over and over."""
        name, dot, rest = dotted.partition(".")
        meanings = self._sides[side].get(name, set())
        return None if len(meanings) > 20 else {dotted} | {f"{meaning}{dot}{rest}" for meaning in meanings}


def _compare(
    before: bytes, after: bytes, may_mean: Callable[[str, str], bool], *, spelled_out: bool
) -> dict[str, bool]:
    """The parts that differ, each with whether that is sure, or may be undone by spelling names out."""
    trees = parse_shallow(before), parse_shallow(after)
    plains = [_plain_of(tree, spelled_out=spelled_out) for tree in trees]
    old, new = (_functions(tree) for tree in trees)
    lines = None if spelled_out else (before.splitlines(), after.splitlines())
    found = {name: _how_alike((old[name], new[name]), lines, plains, may_mean) for name in old if name in new}
    for tree in trees:
        tree.body = [node for node in tree.body if part_name(node) not in found]
    rest = _differing(*(_as_text(plain(tree)) for plain, tree in zip(plains, trees, strict=True)))
    differ = {name: how is _Alike.NOT for name, how in found.items() if how is not _Alike.WHOLLY}
    return differ | dict.fromkeys(rest, False)


def _differing(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    return [name for name in {**before, **after} if before.get(name, "") != after.get(name, "")]


def _changed_middle(before: bytes, after: bytes) -> tuple[bytes, bytes]:
    """Both without the definitions that they share at the beginning and at the end; whole where bytes need a codec."""
    if _CODED.match(before) or _CODED.match(after):
        return before, after
    old, new = _DEFINITION.split(before), _DEFINITION.split(after)
    same = common_start(old, new)
    tail = common_start(old[same:][::-1], new[same:][::-1])
    return b"".join(old[same : len(old) - tail]), b"".join(new[same : len(new) - tail])


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """The top-level functions that are defined once, by the name of their part."""
    named: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        named.setdefault(part_name(node), []).append(node)
    return {name: one for name, (one, *more) in named.items() if isinstance(one, ast.FunctionDef) and not more}


class _Alike(Enum):
    """How two versions of a function compare."""

    WHOLLY = auto()
    BUT_FOR_NAMES = auto()
    NOT = auto()


def _how_alike(
    functions: tuple[ast.FunctionDef, ast.FunctionDef],
    lines: tuple[Sequence[bytes], Sequence[bytes]] | None,
    plains: Sequence[Callable[[ast.AST], Any]],
    may_mean: Callable[[str, str], bool],
) -> _Alike:
    """Head for head, and statement for statement. With their `lines`, what both begin with to the letter is passed over.

    `may_mean` says of two names whether they may be one by other import lines.
    """
    bodies = [function.body for function in functions]
    shared = 0
    if lines:  # all but the last statement, which decides what a `return` at the end is worth
        shared = common_start(*(list(_lines_of(body[:-1], own)) for body, own in zip(bodies, lines, strict=True)))
    for function in functions:
        function.body = [ast.Pass()]
    left, right = (
        chain([plain(function)], _statements(body[shared:], plain))
        for function, body, plain in zip(functions, bodies, plains, strict=True)
    )
    alike = _Alike.WHOLLY
    for one, other in zip_longest(left, right):
        if not same(one, other):
            if not same(one, other, may_mean):
                return _Alike.NOT
            alike = _Alike.BUT_FOR_NAMES
    return alike


def _lines_of(body: Iterable[ast.stmt], lines: Sequence[bytes]) -> Iterator[bytes]:
    """The whole lines that each statement stands on, up to one that begins where another ends."""
    last = 0
    for node in body:
        first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
        if first <= last:
            return
        last = node.end_lineno or first
        yield b"\n".join(lines[first - 1 : last])


def _statements(body: Iterable[ast.stmt], plain: Callable[[ast.AST], Any]) -> Iterator[ast.AST]:
    """What a function's body does, one statement after the other; without a `return` of nothing at its end."""
    held = None
    for node in body:
        made = plain(node)
        if made is None or is_idle(made):
            continue
        if held is not None:
            yield held
        held = made if returns_nothing(made) else None
        if held is None:
            yield made


def _plain_of(tree: ast.Module, *, spelled_out: bool) -> Callable[[ast.AST], Any]:
    """What takes out of this tree's nodes all that changes nothing."""
    plain = Plain()
    if not spelled_out:
        return plain.visit
    resolve = _SpelledOut(_imported(tree))
    return lambda node: plain.visit(resolve.visit(node))


def imports(source: bytes) -> list[bytes]:
    """The script's import lines as they are written."""
    return _IMPORT.findall(source)


def _as_text(plain: ast.Module) -> Mapping[str, str]:
    parts: dict[str, list[str]] = {}
    for node in plain.body:
        code = ast.unparse(ast.fix_missing_locations(node))
        parts.setdefault(part_name(node), []).append(code)
    return {name: "\n".join(text) for name, text in parts.items()}


def _imported(tree: ast.Module) -> Mapping[str, str]:
    """What each imported name stands for, where nothing else in the script has that name."""
    found: dict[str, set[str]] = {}
    for name, meaning in _bindings(tree):
        found.setdefault(name, set()).add(meaning)
    return {name: meanings.pop() for name, meanings in found.items() if len(meanings) == 1 and "" not in meanings}


def _bindings(tree: ast.AST) -> Iterator[tuple[str, str]]:
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

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """A dotted name is one name."""
        self.generic_visit(node)
        if not isinstance(node.value, ast.Name):
            return node
        return ast.copy_location(ast.Name(f"{node.value.id}.{node.attr}", node.ctx), node)


def spread(line: str) -> str:
    """A long line of code with each argument of its outermost call on a line of its own, so that a diff shows the one
    that changed. What is inside a string that runs over several lines comes back as it is."""
    if not LONG_LINE < len(line) <= LONGEST_LINE:
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


def part_name(node: ast.stmt) -> str:
    """The name of the part of a script that a top-level statement belongs to."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return f"{node.name}()"
        case ast.ClassDef():
            return f"class {node.name}"
        case _:
            return MODULE
