"""Findings as GitHub suggestions: what mends them, to be committed with a click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from checker.findings import Finding, Report, Suggestion
from checker.reports.escape import is_exact, prose
from checker.reports.words import fingerprints


@dataclass(frozen=True)
class Offer:
    """A suggestion, and the Markdown that offers it."""

    key: str
    """What the finding is known by from run to run."""
    suggestion: Suggestion
    body: str


def render(report: Report) -> Iterator[Offer]:
    """One offer for each finding of this change that a few lines mend."""
    for finding, key in zip(report.findings, fingerprints(report.findings), strict=True):
        offered = finding.suggestion
        if offered and finding.introduced and finding.allowed is None and is_exact(offered.replacement):
            yield Offer(key, offered, _body(finding, offered))


def _body(finding: Finding, offered: Suggestion) -> str:
    longest = max((len(run) for line in offered.replacement for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    told = f"**{finding.id} {finding.slug}**: {prose(finding.message)}"
    return "\n".join((told, "", f"{fence}suggestion", *offered.replacement, fence))
