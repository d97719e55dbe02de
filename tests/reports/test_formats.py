"""Each format says all of a report, in the shape that its readers expect."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema

from checker.checks.registry import CHECKS
from checker.findings import Report, Severity, Skipped
from checker.reports import gitlab, html, junit, markdown, sarif
from checker.reports.registry import FORMATS
from checker.reports.terminal import render as terminal
from checker.reports.words import decisive, fingerprints
from tests.reports.samples import ALLOWED, EDITED, OLD, QUIET, SAMPLE, UNPLACED, WARNED

SCHEMAS = Path(__file__).parent / "schemas"
SARIF = jsonschema.Draft7Validator(json.loads((SCHEMAS / "sarif-schema-2.1.0.json").read_text()))
JUNIT = xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))


def sarif_of(report: Report) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(sarif.render(report))
    SARIF.validate(log)
    return log


def junit_of(report: Report) -> ET.Element:
    text = junit.render(report)
    JUNIT.validate(text)
    return ET.fromstring(text)


def gitlab_of(report: Report) -> list[dict[str, Any]]:
    issues: list[dict[str, Any]] = json.loads(gitlab.render(report))
    for issue in issues:
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["description"]
        assert issue["check_name"]
        assert issue["location"]["path"]
        assert issue["location"]["lines"]["begin"] >= 1
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    return issues


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_says_the_same_of_the_same_report(name: str) -> None:
    assert FORMATS[name](SAMPLE) == FORMATS[name](SAMPLE)
    assert FORMATS[name](SAMPLE).endswith("\n")


def test_sarif_has_a_run_for_each_project_and_a_rule_for_each_result() -> None:
    api, jobs = sarif_of(SAMPLE)["runs"]
    assert [run["automationDetails"]["id"] for run in (api, jobs)] == [
        "alembic-premerge/api/",
        "alembic-premerge/jobs/",
    ]
    rules = api["tool"]["driver"]["rules"]
    assert {one.info.id for one in CHECKS} < {rule["id"] for rule in rules}
    for result in api["results"] + jobs["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert [result["level"] for result in api["results"]] == ["error", "warning", "warning", "error"]
    assert [result["baselineState"] for result in api["results"] + jobs["results"]] == ["new"] * 4 + ["unchanged"]


def test_sarif_carries_the_suggestion() -> None:
    [change] = sarif_of(SAMPLE)["runs"][0]["results"][0]["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == EDITED.path
    assert change["replacements"] == [
        {"deletedRegion": {"startLine": 16, "endLine": 17}, "insertedContent": {"text": "    sa.Numeric(10, 2)\n"}}
    ]
    assert sarif_of(SAMPLE)["runs"][0]["results"][1]["fixes"] == []


def test_sarif_places_suppresses_and_explains() -> None:
    api = sarif_of(SAMPLE)["runs"][0]
    edited, _, unplaced, allowed = api["results"]
    place = edited["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 16}
    assert place["artifactLocation"] == {"uri": EDITED.path, "uriBaseId": "%SRCROOT%"}
    assert EDITED.fix is not None
    assert EDITED.fix in edited["message"]["text"]
    assert [one["id"] for one in edited["relatedLocations"]] == [1, 2]
    # code scanning refuses a result without a place
    assert unplaced["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "api/migrations"
    assert not edited["suppressions"]
    assert "never ran anywhere" in allowed["suppressions"][0]["justification"]
    invocation = api["invocations"][0]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 1)
    levels = [one["level"] for one in invocation["toolExecutionNotifications"]]
    assert levels == ["error", "note", "error", "note", "note", "note"]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a b/ü%#?.py", "a%20b/%C3%BC%25%23%3F.py"),
        ("c:x.py", "c%3Ax.py"),  # else a scheme
        (b"caf\xe9.py".decode("utf-8", "surrogateescape"), "caf%E9.py"),
        ("\ud800.py", "%5Cud800.py"),
    ],
)
def test_a_path_is_a_relative_uri(path: str, uri: str) -> None:
    run = sarif_of(replace(SAMPLE, findings=(replace(EDITED, path=path),)))["runs"][0]
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_fingerprint_outlives_what_moves_above_its_line() -> None:
    before = fingerprints(SAMPLE.findings)
    moved = [replace(finding, line=99, details="other", related=()) for finding in reversed(SAMPLE.findings)]
    assert fingerprints(moved) == before[::-1]
    reworded = replace(EDITED, message="in other words")
    assert fingerprints([reworded])[0] == before[0]
    # without a revision the message is all that tells two findings of a check in one file apart
    others = [EDITED, replace(EDITED, revision="0"), replace(EDITED, path="x"), replace(EDITED, id="H102")]
    others += [replace(EDITED, project="x"), OLD, replace(OLD, message="3 heads"), EDITED]
    assert len(set(fingerprints(others))) == len(others)
    assert fingerprints([replace(OLD, message="3 heads")]) != fingerprints([OLD])


def test_junit_fails_what_fails_and_skips_what_is_allowed() -> None:
    root = junit_of(SAMPLE)
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {"api", "jobs", "not run"}
    cases = {case.get("name"): case for case in suites["api"]}
    edited = cases[f"H101 edited-revision {EDITED.revision}"].find("failure")
    assert edited is not None
    for words in (EDITED.message, EDITED.fix, EDITED.details, f"{EDITED.path}:16"):
        assert str(words) in str(edited.text)
    assert cases[f"H101 edited-revision {ALLOWED.revision}"].find("skipped") is not None
    assert cases[f"R305 irreversible-revision {WARNED.revision}"].find("failure") is None
    assert not list(cases["G203 missing-down-revision"])
    assert cases["fresh pass"].get("time") == "1.250"
    assert cases["stairway pass"].find("failure") is not None
    assert cases["deploy pass"].find("skipped") is not None
    assert cases["step 6a9f914f656c"].get("time") == "0.023"
    # no replay: none of its checks ran, and none is said to have passed
    assert not [case for case in suites["jobs"] if str(case.get("name")).startswith("R")]
    assert [[child.tag for child in case] for case in suites["not run"]] == [["error"], ["skipped"]]


def test_junit_counts_are_those_of_its_tests() -> None:
    root = junit_of(SAMPLE)
    for element in (root, *root):
        for key, tag in {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}.items():
            assert element.get(key, str(len(list(root.iter(tag))))) == str(len(list(element.iter(tag))))
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(set(names)) == len(names)


def test_a_warning_fails_a_test_only_where_nothing_else_failed_the_run() -> None:
    warned = replace(SAMPLE, findings=(WARNED, OLD), skipped=(), replay=())
    assert decisive(warned) == {0}
    assert decisive(replace(warned, verdict="pass")) == set()
    assert decisive(replace(warned, findings=(WARNED, EDITED, ALLOWED))) == {1}
    assert decisive(replace(warned, skipped=(Skipped("replay", "no server"),))) == set()
    assert decisive(replace(warned, replay=SAMPLE.replay)) == set()


def test_gitlab_maps_the_severities() -> None:
    issues = gitlab_of(SAMPLE)
    assert [issue["severity"] for issue in issues] == ["critical", "minor", "minor", "info", "info", "major"]
    assert issues[0]["location"] == {"path": EDITED.path, "lines": {"begin": 16}}
    assert issues[2]["location"] == {"path": "api/migrations", "lines": {"begin": 1}}
    assert gitlab_of(QUIET) == []


def test_markdown_links_to_the_head_and_what_is_gone_to_the_base() -> None:
    deleted = replace(EDITED, id="H102", path="api/a b|c.py", line=None)
    report = replace(SAMPLE, findings=(EDITED, deleted))
    text = markdown.render(report, links=markdown.Links("https://github.com/o/n"))
    assert f"](https://github.com/o/n/blob/{'b' * 40}/{EDITED.path}#L16)" in text
    assert f"](https://github.com/o/n/blob/{'a' * 40}/api/a%20b%7Cc.py)" in text
    uncommitted = replace(report, head=replace(report.head, commit=None))
    assert f"/{EDITED.path}#L16" not in markdown.render(uncommitted, links=markdown.Links("https://github.com/o/n"))


class Words(HTMLParser):
    """What a reader of the page sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


def words_of(page: str) -> str:
    parser = Words()
    parser.feed(page)
    return " ".join("".join(parser.seen).split())


def test_html_says_all_that_the_terminal_says() -> None:
    page = words_of(html.render(SAMPLE))
    for finding in SAMPLE.findings:
        for text in (finding.id, finding.slug, finding.message.replace("`", ""), finding.path, finding.fix):
            if text and not (text == finding.fix and finding.allowed):
                assert text in page
    for line in (*(SAMPLE.findings[0].details or "").splitlines(), "never ran anywhere", "merging conflicts"):
        assert " ".join(line.split()) in page
    verdict = next(line for line in terminal(SAMPLE).plain.splitlines() if "safe to merge" in line)
    assert verdict in page


def test_html_needs_nothing_from_elsewhere() -> None:
    page = html.render(SAMPLE)
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert not [tag for tag in ("<img", "<link", "<iframe", "@import", "url(") if tag in page]


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_say_is_said_too(name: str) -> None:
    text = FORMATS[name](QUIET)
    if name == "sarif":
        assert [run["results"] for run in sarif_of(QUIET)["runs"]] == [[]]
    elif name == "junit":
        assert junit_of(QUIET).get("tests") == "0"
    elif name in ("html", "markdown"):
        assert "✓ safe to merge" in text


def test_existing_problems_are_folded_and_allowed_ones_shown() -> None:
    text = markdown.render(SAMPLE)
    own, existing = text.split("Existing problems on origin/main")
    assert OLD.message not in own
    assert OLD.message in existing
    assert "never ran anywhere" in own
    assert "(so this cannot pass)" in own
    assert Severity.ERROR in own
    assert UNPLACED.message in own


@pytest.mark.parametrize("name", ["markdown", "html"])
def test_an_existing_problem_that_is_judged_is_not_folded_away(name: str) -> None:
    judged = replace(SAMPLE, findings=(replace(OLD, severity=Severity.ERROR),))
    assert "Existing problems" not in FORMATS[name](judged)
    assert OLD.message in FORMATS[name](judged)
    assert OLD.message in terminal(judged).plain.split("safe to merge")[0]
