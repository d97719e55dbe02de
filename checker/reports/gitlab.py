"""The report as GitLab's Code Quality JSON: what a merge request shows beside the lines that it changes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from checker.findings import Finding, Report, Severity
from checker.reports.escape import clip, log, one_line
from checker.reports.passes import NOT_COUNTED, PassNote, pass_notes
from checker.reports.words import fingerprints, folder, is_existing, location

SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}
LONGEST = 4_000


def render(report: Report) -> str:
    """One issue for each finding, in the report's order; an allowed one is there as `info`, with the reason.

    The format has no place for the run itself, and no issue would read as a pass: what was asked for and not run is an issue
    too, and a pass that did not pass, where no finding of the replay says why.
    """
    prints = fingerprints(report.findings)
    issues = [_issue(report, *pair) for pair in zip(report.findings, prints, strict=True)]
    issues += [_run_issue(report, "not run", one.what, one.reason, "major") for one in report.skipped if one.wanted]
    explained = {finding.project for finding in report.findings if finding.id.startswith("R")}
    issues += [_pass_issue(report, one) for one in pass_notes(report) if one.project not in explained]
    issues = list({one["fingerprint"]: one for one in issues}.values())
    return json.dumps(issues, indent=2, ensure_ascii=False) + "\n"


def _issue(report: Report, finding: Finding, fingerprint: str) -> dict[str, Any]:
    path, line = location(report, finding)
    return {
        "type": "issue",
        "check_name": f"{finding.id} {finding.slug}",
        "description": log(one_line(clip(_description(finding), LONGEST))),
        "fingerprint": fingerprint,
        "severity": "info" if finding.allowed else SEVERITIES[finding.severity],
        "location": {"path": log(path), "lines": {"begin": line}},
    }


def _pass_issue(report: Report, one: PassNote) -> dict[str, Any]:
    severity = "major" if one.counts else "info"
    return _run_issue(report, f"{one.name} pass {one.outcome}", one.title, one.reason, severity, one.project)


def _run_issue(
    report: Report, name: str, what: str, reason: str, severity: str, project: str | None = None
) -> dict[str, Any]:
    key = "\0".join((project or "", name, what, reason))
    return {
        "type": "issue",
        "check_name": name,
        "description": log(one_line(clip(f"{what}: {reason}", LONGEST))),
        "fingerprint": hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        "severity": severity,
        "location": {"path": log(folder(report, project)), "lines": {"begin": 1}},
    }


def _description(finding: Finding) -> str:
    label = f"{NOT_COUNTED.capitalize()}: " if is_existing(finding) else ""
    if finding.allowed:
        return f"{label}{finding.message} (allowed: {finding.allowed.reason})"
    return f"{label}{finding.message}" + (f". Fix: {finding.fix}" if finding.fix else "")
