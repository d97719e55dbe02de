"""The report as Markdown: what a pull request's comment shows. `summary` adds what a job's summary has room for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from checker.findings import Finding, ReplayReport, Report, Severity
from checker.reports.escape import clip, code, fenced, markdown, prose, uri
from checker.reports.past import Table, tables
from checker.reports.words import documentation, headline, is_old_sin, old_sins, place, plural, scope

COMMENT_LIMIT = 65_536
SIGNS = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.NOTE: "ℹ️"}  # noqa: RUF001 (the sign, not the letter)
LONGEST_TEXT = 1_000
LONGEST_DETAILS = 6_000
RELATED = 10
TABLE = "| | Check | Where | What |\n|---|---|---|---|\n"


@dataclass(frozen=True)
class Links:
    """Where the head's and the base's files can be looked at: `https://github.com/OWNER/NAME`."""

    repository: str


@dataclass
class Room:
    """What is still to be had of a limit, in bytes of UTF-8: no count of characters comes out above it."""

    left: int

    def take(self, text: str) -> bool:
        """Whether the text still fits; if it does, its room is gone."""
        size = len(text.encode("utf-8"))
        fits = size <= self.left
        self.left -= size if fits else 0
        return fits


def render(report: Report, *, limit: int = COMMENT_LIMIT, links: Links | None = None) -> str:
    """The verdict, a table of findings, their details folded; cut at whole findings to at most `limit` bytes."""
    head = f"## {markdown(headline(report))}\n{_skipped(report, Room(limit // 4))}"
    tail = "".join(_fitting(map(_replay, report.replay), Room(limit // 8))) + _scope(report, Room(limit // 8))
    room = Room(limit - len((head + tail).encode("utf-8")) - 1_000)  # the titles, and the words on what was left out
    own = [finding for finding in report.findings if not is_old_sin(finding)]
    old = [finding for finding in report.findings if is_old_sin(finding)]
    own_rows, old_rows = _fitting(_rows(report, own, links), room), _fitting(_rows(report, old, links), room)
    details = _fitting((_details(finding) for finding in own[: len(own_rows)]), room)
    parts = [head, _table(own_rows, own), *details]
    if len(details) < len(own_rows):
        parts.append(
            f"\nThe details of {plural(len(own_rows) - len(details), 'finding')} more are in the full report.\n"
        )
    if old:
        parts.append(_folded(f"{len(old)}: {clip(old_sins(report), 300)}", _table(old_rows, old)))
    parts += _fitting((_past(table, room) for table in tables(report)), room)
    return "".join([*parts, tail])


def _past(table: Table, room: Room) -> str:
    """The newest rows that fit, newest first."""
    head = f"| {' | '.join(table.columns)} |\n|{'---|' * len(table.columns)}\n"
    lines = [f"| {' | '.join(map(_text, row))} |\n" for row in reversed(table.rows)]
    kept = _fitting(lines, Room(room.left // 3))
    left_out = len(lines) - len(kept)
    note = f"\nand {left_out} older ones\n" if left_out else ""
    return _folded(table.title, f"{head}{''.join(kept)}{note}")


def _scope(report: Report, room: Room) -> str:
    words = _fitting((f" · {markdown(clip(one, LONGEST_TEXT))}" for one in scope(report)), room)
    return f"\n<sub>{''.join(words).removeprefix(' · ')}</sub>\n"


def _skipped(report: Report, room: Room) -> str:
    stated = (
        f"- **Not run{' (so this cannot pass)' if one.wanted else ''}**: {_text(one.what)}: {_text(one.reason)}\n"
        for one in report.skipped
    )
    lines = _fitting(stated, room)
    left_out = len(report.skipped) - len(lines)
    return "\n" + "".join(lines) + (f"- and {left_out} more not run\n" if left_out else "")


def _table(rows: list[str], findings: list[Finding]) -> str:
    left_out = len(findings) - len(rows)
    note = (
        f"\n**{plural(left_out, 'finding')} more did not fit here**; the full report has them all.\n"
        if left_out
        else ""
    )
    return (f"\n{TABLE}{''.join(rows)}" if rows else "") + note


def _rows(report: Report, findings: Iterable[Finding], links: Links | None) -> Iterator[str]:
    for finding in findings:
        sign = "✅ allowed" if finding.allowed else f"{SIGNS[finding.severity]} {finding.severity}"
        check = f"[{markdown(finding.id)}]({documentation(uri(finding.id))}) {markdown(finding.slug)}"
        what = _text(finding.message)
        if finding.allowed:
            what += f"<br>Allowed: {_text(finding.allowed.reason)} ({_text(finding.allowed.source)})"
        yield f"| {sign} | {check} | {_place(report, finding, links)} | {what} |\n"


def _place(report: Report, finding: Finding, links: Links | None) -> str:
    shown = code(clip(place(finding.path, finding.line), LONGEST_TEXT))
    commit = report.base.commit if finding.id == "H102" else report.head.commit  # what is deleted is at the base alone
    if not (links and commit and finding.path):
        return shown
    anchor = f"#L{finding.line}" if finding.line else ""
    return f"[{shown}]({links.repository}/blob/{uri(commit)}/{uri(finding.path)}{anchor})"


def _details(finding: Finding) -> str:
    """What the table has no room for; nothing where the table says it all."""
    if not (finding.allowed or finding.fix or finding.related or finding.details):
        return ""
    lines = [f"{_text(finding.message)}\n\n"]
    if finding.allowed:
        lines.append(f"**Allowed:** {_text(finding.allowed.reason)} ({_text(finding.allowed.source)})\n\n")
    elif finding.fix:
        lines.append(_mend(clip(finding.fix, LONGEST_DETAILS)))
    for one in finding.related[:RELATED]:
        lines.append(f"- {code(clip(place(one.path, one.line), LONGEST_TEXT))}: {_text(one.message)}\n")
    if len(finding.related) > RELATED:
        lines.append(f"- and {len(finding.related) - RELATED} more\n")
    if finding.details:
        lines.append(f"\n{fenced(clip(finding.details, LONGEST_DETAILS), 'diff')}\n")
    where = place(finding.path, finding.line) or finding.project
    return _folded(f"{finding.id} {finding.slug}: {clip(where, 200)}", "".join(lines))


def _mend(fix: str) -> str:
    return f"**Mend:**\n\n{fenced(fix)}\n\n" if "\n" in fix or "`" in fix else f"**Mend:** {code(fix)}\n\n"


def _replay(replay: ReplayReport) -> str:
    passes = "".join(f"| {_text(one.name)} | {_text(one.outcome)} | {one.seconds:.2f} s |\n" for one in replay.passes)
    steps = [step for step in replay.steps if step.upgrade_seconds is not None]
    slowest = sorted(steps, key=lambda step: -(step.upgrade_seconds or 0))[:3]
    lines = [f"\n| Pass | Outcome | Time |\n|---|---|---|\n{passes}"]
    if slowest:
        told = ", ".join(f"{code(clip(step.revision, 64))} {step.upgrade_seconds or 0:.2f} s" for step in slowest)
        lines.append(f"\n{plural(len(steps), 'revision')} run one by one; the slowest upgrades: {told}\n")
    project = "" if replay.project == "." else f" of {replay.project}"
    server = f"PostgreSQL {replay.server.version} ({replay.server.provider})"
    return _folded(clip(f"Replay{project} on {server}", 500), "".join(lines))


def _folded(title: str, body: str) -> str:
    # The blank lines make it Markdown again within the HTML.
    return f"\n<details><summary>{markdown(title)}</summary>\n\n{body}\n</details>\n"


def _fitting(texts: Iterable[str], room: Room) -> list[str]:
    """The texts up to the first that does not fit: what is cut is always at the end."""
    kept = []
    for text in texts:
        if not room.take(text):
            break
        kept.append(text)
    return kept


def _text(text: str) -> str:
    return prose(clip(text, LONGEST_TEXT))
