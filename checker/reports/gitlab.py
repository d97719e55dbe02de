"""The report as GitLab's Code Quality JSON: what a merge request shows beside the lines that it changes."""

from __future__ import annotations

import json
from typing import Any

from checker.findings import Finding, Report, Severity
from checker.reports.escape import clip, log, one_line
from checker.reports.words import fingerprints, location

SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}
LONGEST = 4_000


def render(report: Report) -> str:
    """One issue for each finding, in the report's order; an allowed one is there as `info`, with the reason."""
    prints = fingerprints(report.findings)
    issues = [_issue(report, *pair) for pair in zip(report.findings, prints, strict=True)]
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


def _description(finding: Finding) -> str:
    if finding.allowed:
        return f"{finding.message} (allowed: {finding.allowed.reason})"
    return f"{finding.message}. Mend: {finding.fix}" if finding.fix else finding.message
