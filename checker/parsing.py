"""TOML, JSON, YAML and ini text that others wrote → data, within limits on size, depth and expansion.

Every parser here ends in time linear in its input, and with Unreadable for whatever it does not take: what the standard
parsers raise (RecursionError, OverflowError, an int of 5,000 digits) never leaves this module.
"""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

SCRIPT_BYTES = 200_000
"""The longest revision script that is read as Python. Of a longer one only what precedes its first function is."""
SCRIPT_DEPTH = 150
"""The deepest syntax tree that is walked: Python's own parser takes 100 indentations and 200 brackets."""
SCRIPT_NODES = 50_000
"""The largest syntax tree that is walked: 3,000 calls of `op.add_column` have as many nodes."""
CONFIGURATION_BYTES = 100_000
"""The longest configuration, and the longest ini."""
TOML_BYTES = 1_000_000
LOCK_BYTES = 20_000_000
"""The longest lock file: those of large projects have several million bytes."""
JSON_BYTES = 50_000_000
"""The longest JSON text. GitHub cuts the payload of an event at 25 million bytes."""
MESSAGE_CHARACTERS = 200_000
"""The longest pasted error message."""
YAML_NODES = 20_000
"""The most nodes of a YAML text, with everything that an alias repeats."""
_INI_DEPTH = 10  # configparser's own
_INI_VALUE = 50_000

_BLANKS = re.compile(r"[^\S\n]{100,}")
_PLACEHOLDER = re.compile(r"%(?:%|\(([^()]*)\)s|)")
# tomllib takes time quadratic in the number of parts of a dotted key.
_LONG_KEY = re.compile(r"(?<![.\w\"'-])(?:(?:[\w-]+|\"[^\"\n]*\"|'[^'\n]*')[ \t]*\.[ \t]*){100}")
_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


class Unreadable(ValueError):
    """Why a text cannot be read, in half a sentence; `line` is where, if that is known."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def refuse_longer(text: str | bytes, limit: int) -> None:
    """Raises Unreadable for a text above the limit."""
    if len(text) > limit:
        raise too_long(text, limit)


def too_long(text: str | bytes, limit: int) -> Unreadable:
    """The error for a text above the limit."""
    unit = "bytes" if isinstance(text, bytes) else "characters"
    return Unreadable(f"it has {len(text):,} {unit}, and at most {limit:,} are read")


def is_text(value: str) -> bool:
    """Whether a string can be the name of a file or an argument of a program: without NUL, and encodable."""
    return not _NOT_TEXT.search(value)


# --- TOML and JSON


def parse_toml(text: str | bytes, limit: int = TOML_BYTES) -> dict[str, Any]:
    """The tables of a TOML text. Raises Unreadable."""
    refuse_longer(text, limit)
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8 text") from None
    if found := _LONG_KEY.search(decoded):
        raise Unreadable("a key has more than 100 parts", decoded.count("\n", 0, found.start()) + 1)
    try:
        return tomllib.loads(decoded)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except (ValueError, OverflowError) as error:  # TOMLDecodeError, and what int() and datetime say
        line = re.search(r"\(at line (\d{1,9}),", str(error))
        raise Unreadable(str(error), int(line[1]) if line else None) from None


def table_at(tables: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The table of that dotted name; an empty one where something else is there, or nothing."""
    found: Any = tables
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def parse_json(text: str | bytes, limit: int = JSON_BYTES) -> Any:
    """The value of a JSON text. Raises Unreadable."""
    refuse_longer(text, limit)
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(str(error)) from None


# --- YAML


class _Loader(yaml.SafeLoader):
    """PyYAML's, with every fault of a value reported at its line."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError):
            # `2026-02-30`, an int of 5,000 digits, `!!bool maybe`, `!!timestamp now`
            reason = f"this is no {node.tag.rpartition(':')[2]}"  # without the value, which may be a secret
            raise yaml.constructor.ConstructorError(None, None, reason, node.start_mark) from None


def parse_yaml(text: str, limit: int = CONFIGURATION_BYTES) -> tuple[Any, yaml.Node | None]:
    """The value of a YAML text, and the node that it was made from, which has its lines. Raises Unreadable."""
    refuse_longer(text, limit)
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None, None
        _refuse_expansion(root)
        return loader.construct_document(root), root
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Unreadable(" ".join(part for part in (error.context, error.problem) if part), line) from None
    except yaml.YAMLError as error:
        raise Unreadable(" ".join(str(error).split())) from None


def _refuse_expansion(root: yaml.Node) -> None:
    """Raises Unreadable where aliases repeat more than anybody writes, or one contains itself."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = YAML_NODES + 1  # what an alias of itself comes to
            sizes[id(node)] = min(1 + sum(size(one) for one in _members(node)), YAML_NODES + 1)
        return sizes[id(node)]

    if size(root) > YAML_NODES:
        raise Unreadable(f"it has more than {YAML_NODES:,} values once its aliases are expanded")


def _members(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


# --- ini


class Ini:
    """The sections of an ini, with values as configparser's BasicInterpolation gives them."""

    def __init__(self, parser: configparser.RawConfigParser) -> None:
        self._parser = parser

    @property
    def sections(self) -> list[str]:
        """Their names, in the order of the file; not DEFAULT."""
        return self._parser.sections()

    def own(self, section: str) -> Mapping[str, str]:
        """What the section itself sets, as it is written."""
        found: Mapping[str, str] = self._parser._sections[section]  # type: ignore[attr-defined]
        return found

    def get(self, section: str, option: str) -> str | None:
        """A value; None where it is not set or its interpolation fails."""
        values = dict(self._parser.items(section))
        try:
            return interpolate(values[option], values)
        except (KeyError, Unreadable):
            return None

    def items(self, section: str) -> dict[str, str]:
        """All values of a section whose interpolation does not fail; nothing where there is no such section."""
        if not self._parser.has_section(section):
            return {}
        found = {name: self.get(section, name) for name in dict(self._parser.items(section))}
        return {name: value for name, value in found.items() if value is not None}


def parse_ini(text: str, defaults: Mapping[str, str], limit: int = CONFIGURATION_BYTES) -> Ini:
    """An ini file. Raises Unreadable."""
    refuse_longer(text, limit)
    parser = configparser.RawConfigParser(defaults, strict=False)
    try:
        # configparser's patterns take time quadratic in the blanks of a line.
        parser.read_string(_BLANKS.sub(" " * 100, text))
    except (configparser.Error, AttributeError, TypeError) as error:
        raise Unreadable(str(error).partition("\n")[0], getattr(error, "lineno", None)) from None
    return Ini(parser)


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """`%(name)s` replaced by the value of that name, as often as values name others, and `%%` by `%`.

    Raises Unreadable for an unknown name, another `%`, a circle, and for more than anybody writes.
    """
    left = [_INI_VALUE]
    return _interpolated(text, values, _INI_DEPTH, left)


def _interpolated(text: str, values: Mapping[str, str], depth: int, left: list[int]) -> str:
    if not depth:
        raise Unreadable("its values name each other too deeply")

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if found[0] == "%" or (name is not None and name.lower() not in values):
            raise Unreadable(f"{found[0]} is no name that is set")
        return "%" if name is None else _interpolated(values[name.lower()], values, depth - 1, left)

    left[0] -= len(text) + 1
    if left[0] < 0:
        raise Unreadable("its values name each other too often")
    return _PLACEHOLDER.sub(value, text)
