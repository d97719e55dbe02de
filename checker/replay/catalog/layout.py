"""What in the text of a function is only its layout."""

from __future__ import annotations

import re

_LAYOUT_IS_NOTHING = re.compile(r"^ LANGUAGE (sql|plpgsql)\b", re.MULTILINE)
_DOLLAR_QUOTE = re.compile(r"\$\w*\$")


def without_layout(definition: str) -> str:
    """The definition without indentation and blank lines, where these mean nothing.

    The same function written in upgrade() and, further in, in the next revision's downgrade() is the same function. In
    Python's languages they mean something, and in a text constant of several lines: such a definition stays as it is.
    """
    if not _LAYOUT_IS_NOTHING.search(definition):
        return definition
    lines = [line.strip() for line in definition.splitlines()]
    # An odd number of quotes is the end of a line inside of a constant, or an apostrophe in a comment: who can tell.
    open_ended = any(line.count(quote) % 2 for line in lines for quote in "'\"")
    if open_ended or len(_DOLLAR_QUOTE.findall(definition)) > 2:
        return definition
    return "\n".join(filter(None, lines))
