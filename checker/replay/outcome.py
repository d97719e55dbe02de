"""What a replay found out: plain data, made by the runner, judged by the R checks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Direction = Literal["upgrade", "downgrade"]
PassName = Literal["fresh", "stairway", "deploy", "downgrade", "drift"]
MissingKind = Literal["module", "driver", "setting", "database", "flask_app", "python", "bootstrap"]

NOT_MIGRATED = "NotMigrated"
"""The `error` of a run that ended well and did not migrate the temporary database."""


class FailureKind(StrEnum):
    """What went wrong, told by what happened and never by the words of a message."""

    ENVIRONMENT = "environment"
    """No step had begun: the interpreter, a dependency, a setting or env.py itself."""
    MIGRATION = "migration"
    """The script raised, or PostgreSQL refused a statement of it."""
    IRREVERSIBLE = "irreversible"
    """downgrade() said that there is no way back: NotImplementedError, or a `raise` of its own."""
    TIMED_OUT = "timed-out"
    DIED = "died"
    """The worker exited or was killed in the middle of a step."""
    NOT_REACHED = "not-reached"
    """The command ended without an error, and the database is not where the command should have put it."""
    UNKNOWN_REVISION = "unknown-revision"
    """Alembic can't locate the revision that the database stands on."""


@dataclass(frozen=True)
class Proposal:
    """Settings with which the project's environment was seen to load, or to get further."""

    env: tuple[tuple[str, str], ...] = ()
    """Variables, as templates: {url}, {host}, ..."""
    flask_app: str | None = None
    required: tuple[str, ...] = ()
    """The variables that the project itself named as missing."""
    then: str | None = None
    """What env.py fails with all the same; None where it comes to its migrations."""
    env_file: str | None = None
    """A file of the repository that defines the variables, relative to its root."""


@dataclass(frozen=True)
class Failure:
    """Why a step or a whole pass stopped. `path` and `line` point into the project: a migration, or env.py."""

    kind: FailureKind
    error: str
    """The exception's class, or "exit 3", "signal SIGKILL"."""
    message: str
    """One or a few lines: PostgreSQL's own message where it is one."""
    path: str | None = None
    line: int | None = None
    statement: str | None = None
    """The SQL that was refused."""
    sqlstate: str | None = None
    missing: str | None = None
    """ENVIRONMENT only: what is not there. Modules and settings by name (", " between several); of a Python the version;
    of the database's URL the variables that were asked for it."""
    missing_kind: MissingKind | None = None
    proposal: Proposal | None = None
    """ENVIRONMENT only: what to configure, where that could be found."""
    details: str | None = None
    """The traceback of the project's own frames, and what it wrote to stdout and stderr."""
    refused: bool = False
    """Whether the operating system refused something that led to it: a connection, a file, a socket."""


@dataclass(frozen=True)
class Step:
    """One revision, run one way."""

    revision: str
    direction: Direction
    seconds: float
    statements: tuple[str, ...]
    """The SQL it sent, in order, without what Alembic does to its own version table."""
    failure: Failure | None = None
    values: tuple[tuple[str, ...], ...] = ()
    """The bound parameters of each statement, as text, in the statements' order."""
    lines: frozenset[int] | None = None
    """The lines of the script that were executed; None where they were not recorded."""
    began: float = 0.0
    """When it began, in seconds since 1970; 0 where that is not known."""


@dataclass(frozen=True)
class Difference:
    """One database object that two catalogs do not share, in words: 'type mood (enum) was left behind'."""

    kind: str
    """table, column, index, constraint, sequence, view, function, trigger, type, ..."""
    identity: str
    """As a developer writes it: orders.total, mood, audit.log_change(integer)."""
    change: Literal["added", "removed", "changed"]
    before: str | None
    """Its definition; None where it was not there."""
    after: str | None


@dataclass(frozen=True)
class Landing:
    """A revision's turn in the stairway: up, down, up again, and what the catalog said at each landing."""

    revision: str
    upgrade: Step
    downgrade: Step | None = None
    reupgrade: Step | None = None
    upgrade_changed: bool = False
    """The catalog after the upgrade is not the one before it."""
    downgrade_changed: bool = False
    """The catalog after the downgrade is not the one that the upgrade had left."""
    not_restored: tuple[Difference, ...] = ()
    """From before the upgrade to after the downgrade; empty when the downgrade restores, or failed."""
    not_repeated: tuple[Difference, ...] = ()
    """From after the first upgrade to after the second."""
    passes_in_one_run: bool = False
    """The upgrade failed from the revision below, and passes as part of one run from the start of the walk."""
    from_base: bool = False
    """The walk began with the database at the base's heads, not with an empty one."""

    @property
    def does_nothing_down(self) -> bool:
        """Whether downgrade() does nothing although upgrade() changed the catalog."""
        down = self.downgrade
        return down is not None and not down.failure and self.upgrade_changed and not self.downgrade_changed


@dataclass(frozen=True)
class Unverified:
    """A revision that the stairway did not come to."""

    revision: str
    because: str | None
    """The revision at which it stopped."""


@dataclass(frozen=True)
class Pass:
    """One way through the whole chain."""

    name: PassName
    seconds: float
    outcome: Literal["passed", "failed", "not run"]
    steps: tuple[Step, ...] = ()
    failure: Failure | None = None
    foreign: tuple[str, ...] = ()
    """The databases that env.py or a migration asked for and that are not the throwaway one; passwords hidden."""
    strange: tuple[str, ...] = ()
    """Of these: what was refused, or was another database than the one that was asked for first."""
    stopped_at: str | None = None
    """The revision at which the stairway itself could not go on, with the reason in `failure`."""
    reason: str | None = None
    """Why it was not run, or how far it went. A failed pass has its reason in `failure`, its steps and landings."""


@dataclass(frozen=True)
class Database:
    """One of the databases that an env.py migrates."""

    name: str
    """As env.py calls it, the `engine_name` of Alembic's template for example."""
    asked: tuple[str, ...] = ()
    """Where env.py wants it, where that is not the temporary database; passwords hidden."""


@dataclass(frozen=True, order=True)
class OutsideModule:
    """A module that was imported from another copy although the judged tree has it."""

    name: str
    path: str
    """The file that was imported."""
    expected: str
    """The judged tree's file, from its root."""

    def __str__(self) -> str:
        return f"{self.name} from {self.path} instead of {self.expected}"


@dataclass(frozen=True)
class Drift:
    """What Alembic's own comparison would write: the operations that the models have ahead of the replayed schema."""

    result: tuple[str, ...] = ()
    """After the merge, each operation as Python code."""
    base: tuple[str, ...] | None = None
    """Likewise at the base, with the base's models; None where that is not known."""
    upgraded: tuple[str, ...] | None = None
    """Likewise after the merge, in a database that ran the base's scripts first: what is left of the drift once the merged
    scripts are put back. None where that was not asked."""


@dataclass(frozen=True)
class Replay:
    """All that was replayed for one project; of an env.py that migrates several databases, for one of them."""

    project: str
    provider: str
    server_version: str
    passes: tuple[Pass, ...]
    landings: tuple[Landing, ...] = ()
    unverified: tuple[Unverified, ...] = ()
    """The revisions that the stairway did not come to, neither from nothing nor from the base's heads."""
    base_steps: tuple[Step, ...] = ()
    """The base's own scripts, run by the deploy pass before the merge result's."""
    base_downgrades: tuple[Step, ...] = ()
    """The base's downgrades of the revisions whose downgrade may have changed, each from just above it."""
    diverged: tuple[Difference, ...] = ()
    """From a fresh database to one that ran the base's scripts first and then the merge result's."""
    drift: Drift | None = None
    not_isolated: tuple[str, ...] = ()
    """The layers of isolation that it ran without, in words."""
    database: str | None = None
    """Its name, where env.py migrates several."""
    databases: tuple[Database, ...] = ()
    """All that env.py migrates."""
    base_databases: tuple[Database, ...] = ()
    """All that env.py migrates at the base; empty where that is not known."""
    outside: tuple[OutsideModule, ...] = ()
    """The modules that were imported from another copy although the judged tree has them, at the base or after the merge."""

    @property
    def proposal(self) -> Proposal | None:
        """What its environment needs, where that was missing and could be found."""
        return next((one.failure.proposal for one in self.passes if one.failure and one.failure.proposal), None)

    def get(self, name: str) -> Pass | None:
        """The pass of that name, if it was part of this replay."""
        return next((one for one in self.passes if one.name == name), None)
