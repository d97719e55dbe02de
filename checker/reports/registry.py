"""The formats that --report knows, each a function from the report to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from checker.findings import Report
from checker.reports import json_report

FORMATS: Mapping[str, Callable[[Report], str]] = {"json": json_report.render}
