"""What every format says in the same words: the verdict, the counts, the places, and what a finding is known by."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from checker.findings import AuditReport, Finding, ReplayReport, Report, Severity
from checker.reports.passes import counts as pass_counts
from checker.reports.passes import outcome as pass_outcome

DOCUMENTATION = "https://github.com/alembic-premerge/alembic-premerge/blob/main/docs/checks"


def place(path: str | None, line: int | None) -> str:
    """`PATH:LINE`, or as much of it as is known."""
    if path is None:
        return ""
    return f"{path}:{line}" if line else path


def counts(report: Report) -> str:
    """`2 errors, 1 note, 3 existing problems not counted`, without what is allowed; empty where there is nothing."""
    judged = [finding for finding in report.findings if finding.allowed is None]
    found = Counter(finding.severity for finding in judged if not is_existing(finding))
    words = [plural(found[severity], severity.value) for severity in Severity if found[severity]]
    existing = sum(1 for finding in judged if is_existing(finding))
    return ", ".join([*words, *([f"{plural(existing, 'existing problem')} not counted"] if existing else [])])


def plural(count: int, word: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def verdict(report: Report) -> str:
    """The answer itself."""
    if isinstance(report, AuditReport):
        if report.verdict == "pass":
            return "✓ nothing in this past still stands against a database"
        if report.verdict == "fail":
            return "✗ databases may not survive what still stands of this past"
    return {"pass": "✓ safe to merge", "fail": "✗ not safe to merge", "inconclusive": "✗ could not judge"}[
        report.verdict
    ]


def headline(report: Report) -> str:
    """The answer, and how many findings of which severity there are."""
    told = counts(report)
    return f"{verdict(report)}: {told}" if told else verdict(report)


def scope(report: Report) -> tuple[str, ...]:
    """What was judged: the refs, each project's size, each replay's server and passes, the time."""
    base = f"{report.base.ref} ({(report.base.commit or '')[:10]})" if report.base.commit else report.base.ref
    head = f"{report.head.ref} ({(report.head.commit or 'work tree')[:10]})"
    words = [f"{head} into {base}"]
    if isinstance(report, AuditReport):
        words = [f"{head} since {base}: {plural(report.commits, 'commit')}"]
    for project in report.projects:
        name = "" if project.path == "." else f"{project.path}: "
        words.append(f"{name}{project.revisions} revisions, {len(project.new)} new")
    if not report.projects:
        words.append("no migration changed")
    for replay in report.replay:
        database = f", database {replay.database}" if replay.database else ""
        server = f"PostgreSQL {replay.server.version} ({replay.server.provider}){database}"
        words.append(f"{server}: {_passes(report, replay)}")
    return (*words, f"{report.seconds:.1f} s")


def _passes(report: Report, replay: ReplayReport) -> str:
    """Those that were run."""
    ran = [one for one in replay.passes if one.outcome in ("passed", "failed")]
    words = [f"{one.name} {pass_outcome(report, one)} in {one.seconds:.1f} s" for one in ran]
    return ", ".join(words) or "no pass could be run"


def is_existing(finding: Finding) -> bool:
    """Whether it is a problem of the base that does not count: not introduced by this change, and no `--all`."""
    return not finding.introduced and finding.severity is Severity.NOTE


def existing_title(report: Report) -> str:
    """The title over the problems that this change did not introduce."""
    return f"Existing problems on {report.base.ref} (not introduced by this change, not counted)"


def told(finding: Finding) -> str:
    """All of a finding as plain text, for places that have no layout."""
    lines = [place(finding.path, finding.line), finding.message]
    lines += [f"{place(one.path, one.line)}: {one.message}" for one in finding.related]
    lines += [finding.details] if finding.details else []
    if finding.allowed:
        lines.append(f"allowed: {finding.allowed.reason} ({finding.allowed.source})")
    elif finding.fix:
        lines.append(f"fix: {finding.fix}")
    return "\n".join(line for line in lines if line)


def projects(report: Report) -> tuple[str, ...]:
    """Every project that the report speaks of, each once."""
    named = [project.path for project in report.projects]
    named += [finding.project for finding in report.findings]
    named += [replay.project for replay in report.replay]
    return tuple(dict.fromkeys(named))


def decisive(report: Report) -> frozenset[int]:
    """The indexes of the findings that make the run fail.

    A report does not say what --fail-on was. An error always fails. A warning does where the verdict is `fail` and
    nothing else accounts for it: so a run that failed is never shown without its cause.
    """
    judged = {index: one for index, one in enumerate(report.findings) if one.allowed is None}
    errors = frozenset(index for index, one in judged.items() if one.severity is Severity.ERROR)
    failed = any(pass_counts(report, one) for replay in report.replay for one in replay.passes)
    if errors or failed or report.verdict == "pass" or any(skipped.wanted for skipped in report.skipped):
        return errors
    return frozenset(index for index, one in judged.items() if one.severity is Severity.WARNING)


def location(report: Report, finding: Finding) -> tuple[str, int]:
    """Where a format that must have a place shows the finding: its own, else its project's folder of scripts."""
    if finding.path:
        return finding.path, finding.line or 1
    return folder(report, finding.project), 1


def folder(report: Report, project: str | None = None) -> str:
    """A project's folder of scripts; without a project that of the first."""
    folders = {one.path: one.script_location for one in report.projects}
    return (folders.get(project) or project) if project else next(iter(folders.values()), ".")


def fingerprints(findings: Iterable[Finding]) -> tuple[str, ...]:
    """For each finding what it is known by from run to run, whatever moves above its line; no two are the same."""
    seen: Counter[str] = Counter()
    prints = []
    for finding in findings:
        known_by = [finding.id, finding.project, finding.revision, finding.path]
        known_by += [finding.message] if finding.revision is None else []
        text = "\0".join("" if part is None else part for part in known_by)
        seen[text] += 1
        text += f"\0{seen[text]}" if seen[text] > 1 else ""
        prints.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32])
    return tuple(prints)


def documentation(check: str) -> str:
    """The address of a check's page."""
    return f"{DOCUMENTATION}/{check}.md"
