"""Every regular expression of checker/, how it is used, and strings that are made to keep it busy."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

import checker

METHODS = ("match", "fullmatch", "search", "sub", "findall", "finditer", "split", "subn")


@dataclass(frozen=True)
class Used:
    """A pattern and the method that it is used with."""

    where: str
    pattern: re.Pattern[Any]
    method: str

    def seconds(self, text: str) -> float:
        """The CPU time of one use on this text; the shorter of two."""
        subject: Any = text.encode() if isinstance(self.pattern.pattern, bytes) else text
        return min(_timed(lambda: self._use(subject)) for _ in range(2))

    def _use(self, subject: Any) -> None:
        call = getattr(self.pattern, self.method)
        if self.method in ("sub", "subn"):
            call(subject[:0], subject)
        elif self.method == "finditer":
            list(call(subject))
        else:
            call(subject)


def _timed(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def all_patterns() -> list[Used]:
    """Those of every module, by the methods that the module calls on them."""
    found: dict[tuple[str, Any, int, str], Used] = {}
    for info in pkgutil.walk_packages(checker.__path__, "checker."):
        if info.name.endswith(("__main__", ".worker")):  # the worker is a program of its own, with its own time limits
            continue
        module = importlib.import_module(info.name)
        for used in _of_module(module):
            found[used.where, used.pattern.pattern, used.pattern.flags, used.method] = used
    return list(found.values())


def _of_module(module: ModuleType) -> Iterator[Used]:
    tree = ast.parse(inspect.getsource(module))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    called: dict[str, set[str]] = {}
    for call in calls:
        owner, method = call.func.value, call.func.attr  # type: ignore[attr-defined]
        if isinstance(owner, ast.Name) and method in METHODS:
            called.setdefault(owner.id, set()).add(method)
            if owner.id == "re" and (pattern := _written_in_place(call, module)):
                yield Used(module.__name__, pattern, method)
    for name, value in vars(module).items():
        for pattern in _patterns_in(value):
            for method in sorted(called.get(name, {"search"})):
                yield Used(f"{module.__name__}.{name}", pattern, method)


def _patterns_in(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _patterns_in(one)


def _written_in_place(call: ast.Call, module: ModuleType) -> re.Pattern[Any] | None:
    pattern = _value(call.args[0], module) if call.args else None
    flags = [_value(one, module) for one in (*call.args[2:], *(one.value for one in call.keywords))]
    known = (one for one in flags if isinstance(one, re.RegexFlag))
    return re.compile(pattern, next(known, 0)) if isinstance(pattern, str | bytes) else None


def _value(node: ast.expr, module: ModuleType) -> Any:
    try:
        return eval(compile(ast.Expression(node), "pattern", "eval"), dict(vars(module)))
    except (NameError, AttributeError, TypeError):
        return None  # made of what only a run knows


def bombs(pattern: re.Pattern[Any], length: int) -> Iterator[str]:
    """Strings of about this length: what each part of the pattern takes, over and over, behind what leads there, and before
    something that nothing takes; and each beginning of the pattern over and over."""
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    parsed = _parser.parse(text, pattern.flags & ~re.DEBUG)
    for choice in range(2):
        yield from _bombs(list(_flat(parsed, choice)), length)


def _bombs(items: list[Any], length: int) -> Iterator[str]:
    for number, item in enumerate(items):
        lead = "".join(_sample(one) for one in items[:number])
        pump = _sample(item) or "a"
        for unit in dict.fromkeys((pump, " ", "\n", f"{lead}{pump}", f"{lead}{pump}\n")):
            for tail in ("\x01", "\n", ""):
                yield lead + unit * (length // len(unit)) + tail


def _flat(parsed: Any, choice: int) -> Iterator[Any]:
    for operation, value in parsed:
        if operation is sre.SUBPATTERN:
            yield from _flat(value[3], choice)
        elif operation is sre.BRANCH:
            yield from _flat(value[1][choice % len(value[1])], choice)
        elif operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            inner = list(_flat(value[2], choice))
            yield from inner * max(1, min(value[0], 10)) if len(inner) < 20 else inner
        elif operation in (sre.AT, sre.ASSERT, sre.ASSERT_NOT, sre.GROUPREF):
            continue
        else:
            yield operation, value


def _sample(item: Any) -> str:
    operation, value = item
    if operation is sre.LITERAL:
        return chr(value)
    if operation is sre.NOT_LITERAL:
        return "a" if value != ord("a") else "b"
    if operation is sre.ANY:
        return "a"
    if operation is sre.IN:
        return _member(value)
    return "a"


def _member(members: Any) -> str:
    if members[0][0] is sre.NEGATE:
        pattern = _matching(members)
        return next((one for one in "a .1-\t" if pattern(one)), "a")
    operation, value = members[0]
    if operation is sre.LITERAL:
        return chr(value)
    if operation is sre.RANGE:
        return chr(value[0])
    return {sre.CATEGORY_SPACE: " ", sre.CATEGORY_DIGIT: "1", sre.CATEGORY_NOT_SPACE: "a"}.get(value, "a")


def _matching(members: Any) -> Callable[[str], bool]:
    categories = {sre.CATEGORY_SPACE: str.isspace, sre.CATEGORY_DIGIT: str.isdigit}

    def taken(one: str) -> bool:
        for operation, value in members[1:]:
            if operation is sre.LITERAL and chr(value) == one:
                return False
            if operation is sre.RANGE and value[0] <= ord(one) <= value[1]:
                return False
            if operation is sre.CATEGORY and categories.get(value, lambda _: False)(one):
                return False
        return True

    return taken
