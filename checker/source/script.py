"""One revision script, read with `ast` and never imported."""

from __future__ import annotations

import ast
import re
import reprlib
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from checker.parsing import SCRIPT_BYTES, SCRIPT_DEPTH, SCRIPT_NODES, Unreadable, refuse_longer, too_long

IDENTIFIERS = ("revision", "down_revision", "branch_labels", "depends_on")
# What Python raises of a source that is not its own, is nested too deeply or holds a number that it will not write; and
# ours, of one that is too long or too deep.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
# No identifier is longer, and none has more members. A script can ask for a string as long as all memory in a few lines.
LONGEST_CONSTANT = 1000

# What Alembic itself skips (script/base.py): editors' lock files and __init__.
_SCRIPT_NAME = re.compile(r"(?!\.\#|__init__).*\.py$")
# Before Alembic 0.2 a script's id was its file's name; Alembic still reads those.
_LEGACY_NAME = re.compile(r"([a-f0-9]+)\.py$")
_ASSIGNMENT = re.compile(rb"^(revision|down_revision)[ \t]*(?::[^=\n]{1,200})?=([^\n]{1,%d})$" % LONGEST_CONSTANT, re.M)
_ASSIGNED_BELOW = re.compile(rb"^(?:%s)\b[^\S\n]*[:=,]" % b"|".join(name.encode() for name in IDENTIFIERS), re.M)
# What the parser says of `print x`, `exec x`, `except A, e:` and `0777`.
_PYTHON2 = re.compile(r"Missing parentheses in call to|multiple exception types must be parenthesized|leading zeros in")
_BODY = re.compile(rb"^(?:@|def\s|class\s|async\s)", re.M)
_NAMED = re.compile(rb"\b(?:%s)\b" % b"|".join(name.encode() for name in IDENTIFIERS))
_CONFLICT_START = re.compile(rb"^<{7}(?: |\r?$)", re.M)
_CONFLICT_END = re.compile(rb"^>{7}(?: |\r?$)", re.M)


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
    empty_parent: bool = False
    """Whether its down_revision is "", or has "" in it: Alembic up to 1.4 reads a plain "" as None, 1.13 does not."""
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
    """An expression whose value only running the script would tell; as text, its source code."""

    def __init__(self, node: ast.AST | None = None) -> None:
        super().__init__()
        self._node = node

    def __str__(self) -> str:
        return source_of(self._node) if self._node else ""


def source_of(node: ast.AST) -> str:
    """An expression or the first line of a statement as source code, cut where it is long."""
    try:
        text = ast.unparse(node).partition("\n")[0]
    except (RecursionError, ValueError):  # ValueError: an int that Python does not write
        return "…"
    return text if len(text) <= 100 else f"{text[:99]}…"


def read_script(path: str, blob: str, source: bytes) -> Script:
    """The script in `source`. Never raises: what cannot be read is said in the result."""
    try:
        tree = parse(source) if len(source) <= SCRIPT_BYTES else _parse_header(source)
        return _read_parsed(path, blob, source, tree)
    except UNREADABLE as error:
        return _read_unparsable(path, blob, source, error)


def _parse_header(source: bytes) -> ast.Module:
    """Of a script that is too long: what precedes its first function. Raises Unreadable where that does not tell its ids."""
    body = _BODY.search(source)
    if body and not _ASSIGNED_BELOW.search(source, body.start()):
        with suppress(*UNREADABLE):
            return parse(source[: body.start()])
    raise too_long(source, SCRIPT_BYTES)


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
    crowded = next((name for name in IDENTIFIERS if _is_crowded(values.get(name))), None)
    if crowded:
        problem = problem or f"its {crowded} names more than {LONGEST_CONSTANT:,} revisions"
    return Script(
        path=path,
        blob=blob,
        revision=revision,
        down_revisions=_words(values.get("down_revision")),
        depends_on=_words(values.get("depends_on")),
        branch_labels=(str(labels),) if isinstance(labels, NotStatic) else _words(labels),
        unknown=unknown,
        empty_parent=_names_nothing(values.get("down_revision")),
        docstring=ast.get_docstring(tree),
        lines=lines,
        problem=problem,
        source=source,
    )


def parse(source: bytes | str) -> ast.Module:
    """The syntax tree, without the warnings that old scripts are full of (`"\\d"`). Raises one of UNREADABLE."""
    refuse_longer(source, SCRIPT_BYTES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def parse_shallow(source: bytes | str) -> ast.Module:
    """As `parse`, for whoever walks the whole tree by recursion: raises Unreadable for one that is too large for that."""
    if len(source) > SCRIPT_BYTES // 10 and (reason := _refusal(source)):
        raise Unreadable(reason)
    tree = parse(source)
    if reason := _too_large(tree):
        raise Unreadable(reason)
    return tree


@lru_cache(maxsize=256)
def _refusal(source: bytes | str) -> str | None:
    """Why a long source is not walked, so that it is only parsed once to be refused."""
    return _too_large(parse(source))


def _too_large(tree: ast.Module) -> str | None:
    level: list[ast.AST] = [tree]
    nodes = 0
    for _ in range(SCRIPT_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        nodes += len(level)
        if not level:
            return None
        if nodes > SCRIPT_NODES:
            return f"its syntax tree has more than {SCRIPT_NODES:,} nodes"
    return f"its syntax tree is deeper than {SCRIPT_DEPTH} levels"


def _revision(path: str, values: Mapping[str, Any]) -> tuple[str | None, str | None]:
    value = values.get("revision")
    if isinstance(value, str) and value:
        return (
            (value, None) if len(value) <= LONGEST_CONSTANT else (None, f"its revision id has {len(value):,} letters")
        )
    if isinstance(value, NotStatic):
        return None, f"its revision id is computed ({value})"
    if "revision" not in values and (legacy := _LEGACY_NAME.match(PurePosixPath(path).name)):
        return legacy[1], None
    return (
        None,
        "it sets no revision id" if value is None else f"its revision id is {_shown(value)}, which is not a string",
    )


def _shown(value: Any) -> str:
    try:
        return reprlib.repr(value)
    except ValueError:  # an int that Python does not write
        return "a number of more digits than Python writes"


def _is_crowded(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) > LONGEST_CONSTANT


def _words(value: Any) -> tuple[str, ...]:
    """A value as Alembic reads it: None and "" are nothing, a string is one, a sequence its members."""
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, tuple | list | set | frozenset):
        return tuple(word for word in islice(value, LONGEST_CONSTANT) if isinstance(word, str) and word)
    return ()


def _names_nothing(value: Any) -> bool:
    return value == "" if isinstance(value, str) else isinstance(value, tuple | list | set | frozenset) and "" in value


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
                values[name] = NotStatic(node)
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
    """Each name that an assignment sets, and its value, which is folded once however many names there are."""
    folded: dict[ast.expr, Any] = {}
    waiting = [(target, value) for target in reversed(list(targets))]
    while waiting:
        target, part = waiting.pop()
        if isinstance(target, ast.Name):
            if part not in folded:
                folded[part] = fold(part, known)
            yield target.id, folded[part]
        elif isinstance(target, ast.Tuple | ast.List):
            waiting += reversed(list(zip(target.elts, _parts(target, part), strict=True)))


def _parts(target: ast.Tuple | ast.List, value: ast.expr) -> list[ast.expr]:
    """What each member of a target is set to."""
    members = value.elts if isinstance(value, ast.Tuple | ast.List) else []
    if len(members) == len(target.elts) and not any(isinstance(one, ast.Starred) for one in target.elts):
        return members
    return [ast.Subscript(value, ast.Constant(number)) for number in range(len(target.elts))]


def fold(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """The constant that an expression stands for, or a NotStatic that carries its source."""
    try:
        return _fold(node, known)
    except (NotStatic, RecursionError):
        return NotStatic(node)


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
            return _joined(_fold(part, known) for part in node.values)
        case ast.FormattedValue(conversion=-1, format_spec=None):
            return _fold(node.value, known)
        case _:
            raise NotStatic


def _fold_operation(node: ast.BinOp, known: Mapping[str, Any]) -> Any:
    """An addition or a `%`, of operands that are short: it is refused before it is made."""
    left, right = _short(_fold(node.left, known)), _short(_fold(node.right, known))
    formats = isinstance(node.op, ast.Mod)
    if formats and (not isinstance(left, str) or re.search(r"%[^sdr%]", left)):  # `%999999999d` fills all memory
        raise NotStatic
    try:
        return _short(left % right if formats else left + right)
    except (TypeError, ValueError):
        raise NotStatic from None


def _joined(values: Iterable[Any]) -> str:
    """What an f-string makes of these values, refused as soon as it is too long."""
    text = ""
    for value in values:
        text = _short(text + str(_short(_simple(value))))
    return text


def _short(value: Any) -> Any:
    """A constant that is no longer than an identifier can be."""
    match value:
        case str() | bytes():
            size = len(value)
        case tuple():
            few = value[: LONGEST_CONSTANT + 1]
            size = len(few) + sum(len(one) for one in few if isinstance(one, str | bytes))
        case int():
            size = value.bit_length()
        case _:
            size = 0
    if size > LONGEST_CONSTANT:
        raise NotStatic
    return value


def _simple(value: Any) -> Any:
    """Not a tuple: tuples of tuples of one tuple are short to write and fill all memory once they are written out."""
    if isinstance(value, tuple):
        raise NotStatic
    return value


def _read_unparsable(path: str, blob: str, source: bytes, error: Exception) -> Script:
    """A script that is not Python to us. Its ids are read from its text, so that the graph does not fall apart."""
    line = getattr(error, "lineno", None) or 1
    start = _CONFLICT_START.search(source)
    if start and _CONFLICT_END.search(source, start.end()):
        problem = "it has conflict markers"
        line = source.count(b"\n", 0, start.start()) + 1
    else:
        problem = _reason(error)
    values = _assigned_in_text(source)
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


def _reason(error: Exception) -> str:
    if isinstance(error, Unreadable):
        return error.reason
    if isinstance(error, RecursionError | MemoryError):
        return "it is nested too deeply to be read"
    said = getattr(error, "msg", None) or str(error) or type(error).__name__
    return f"it is not Python: {said if len(said) <= 200 else said[:199] + '…'}"


def _assigned_in_text(source: bytes) -> dict[str, tuple[str, ...]]:
    """The identifiers that lines of a text set to a literal, each as the first such line does."""
    values: dict[str, tuple[str, ...]] = {}
    for found in islice(_ASSIGNMENT.finditer(source), LONGEST_CONSTANT):
        name, text = found[1].decode(), found[2].decode("utf-8", "replace").strip(" \t\r")
        with suppress(*UNREADABLE):
            if name not in values:
                values[name] = _words(ast.literal_eval(text))
    return values
