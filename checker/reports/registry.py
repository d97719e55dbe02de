"""The formats that --report knows, each a function from the report to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from checker.findings import Report

Render = Callable[[Report], str]


def _format(module: str) -> Render:
    # A format loads when it is written: `--help` lists them all and needs none.
    def render(report: Report) -> str:
        text: str = import_module(f"checker.reports.{module}").render(report)
        return text

    return render


FORMATS: Mapping[str, Render] = {
    "json": _format("json_report"),
    "sarif": _format("sarif"),
    "html": _format("html"),
    "markdown": _format("markdown"),
    "junit": _format("junit"),
    "gitlab": _format("gitlab"),
}
