"""The revision ids that an error message names, however it was pasted. Pure."""

from __future__ import annotations

import re

# What a terminal, a log collector or a mail client leaves in a text: colours, titles, and quotes of every country.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_QUOTES = "'\"`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a"
_ESCAPED = re.compile(r"\\u(20[0-9a-fA-F]{2}|00[0-9a-fA-F]{2})")
_LINE_START = re.compile(r"\n[ \t]*(?:[\w.-]+[ \t]*\|[ \t]?|>[ \t]?)*")
_NAME = rf"[\s\\{_QUOTES}]*(?P<id>[\w][\w.+-]*)"

LOOKED_FOR = (
    "Can't locate revision identified by '…'",
    "No such revision or branch '…'",
    "Revision … referenced from … is not present",
    "KeyError: '…' of a traceback through Alembic",
    "what psql shows of alembic_version",
)
"""What is found in a message, for one in which nothing was."""

_PATTERNS = (
    re.compile(rf"locate\s+revision\s+identified\s+by{_NAME}", re.I),
    re.compile(rf"No\s+such\s+revision\s+or\s+branch{_NAME}", re.I),
    re.compile(rf"\bRevision{_NAME}[\s\\{_QUOTES}]*+(?<=\s)referenced\s+from\b", re.I),
)
_PSQL = re.compile(r"version_num[ \t|]*\n(?:[ \t|+-]*\n)?(?P<rows>(?:[ \t|]*[\w.-]+[ \t|]*\n)+)")
_KEY_ERROR = re.compile(rf"\bKeyError:{_NAME}")
_HEXADECIMAL = re.compile(r"[0-9a-f]{4,40}")


def revisions_in(message: str) -> tuple[str, ...]:
    """The ids that a message says cannot be found, each once, in its order; () where there are none.

    A message may be one word, the id itself.
    """
    text = plain(message)
    word = text.strip().strip(f" \t\r\n{_QUOTES}.")
    if re.fullmatch(r"[\w.+-]+", word):
        return (word,)
    found = [_clean(match["id"]) for pattern in _PATTERNS for match in pattern.finditer(text)]
    if not found:
        found = [word for match in _PSQL.finditer(text + "\n") for word in re.findall(r"[\w.-]+", match["rows"])]
    if not found:
        found = _of_alembic([_clean(match["id"]) for match in _KEY_ERROR.finditer(text)], text)
    return tuple(dict.fromkeys(one for one in found if one))


def plain(message: str) -> str:
    """The message without colours, escapes and the marks that logs put before their lines."""
    text = _ANSI.sub("", message).replace("\r\n", "\n").replace("\\n", "\n")
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    return _LINE_START.sub("\n", text)


def _clean(name: str) -> str:
    return name.strip().rstrip(".,;:-")


def _of_alembic(names: list[str], text: str) -> list[str]:
    """Any program raises KeyErrors: those count that look like an id, else the last one where Alembic is in the traceback."""
    return [one for one in names if _HEXADECIMAL.fullmatch(one)] or (names[-1:] if "alembic" in text else [])
