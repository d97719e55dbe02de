"""Which Python versions a project says it runs on, and whether one is among them."""

from __future__ import annotations

import re

Version = tuple[int, ...]
# No part has more digits: Python reads no number of 5,000.
_NUMBERS = re.compile(r"\d{1,9}(?:\.\d{1,9})*")
_CLAUSE = re.compile(rf"(===?|~=|!=|>=|<=|>|<|\^|~)?\s*v?({_NUMBERS.pattern})(\.\*)?")


def parse_version(text: str) -> Version:
    """(3, 12, 1) of "3.12.1"; empty for what begins with no number."""
    found = _NUMBERS.match(text.strip())
    return tuple(map(int, found[0].split("."))) if found else ()


def allows(specifier: str, version: Version) -> bool:
    """Whether `version` is within a PEP 440 specifier or one of Poetry's (`^3.12`, `~3.11`, `>=3.9 || …`).

    What cannot be read forbids nothing: this only serves to explain a failure and to choose among Pythons.
    """
    return any(_all(part, version) for part in specifier.split("||"))


def _all(specifier: str, version: Version) -> bool:
    return all(
        _clause(part.strip(), version) for part in re.split(r",|(?<!\s)\s++(?=[<>=!~^])", specifier) if part.strip()
    )


def _clause(text: str, version: Version) -> bool:
    found = _CLAUSE.fullmatch(text)
    if not found:
        return True
    operator, limit, prefix = found[1] or "==", parse_version(found[2]), bool(found[3])
    if operator in ("^", "~", "~="):
        return version >= limit and version[: len(_kept(operator, limit))] == _kept(operator, limit)
    if operator in ("==", "===", "!="):
        # "==3.12" means 3.12.0 to the letter, and 3.12 to whoever wrote it.
        same = version[: len(limit)] == limit if prefix or len(limit) < 3 else version == limit
        return same != (operator == "!=")
    width = max(len(version), len(limit))
    left, right = _padded(version, width), _padded(limit, width)
    return {">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}[operator]


def _kept(operator: str, limit: Version) -> Version:
    """The part of the version that a compatible one shares."""
    if operator == "^":
        return limit[:1]
    return limit[:-1] if operator == "~=" else limit[:2]


def _padded(version: Version, width: int) -> Version:
    return (*version, *(0,) * (width - len(version)))
