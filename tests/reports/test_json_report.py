"""The report for machines: it keeps its schema, and the schema in the package is the one that the types make."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from checker.examples import example
from checker.findings import AuditReport, Ref, Report, Tool
from checker.reports import json_report
from tests.gitrepo import Checkout

SCHEMA = Path(json_report.__file__).with_name("report.schema.json")
AUDIT = SCHEMA.with_name("audit.schema.json")
# No clock gives what JSON cannot write.
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
reports = st.from_type(Report)


def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_in_the_package_is_current() -> None:
    """Write it anew with `python -m tests.reports.test_json_report` when a change is meant."""
    assert json.loads(SCHEMA.read_text("utf-8")) == json_report.schema()
    assert json.loads(AUDIT.read_text("utf-8")) == json_report.schema(AuditReport)


@settings(max_examples=20)
@given(reports)
def test_any_report_keeps_the_schema_and_comes_back_whole(report: Report) -> None:
    text = json_report.render(report)
    text.encode("utf-8")
    written = json.loads(text, parse_constant=pytest.fail)
    validator().validate(written)
    assert TypeAdapter(Report).validate_python(written) == report


def test_a_real_report_keeps_the_schema(checkout: Checkout) -> None:
    merged, branch = example("H101", "bad")
    checkout.commit(merged)
    checkout.write(branch)
    written = json.loads(json_report.render(checkout.check()))
    validator().validate(written)
    [finding] = written["findings"]
    assert list(written)[:4] == ["version", "tool", "verdict", "base"]
    assert (finding["id"], finding["severity"], finding["introduced"]) == ("H101", "error", True)


@pytest.mark.parametrize("broken", [{"verdict": "maybe"}, {"more": 1}, {"version": 2}, {"findings": [{}]}])
def test_the_schema_refuses_what_is_no_report(broken: dict[str, object]) -> None:
    ref = Ref("main", None)
    written = json.loads(json_report.render(Report(Tool("t", "1"), "pass", ref, ref, (), (), (), (), 0.0)))
    validator().validate(written)
    with pytest.raises(jsonschema.ValidationError):
        validator().validate(written | broken)


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(json_report.schema(), indent=2) + "\n", "utf-8")
    AUDIT.write_text(json.dumps(json_report.schema(AuditReport), indent=2) + "\n", "utf-8")
