"""The report for a person at a terminal: the verdict first, then each finding with its place and what mends it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from checker.findings import AuditReport, Finding, Report, Severity
from checker.reports.escape import clip, log, one_line
from checker.reports.past import Table, tables
from checker.reports.words import counts, is_old_sin, old_sins, place, scope, verdict

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}
DETAIL_LINES = 8
RELATED_LINES = 4
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
    old = [finding for finding in report.findings if is_old_sin(finding)]
    own = [finding for finding in report.findings if not is_old_sin(finding)]
    if isinstance(report, AuditReport) and len(own) > FINDINGS and not verbose:
        own = []
        yield Text("\n--verbose says of each that still stands how to mend it, or how to allow it.\n", "dim")
    for finding in own:
        yield _finding(finding, verbose)
    if old:
        yield Text(f"\n{_line(old_sins(report))}:\n", "dim")
        for finding in old:
            yield _finding(finding, verbose) if verbose else _one_line(finding)
    for skipped in report.skipped:
        style = "bold red" if skipped.wanted else "dim"
        yield Text.assemble(("\nnot run: ", style), f"{_line(skipped.what)}: {_line(skipped.reason)}\n")
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


def _finding(finding: Finding, verbose: bool) -> Text:
    text = Text.assemble(
        "\n",
        (finding.severity.value, STYLES[finding.severity]),
        " ",
        (finding.id, "bold"),
        f" {finding.slug}  ",
        (_line(place(finding.path, finding.line)), "cyan"),
        "\n",
        f"  {_paragraph(finding.message)}\n",
    )
    for related in finding.related[: None if verbose else RELATED_LINES]:
        if not related.message.startswith("the same"):
            # as a whole: two halves that are harmless can be a workflow command together
            text.append(f"  {_line(f'{place(related.path, related.line)}: {related.message}')}\n", "dim")
    for line in _cut(finding.details, verbose):
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
        text.append(f"  | {line}\n", style or "dim")
    if finding.allowed:
        text.append(f"  allowed: {_line(finding.allowed.reason)} ({_line(finding.allowed.source)})\n", "green")
    elif finding.fix:
        text.append_text(Text.assemble(("  mend: ", "bold green"), f"{_paragraph(finding.fix)}\n"))
    return text


def _one_line(finding: Finding) -> Text:
    return Text.assemble("  ", (finding.id, "bold"), f" {finding.slug}: {_line(finding.message)}\n")


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
    told = counts(report.findings)
    yield (f": {told}" if told else ""), ""
