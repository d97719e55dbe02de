"""The report as SARIF 2.1.0: GitHub's code scanning, Azure DevOps, editors."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from checker.checks.base import CheckInfo
from checker.checks.registry import CHECKS
from checker.findings import Finding, PassReport, Related, Report, Severity
from checker.reports.escape import clip, is_exact, log, uri
from checker.reports.passes import NOT_COUNTED, pass_name, pass_notes
from checker.reports.words import documentation, fingerprints, is_existing, location, projects

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
LONGEST = 8_000
PROBLEM = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "recommendation"}

Object = dict[str, Any]


def render(report: Report) -> str:
    """A run for each project, so that each has its own category; one empty run where there is no project."""
    rules = _rules(report)
    runs = [_run(report, project, rules) for project in projects(report) or (".",)]
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": runs}, indent=2, ensure_ascii=False) + "\n"


def _run(report: Report, project: str, rules: list[Object]) -> Object:
    indexes = {rule["id"]: index for index, rule in enumerate(rules)}
    category = "" if project == "." else f"{uri(project)}/"
    return {
        "tool": {
            "driver": {
                "name": report.tool.name,
                "version": report.tool.version,
                "informationUri": "https://github.com/alembic-premerge/alembic-premerge",
                "rules": rules,
            }
        },
        "automationDetails": {"id": f"{report.tool.name}/{category}"},
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report, project)],
        "results": [
            _result(report, finding, indexes[finding.id], fingerprint)
            for finding, fingerprint in zip(report.findings, fingerprints(report.findings), strict=True)
            if finding.project == project
        ],
        "properties": {
            "passes": [
                _pass(pass_name(replay, one), one)
                for replay in report.replay
                if replay.project == project
                for one in replay.passes
            ]
        },
    }


def _pass(name: str, one: PassReport) -> Object:
    return {
        "name": name,
        "seconds": one.seconds,
        "outcome": one.outcome,
        "reason": log(clip(one.reason, LONGEST)) if one.reason else None,
        "introduced": one.introduced,
    }


def _invocation(report: Report, project: str) -> Object:
    notes = [one for one in pass_notes(report) if one.project == project]
    return {
        "executionSuccessful": report.verdict != "inconclusive" and not any(one.wanted for one in report.skipped),
        "exitCode": {"pass": 0, "fail": 1, "inconclusive": 2}[report.verdict],
        "toolExecutionNotifications": [
            {
                "level": "error" if skipped.wanted else "note",
                "message": _message(f"not run: {skipped.what}: {skipped.reason}"),
            }
            for skipped in report.skipped
        ]
        + [{"level": "error" if one.counts else "note", "message": _message(one.text)} for one in notes],
    }


def _rules(report: Report) -> list[Object]:
    known = {one.info.id: _rule(one.info) for one in CHECKS}
    for finding in report.findings:
        known.setdefault(finding.id, _unregistered_rule(finding))
    return list(known.values())


def _rule(info: CheckInfo) -> Object:
    return {
        "id": info.id,
        "name": _pascal_case(info.slug),
        "shortDescription": {"text": info.says},
        "fullDescription": {"text": f"{info.says} {info.breaks}"},
        "help": {
            "text": f"Why it breaks a database: {info.breaks}\n\nHow to fix: {info.mend}",
            "markdown": f"**Why it breaks a database.** {info.breaks}\n\n**How to fix.** {info.mend}",
        },
        "helpUri": documentation(info.id),
        "defaultConfiguration": {"level": info.severity.value},
        "properties": {"tags": ["alembic", "migrations"], "problem.severity": PROBLEM[info.severity]},
    }


def _unregistered_rule(finding: Finding) -> Object:
    """What says something of the run itself has no check in the registry."""
    name = _pascal_case(finding.slug)
    return {"id": finding.id, "name": name, "shortDescription": {"text": finding.slug.replace("-", " ")}}


def _pascal_case(slug: str) -> str:
    return "".join(word.capitalize() for word in slug.split("-"))


def _result(report: Report, finding: Finding, index: int, fingerprint: str) -> Object:
    path, line = location(report, finding)
    return {
        "ruleId": finding.id,
        "ruleIndex": index,
        "level": finding.severity.value,
        "message": _message(_words(finding)),
        "locations": [_location(path, line)],
        "relatedLocations": _related(finding.related),
        # the second is the only one that GitHub's code scanning reads
        "partialFingerprints": {"alembicPremerge/v1": fingerprint, "primaryLocationLineHash": f"{fingerprint}:1"},
        "baselineState": "new" if finding.introduced else "unchanged",
        "suppressions": _suppressions(finding),
        "fixes": _fixes(finding),
        "properties": {
            "project": log(finding.project),
            "revision": log(finding.revision) if finding.revision else None,
            "details": log(clip(finding.details, LONGEST)) if finding.details else None,
        },
    }


def _words(finding: Finding) -> str:
    label = f"{NOT_COUNTED.capitalize()}: " if is_existing(finding) else ""
    return f"{label}{finding.message}" + (f"\nFix: {finding.fix}" if finding.fix else "")


def _suppressions(finding: Finding) -> list[Object]:
    if finding.allowed is None:
        return []
    justification = log(f"{finding.allowed.reason} ({finding.allowed.source})")
    return [{"kind": "external", "status": "accepted", "justification": justification}]


def _fixes(finding: Finding) -> list[Object]:
    """The suggestion. A region of whole lines has no columns, and its last line's ending is not in it."""
    offered = finding.suggestion
    if offered is None or not finding.fix or not is_exact(offered.replacement):
        return []
    replacement = {
        "deletedRegion": {"startLine": offered.start_line, "endLine": offered.end_line},
        "insertedContent": {"text": "\n".join(offered.replacement)},
    }
    change = {**_location(offered.path, None)["physicalLocation"], "replacements": [replacement]}
    return [{"description": _message(finding.fix), "artifactChanges": [change]}]


def _related(related: Iterable[Related]) -> list[Object]:
    return [
        {"id": number, **_location(one.path, one.line), "message": _message(one.message)}
        for number, one in enumerate(related, 1)
    ]


def _location(path: str, line: int | None) -> Object:
    place: Object = {"artifactLocation": {"uri": uri(path), "uriBaseId": ROOT}}
    if line:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}


def _message(text: str) -> Object:
    # `[words](target)` would be a link; migrations have no say in where a reader is sent.
    return {"text": log(clip(text, LONGEST)).replace("](", "] (")}
