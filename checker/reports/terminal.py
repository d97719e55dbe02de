"""The report for a person at a terminal: the verdict first, then each finding with its place and its fix."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from checker.findings import AuditReport, Finding, Report, Severity
from checker.reports.escape import clip, log, one_line
from checker.reports.groups import Group, groups
from checker.reports.passes import pass_notes
from checker.reports.past import Table, tables
from checker.reports.words import counts, existing_title, is_existing, place, scope, verdict

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}
DETAIL_LINES = 8
RELATED_LINES = 4
GROUPED = 5
LONGEST = 10_000
LONGEST_CELL = 100
ROWS = 20
FINDINGS = 5
"""More than that many of an audit are told by their tables alone."""


def render(report: Report, *, verbose: bool = False) -> Text:
    """The whole report as styled text; the longer details are cut unless `verbose`."""
    text = Text()
    for part in _parts(report, verbose):
        text.append_text(part)
    return text


def _parts(report: Report, verbose: bool) -> Iterator[Text]:
    for table in tables(report):
        yield _table(table, verbose)
    existing = [finding for finding in report.findings if is_existing(finding)]
    own = [finding for finding in report.findings if not is_existing(finding)]
    if isinstance(report, AuditReport) and len(own) > FINDINGS and not verbose:
        own = []
        yield Text("\n--verbose shows how to fix or allow each unresolved one.\n", "dim")
    yield from _findings(own, verbose)
    if existing:
        yield Text(f"\n{_line(existing_title(report))}:\n", "dim")
        yield from _findings(existing, verbose) if verbose else map(_one_line, groups(existing))
    yield from _not_passed(report)
    for skipped in report.skipped:
        style = "bold red" if skipped.wanted else "dim"
        yield Text.assemble(("\nnot run: ", style), f"{_line(skipped.what)}: {_line(skipped.reason)}\n")
    if verbose:
        yield from _not_isolated(report)
    yield Text.assemble("\n", *_verdict(report), "\n", (_line(" · ".join(scope(report))), "dim"), "\n")


def _table(table: Table, verbose: bool) -> Text:
    """The newest rows; every one with `verbose`."""
    cells = [[_line(clip(cell, LONGEST_CELL)) for cell in row] for row in table.rows]
    shown = cells if verbose else cells[-ROWS:]
    grave = (table.grave or (False,) * len(cells))[-len(shown) :]
    widths = [max(cell_len(row[column]) for row in shown) for column in range(len(table.columns) - 1)]
    text = Text.assemble("\n", (table.title, "bold"), "\n")
    if len(shown) < len(cells):
        text.append(f"  … {len(cells) - len(shown)} older ones with --verbose\n", "dim")
    for row, is_grave in zip(shown, grave, strict=True):
        padded = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=False)]
        text.append(log(f"  {'  '.join([*padded, row[-1]])}\n"), "" if is_grave or not table.grave else "dim")
    return text


def _not_passed(report: Report) -> Iterator[Text]:
    """Why a pass of the replay did not pass; not again what the list of what was not run says."""
    known = {skipped.reason for skipped in report.skipped}
    notes = [one for one in pass_notes(report) if one.reason not in known]
    if notes:
        yield Text("\n")
    for one in notes:
        yield Text.assemble((_line(one.title), "bold red" if one.counts else "dim"), f": {_line(one.reason)}\n")


def _not_isolated(report: Report) -> Iterator[Text]:
    """Which layers of isolation each replay ran without."""
    for replay in report.replay:
        if replay.not_isolated:
            whose = "" if replay.project == "." else f" of {replay.project}"
            yield Text(_line(f"replay{whose} ran without: {'; '.join(replay.not_isolated)}") + "\n", "dim")


def _findings(findings: list[Finding], verbose: bool) -> Iterator[Text]:
    if verbose:
        yield from (_finding(one, verbose) for one in findings)
        return
    for group in groups(findings):
        yield _finding(group.first, verbose) if len(group.findings) == 1 else _group(group)


def _group(group: Group) -> Text:
    """The first of many of one kind."""
    text = _heading(group.first, "", group.message)
    for one in group.findings[:GROUPED]:
        text.append(f"  {_line(f'{place(one.path, one.line)}: {one.message}')}\n", "dim")
    left_out = len(group.findings) - GROUPED
    if left_out > 0:
        text.append(f"  … {left_out} more with --verbose\n", "dim")
    return text.append_text(_way_out(group.first, group.fix or "--verbose shows the fix of each"))


def _heading(finding: Finding, where: str, message: str) -> Text:
    return Text.assemble(
        "\n",
        (finding.severity.value, STYLES[finding.severity]),
        " ",
        (finding.id, "bold"),
        f" {finding.slug}  ",
        (_line(where), "cyan"),
        "\n",
        f"  {_paragraph(message)}\n",
    )


def _way_out(finding: Finding, fix: str | None) -> Text:
    if finding.allowed:
        return Text(f"  allowed: {_line(finding.allowed.reason)} ({_line(finding.allowed.source)})\n", "green")
    return Text.assemble(("  fix: ", "bold green"), f"{_paragraph(fix)}\n") if fix else Text()


def _finding(finding: Finding, verbose: bool) -> Text:
    text = _heading(finding, place(finding.path, finding.line), finding.message)
    for related in finding.related[: None if verbose else RELATED_LINES]:
        if not related.message.startswith("the same"):
            # as a whole: two halves that are harmless can be a workflow command together
            text.append(f"  {_line(f'{place(related.path, related.line)}: {related.message}')}\n", "dim")
    for line in _cut(finding.details, verbose):
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
        text.append(f"  | {line}\n", style or "dim")
    return text.append_text(_way_out(finding, finding.fix))


def _one_line(group: Group) -> Text:
    return Text.assemble("  ", (group.first.id, "bold"), f" {group.first.slug}: {_line(group.message)}\n")


def _line(text: str) -> str:
    return log(one_line(clip(text, LONGEST)))


def _paragraph(text: str) -> str:
    # The indent stays: no second line of a message looks like a line of ours, the verdict say.
    return log(clip(text, LONGEST)).strip().replace("\n", "\n    ")


def _cut(details: str | None, verbose: bool) -> list[str]:
    lines = log(details).split("\n") if details else []
    lines = lines[:-1] if lines and not lines[-1] else lines
    if verbose or len(lines) <= DETAIL_LINES:
        return lines
    return [*lines[: DETAIL_LINES - 1], f"… {len(lines) - DETAIL_LINES + 1} more lines with --verbose"]


def _verdict(report: Report) -> Iterator[tuple[str, str]]:
    yield verdict(report), "bold green" if report.verdict == "pass" else "bold red"
    told = counts(report)
    yield (f": {told}" if told else ""), ""
