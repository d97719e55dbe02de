"""The report as JUnit XML: what Jenkins, GitLab, Azure and the like show as tests.

A check that found nothing is a test that passed, each finding a test of its own; so are a replay's passes and steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from checker.checks.base import CheckInfo
from checker.checks.registry import REPLAY, STATIC, find
from checker.findings import Finding, PassReport, ReplayReport, Report, Skipped, StepReport
from checker.reports.escape import clip, log, one_line
from checker.reports.passes import NOT_COUNTED, counts, pass_name, unjudged
from checker.reports.words import decisive, is_existing, projects, told

NAME = "alembic-premerge"
LONGEST_MESSAGE = 2_000
LONGEST_TEXT = 50_000
LONGEST_NAME = 2_000


def render(report: Report) -> str:
    """One testsuite for each project, and one for what was not run."""
    root = ET.Element("testsuites")
    for project in projects(report):
        suite = _add(root, "testsuite", name=NAME if project == "." else project)
        _checks(suite, project, report)
        for replay in report.replay:
            if replay.project == project:
                _replay(suite, report, replay)
        _count(suite)
    if report.skipped:
        suite = _add(root, "testsuite", name="not run")
        for skipped in report.skipped:
            _skipped(suite, skipped)
        _count(suite)
    _distinct(root)
    _count(root, name=NAME, time=_seconds(report.seconds))
    root.attrib.pop("skipped", None)  # the schema has it for a suite alone
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _checks(suite: ET.Element, project: str, report: Report) -> None:
    own = {index: finding for index, finding in enumerate(report.findings) if finding.project == project}
    ran: list[CheckInfo] = [one.info for one in STATIC]
    if any(replay.project == project for replay in report.replay):
        ran += [one.info for one in REPLAY]
    found = {finding.id for finding in own.values()}
    for info in ran:
        if info.id not in found:
            case = _case(suite, "replay" if info.replay else "static", f"{info.id} {info.slug}")
            if reason := unjudged(report, project, info):
                _add(case, "skipped", message=f"not judged: {reason}")
    fails = decisive(report)
    for index, finding in own.items():
        _finding(suite, finding, fails=index in fails)


def _finding(suite: ET.Element, finding: Finding, *, fails: bool) -> None:
    subject = finding.revision or finding.path or ""
    stage = "replay" if finding.id.startswith("R") else "static"
    case = _case(suite, stage, f"{finding.id} {finding.slug} {subject}")
    message = one_line(clip(finding.message, LONGEST_MESSAGE))
    if finding.allowed:
        _add(case, "skipped", told(finding), message=f"allowed: {finding.allowed.reason}")
    elif fails:
        registered = find(finding.id)
        not_judged = registered is not None and registered.info.inconclusive
        _add(case, "error" if not_judged else "failure", told(finding), type=finding.id, message=message)
    else:
        label = NOT_COUNTED if is_existing(finding) else finding.severity
        _add(case, "system-out", f"{label}: {told(finding)}")


def _replay(suite: ET.Element, report: Report, replay: ReplayReport) -> None:
    server = f"PostgreSQL {replay.server.version} ({replay.server.provider})"
    for one in replay.passes:
        _pass(suite, pass_name(replay, one), one, server, counted=counts(report, one))
    for step in replay.steps:
        _step(suite, step, f" (database {replay.database})" if replay.database else "")


def _pass(suite: ET.Element, name: str, one: PassReport, server: str, *, counted: bool) -> None:
    case = _case(suite, "replay", f"{name} pass", one.seconds)
    why = f": {one.reason}" if one.reason else ""
    if counted:
        _add(case, "failure", type=one.name, message=f"the {one.name} pass failed on {server}{why}")
    elif one.outcome == "failed":
        _add(case, "skipped", message=f"failed on {server} ({NOT_COUNTED}){why}")
    elif one.outcome != "passed":
        _add(case, "skipped", message=f"{one.outcome}{why}")
    else:
        _add(case, "system-out", f"{server}{why}")


def _step(suite: ET.Element, step: StepReport, database: str) -> None:
    seconds = (step.upgrade_seconds or 0) + (step.downgrade_seconds or 0)
    case = _case(suite, "replay", f"step {step.revision}{database}", seconds)
    if step.upgrade_seconds is None:
        _add(case, "skipped", message="not run")


def _skipped(suite: ET.Element, skipped: Skipped) -> None:
    case = _case(suite, "run", skipped.what)
    _add(case, "error" if skipped.wanted else "skipped", message=one_line(skipped.reason))


def _case(suite: ET.Element, stage: str, name: str, seconds: float = 0) -> ET.Element:
    # Consumers tell tests apart by class and name alone, whatever suite they are in.
    place = suite.attrib["name"]
    classname = f"{NAME}.{stage}" if place == NAME else f"{NAME}.{place}.{stage}"
    return _add(suite, "testcase", classname=classname, name=clip(one_line(name), LONGEST_NAME), time=_seconds(seconds))


def _distinct(root: ET.Element) -> None:
    """Number the tests that have the same class and name: consumers take them for one."""
    cases = list(root.iter("testcase"))
    taken = Counter((case.attrib["classname"], case.attrib["name"]) for case in cases)
    seen: Counter[tuple[str, str]] = Counter()
    for case in cases:
        classname, name = case.attrib["classname"], case.attrib["name"]
        number = seen[classname, name] = seen[classname, name] + 1
        if number > 1:
            while taken[classname, f"{name} ({number})"]:
                number += 1
            seen[classname, name] = number
            taken[classname, f"{name} ({number})"] += 1
            case.set("name", f"{name} ({number})")


def _add(parent: ET.Element, tag: str, text: str | None = None, /, **attributes: str) -> ET.Element:
    """Every text comes in here, and nothing that XML forbids gets past."""
    child = ET.SubElement(parent, tag, {key: log(clip(value, LONGEST_TEXT)) for key, value in attributes.items()})
    child.text = log(clip(text, LONGEST_TEXT)) if text else None
    return child


def _count(element: ET.Element, **attributes: str) -> None:
    element.attrib.update(attributes)
    for key, tag in {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}.items():
        element.set(key, str(_number(element.iter(tag))))
    if "time" not in attributes:
        element.set("time", _seconds(sum(float(case.attrib["time"]) for case in element.iter("testcase"))))


def _number(elements: Iterable[ET.Element]) -> int:
    return sum(1 for _ in elements)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
