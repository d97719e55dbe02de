"""The report as JSON, and the schema that it keeps (DESIGN, section 6)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from checker.findings import Report
from checker.reports.escape import json_text


def render(report: Report) -> str:
    """The report, one line for each value, in the order of the dataclasses' fields."""
    return json_text(json.dumps(dataclasses.asdict(report), indent=2, ensure_ascii=False, default=str)) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema of `render`, made from the types in checker.findings."""
    from pydantic import ConfigDict, TypeAdapter

    adapter = TypeAdapter(Report, config=ConfigDict(extra="forbid"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **adapter.json_schema(mode="serialization")}
