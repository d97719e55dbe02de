"""GitHub's workflow commands: annotations in the diff, and the fence around what strangers print."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from checker.findings import Finding, Report, Severity
from checker.reports.escape import clip, command_data, command_property, log
from checker.reports.words import is_existing, plural

COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
SHOWN = 10  # GitHub shows so many of each level for a step, and drops the rest without a word
LONGEST = 4_000
LONGEST_TITLE = 200
TOKEN = re.compile(r"[A-Za-z0-9_-]{16,}")


def render(report: Report) -> str:
    """One command per line for what this change introduces and for what was asked for and not run; the most severe first.

    Where a level has more than GitHub shows, the last one says how many are not shown. Existing problems are left out.
    """
    lines: dict[Severity, list[str]] = {severity: [] for severity in Severity}
    for skipped in report.skipped:
        if skipped.wanted:
            lines[Severity.ERROR].append(command("error", f"{skipped.what}: {skipped.reason}", title="not run"))
    for finding in report.findings:
        if not is_existing(finding):
            lines[Severity.NOTE if finding.allowed else finding.severity].append(_annotation(finding))
    return "".join(f"{line}\n" for severity in Severity for line in _capped(lines[severity], severity))


def _annotation(finding: Finding) -> str:
    kind = "notice" if finding.allowed else COMMANDS[finding.severity]
    text = finding.message
    if finding.allowed:
        text += f"\nallowed: {finding.allowed.reason} ({finding.allowed.source})"
    elif finding.fix:
        text += f"\nfix: {finding.fix}"
    return command(kind, text, title=f"{finding.id} {finding.slug}", file=finding.path, line=finding.line)


def _capped(lines: list[str], severity: Severity) -> Iterable[str]:
    if len(lines) <= SHOWN:
        return lines
    rest = plural(len(lines) - SHOWN + 1, f"{severity} annotation")
    return [*lines[: SHOWN - 1], command(COMMANDS[severity], f"{rest} more: the job's summary has them all")]


def command(name: str, text: str, *, title: str = "", file: str | None = None, line: int | None = None) -> str:
    """One workflow command; neither its text nor its properties can end it early."""
    properties = {
        "file": command_property(file) if file else "",
        "line": str(line) if file and line else "",
        "title": command_property(clip(title, LONGEST_TITLE)),
    }
    stated = ",".join(f"{key}={value}" for key, value in properties.items() if value)
    return f"::{name}{' ' if stated else ''}{stated}::{command_data(clip(text, LONGEST))}"


def stop_commands(text: str, token: str) -> str:
    """What a stranger wrote, for a job's log: no line of it is obeyed until the random `token` is said again.

    Raises ValueError for a token that is too short to be a secret, or that the text knows.
    """
    if not TOKEN.fullmatch(token) or token in text:
        raise ValueError("the token must be random: 16 letters and digits at least, and not in the text")
    shown = "".join(f"{log(line)}\n" for line in text.splitlines())
    return f"::stop-commands::{token}\n{shown}::{token}::\n"


@contextmanager
def commands_stopped(write: Callable[[str], object], token: str) -> Iterator[None]:
    """Whatever is written meanwhile, by whomever, is not obeyed. Raises ValueError as `stop_commands` does."""
    if not TOKEN.fullmatch(token):
        raise ValueError("the token must be random: 16 letters and digits at least")
    write(f"::stop-commands::{token}\n")
    try:
        yield
    finally:
        write(f"\n::{token}::\n")  # on a line of its own, whatever came before
