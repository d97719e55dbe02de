"""What a project asks its environment for, and what it then connects with: seen in the project's own interpreter.

`worker.py` loads this file by its path, and only in the sessions in which `probing.py` looks for a project's settings. As
there, only the standard library is used, on Python 3.9 and up.

Values that can be recognised (`pm7x`) are given to variables. Where one turns up in the arguments of a connection, that
variable is known to be read for it, whatever it is called.
"""

from __future__ import annotations

import enum
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

MARKER = re.compile(r"pm\d+x")
VARIABLES = 2_000
FRAMES = 15
SECRET = 200  # characters of a default; no setting's is longer, but for texts
NESTED = 4
NOT_KNOWN = object()


class Observer:
    """Listens to os.environ, knows the settings classes, and looks at the arguments of connections."""

    def __init__(self, of_project: Callable[[str], bool]) -> None:
        self._of_project = of_project
        self._asked: dict[str, Any] = {}  # in the order of the last question; the default, if one was given
        self._ours: dict[str, bool] = {}
        self._parts: dict[str, str] = {}

    def listen(self) -> None:
        """From here on. All ways to os.environ (get, getenv, `in`, [...]) go through this one method."""
        kind = type(os.environ)
        original = kind.__getitem__

        def getitem(environ: Any, key: Any) -> Any:
            self._note(key)
            return original(environ, key)

        kind.__getitem__ = getitem  # type: ignore[method-assign]

    def _note(self, name: str) -> None:
        frame: Any = sys._getframe(2)
        default = NOT_KNOWN
        for _ in range(FRAMES):
            if frame is None or frame.f_code.co_filename.startswith("<frozen importlib"):
                return
            default = frame.f_locals.get("default", NOT_KNOWN) if default is NOT_KNOWN else default
            if self._of_project(frame.f_code.co_filename):
                self._asked.pop(name, None)
                self._asked[name] = default
                return
            frame = frame.f_back

    def connecting(self, dsn: Any, asked: Any) -> None:
        """A connection is about to be opened with these arguments: where are the values that were given out?"""
        for part, text in _parts(dsn, asked):
            for marker in MARKER.findall(text):
                self._parts.setdefault(marker, part if text == marker else f"in {part}")

    def report(self) -> dict[str, Any]:
        """What was seen: `asked`, the variables, the last that was asked for last; `parts`, a marker's place."""
        there = set(os.environ)
        fields = {one["name"]: one for one in _all_fields(self._of_project)}
        asked = {name: {"name": name, "default": _told(value), "values": []} for name, value in self._asked.items()}
        merged = {**fields, **{name: {**one, **fields.get(name, {})} for name, one in asked.items()}}
        known = [{**one, "given": one["name"] in there} for one in merged.values()]
        return {"asked": known[-VARIABLES:], "parts": self._parts}


def _parts(dsn: Any, asked: Any) -> Iterator[tuple[str, str]]:
    names = {"dbname": "database"}
    text = str(dsn or "")
    if "://" in text:
        parts = urlsplit(text)
        netloc = parts.netloc.rpartition("@")
        user, _, password = netloc[0].partition(":")
        yield from (("user", unquote(user)), ("password", unquote(password)), ("host", netloc[2].partition(":")[0]))
        yield "database", unquote(parts.path.lstrip("/"))
    else:
        for name, value in re.findall(r"(?<!\w)(\w+)\s*=\s*'?([^\s']*)", text):
            yield names.get(name, name), value
    for name, value in asked.items():
        yield names.get(name, name), str(value)


# ---------------------------------------------------------------- settings classes


def _all_fields(of_project: Callable[[str], bool]) -> Iterator[dict[str, Any]]:
    """The fields of the project's settings classes, those of pydantic 1 and 2, as variables."""
    for library in ("pydantic_settings", "pydantic.v1", "pydantic"):
        base = getattr(sys.modules.get(library), "__dict__", {}).get("BaseSettings")
        for kind in _subclasses(base) if isinstance(base, type) else ():
            module = sys.modules.get(kind.__module__)  # none where its import failed, as a project's does
            if module is None or of_project(getattr(module, "__file__", None) or ""):
                yield from _fields(kind)


def _subclasses(kind: Any) -> Iterator[Any]:
    for one in kind.__subclasses__():
        yield one
        yield from _subclasses(one)


def _fields(kind: Any) -> Iterator[dict[str, Any]]:
    config = getattr(kind, "model_config", None)
    if isinstance(config, dict):
        for name, field in kind.model_fields.items():
            variable = _variable(name, field, config)
            yield {"name": variable, "default": _told(field.default), "values": values(field.annotation)}
        return
    for name, field in getattr(kind, "__fields__", {}).items():  # pydantic 1
        named = sorted(field.field_info.extra.get("env_names", ())) or [name]
        upper = not getattr(kind.__config__, "case_sensitive", False)
        variable = named[0].upper() if upper else named[0]
        yield {"name": variable, "default": _told(field.default), "values": values(field.outer_type_)}


def _variable(name: str, field: Any, config: Any) -> str:
    choices = getattr(field.validation_alias, "choices", None) or [field.validation_alias, field.alias]
    alias = next((one for one in choices if isinstance(one, str)), None)
    found = alias or (config.get("env_prefix") or "") + name
    return found if config.get("case_sensitive") else found.upper()


def _told(default: Any) -> Any:
    """A default as text; None where there is none."""
    value = getattr(default, "value", default) if isinstance(default, enum.Enum) else default
    return str(value)[:SECRET] if isinstance(value, (str, bool, int, float)) else None


def values(annotation: Any, depth: int = 0) -> list[str]:
    """Texts that a settings library reads as this type, the likeliest first; [] for text and what is not known."""
    arguments = [one for one in getattr(annotation, "__args__", ()) if one is not type(None)]
    origin = getattr(annotation, "__origin__", annotation)
    kinds = " ".join((str(origin), type(annotation).__name__))
    found: list[str] = []
    if depth > NESTED or annotation is str:
        pass
    elif "Literal" in kinds:
        found = [str(one) for one in arguments]
    elif "Annotated" in kinds or "Union" in kinds:
        found = [] if str in arguments else [value for one in arguments for value in values(one, depth + 1)]
    elif isinstance(origin, type):
        found = _of_class(origin, arguments, depth)
    return found


def _of_class(kind: Any, arguments: Any, depth: int) -> list[str]:
    found = list(SIMPLE.get(kind.__name__, ()))
    if issubclass(kind, enum.Enum):
        found = [str(one.value) for one in kind]
    elif issubclass(kind, (list, tuple, set, frozenset)):
        inner = (values(arguments[0], depth + 1) or ["a"])[0] if arguments else "a"
        found = [json.dumps([_read(inner)]), "[]"]
    elif issubclass(kind, dict):
        found = ["{}"]
    elif hasattr(kind, "model_fields") or hasattr(kind, "__fields__"):
        found = [json.dumps(_example(kind, depth))]
    return found


def _example(model: Any, depth: int) -> dict[str, Any]:
    """The fields that a model cannot do without."""
    fields = getattr(model, "model_fields", None) or getattr(model, "__fields__", {})
    made = {}
    for name, field in fields.items():
        required = field.is_required() if callable(getattr(field, "is_required", None)) else field.required
        if required:
            kind = getattr(field, "annotation", None) or getattr(field, "outer_type_", str)
            made[getattr(field, "alias", None) or name] = _read((values(kind, depth + 1) or ["a"])[0])
    return made


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


SIMPLE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("int", "float", "Decimal", "timedelta"), ("1",)),
    "bool": ("true", "false"),
    **dict.fromkeys(("HttpUrl", "AnyUrl", "AnyHttpUrl"), ("https://example.com",)),
    "PostgresDsn": ("{url}", "postgresql://{login}/{database}"),
    "RedisDsn": ("redis://localhost:6379/0",),
    "AmqpDsn": ("amqp://localhost:5672",),
    "EmailStr": ("premerge@example.com",),
    "UUID": ("00000000-0000-4000-8000-000000000000",),
    "datetime": ("2026-01-01T00:00:00",),
    "date": ("2026-01-01",),
    **dict.fromkeys(("Path", "DirectoryPath"), (".",)),
    "IPv4Address": ("127.0.0.1",),
}
