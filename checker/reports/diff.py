"""What becomes of files, for a person at a terminal: a unified diff as git shows it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from checker.diff import unified
from checker.reports.escape import log, one_line

STYLES = {"+": "green", "-": "red", "@": "cyan"}


def render(path: str, before: bytes | None, after: bytes, new_path: str | None = None) -> Text:
    """One file's diff. `before` is None for a file that is new, `new_path` where it lies afterwards."""
    text = Text()
    for line in _lines(path, before, after, new_path or path):
        text.append(f"{line}\n", _style(line))
    return text


def _lines(path: str, before: bytes | None, after: bytes, target: str) -> Iterator[str]:
    if target != path:
        yield f"rename from {one_line(path)}"
        yield f"rename to {one_line(target)}"
    old, new = (log(side.decode("utf-8", "surrogateescape")).splitlines() for side in (before or b"", after))
    source = "/dev/null" if before is None else f"a/{one_line(path)}"
    yield from unified(old, new, source, f"b/{one_line(target)}")


def _style(line: str) -> str:
    return "bold" if line.startswith(("---", "+++", "rename ")) else STYLES.get(line[:1], "")
