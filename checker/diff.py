"""What differs between two texts, within limits: difflib takes time quadratic in lines, and more where many are alike."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

LINES = 1_000
"""The most lines of each side that are compared, once what both begin and end with has been left out."""


def unified(
    before: Sequence[str], after: Sequence[str], old_name: str = "", new_name: str = "", *, context: int = 3
) -> list[str]:
    """The lines of a unified diff. Of longer texts only the beginning, and a line that says so."""
    head = common_start(before, after)
    tail = common_start(before[head:][::-1], after[head:][::-1])
    start, left = max(0, head - context), [max(0, len(side) - max(tail - context, 0)) for side in (before, after)]
    old, new = before[start : left[0]], after[start : left[1]]
    cut = max(len(old), len(new)) - LINES
    lines = list(difflib.unified_diff(old[:LINES], new[:LINES], old_name, new_name, lineterm="", n=context))
    if start:
        lines = [_moved(line, start) if line.startswith("@@ ") else line for line in lines]
    return [*lines, f" … and up to {cut} more lines"] if cut > 0 and lines else lines


def common_start(one: Sequence[object], other: Sequence[object]) -> int:
    """How many of their first members are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((number for number, (left, right) in pairs if left != right), min(len(one), len(other)))


def _moved(header: str, by: int) -> str:
    """`@@ -1,2 +1,3 @@` for lines that begin so many lines further down."""
    spans = [span[1:].split(",") for span in header.split(" ")[1:3]]
    old, new = (",".join([str(int(first) + by), *rest]) for first, *rest in spans)
    return f"@@ -{old} +{new} @@"


def likeness(before: Sequence[str], after: Sequence[str]) -> float:
    """From 0 to 1, how much of two texts is the same: by their lines in order, of long ones by their lines alone."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    rough = matcher.quick_ratio()
    return rough if max(len(before), len(after)) > LINES else matcher.ratio()
