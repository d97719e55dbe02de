"""Where a command's report goes: to the terminal and into files."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from checker.errors import UsageError
from checker.findings import Report
from checker.reports.registry import FORMATS


def deliver(report: Report, files: dict[str, Path], console: Console, *, quiet: bool, verbose: bool) -> None:
    """Write the report's files, and show it. Raises UsageError for a file that cannot be written."""
    from checker.reports.terminal import render

    for name, path in files.items():
        write_file(path, FORMATS[name](report))
    if not quiet or report.findings or report.verdict != "pass":
        console.print(render(report, verbose=verbose), end="")


def write_file(path: Path, text: str) -> None:
    """Write a report where it is wanted, in a new folder if need be. Raises UsageError where that cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {path}: {error.strerror}", "Name another file with --report."
        ) from None


def report_files(stated: list[str] | None) -> dict[str, Path]:
    """What --report asks for: a file for each format. Raises UsageError for what is not FORMAT=FILE."""
    files = {}
    for text in stated or ():
        name, equals, path = text.partition("=")
        if not equals or not path or name not in FORMATS:
            raise UsageError(
                f"--report {text} is not FORMAT=FILE",
                f"The formats are {', '.join(FORMATS)}: --report json=report.json",
            )
        files[name] = Path(path)
    return files
