"""What strangers wrote, made safe for the place where it is shown.

A branch, a path, a revision's message and what PostgreSQL answers all come from the change that is judged. None of it
may move a cursor, run a workflow command, close a table or ping a colleague.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

# What a reader cannot see, or what reorders what is seen: control characters, marks of direction, lone surrogates (a
# path that is not UTF-8), and what XML forbids. Tab and newline stay; the joiners of emoji and of Persian do too.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
# Underscores within a word are none of Markdown's; what counts at the start of a line counts nowhere else.
_MARKDOWN = re.compile(
    r"[\\`*\[\]~&<>$|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|@(?=\w)|#(?=\d)|(?<=\bGH)-(?=\d)"
    r"|(?<=:)//|(?<=www)\.|^[-+=:#]|^\d+(?=[.)](?:\s|$))",
    re.IGNORECASE,
)
_UNBREAKABLE = "&#8203;"  # a space of no width: the word reads the same, but is no mention, reference or link
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_PUNCTUATION = re.compile(r"[!-+:-@\[-`{-~]")
# Runners read `::command::` where a line starts, and `##[command]` anywhere in it.
_COMMAND = re.compile(r"^(?P<indent>[^\S\n]*):(?=:[^\n]*::)|#(?=#\w*\[)", re.MULTILINE)


def visible(text: str) -> str:
    """The text with every unseen character spelled out: `\\x1b`, `\\u202e`, and `\\x80` for a byte that is no UTF-8."""
    return _UNSEEN.sub(_spelled, text.replace("\r\n", "\n"))


def _spelled(match: re.Match[str]) -> str:
    point = ord(match[0])
    if 0xDC80 <= point <= 0xDCFF:
        point -= 0xDC00  # how Python keeps a byte that it could not decode
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def one_line(text: str) -> str:
    """The visible text, on one line."""
    return " ".join(filter(None, (line.strip() for line in visible(text).split("\n"))))


def clip(text: str, limit: int) -> str:
    """At most `limit` characters of the text, and how many more there were."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit} characters more)"


def log(text: str) -> str:
    """The visible text for whatever may end in a terminal or a job's log: no line of it is a workflow command."""
    return _COMMAND.sub(lambda match: "\\x23" if match["indent"] is None else f"{match['indent']}\\x3a", visible(text))


def markdown(text: str) -> str:
    """One line that reads as the text does, in Markdown and in HTML within it alike.

    No markup, formula, link, mention of a user or an issue, and no end of a table's cell is left in it.
    """
    return _MARKDOWN.sub(_plain, one_line(text))


def prose(text: str) -> str:
    """As `markdown`, but what stands between backticks comes out as code: how the checks write commands and names."""
    return "".join(
        code(part) if is_code else _MARKDOWN.sub(_plain, part) for is_code, part in backticked(one_line(text))
    )


def backticked(text: str) -> list[tuple[bool, str]]:
    """The text in parts, and of each whether it stood between backticks."""
    return [(number % 2 == 1, part) for number, part in enumerate(_CODE.split(text)) if part]


def _plain(match: re.Match[str]) -> str:
    found = match[0]
    if found == "$":
        return "<span>$</span>"  # GitHub's own word for a dollar that begins no formula
    if found in ("//", "."):
        return f"{_UNBREAKABLE}{found}"
    if found.isdigit():
        return f"{found}{_UNBREAKABLE}"
    # An entity is never taken for markup, and HTML knows it too; a backslash would stand there as it is.
    return f"&#{ord(found)};{_UNBREAKABLE if found in '@#-' else ''}"


def code(text: str) -> str:
    """The text as code within a line of Markdown, a table's cell included; nothing for nothing."""
    line = log(one_line(text))
    if not re.search(r"[`|]", line):
        return f"`{line}`" if line else ""
    return f"<code>{_PUNCTUATION.sub(lambda match: f'&#{ord(match[0])};', line)}</code>"


def is_exact(lines: Iterable[str]) -> bool:
    """Whether these lines can be shown as they are, so that what a reader sees is what a click writes."""
    return all("\n" not in line and log(line) == line for line in lines)


def fenced(text: str, language: str = "") -> str:
    """The text as a block of code in Markdown, with a fence that no line of it can close."""
    shown = log(text).strip("\n")
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def command_data(text: str) -> str:
    """The text after a workflow command's second `::`; its newlines arrive as newlines."""
    return log(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """The text as a workflow command's property."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")


def uri(path: str) -> str:
    """A path relative to the repository's root as a URI reference; bytes that are no UTF-8 keep their value."""
    try:
        return quote(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return quote(visible(path))


def json_text(text: str) -> str:
    """JSON, itself already written, that can be encoded: a lone surrogate as its escape."""
    return re.sub("[\ud800-\udfff]", lambda match: f"\\u{ord(match[0]):04x}", text)
