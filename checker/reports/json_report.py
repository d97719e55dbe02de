"""The report as JSON, and the schema that it keeps (DESIGN, section 6)."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from checker.findings import Report
from checker.reports.escape import json_text


def render(report: Report) -> str:
    """The report, one line for each value: its version first, then the dataclasses' fields in their order."""
    written = {"version": report.version, **dataclasses.asdict(report)}
    return json_text(json.dumps(written, indent=2, ensure_ascii=False, default=str)) + "\n"


def schema(kind: type[Report] = Report) -> dict[str, Any]:
    """The JSON schema of `render`, made from the types in checker.findings. No other fields are allowed."""
    from pydantic import TypeAdapter

    made = TypeAdapter(kind).json_schema(mode="serialization")
    for one in (made, *made["$defs"].values()):
        if one["type"] == "object":
            one["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
