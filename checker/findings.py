"""What a run says in the end: findings, what was skipped, what was replayed, and the verdict over it all.

These dataclasses are the report (DESIGN, section 6): every output is made from them, and `report.schema.json` is made
from their types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, runtime_checkable

Verdict = Literal["pass", "fail", "inconclusive"]
"""inconclusive: nothing is known to be wrong, and something that was asked for could not be judged."""


class Severity(StrEnum):
    """How grave a finding is; what fails a run is decided by --fail-on."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the gravest, so that sorting puts it first."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Related:
    """Another place that a finding is about."""

    path: str
    line: int | None
    message: str


@dataclass(frozen=True)
class Suggestion:
    """Lines of a file, and what to put in their place: all that a tool needs to offer the change at a click."""

    path: str
    start_line: int
    end_line: int
    replacement: tuple[str, ...]
    """A line each, without its ending."""


@dataclass(frozen=True)
class Allowed:
    """Why the user lets a finding pass: an `allow:` entry or a commit trailer."""

    reason: str
    source: str
    """Where it was allowed: "FILE:LINE" or "commit abc1234"."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong with the migrations, told so that it can be mended from the text alone.

    `path` is relative to the repository's root and `line` starts at 1. `introduced` is False for what is already so
    at the base ref: shown, but it never decides a verdict unless the whole tree is judged (`--all`).
    """

    id: str
    slug: str
    severity: Severity
    project: str
    message: str
    revision: str | None = None
    path: str | None = None
    line: int | None = None
    fix: str | None = None
    details: str | None = None
    introduced: bool = True
    related: tuple[Related, ...] = ()
    allowed: Allowed | None = None
    suggestion: Suggestion | None = None
    """What mends it, where that is a change of a few lines in one file."""


@dataclass(frozen=True)
class Skipped:
    """Something that was asked for and could not be done. `wanted` False: the user turned it off, or it has no object."""

    what: str
    reason: str
    wanted: bool = True


@dataclass(frozen=True)
class Tool:
    """Who wrote the report."""

    name: str
    version: str


@dataclass(frozen=True)
class Ref:
    """A ref as the user knows it, and the commit it stood for; None for the work tree with uncommitted changes."""

    ref: str
    commit: str | None


@dataclass(frozen=True)
class ProjectReport:
    """One Alembic environment in the merge result."""

    path: str
    script_location: str
    revisions: int
    new: tuple[str, ...]
    heads: tuple[str, ...]


@dataclass(frozen=True)
class ServerReport:
    """The throwaway PostgreSQL that a replay ran on."""

    provider: str
    version: str


@dataclass(frozen=True)
class PassReport:
    """One way through the chain, in seconds.

    `reason` is there for every outcome that is not "passed". `introduced` is set for a pass that failed: False where only
    existing problems made it fail, which never decide a verdict unless the whole tree is judged (`--all`).
    """

    name: str
    seconds: float
    outcome: str
    reason: str | None = None
    introduced: bool | None = None


@dataclass(frozen=True)
class StepReport:
    """One revision in the stairway, in seconds; None where that direction was not run."""

    revision: str
    upgrade_seconds: float | None
    downgrade_seconds: float | None
    statements: int


@dataclass(frozen=True)
class OutsideReport:
    """A module that was imported from another copy (`path`) although the judged tree has it at `expected`."""

    module: str
    path: str
    expected: str


@dataclass(frozen=True)
class ReplayReport:
    """What was replayed for one project, where, and how long it took."""

    project: str
    server: ServerReport
    passes: tuple[PassReport, ...]
    steps: tuple[StepReport, ...]
    not_isolated: tuple[str, ...] = ()
    """The layers of isolation from the machine and the network that it ran without, in words."""
    database: str | None = None
    """Of an env.py that migrates several databases, the one that was replayed here; each has a replay of its own."""
    outside: tuple[OutsideReport, ...] = ()
    """The modules that were imported from another copy although the judged tree has them."""


@dataclass(frozen=True)
class Report:
    """A whole run. Everything that is printed or written is made from this object alone."""

    tool: Tool
    verdict: Verdict
    base: Ref
    head: Ref
    projects: tuple[ProjectReport, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    replay: tuple[ReplayReport, ...]
    seconds: float
    version: Literal[1] = field(default=1)


EventKind = Literal["edited", "deleted", "renumbered", "reparented", "inserted", "heads"]


@dataclass(frozen=True)
class EventReport:
    """What became of a script after it had landed, or, of the kind `heads`, that the chain had several heads.

    Dates are ISO 8601. `author` wrote it, `commit` is the one with which it landed. `still_stands` False: it was taken back
    since, or the several heads were brought together: `until` then says when, and `hours` how long they stood.
    """

    kind: EventKind
    project: str
    revision: str | None
    path: str | None
    line: int | None
    message: str
    commit: str
    author: str
    date: str
    pull_request: int | None
    still_stands: bool
    until: str | None = None
    hours: float | None = None


@dataclass(frozen=True)
class LogEntry:
    """A revision, who wrote it, and when it first landed with which commit."""

    project: str
    revision: str
    message: str
    author: str
    landed: str
    commit: str
    pull_request: int | None
    path: str


@dataclass(frozen=True)
class CollisionReport:
    """Two branches of which the second to be merged will not fit.

    `kind` parent: both add a revision that stands on `revision`; id: both add a revision that is called `revision`, in
    different files. `paths` are the first's and the second's script.
    """

    project: str
    kind: Literal["parent", "id"]
    revision: str
    branches: tuple[str, str]
    paths: tuple[str, str]


@dataclass(frozen=True)
class AuditReport(Report):
    """A branch's own past: `findings` are the events that still stand, and `events` all of them."""

    events: tuple[EventReport, ...] = ()
    log: tuple[LogEntry, ...] = ()
    collisions: tuple[CollisionReport, ...] = ()
    commits: int = 0
    """How many commits the branch's first-parent line has, as far as it was read."""


@runtime_checkable
class Judgement(Protocol):
    """What a command comes to: a report, or whatever else passes or fails."""

    @property
    def verdict(self) -> Verdict:
        """What decides the exit code."""
