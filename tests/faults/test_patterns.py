"""No regular expression takes more than linear time, whatever it is given."""

from __future__ import annotations

import pytest

from tests.faults.patterns import Used, all_patterns, bombs

PATTERNS = all_patterns()
LENGTH = 1_500
MEASURABLE = 0.02
"""Seconds. A linear pattern needs a hundredth of it for such a text; below it, a ratio says nothing."""


@pytest.mark.parametrize(
    "used", PATTERNS, ids=[f"{one.where}-{one.method}-{number}" for number, one in enumerate(PATTERNS)]
)
def test_four_times_the_text_takes_about_four_times_as_long(used: Used) -> None:
    for short, long in zip(bombs(used.pattern, LENGTH), bombs(used.pattern, 4 * LENGTH), strict=True):
        took = used.seconds(long)
        if took > MEASURABLE:
            assert took < 9 * used.seconds(short), (used.pattern.pattern, long[:60], long[-10:])


def test_the_measure_finds_a_quadratic_one() -> None:
    import re

    used = Used("here", re.compile(r"[ \t]+(?=\n)"), "search")
    assert any(used.seconds(one) > MEASURABLE for one in bombs(used.pattern, 4 * LENGTH))
