"""A check's page in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from checker.checks.base import CheckInfo


def page(info: CheckInfo) -> str:
    """What it says, why it breaks a database, how to mend it."""
    body = {"What it says": info.says, "Why it breaks a database": info.breaks, "How to mend it": info.mend}
    blocks = [f"{info.id} {info.slug} ({info.severity})"]
    blocks += [f"{title}\n{textwrap.indent(textwrap.fill(text, 100), '  ')}" for title, text in body.items()]
    return "\n\n".join(blocks)


def table(infos: Iterable[CheckInfo]) -> str:
    """Every check in a line."""
    return "\n".join(f"{info.id}  {info.severity.value:<8} {info.slug:<28} {info.says}" for info in infos)
