"""The report as one HTML page that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checker.findings import Finding, Report
from checker.reports.escape import backticked, clip, log
from checker.reports.groups import groups
from checker.reports.passes import outcome
from checker.reports.past import tables
from checker.reports.words import (
    counts,
    documentation,
    existing_title,
    fingerprints,
    is_existing,
    place,
    projects,
    scope,
    verdict,
)

LONGEST = 100_000

if TYPE_CHECKING:
    from jinja2 import Environment


def render(report: Report) -> str:
    """The whole page; every finding has an address of its own that stays (`#` and its fingerprint)."""
    keys = {id(one): key for one, key in zip(report.findings, fingerprints(report.findings), strict=True)}
    template = _environment().get_template("report.html.jinja")
    return template.render(
        report=report,
        verdict=verdict(report),
        counts=counts(report),
        scope=scope(report),
        several=len(projects(report)) > 1,
        own=groups(one for one in report.findings if not is_existing(one)),
        existing=groups(one for one in report.findings if is_existing(one)),
        existing_title=existing_title(report),
        key=lambda finding: keys[id(finding)],
        outcome=outcome,
        tables=tables(report),
    )


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("checker.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(place=place, documentation=documentation, tone=_tone, diff=_diff, parts=backticked)
    return environment


def _shown(value: object) -> object:
    """Every expression of the template comes through here before it is escaped."""
    # not what a macro made, which is escaped already
    return log(clip(value, LONGEST)) if type(value) is str else value


def _tone(finding: Finding) -> str:
    return "allowed" if finding.allowed else finding.severity.value


def _diff(details: str) -> list[tuple[str, str]]:
    """Each line with its class; `---` and `+++` are titles."""
    classes = {"+": "plus", "-": "minus"}
    lines = log(clip(details, LONGEST)).strip("\n").split("\n")
    return [("" if line.startswith(("---", "+++")) else classes.get(line[:1], ""), line) for line in lines]
