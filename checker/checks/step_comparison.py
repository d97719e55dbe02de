"""Whether a revision sends the same SQL before and after a change. Pure.

Some values differ between two runs of the same code: the time, random numbers, UUIDs, object ids, values from sequences.
They may be bound to a statement or written into its text. They are found by comparing runs of the same script, and a
difference at such a place is no difference between the scripts. A clock that only ticks once in a second or a day may read
the same in all of these runs, so two times no further apart than the runs themselves count as the same value.

Queries of the system catalogs are left out. They change nothing, their object ids differ in each database, and SQLAlchemy's
inspector sends fewer of them in a later run of a process. What a script makes of the answers shows in its other statements.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from enum import Enum

from checker.replay.outcome import Step

Tokens = tuple[tuple[str, ...], ...]
"""The tokens of each statement, with those of its bound values."""
Place = tuple[int, int]
"""A token: the statement's number, and its place in the statement."""

_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b|\w+|\S")
_TIME = re.compile(
    r"datetime\.(?:date|datetime)\((?P<repr>[\d, ]+)"
    r"|(?P<iso>\d{4}-\d\d-\d\d)(?:[T ](?P<clock>\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?"
    r"|(?<![\w.])(?P<epoch>[12]\d{9})(?P<fraction>\.\d+|\d{9}|\d{6}|\d{3})?(?![\w.])"
    r"|(?<![^\W_])(?P<compact>20\d{6})(?:[T_-]?(?P<compact_clock>\d{6}))?(?![^\W_])"
)
_CATALOG_QUERY = re.compile(
    r"\s*(?:SELECT|WITH)\b(?!.*\b(?:INSERT|UPDATE|DELETE|MERGE|INTO|nextval|setval|set_config)\b)"
    r".*\bFROM\s+(?:pg_catalog\.|pg_(?!temp)\w+\b|information_schema\.)",
    re.IGNORECASE | re.DOTALL,
)
_DAY = 86_400.0
_LOADING = 60.0  # a module-level constant is made when the scripts are loaded, before the first step begins


class Outcome(Enum):
    """What two recordings of one revision say about the code that made them."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"
    """They differ, and no second run of the same code shows whether it does so by itself."""


def compare_steps(before: Step, after: Step, repeats: Sequence[Step]) -> Outcome:
    """Compare the step before the change with the one after it; `repeats` are other runs of the script after it."""
    one, other = _tokens(before), _tokens(after)
    window = _window((before, after, *repeats))
    if _alike(one, other) and not (differing := set(_differing(one, other, window))):
        return Outcome.SAME
    again = [_tokens(step) for step in repeats]
    steady = [run for run in again if _alike(other, run)]
    if not steady:
        return Outcome.UNKNOWN
    if not _alike(one, other):
        # SQLAlchemy's inspector asks for less in a later run of a process: such a script has no fixed statements.
        return Outcome.OTHER if len(steady) == len(again) else Outcome.UNKNOWN
    return Outcome.OTHER if differing - _moving(other, steady) else Outcome.SAME


def only_reordered(before: Step, after: Step) -> bool:
    """Whether both send the same statements with the same values, in another order."""
    return Counter(_tokens(before)) == Counter(_tokens(after))


def _tokens(step: Step) -> Tokens:
    values = (*step.values, *[()] * (len(step.statements) - len(step.values)))
    return tuple(
        (*_TOKEN.findall(statement), *bound)
        for statement, bound in zip(step.statements, values, strict=False)
        if not _CATALOG_QUERY.match(statement)
    )


def _alike(one: Tokens, other: Tokens) -> bool:
    """Whether both are as long, statement by statement."""
    return list(map(len, one)) == list(map(len, other))


def _moving(first: Tokens, runs: Iterable[Tokens]) -> set[Place]:
    """The places at which runs of one and the same script differ."""
    return {place for run in runs for place, _, _ in _pairs(first, run)}


def _differing(one: Tokens, other: Tokens, window: tuple[float, float]) -> Iterator[Place]:
    return (place for place, a, b in _pairs(one, other) if not _same_clock(a, b, window))


def _pairs(one: Tokens, other: Tokens) -> Iterator[tuple[Place, str, str]]:
    for number, (left, right) in enumerate(zip(one, other, strict=True)):
        for place, (a, b) in enumerate(zip(left, right, strict=True)):
            if a != b:
                yield (number, place), a, b


# --- clocks


def _window(steps: Iterable[Step]) -> tuple[float, float]:
    """When all of this ran, in seconds since 1970."""
    timed = [step for step in steps if step.began]
    if not timed:
        return (0.0, 0.0)
    return min(step.began for step in timed) - _LOADING, max(step.began + step.seconds for step in timed)


def _same_clock(one: str, other: str, window: tuple[float, float]) -> bool:
    """Whether two texts differ only in times that one clock may have shown within the window."""
    times = [list(_TIME.finditer(text)) for text in (one, other)]
    if _TIME.sub("\0", one) != _TIME.sub("\0", other) or len(times[0]) != len(times[1]):
        return False
    return all(_same_time(a, b, window) for a, b in zip(*times, strict=True) if a[0] != b[0])


def _same_time(one: re.Match[str], other: re.Match[str], window: tuple[float, float]) -> bool:
    (first, exact), (second, exact_too) = _seconds(one), _seconds(other)
    if first is None or second is None or exact != exact_too:
        return False
    near = all(window[0] - _DAY <= at <= window[1] + _DAY for at in (first, second))
    if not exact:  # a date: midnight is at another moment in each time zone
        return near and abs(first - second) <= _DAY
    # A number may be anything; a written time may also be the present plus a constant (an expiry date).
    return abs(first - second) <= window[1] - window[0] and (near or one["epoch"] is one["compact"] is None)


def _seconds(found: re.Match[str]) -> tuple[float | None, bool]:
    """The time in seconds since 1970, and whether it is more than a date; None for what is no time."""
    try:
        if found["epoch"]:
            fraction = (found["fraction"] or "").lstrip(".")
            return float(f"{found['epoch']}.{fraction or 0}"), True
        if found["repr"]:
            parts = [int(part) for part in found["repr"].replace(" ", "").split(",") if part]
            return datetime(*parts[:3], *parts[3:7], tzinfo=UTC).timestamp(), len(parts) > 3  # type: ignore[misc,arg-type]
        if found["iso"]:
            text, clock = found["iso"], found["clock"]
            return datetime.fromisoformat(f"{text} {clock or '00:00'}+00:00").timestamp(), bool(clock)
        day, clock = found["compact"], found["compact_clock"]
        return datetime.strptime(f"{day} {clock or '000000'} +0000", "%Y%m%d %H%M%S %z").timestamp(), bool(clock)
    except (TypeError, ValueError):
        return None, False
