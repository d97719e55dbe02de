"""The ids in one revision script, set anew: its `revision`, `down_revision`, `depends_on`, and what its docstring says of them.

Nothing else of the file changes, to the byte: quotes, annotations, comments, line endings and encoding stay. Pure.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed

from checker.parsing import Unreadable
from checker.source.script import UNREADABLE, Script, parse_shallow, read_script, source_of

_STRING = re.compile(r"(?<![A-Za-z])([A-Za-z]*)('''|\"\"\"|'|\")")
_ONE_STRING = re.compile(r"[A-Za-z]*('''|\"\"\"|'|\")(?:(?!\1).)*\1", re.S)
_LINE_END = re.compile(r"\r\n|\r|\n")  # Python's own; str.splitlines knows more of them, a form feed for one
_STATED = re.compile(r"(?:^|(?<=[\r\n]))[ \t]*(Revision ID|Revises):([^\r\n]*)")
_WORD = re.compile(r"[\w.-]+")
_NOTHING = frozenset({"None", "base"})
_HEX = re.compile(r"[0-9a-f]{6,40}")
SHORTEST = 4  # of an id that a docstring abbreviates


@dataclass(frozen=True)
class Wanted:
    """What a script shall say: None, or nothing, where it says it already."""

    revision: str | None = None
    down_revisions: tuple[str, ...] | None = None
    depends_on: Mapping[str, str] = field(default_factory=dict)
    """The new id for each old one."""


class NotRewritable(Exception):
    """Why a script must be changed by hand, in half a sentence; `line` is where."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


Edit = tuple[int, int, str]
"""From where to where in the text, and what shall stand there."""


def rewrite(script: Script, source: bytes, wanted: Wanted, known: Container[str] = frozenset()) -> bytes:
    """`source`, with what is wanted in it. `known` are the ids that a docstring may name.

    `source` is the script as it lies on disk, where git's filters may have given it other line endings than in `script`.
    Raises NotRewritable where that cannot be done without touching anything else.
    """
    text, encoding = _decode(source)
    try:
        tree = parse_shallow(text)
    except UNREADABLE as error:
        reason = error.reason if isinstance(error, Unreadable) else "it is not Python"
        raise NotRewritable(reason, getattr(error, "lineno", None) or 1) from None
    read = read_script(script.path, script.blob, source)
    here = _Places(text)
    edits = [*_variables(tree, here, read, wanted), *_docstring(tree, here, read, wanted, known)]
    try:
        after = _apply(text, edits).encode(encoding)
    except UnicodeEncodeError:
        raise NotRewritable(f"its encoding {encoding} has no letters for the new id") from None
    _hold(read, read_script(script.path, script.blob, after), wanted)
    return after


def _decode(source: bytes) -> tuple[str, str]:
    """The text, without its byte order mark, and the encoding that brings it back."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        text = source.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        raise NotRewritable("its encoding cannot be read") from None
    if text.encode(encoding) != source:
        raise NotRewritable(f"its encoding {encoding} can write one text in several ways")
    return text, encoding


def _apply(text: str, edits: list[Edit]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _hold(before: Script, after: Script, wanted: Wanted) -> None:
    """Whatever way a script writes its identifiers: those that are wanted changed, and no other did."""
    expected = changed(
        before,
        revision=wanted.revision or before.revision,
        down_revisions=before.down_revisions if wanted.down_revisions is None else wanted.down_revisions,
        depends_on=tuple(wanted.depends_on.get(name, name) for name in before.depends_on),
        docstring=after.docstring,
        empty_parent=before.empty_parent if wanted.down_revisions is None else after.empty_parent,
    )
    if after != expected:
        raise NotRewritable("its identifiers are made from each other", before.line("down_revision"))


class _Places:
    """Where in a text the nodes of its syntax tree stand."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _at(self, line: int, column: int) -> int:
        """`ast` counts columns in bytes of UTF-8, whatever the file's own encoding is."""
        start = self._starts[line - 1]
        following = self._starts[line] if line < len(self._starts) else len(self.text)
        return start + len(self.text[start:following].encode()[:column].decode())

    def raw(self, node: ast.expr) -> str:
        start, end = self.span(node)
        return self.text[start:end]


# --- variables


def _variables(tree: ast.Module, here: _Places, script: Script, wanted: Wanted) -> Iterator[Edit]:
    if wanted.revision:
        yield _one_literal(_value(tree, script, "revision"), here, wanted.revision)
    if wanted.down_revisions is not None and wanted.down_revisions != script.down_revisions:
        value = _value(tree, script, "down_revision")
        yield from _parents(value, here, wanted.down_revisions, _style(tree, here))
    if any(name in wanted.depends_on for name in script.depends_on):
        for node in _literals(_value(tree, script, "depends_on")):
            new = wanted.depends_on.get(_text(node))
            if new:
                yield _one_literal(node, here, new)


def _value(tree: ast.Module, script: Script, name: str) -> ast.expr:
    """The expression that an identifier is set to, where nothing else is set to it."""
    value: ast.expr | None = None
    others: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                found = _part(target, node.value, name)
                if found is not None:
                    value, others = found, [source_of(one) for one in targets if one is not target]
    if value is None:
        raise NotRewritable(f"it does not set {name}", script.line(name))
    if name in script.unknown:
        raise NotRewritable(f"its {name} is computed ({source_of(value)})", value.lineno)
    if others:
        raise NotRewritable(f"its {name} and {', '.join(others)} are set by one assignment", value.lineno)
    return value


def _part(target: ast.expr, value: ast.expr, name: str) -> ast.expr | None:
    """What of `value` the target called `name` gets: all, or its place in a tuple."""
    if isinstance(target, ast.Name):
        return value if target.id == name else None
    if not (isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List)):
        return None
    parts = (_part(inner, part, name) for inner, part in zip(target.elts, value.elts, strict=False))
    return next((part for part in parts if part is not None), None)


def _parents(value: ast.expr, here: _Places, new: tuple[str, ...], style: str) -> Iterator[Edit]:
    nodes = _literals(value)
    if nodes and len(nodes) == len(new):
        for node, parent in zip(nodes, new, strict=True):
            if _text(node) != parent:
                yield _one_literal(node, here, parent)
        return
    raw = here.raw(value)
    if "#" in raw:
        raise NotRewritable("a comment stands within its down_revision", value.lineno)
    start, end = here.span(value)
    found = _STRING.search(raw)
    written = [_literal(found[0] if found else style, parent, value) for parent in new]
    yield start, end, written[0] if len(written) == 1 else f"({', '.join(written)})"


def _literals(value: ast.expr) -> list[ast.expr]:
    """The strings that a value is made of; none for None and "". Raises NotRewritable for anything else."""
    if isinstance(value, ast.Constant) and not value.value:
        return []
    nodes = value.elts if isinstance(value, ast.Tuple | ast.List | ast.Set) else [value]
    for node in nodes:
        if not _is_text(node):
            raise NotRewritable(f"it says {source_of(node)} where a string would be", node.lineno)
    return nodes


def _is_text(node: ast.expr) -> bool:
    """Whether it is a string, in one piece or several."""
    match node:
        case ast.Constant(value=str()):
            return True
        case ast.JoinedStr():
            return all(isinstance(part, ast.Constant) for part in node.values)
        case ast.BinOp(op=ast.Add()):
            return _is_text(node.left) and _is_text(node.right)
    return False


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(_text(part) for part in node.values)
        case ast.BinOp():
            return _text(node.left) + _text(node.right)
    return ""


def _one_literal(node: ast.expr, here: _Places, new: str) -> Edit:
    """A string in place of a string, in the quotes of the first piece."""
    if not _is_text(node):
        raise NotRewritable(f"it says {source_of(node)} where a string would be", node.lineno)
    raw = here.raw(node)
    if not _ONE_STRING.fullmatch(raw) and "#" in raw:
        raise NotRewritable("a comment stands within the string", node.lineno)
    found = _STRING.search(raw)
    assert found is not None
    return (*here.span(node), _literal(found[0], new, node))


def _literal(opening: str, text: str, at: ast.expr) -> str:
    found = _STRING.fullmatch(opening)
    assert found is not None
    refuse_unwritable(text, at.lineno)
    return f"{opening}{text}{found[2]}"


def refuse_unwritable(revision: str, line: int = 1) -> None:
    """Raises NotRewritable for an id that could end the string or the docstring that it is written in."""
    if not revision.isprintable() or re.search(r"['\"\\{}]", revision):
        raise NotRewritable(f"{revision!r} is no id that can be written as it is", line)


def _style(tree: ast.Module, here: _Places) -> str:
    """The quotes in which the script writes its id: for one that writes no parent yet."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            found = _STRING.match(here.raw(node.value))
            if isinstance(target, ast.Name) and target.id == "revision" and found:
                return found[2]
    return '"'


# --- docstring


def _docstring(
    tree: ast.Module, here: _Places, script: Script, wanted: Wanted, known: Container[str]
) -> Iterator[Edit]:
    first = tree.body[0] if tree.body else None
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant) or script.docstring is None:
        return
    raw = here.raw(first.value)
    start = here.span(first.value)[0]
    found = _STRING.match(raw)
    if not found or not _ONE_STRING.fullmatch(raw):
        return
    inside = raw[found.end() : -len(found[2])]
    for line in _STATED.finditer(inside):
        new = _stated(line[1], line[2], script, wanted, known)
        if new is not None and new != line[2]:
            at = start + found.end() + line.start(2)
            yield at, at + len(line[2]), new


def _stated(title: str, text: str, script: Script, wanted: Wanted, known: Container[str]) -> str | None:
    """What shall stand after `Revises:` or `Revision ID:`; None where that stays as it is, as prose does."""
    if title == "Revision ID":
        return _swapped(text, {str(script.revision): wanted.revision}) if wanted.revision else None
    if wanted.down_revisions is None:
        return None
    old, new = script.down_revisions, wanted.down_revisions
    if len(old) == len(new):
        moved = {before: after for before, after in zip(old, new, strict=True) if before != after}
        swapped = _swapped(text, moved)
        if swapped is not None:
            return swapped
    words = list(_WORD.finditer(text))
    if not all(_is_id(word[0], old, known) for word in words):
        return None
    told = ", ".join(new)
    if not words:
        return f"{text or ' '}{told}" if not text.strip() else None
    return f"{text[: words[0].start()]}{told}{text[words[-1].end() :]}"


def _is_id(word: str, old: tuple[str, ...], known: Container[str]) -> bool:
    return word in _NOTHING or word in old or word in known or _HEX.fullmatch(word) is not None


def _swapped(text: str, moved: Mapping[str, str]) -> str | None:
    """The text with each id in it exchanged, written short or in full; None where one is not in it."""
    seen: set[str] = set()

    def swap(word: re.Match[str]) -> str:
        for before, after in moved.items():
            if word[0] == before or (len(word[0]) >= SHORTEST and before.startswith(word[0])):
                seen.add(before)
                return after
        return word[0]

    swapped = _WORD.sub(swap, text)
    return swapped if seen == moved.keys() else None


# --- which lines that are


@dataclass(frozen=True)
class Lines:
    """The smallest run of a file's lines that holds all that changes, and what shall stand there."""

    start: int
    end: int
    replacement: tuple[str, ...]


def changed_lines(before: bytes, after: bytes, shown: Callable[[str], bool]) -> Lines | None:
    """The lines that differ; None where they cannot be given as plain text, each of them `shown` as it is."""
    if b"\r" in before:
        return None  # a text that travels through a forge's comment would lose it
    try:
        old, new = before.decode("utf-8").split("\n"), after.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None
    shorter = min(len(old), len(new))
    head = next((number for number in range(shorter) if old[number] != new[number]), shorter)
    tail = next((number for number in range(shorter - head) if old[-1 - number] != new[-1 - number]), shorter - head)
    lines = tuple(new[head : len(new) - tail])
    if not lines or head == len(old) - tail or not all(shown(line) for line in lines):
        return None
    return Lines(head + 1, len(old) - tail, lines)
