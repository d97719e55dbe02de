"""Nothing of a report is lost: the formats for machines have all of it, and people are told what a group leaves out."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.findings import (
    Finding,
    PassReport,
    Related,
    ReplayReport,
    Report,
    ServerReport,
    Severity,
    Skipped,
    Suggestion,
)
from checker.reports import gitlab, json_report, junit, sarif
from checker.reports.annotations import SHOWN
from checker.reports.annotations import render as annotate
from checker.reports.markdown import render as markdown
from checker.reports.passes import NOT_COUNTED
from checker.reports.registry import FORMATS
from checker.reports.terminal import render as terminal
from tests.gitrepo import PROJECT, VERSIONS, Checkout, chain, script
from tests.reports.samples import OLD, SAMPLE
from tests.reports.test_formats import words_of

WORDS = st.text("abcdefgh", min_size=3, max_size=8)
PATHS = st.builds("api/versions/{}.py".format, WORDS)
FINDINGS = st.builds(
    Finding,
    id=st.sampled_from(["H101", "R303", "G201"]),
    slug=st.just("a-slug"),
    severity=st.sampled_from(Severity),
    project=st.sampled_from(["api", "jobs"]),
    message=WORDS,
    revision=st.none() | WORDS,
    path=PATHS,
    line=st.integers(1, 99),
    fix=st.builds("git checkout {}".format, WORDS),
    details=st.none() | WORDS,
    introduced=st.booleans(),
    related=st.lists(st.builds(Related, PATHS, st.integers(1, 99), WORDS), max_size=2).map(tuple),
    suggestion=st.none() | st.builds(Suggestion, PATHS, st.just(3), st.just(4), st.tuples(WORDS)),
)
PASSES = st.builds(
    PassReport,
    st.sampled_from(["fresh", "stairway", "deploy", "downgrade", "drift"]),
    st.just(1.0),
    st.sampled_from(["failed", "not run"]),
    WORDS,
    introduced=st.booleans(),
)
REPORTS = st.builds(
    lambda findings, passes, skipped: replace(
        SAMPLE,
        findings=tuple(findings),
        skipped=tuple(skipped),
        replay=(ReplayReport("api", ServerReport("container", "17.5"), tuple(passes), ()),),
    ),
    st.lists(FINDINGS, max_size=30),
    st.lists(PASSES, max_size=5, unique_by=lambda one: one.name),
    st.lists(st.builds(Skipped, WORDS, WORDS, st.booleans()), max_size=3),
)


def sarif_texts(report: Report) -> list[dict[str, Any]]:
    return [result for run in json.loads(sarif.render(report))["runs"] for result in run["results"]]


@settings(max_examples=60, deadline=None)
@given(REPORTS)
def test_a_format_for_machines_has_every_finding_whole(report: Report) -> None:
    written = json.loads(json_report.render(report))["findings"]
    cases = [case for case in ET.fromstring(junit.render(report)).iter("testcase") if "a-slug" in case.attrib["name"]]
    issues = json.loads(gitlab.render(report))
    assert len(written) == len(cases) == len(sarif_texts(report)) == len(report.findings)
    names = [(case.get("classname"), case.get("name")) for case in ET.fromstring(junit.render(report)).iter("testcase")]
    assert len(set(names)) == len(names)
    for finding, one in zip(report.findings, written, strict=True):
        assert (one["revision"], one["fix"], one["details"]) == (finding.revision, finding.fix, finding.details)
        assert (one["suggestion"] is None) == (finding.suggestion is None)
    results = sorted(sarif_texts(report), key=lambda one: str(one["message"]))
    for finding in report.findings:
        assert any(_is_result_of(finding, result) for result in results)
        texts = ["".join(case.itertext()) for case in cases]
        wanted = [finding.message, finding.fix, finding.details, f"{finding.path}:{finding.line}"]
        assert any(all(part in text for part in wanted if part) for text in texts)
        place = {"path": finding.path, "lines": {"begin": finding.line}}
        assert any(
            one["location"] == place and f"{finding.message}. Fix: {finding.fix}" in one["description"]
            for one in issues
        )


def _is_result_of(finding: Finding, result: dict[str, Any]) -> bool:
    place = result["locations"][0]["physicalLocation"]
    return (
        result["ruleId"] == finding.id
        and (place["artifactLocation"]["uri"], place["region"]["startLine"]) == (finding.path, finding.line)
        and f"{finding.message}\nFix: {finding.fix}" in result["message"]["text"]
        and (result["properties"]["revision"], result["properties"]["details"]) == (finding.revision, finding.details)
        and bool(result["fixes"]) == bool(finding.suggestion)
        and len(result["relatedLocations"]) == len(finding.related)
    )


@settings(max_examples=60, deadline=None)
@given(REPORTS)
def test_every_format_has_the_reason_of_every_pass(report: Report) -> None:
    shown = {name: render(report) for name, render in FORMATS.items()}
    shown |= {"html": words_of(shown["html"]), "terminal": terminal(report).plain}
    (replay,) = report.replay
    cases = {case.attrib["name"]: case for case in ET.fromstring(shown["junit"]).iter("testcase")}
    runs = json.loads(shown["sarif"])["runs"]
    told = {one["name"]: one for run in runs for one in run["properties"]["passes"]}
    for one in replay.passes:
        assert one.reason is not None
        for name in ("json", "sarif", "html", "markdown", "terminal"):
            assert one.reason in shown[name], name
        assert (told[one.name]["outcome"], told[one.name]["reason"]) == (one.outcome, one.reason)
        (child,) = cases[f"{one.name} pass"]
        assert one.reason in child.attrib["message"]
        if one.outcome == "not run":
            assert child.tag == "skipped"
        if not any(finding.id.startswith("R") and finding.project == "api" for finding in report.findings):
            assert one.reason in shown["gitlab"]
    for skipped in report.skipped:
        for name in ("json", "sarif", "html", "markdown", "terminal", "junit", *(["gitlab"] if skipped.wanted else [])):
            assert skipped.reason in shown[name], name


def test_thirty_edited_scripts_are_thirty_findings_with_a_place_and_a_fix(checkout: Checkout) -> None:
    names = [f"r{number:02}" for number in range(30)]
    checkout.commit({**PROJECT, **chain(" <- ".join(names))})
    checkout.branch("branch")
    edited = {
        f"{VERSIONS}/{one}_.py": script(one, before, "op.execute('SELECT 1')")
        for one, before in zip(names, [None, *names], strict=False)
    }
    checkout.commit({**PROJECT, **chain(" <- ".join(names)), **edited})
    report = checkout.check()
    assert [(one.id, one.revision) for one in report.findings] == [("H101", one) for one in names]
    for one in report.findings:
        assert one.fix == f"git checkout main -- {one.path}"
        assert one.details
    assert [result["properties"]["revision"] for result in sarif_texts(report)] == names
    lines = annotate(report).splitlines()
    assert len([line for line in lines if f"file={VERSIONS}/" in line]) == SHOWN - 1
    assert "21 error annotations more" in lines[-1]
    text = terminal(report).plain
    assert text.count("error H101") == 1
    assert "30 times: " in text
    assert "25 more with --verbose" in text
    assert terminal(report, verbose=True).plain.count("error H101") == 30
    summary = markdown(report)
    assert summary.count("❌ error") == 1
    assert "30 times: " in summary
    assert all(f"{one}_.py" in summary for one in names)


# ---------------------------------------------------------------- existing problems do not count, and say so

SAFE = replace(
    SAMPLE,
    verdict="pass",
    findings=(OLD,),
    skipped=(),
    replay=(
        ReplayReport(
            "jobs",
            ServerReport("container", "17.5"),
            (PassReport("stairway", 1.0, "failed", "downgrade() of 1a failed", introduced=False),),
            (),
        ),
    ),
)


@pytest.mark.parametrize("name", ["html", "markdown", "junit", "sarif", "gitlab", "terminal"])
def test_an_existing_problem_is_labelled_and_not_counted(name: str) -> None:
    shown = terminal(SAFE).plain if name == "terminal" else FORMATS[name](SAFE)
    assert shown.lower().count("not counted") >= 1
    if name in ("html", "markdown", "terminal"):
        assert "✓ safe to merge: 1 existing problem not counted" in shown
        assert f"stairway failed ({NOT_COUNTED})" in shown
    if name == "junit":
        root = ET.fromstring(shown)
        assert (root.get("failures"), root.get("errors")) == ("0", "0")
    if name == "gitlab":
        assert {one["severity"] for one in json.loads(shown)} == {"info"}
    judged = replace(SAFE, verdict="fail", findings=(replace(OLD, severity=Severity.ERROR),))
    text = terminal(judged).plain if name == "terminal" else FORMATS[name](judged)
    assert "not counted" not in text.lower()


@pytest.mark.parametrize("name", ["html", "markdown", "terminal"])
def test_a_report_says_which_layers_of_isolation_were_missing(name: str) -> None:
    replay = replace(SAFE.replay[0], not_isolated=("Landlock (Linux 5.13)", "a network namespace"))
    report = replace(SAFE, replay=(replay,))
    shown = terminal(report, verbose=True).plain if name == "terminal" else FORMATS[name](report)
    shown = re.sub(r"</?bdi>", "", shown)
    assert "without: Landlock (Linux 5.13); a network namespace" in shown
    assert "Landlock" not in terminal(report).plain
