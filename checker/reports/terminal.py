"""The report for a person at a terminal: the verdict first, then each finding with its place and what mends it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from checker.findings import Finding, Report, Severity

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold blue"}
DETAIL_LINES = 8
RELATED_LINES = 4


def render(report: Report, *, verbose: bool = False) -> Text:
    """The whole report as styled text; the longer details are cut unless `verbose`."""
    text = Text()
    for part in _parts(report, verbose):
        text.append_text(part)
    return text


def _parts(report: Report, verbose: bool) -> Iterator[Text]:
    old = [finding for finding in report.findings if not finding.introduced and finding.severity is Severity.NOTE]
    for finding in report.findings:
        if finding not in old:
            yield _finding(finding, verbose)
    if old:
        yield Text(f"\nAlready so at {report.base.ref}, and not this change's doing:\n", "dim")
        for finding in old:
            yield _finding(finding, verbose) if verbose else _one_line(finding)
    for skipped in report.skipped:
        style = "bold red" if skipped.wanted else "dim"
        yield Text.assemble(("\nnot run: ", style), f"{skipped.what}: {skipped.reason}\n")
    yield Text.assemble("\n", *_verdict(report), "\n", (_scope(report), "dim"), "\n")


def _finding(finding: Finding, verbose: bool) -> Text:
    text = Text.assemble(
        "\n",
        (finding.severity.value, STYLES[finding.severity]),
        " ",
        (finding.id, "bold"),
        f" {finding.slug}  ",
        (_place(finding.path, finding.line), "cyan"),
        "\n",
        f"  {finding.message}\n",
    )
    for related in finding.related[: None if verbose else RELATED_LINES]:
        if not related.message.startswith("the same"):
            text.append(f"  {_place(related.path, related.line)}: {related.message}\n", "dim")
    for line in _cut(finding.details, verbose):
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
        text.append(f"  | {line}\n", style or "dim")
    if finding.allowed:
        text.append(f"  allowed: {finding.allowed.reason} ({finding.allowed.source})\n", "green")
    elif finding.fix:
        text.append_text(Text.assemble(("  mend: ", "bold green"), f"{finding.fix}\n"))
    return text


def _one_line(finding: Finding) -> Text:
    return Text.assemble("  ", (finding.id, "bold"), f" {finding.slug}: {finding.message}\n")


def _place(path: str | None, line: int | None) -> str:
    if path is None:
        return ""
    return f"{path}:{line}" if line else path


def _cut(details: str | None, verbose: bool) -> list[str]:
    lines = details.splitlines() if details else []
    if verbose or len(lines) <= DETAIL_LINES:
        return lines
    return [*lines[: DETAIL_LINES - 1], f"… {len(lines) - DETAIL_LINES + 1} more lines with --verbose"]


def _verdict(report: Report) -> Iterator[tuple[str, str]]:
    counts = dict.fromkeys(Severity, 0)
    for finding in report.findings:
        if finding.allowed is None:
            counts[finding.severity] += 1
    if report.verdict == "fail":
        yield "✗ not safe to merge", "bold red"
    else:
        yield "✓ safe to merge", "bold green"
    told = [f"{count} {severity}{'s' if count > 1 else ''}" for severity, count in counts.items() if count]
    yield (f": {', '.join(told)}" if told else ""), ""


def _scope(report: Report) -> str:
    base = f"{report.base.ref} ({(report.base.commit or '')[:10]})"
    head = f"{report.head.ref} ({(report.head.commit or 'work tree')[:10]})"
    words = [f"{head} into {base}"]
    for project in report.projects:
        name = "" if project.path == "." else f"{project.path}: "
        words.append(f"{name}{project.revisions} revisions, {len(project.new)} new")
    if not report.projects:
        words.append("no migration changed")
    for replay in report.replay:
        passes = ", ".join(f"{one.name} {one.outcome} in {one.seconds:.1f} s" for one in replay.passes)
        words.append(f"PostgreSQL {replay.server.version} ({replay.server.provider}): {passes}")
    words.append(f"{report.seconds:.1f} s")
    return " · ".join(words)
