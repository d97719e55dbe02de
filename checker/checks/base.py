"""What a check is: one record of what it says, and one function from what is judged to findings."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from checker.findings import Finding, Related, Severity, Suggestion
from checker.replay.outcome import PassName, Proposal, Replay
from checker.settings import ProjectSettings
from checker.source.changes import Changes
from checker.source.script import Script
from checker.source.snapshot import Snapshot
from checker.source.tree import join


@dataclass(frozen=True)
class Deployed:
    """A revision that the database of one of the user's environments stands on."""

    environment: str
    revision: str


@dataclass(frozen=True)
class Stale:
    """What the user allows without effect: in words, and where it stands if that is a file."""

    message: str
    path: str | None = None
    line: int | None = None
    introduced: bool = True


@dataclass(frozen=True)
class Unreported:
    """What made a pass of a replay fail and no finding reports: in words, and where."""

    message: str
    revision: str | None = None
    introduced: bool = True


@dataclass(frozen=True)
class Subject:
    """What the checks judge: one environment at the base ref and after the merge, and what a replay found out."""

    project: str
    base_ref: str
    """As the user knows it, for the commands in a fix."""
    base: Snapshot
    """Without scripts where the environment is new."""
    result: Snapshot
    changes: Changes
    default_base: bool = False
    """Whether a command that names no base would take the same."""
    expected_heads: tuple[str, ...] = ()
    removed: bool = False
    """Whether the whole environment is gone, its env.py too."""
    configured: bool = False
    """Whether the user's configuration or command line names this project."""
    conflicts: frozenset[str] = frozenset()
    """Paths in which merging gives a textual conflict."""
    last_seen: Callable[[str], str | None] = field(default=lambda _: None)
    """The newest commit that had a revision which is not there, or None."""
    read: Callable[[str], bytes] = field(default=lambda _: b"")
    """The content of a file of the merge result; b"" where it is not there."""
    changed_files: Callable[[], frozenset[str]] = field(default=frozenset)
    """Every path of the repository whose content differs between the base and the merge result."""
    deployed: tuple[Deployed, ...] = ()
    """What the user's environments report of this project."""
    stale: tuple[Stale, ...] = ()
    """What the user allows without effect; all of it with the first subject of a run."""
    replay: Replay | None = None
    """The one that is looked at."""
    replays: tuple[Replay, ...] = ()
    """One for each database that env.py migrates; nearly always there is one."""
    unreported: tuple[Unreported, ...] = ()
    """What made a pass of the replay fail and no finding reports."""
    peers: tuple[tuple[str, Proposal | None], ...] = ()
    """The other projects that were replayed, each with what its environment needs, where that was missing."""
    irreversible: frozenset[str] = frozenset()
    """Revisions of which no downgrade is asked."""

    @property
    def env(self) -> bytes:
        """The source of the environment's env.py after the merge; b"" where there is none."""
        return self.read(join(self.result.environment.script_location, "env.py"))

    @property
    def settings(self) -> ProjectSettings | None:
        """What the configuration has of the project."""
        return self.result.environment.settings

    @property
    def replayed(self) -> Replay:
        """The replay; the checks that ask for it are only called after one."""
        assert self.replay is not None
        return self.replay

    def by_database(self) -> tuple[Subject, ...]:
        """The same, looked at in each of its replays."""
        replays = self.replays or ((self.replay,) if self.replay else ())
        return tuple(replace(self, replay=one) for one in replays)

    @property
    def conflicting(self) -> tuple[str, ...]:
        """The conflicts among its scripts: what the merge will make of those is not known."""
        environments = (self.base.environment, self.result.environment)
        return tuple(sorted(path for path in self.conflicts if any(one.holds(path) for one in environments)))

    def is_new(self, revision: str | None) -> bool:
        """Whether this change brings the revision."""
        return revision not in self.base.graph

    def touches(self, revision: str | None) -> bool:
        """Whether this change brings the revision, or changed what its script does or stands on."""
        changed = {pair.after.revision for pair in (*self.changes.edited, *self.changes.reparented)}
        return self.is_new(revision) or revision in changed

    def merged_behind(self, revision: str | None) -> tuple[str, ...]:
        """The merged revisions that a finding on this one is about: of a new id the old one, of an inserted revision those
        that now stand on it; else itself, if it is merged."""
        renamed = [str(pair.before.revision) for pair in self.changes.renumbered if pair.after.revision == revision]
        above = [one.above for one in self.changes.inserted if one.script.revision == revision]
        stood = [str(script.revision) for scripts in above for script in scripts]
        return tuple(renamed + stood) or ((revision,) if revision and not self.is_new(revision) else ())

    @property
    def touched_revisions(self) -> frozenset[str | None]:
        """Every revision that this change brings, edits, moves or takes away."""
        changes = self.changes
        pairs = (*changes.edited, *changes.cosmetic, *changes.moved, *changes.reparented, *changes.renumbered)
        both = {side.revision for pair in pairs for side in (pair.before, pair.after)}
        return frozenset(both | {script.revision for script in (*changes.new, *changes.deleted)})

    def script(self, revision: str) -> Script | None:
        """The script of a revision after the merge, else at the base."""
        return self.result.by_revision.get(revision) or self.base.by_revision.get(revision)


Check = Callable[[Subject], Iterable[Finding]]


@dataclass(frozen=True)
class CheckInfo:
    """A check's page: all that documentation, `explain`, SARIF rules and tests say of it is made from this."""

    id: str
    slug: str
    severity: Severity
    says: str
    """One sentence: what is wrong."""
    breaks: str
    """Why that breaks a database."""
    mend: str
    """How to put it right."""
    replay: bool = False
    """Whether it needs a replay."""
    passes: tuple[PassName, ...] = ()
    """The passes of a replay without which it cannot find anything. () for a check that judges whatever was run."""
    inconclusive: bool = False
    """Whether a finding says that something could not be judged, and not that it is wrong: alone it gives no `fail`."""
    fixed: bool = False
    """Whether no filter and no setting turns it off or lowers it."""

    def finding(
        self,
        subject: Subject,
        message: str,
        *,
        script: Script | None = None,
        at: str = "revision",
        fix: str | None = None,
        suggestion: Suggestion | None = None,
        details: str | None = None,
        introduced: bool = True,
        severity: Severity | None = None,
        related: Iterable[Related] = (),
    ) -> Finding:
        """A finding of this check; `at` is the identifier or function of the script that it points to."""
        return Finding(
            id=self.id,
            slug=self.slug,
            severity=severity or self.severity,
            project=subject.project,
            message=message,
            revision=script.revision if script else None,
            path=script.path if script else None,
            line=script.line(at) if script else None,
            fix=fix,
            suggestion=suggestion,
            details=details,
            introduced=introduced,
            related=tuple(related),
        )


def point(script: Script, message: str, at: str = "revision") -> Related:
    """Another script that a finding is about."""
    return Related(script.path, script.line(at), message)


def restore(subject: Subject, *scripts: Script) -> str:
    """The command that puts merged scripts back, safe to paste whatever a branch or a file is called."""
    return shlex.join(["git", "checkout", subject.base_ref, "--", *(script.path for script in scripts)])


def name(script: Script) -> str:
    """A revision as a reviewer knows it: its id and what its author called it."""
    return f"{script.revision} ({script.message})" if script.message else str(script.revision)


def listing(words: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    words = list(words)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""
