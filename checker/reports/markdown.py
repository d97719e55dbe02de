"""The report as Markdown: what a pull request's comment shows. `summary` adds what a job's summary has room for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from checker.findings import Finding, ReplayReport, Report, Severity
from checker.reports.escape import clip, code, fenced, markdown, prose, uri
from checker.reports.groups import Group, groups
from checker.reports.passes import outcome, pass_notes
from checker.reports.past import Table, tables
from checker.reports.words import documentation, existing_title, headline, is_existing, place, plural, scope

COMMENT_LIMIT = 65_536
SIGNS = {Severity.ERROR: "❌", Severity.WARNING: "⚠️", Severity.NOTE: "ℹ️"}  # noqa: RUF001 (the sign, not the letter)
LONGEST_TEXT = 1_000
LONGEST_DETAILS = 6_000
RELATED = 10
LISTED = 40
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
    replays = (_replay(report, one) for one in report.replay)
    tail = "".join(_fitting(replays, Room(limit // 8))) + _scope(report, Room(limit // 8))
    own = groups(finding for finding in report.findings if not is_existing(finding))
    existing = groups(finding for finding in report.findings if is_existing(finding))
    title = f"{_number(existing)}: {clip(existing_title(report), 200)}"
    fixed = len(f"{head}{tail}{markdown(title)}".encode())
    room = Room(limit - fixed - 1_000)  # the other titles, and the words on what was left out
    own_rows, existing_rows = _fitting(_rows(report, own, links), room), _fitting(_rows(report, existing, links), room)
    details = _fitting((_details(group) for group in own[: len(own_rows)]), room)
    parts = [head, _table(own_rows, own), *details]
    unexplained = _number(own[len(details) : len(own_rows)])
    if unexplained:
        parts.append(f"\nThe details of {plural(unexplained, 'finding')} more are in the full report.\n")
    if existing:
        parts.append(_folded(title, _table(existing_rows, existing)))
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
    stated = [
        f"- **Not run{' (so this cannot pass)' if one.wanted else ''}**: {_text(one.what)}: {_text(one.reason)}\n"
        for one in report.skipped
    ]
    known = {one.reason for one in report.skipped}
    stated += [f"- {_text(one.text)}\n" for one in pass_notes(report) if one.reason not in known]
    lines = _fitting(stated, room)
    left_out = len(stated) - len(lines)
    return "\n" + "".join(lines) + (f"- and {left_out} more not run or not passed\n" if left_out else "")


def _number(some: list[Group]) -> int:
    return sum(len(group.findings) for group in some)


def _table(rows: list[str], shown: list[Group]) -> str:
    left_out = _number(shown[len(rows) :])
    note = (
        f"\n**{plural(left_out, 'finding')} more did not fit here**; the full report has them all.\n"
        if left_out
        else ""
    )
    return (f"\n{TABLE}{''.join(rows)}" if rows else "") + note


def _rows(report: Report, shown: Iterable[Group], links: Links | None) -> Iterator[str]:
    for group in shown:
        finding = group.first
        sign = "✅ allowed" if finding.allowed else f"{SIGNS[finding.severity]} {finding.severity}"
        check = f"[{markdown(finding.id)}]({documentation(uri(finding.id))}) {markdown(finding.slug)}"
        what = _text(group.message)
        if finding.allowed:
            what += f"<br>Allowed: {_text(finding.allowed.reason)} ({_text(finding.allowed.source)})"
        where = _place(report, finding, links) if len(group.findings) == 1 else ""
        yield f"| {sign} | {check} | {where} | {what} |\n"


def _place(report: Report, finding: Finding, links: Links | None) -> str:
    shown = code(clip(place(finding.path, finding.line), LONGEST_TEXT))
    commit = report.base.commit if finding.id == "H102" else report.head.commit  # what is deleted is at the base alone
    if not (links and commit and finding.path):
        return shown
    anchor = f"#L{finding.line}" if finding.line else ""
    return f"[{shown}]({links.repository}/blob/{uri(commit)}/{uri(finding.path)}{anchor})"


def _details(group: Group) -> str:
    """What the table has no room for; nothing where the table says it all."""
    finding = group.first
    if len(group.findings) > 1:
        lines = [
            f"- {code(clip(place(one.path, one.line), LONGEST_TEXT))}: {_text(one.message)}\n" for one in group.findings
        ]
        more = f"- and {len(lines) - LISTED} more\n" if len(lines) > LISTED else ""
        fix = f"\n{_fix(clip(group.fix, LONGEST_DETAILS))}" if group.fix and not finding.allowed else ""
        return _folded(f"{finding.id} {finding.slug}: {len(lines)} findings", "".join([*lines[:LISTED], more, fix]))
    if not (finding.allowed or finding.fix or finding.related or finding.details):
        return ""
    lines = [f"{_text(finding.message)}\n\n"]
    if finding.allowed:
        lines.append(f"**Allowed:** {_text(finding.allowed.reason)} ({_text(finding.allowed.source)})\n\n")
    elif finding.fix:
        lines.append(_fix(clip(finding.fix, LONGEST_DETAILS)))
    for one in finding.related[:RELATED]:
        lines.append(f"- {code(clip(place(one.path, one.line), LONGEST_TEXT))}: {_text(one.message)}\n")
    if len(finding.related) > RELATED:
        lines.append(f"- and {len(finding.related) - RELATED} more\n")
    if finding.details:
        lines.append(f"\n{fenced(clip(finding.details, LONGEST_DETAILS), 'diff')}\n")
    where = place(finding.path, finding.line) or finding.project
    return _folded(f"{finding.id} {finding.slug}: {clip(where, 200)}", "".join(lines))


def _fix(fix: str) -> str:
    return f"**Fix:**\n\n{fenced(fix)}\n\n" if "\n" in fix or "`" in fix else f"**Fix:** {code(fix)}\n\n"


def _replay(report: Report, replay: ReplayReport) -> str:
    passes = "".join(
        f"| {_text(one.name)} | {_text(outcome(report, one))}{f'<br>{_text(one.reason)}' if one.reason else ''} "
        f"| {one.seconds:.2f} s |\n"
        for one in replay.passes
    )
    steps = [step for step in replay.steps if step.upgrade_seconds is not None]
    slowest = sorted(steps, key=lambda step: -(step.upgrade_seconds or 0))[:3]
    lines = [f"\n| Pass | Outcome | Time |\n|---|---|---|\n{passes}"]
    if slowest:
        told = ", ".join(f"{code(clip(step.revision, 64))} {step.upgrade_seconds or 0:.2f} s" for step in slowest)
        lines.append(f"\n{plural(len(steps), 'revision')} run one by one; the slowest upgrades: {told}\n")
    if replay.not_isolated:
        lines.append(f"\nRan without: {'; '.join(map(_text, replay.not_isolated))}\n")
    project = "" if replay.project == "." else f" of {replay.project}"
    project += f", database {replay.database}," if replay.database else ""
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
