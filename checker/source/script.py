"""One revision script, read with `ast` and never imported."""

from __future__ import annotations

import ast
import re
import reprlib
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

IDENTIFIERS = ("revision", "down_revision", "branch_labels", "depends_on")
# What Python raises of a source that is not its own, is nested too deeply or holds a number that it will not write.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
# No identifier is longer. A script can ask for a string as long as all memory in a few lines.
LONGEST_CONSTANT = 1000

# What Alembic itself skips (script/base.py): editors' lock files and __init__.
_SCRIPT_NAME = re.compile(r"(?!\.\#|__init__).*\.py$")
# Before Alembic 0.2 a script's id was its file's name; Alembic still reads those.
_LEGACY_NAME = re.compile(r"([a-f0-9]+)\.py$")
_ASSIGNMENT = re.compile(rb"^(revision|down_revision)[ \t]*(?::[^=\n]+)?=[ \t]*(.+?)[ \t]*(?:#.*)?\r?$", re.M)
# What the parser says of `print x`, `exec x`, `except A, e:` and `0777`.
_PYTHON2 = re.compile(r"Missing parentheses in call to|multiple exception types must be parenthesized|leading zeros in")
_BODY = re.compile(rb"^(?:@|def\s|class\s|async\s)", re.M)
_NAMED = re.compile(rb"\b(?:%s)\b" % b"|".join(name.encode() for name in IDENTIFIERS))
_CONFLICT = re.compile(rb"^<{7}( |\r?$).*?^>{7}( |\r?$)", re.M | re.S)


@dataclass(frozen=True)
class Script:
    """What one file under a versions folder says of its revision.

    `revision` is None where no id can be read; `problem` then says why, and `line` where. `unknown` names the
    identifiers that only running the script would tell; branch labels among them stand as their source text.
    """

    path: str
    blob: str
    revision: str | None
    down_revisions: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    branch_labels: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    docstring: str | None = None
    lines: Mapping[str, int] = field(default_factory=dict, compare=False, hash=False)
    problem: str | None = None
    python2: bool = False
    """Whether it cannot be read because it is written for Python 2."""
    source: bytes = field(default=b"", compare=False, repr=False, hash=False)

    @property
    def message(self) -> str:
        """The first line of the docstring, as `alembic history` shows it."""
        return (self.docstring or "").strip().partition("\n")[0].strip()

    def line(self, name: str = "revision") -> int:
        """The line where an identifier or a function stands; 1 where it does not."""
        return self.lines.get(name) or self.lines.get("revision") or 1


def is_script_name(path: str) -> bool:
    """Whether Alembic would load a file of this name from a versions folder."""
    return bool(_SCRIPT_NAME.match(path.rpartition("/")[2]))


class NotStatic(Exception):
    """An expression whose value only running the script would tell."""


def read_script(path: str, blob: str, source: bytes) -> Script:
    """The script in `source`. Never raises: what cannot be read is said in the result."""
    try:
        return _read_parsed(path, blob, source, parse(source))
    except UNREADABLE as error:
        return _read_unparsable(path, blob, source, error)


def read_header(path: str, blob: str, source: bytes) -> Script:
    """As read_script, but what stands below the first function is only read where it names an identifier.

    For histories, of which thousands are read. It does not tell the lines of functions, nor faults in them.
    """
    body = _BODY.search(source)
    if body and not _NAMED.search(source, body.start()):
        with suppress(*UNREADABLE):
            return _read_parsed(path, blob, source, parse(source[: body.start()]))
    return read_script(path, blob, source)


def _read_parsed(path: str, blob: str, source: bytes, tree: ast.Module) -> Script:
    values, lines = _module_values(tree)
    unknown = tuple(name for name in IDENTIFIERS if isinstance(values.get(name), NotStatic))
    revision, problem = _revision(path, values)
    if "down_revision" not in values:
        unknown += ("down_revision",)
        problem = problem or "it sets no down_revision"
    labels = values.get("branch_labels")
    return Script(
        path=path,
        blob=blob,
        revision=revision,
        down_revisions=_words(values.get("down_revision")),
        depends_on=_words(values.get("depends_on")),
        branch_labels=(str(labels),) if isinstance(labels, NotStatic) else _words(labels),
        unknown=unknown,
        docstring=ast.get_docstring(tree),
        lines=lines,
        problem=problem,
        source=source,
    )


def parse(source: bytes | str) -> ast.Module:
    """The syntax tree, without the warnings that old scripts are full of (`"\\d"`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def _revision(path: str, values: Mapping[str, Any]) -> tuple[str | None, str | None]:
    value = values.get("revision")
    if isinstance(value, str) and value:
        return value, None
    if isinstance(value, NotStatic):
        return None, f"its revision id is computed ({value})"
    if "revision" not in values and (legacy := _LEGACY_NAME.match(PurePosixPath(path).name)):
        return legacy[1], None
    return (
        None,
        "it sets no revision id"
        if value is None
        else f"its revision id is {reprlib.repr(value)}, which is not a string",
    )


def _words(value: Any) -> tuple[str, ...]:
    """A value as Alembic reads it: None and "" are nothing, a string is one, a sequence its members."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, tuple | list | set | frozenset):
        return tuple(word for word in value if isinstance(word, str) and word)
    return ()


def _module_values(tree: ast.Module) -> tuple[dict[str, Any], dict[str, int]]:
    """What module-level names are set to, constants folded through them, and the line of each name and function."""
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            lines[node.name] = node.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for name, value in _bind(targets, node.value, values):
                values[name] = value
                lines[name] = node.lineno
        else:
            for name in _sets_otherwise(node):
                values[name] = NotStatic(ast.unparse(node).partition("\n")[0])
                lines[name] = node.lineno
    return values, lines


def _sets_otherwise(node: ast.stmt) -> Iterable[str]:
    """Identifiers that an import, an `if`, a `+=` or the like sets."""
    for part in ast.walk(node):
        match part:
            case ast.Name(ctx=ast.Store()) if part.id in IDENTIFIERS and not isinstance(node, ast.AnnAssign):
                yield part.id
            case ast.alias() if (part.asname or part.name) in IDENTIFIERS:
                yield part.asname or part.name


def _bind(targets: Iterable[ast.expr], value: ast.expr, known: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id, fold(value, known)
        elif isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
            known_parts = len(values) == len(target.elts) and not any(
                isinstance(one, ast.Starred) for one in target.elts
            )
            for number, inner in enumerate(target.elts):
                part = values[number] if known_parts else ast.Subscript(value, ast.Constant(number))
                yield from _bind([inner], part, known)


def fold(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """The constant that an expression stands for, or a NotStatic that carries its source."""
    try:
        return _fold(node, known)
    except NotStatic:
        return NotStatic(ast.unparse(node))


def _fold(node: ast.expr, known: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Tuple() | ast.List() | ast.Set():
            return tuple(_simple(_fold(part, known)) for part in node.elts)
        case ast.Name() if node.id in known and not isinstance(known[node.id], NotStatic):
            return known[node.id]
        case ast.BinOp(op=ast.Add() | ast.Mod()):
            return _fold_operation(node, known)
        case ast.JoinedStr():
            return "".join(str(_simple(_fold(part, known))) for part in node.values)
        case ast.FormattedValue(conversion=-1, format_spec=None):
            return _fold(node.value, known)
        case _:
            raise NotStatic


def _fold_operation(node: ast.BinOp, known: Mapping[str, Any]) -> Any:
    left, right = _fold(node.left, known), _fold(node.right, known)
    formats = isinstance(node.op, ast.Mod)
    if formats and (not isinstance(left, str) or re.search(r"%[^sdr%]", left)):  # `%999999999d` fills all memory
        raise NotStatic
    try:
        made = left % right if formats else left + right
    except (TypeError, ValueError):
        raise NotStatic from None
    if isinstance(made, str | bytes | tuple) and len(made) > LONGEST_CONSTANT:
        raise NotStatic
    return made


def _simple(value: Any) -> Any:
    """Not a tuple: tuples of tuples of one tuple are short to write and fill all memory once they are written out."""
    if isinstance(value, tuple):
        raise NotStatic
    return value


def _read_unparsable(path: str, blob: str, source: bytes, error: Exception) -> Script:
    """A script that is not Python to us. Its ids are read from its text, so that the graph does not fall apart."""
    line = getattr(error, "lineno", None) or 1
    if _CONFLICT.search(source):
        problem = "it has conflict markers"
        line = source[: source.index(b"<<<<<<<")].count(b"\n") + 1
    else:
        problem = f"it is not Python: {getattr(error, 'msg', None) or str(error) or type(error).__name__}"
    values: dict[str, tuple[str, ...]] = {}
    for name, text in _ASSIGNMENT.findall(source):
        try:
            values.setdefault(name.decode(), _words(ast.literal_eval(text.decode("utf-8", "replace"))))
        except (SyntaxError, ValueError):
            continue
    return Script(
        path=path,
        blob=blob,
        revision=next(iter(values.get("revision", ())), None),
        down_revisions=values.get("down_revision", ()),
        unknown=() if "down_revision" in values else ("down_revision",),
        lines={"revision": line},
        problem=problem,
        python2=bool(_PYTHON2.search(problem)),
        source=source,
    )
