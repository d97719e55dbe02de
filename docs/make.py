"""Makes what documentation can be made: a page for each check from its record and its examples, and the demo's picture.

`make docs` runs it; a test fails when a page is not what this would make.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from checker.checks.base import CheckInfo
from checker.checks.registry import CHECKS
from checker.examples import Variant, example
from checker.postgres.databases import MINIMUM_VERSION
from checker.settings import Configuration

HERE = Path(__file__).parent
SCHEMA = HERE.parent / "checker" / "configuration.schema.json"
sys.path.append(str(HERE.parent))  # the cases are the tests' own
GROUPS = {"H": "History", "G": "Graph", "D": "Deployments", "R": "Replay", "C": "Configuration"}


def pages() -> dict[str, str]:
    """Every page below docs/checks/, by file name."""
    infos = [registered.info for registered in CHECKS]
    return {"README.md": index(infos), **{f"{info.id}.md": page(info) for info in infos}}


def configuration_schema() -> str:
    """The JSON schema of the configuration file, for editors."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Configuration.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def index(infos: list[CheckInfo]) -> str:
    """The table of all checks."""
    lines = ["# Checks", "", "Made from the checks' own records by `make docs`.", ""]
    for letter, title in GROUPS.items():
        group = [info for info in infos if info.id.startswith(letter)]
        if group:
            lines += [f"## {title}", "", "| id | name | default | what it says |", "|---|---|---|---|"]
            lines += [f"| [{info.id}]({info.id}.md) | {info.slug} | {info.severity} | {info.says} |" for info in group]
            lines.append("")
    return "\n".join(lines)


def page(info: CheckInfo) -> str:
    """One check: what, why, how to mend, and what a bad and a good branch change."""
    parts = [
        f"# {info.id} {info.slug}",
        f"Default severity: **{info.severity}**." + (" Needs the replay." if info.replay else ""),
        f"## What it says\n\n{info.says}",
        f"## Why it breaks a database\n\n{info.breaks}",
        f"## How to mend it\n\n{info.mend}",
    ]
    titles: dict[Variant, str] = {"bad": "A branch that it reports", "good": "A branch that it does not"}
    parts += [f"## {title}\n\n```diff\n{changes(info.id, variant)}\n```" for variant, title in titles.items()]
    return "\n\n".join(parts) + "\n"


def changes(check_id: str, variant: Variant) -> str:
    """What the branch makes of what is merged, as a diff."""
    merged, branch = example(check_id, variant)
    return "\n".join(line for path in sorted(merged | branch) for line in _diff(path, merged, branch))


def _diff(path: str, merged: dict[str, bytes], branch: dict[str, bytes]) -> Iterator[str]:
    before, after = (side.get(path, b"").decode().splitlines() for side in (merged, branch))
    names = (path if path in merged else "/dev/null", path if path in branch else "/dev/null")
    yield from difflib.unified_diff(before, after, *names, lineterm="", n=3)


def catalog() -> str:
    """docs/catalog.md with its two tables made anew: a row for each case of the test."""
    from tests.replay.catalog_cases import CASES, UNTOLD

    told = [(_cell(case.name, case.since), f"`{_sql(case.up)}`", _words(case.leak)) for case in CASES]
    untold = [(_cell(case.name, case.since), f"`{_sql(case.up)}`") for case in UNTOLD]
    text = (HERE / "catalog.md").read_text("utf-8")
    text = _between(text, "told", ("what", "a migration does", "a downgrade that forgets it is told"), told)
    return _between(text, "untold", ("what", "for example"), untold)


def _between(text: str, mark: str, titles: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    begin, end = f"<!-- {mark}: made by docs/make.py -->\n", f"<!-- end of {mark} -->"
    lines = [titles, ("---",) * len(titles), *rows]
    table = "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
    head, rest = text.split(begin)
    return f"{head}{begin}\n{table}\n{end}{rest.split(end)[1]}"


def _cell(name: str, since: int) -> str:
    return name if since == MINIMUM_VERSION else f"{name} (PostgreSQL {since})"


def _sql(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _words(leak: tuple[str, ...]) -> str:
    return "<br>".join(f"{one}…)" if one.endswith("(") else one for one in leak)


def picture() -> str:
    """The demo's report as SVG."""
    from rich.console import Console

    from checker import demo
    from checker.reports.progress import TerminalProgress
    from checker.reports.terminal import render

    folder = demo.make(None)
    with TerminalProgress(quiet=True, no_color=True) as progress:
        report = demo.run(folder, "embedded", os.environ, progress)
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=118, force_terminal=True, file=nowhere, highlight=False)
        console.print("$ alembic-premerge check", style="bold")
        console.print(render(report), end="")
    svg = console.export_svg(title="alembic-premerge")
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.S)  # a picture asks nobody for a font


def main() -> None:
    """Write all pages; with --picture the picture too, which needs a replay."""
    (HERE / "checks").mkdir(exist_ok=True)
    for name, text in pages().items():
        (HERE / "checks" / name).write_text(text, "utf-8")
    SCHEMA.write_text(configuration_schema(), "utf-8")
    (HERE / "catalog.md").write_text(catalog(), "utf-8")
    if "--picture" in sys.argv:
        (HERE / "demo.svg").write_text(picture(), "utf-8")


if __name__ == "__main__":
    main()
