"""What runner and worker say to each other, as dataclasses. `worker.py` has the same in its docstring, without them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from checker.postgres.interface import Address
from checker.replay.outcome import Database, Direction, Failure, FailureKind, OutsideModule

PROTOCOL = 1


@dataclass(frozen=True)
class Job:
    """One Alembic environment to be run, as its own command line would find it. All paths are absolute."""

    directory: Path
    """The working directory, in which a developer would call alembic."""
    script_location: Path
    config_file: Path | None = None
    toml_file: Path | None = None
    ini_section: str = "alembic"
    version_locations: tuple[Path, ...] = ()
    """Only where they are not those that the configuration names."""
    x: tuple[str, ...] = ()
    """As behind `alembic -x`: "key=value"."""
    flask_app: str | None = None
    probe: bool = False
    """Whether to report what the project asks its environment for."""
    database: str | None = None
    """Which of several databases in one env.py, as `Databases` names it; None for the first."""
    trace: tuple[str, ...] = ()
    """The revisions whose executed lines are wanted."""
    root: Path | None = None
    """The root of the judged tree, whose modules are imported before other copies of them; None: no matter which."""
    checkout: Path | None = None
    """The user's work tree, where an editable install leads to."""
    absent: tuple[str, ...] = ()
    """Paths of Python files that are tracked in another tree and not in the judged one."""

    def line(self, address: Address, environment: Mapping[str, str]) -> str:
        """The first line to a worker. `environment` holds templates: {url}, {host}, {port}, {user}, ..."""
        values = {**asdict(self), "protocol": PROTOCOL, "address": asdict(address), "environment": dict(environment)}
        return json.dumps(values, default=str)


@dataclass(frozen=True)
class Ready:
    """The worker stands; versions of what it runs on."""

    python: str
    alembic: str
    sqlalchemy: str
    driver: str
    protocol: int


@dataclass(frozen=True)
class StepBegan:
    """This revision's script is about to run."""

    revision: str
    direction: Direction


@dataclass(frozen=True)
class StatementSent:
    """The script sends this to PostgreSQL."""

    sql: str
    values: Sequence[str] = ()
    """The bound parameters, as text."""


@dataclass(frozen=True)
class StepDone:
    """The script has run and the version table says so. In a walk it is committed."""

    seconds: float
    lines: Sequence[int] | None = None
    """The lines of the script that were executed; None where that was not asked for."""


@dataclass(frozen=True)
class Paused:
    """A walk waits for go or stop."""


@dataclass(frozen=True)
class Failed:
    """The step that began last, or env.py itself, raised."""

    failure: Failure


@dataclass(frozen=True)
class ForeignConnect:
    """Something asked for another database; the password is hidden."""

    wanted: str
    strange: bool = False
    """It was refused, or it is not the database that was asked for first."""


@dataclass(frozen=True)
class Configured:
    """What env.py says of the version table."""

    table: str
    schema: str | None


@dataclass(frozen=True)
class DatabasesSeen:
    """The databases that env.py migrates, in its order."""

    databases: Sequence[Database]


@dataclass(frozen=True)
class Compared:
    """Alembic's comparison of the models with the database: operations as Python code; None where env.py has no models."""

    operations: Sequence[str] | None


@dataclass(frozen=True)
class Variable:
    """An environment variable that the project's code reads."""

    name: str
    given: bool
    """Whether it is set."""
    default: str | None = None
    """What the code has for it, as far as that could be seen."""
    values: tuple[str, ...] = ()
    """Texts that its type accepts, where it has one that is not text."""


@dataclass(frozen=True)
class Observed:
    """What the project asked for in a session that probes: the variables, the last one read last; and for each value that
    was given out to be recognised the part of a connection in which it turned up."""

    asked: tuple[Variable, ...]
    parts: Mapping[str, str]


@dataclass(frozen=True)
class OutsideSeen:
    """Modules that were imported from another copy although the judged tree has them."""

    modules: Sequence[OutsideModule]


@dataclass(frozen=True)
class Finished:
    """The command has come to its end, well or not."""


@dataclass(frozen=True)
class Gone:
    """Not said by the worker: its end of the pipe is closed, or (`late`) it took longer than it may."""

    late: bool = field(default=False)


Event = (
    Ready
    | StepBegan
    | StatementSent
    | StepDone
    | Paused
    | Failed
    | ForeignConnect
    | Configured
    | DatabasesSeen
    | Compared
    | Observed
    | OutsideSeen
    | Finished
    | Gone
)

_KINDS: dict[str, type[Any]] = {
    "ready": Ready,
    "step": StepBegan,
    "statement": StatementSent,
    "done": StepDone,
    "paused": Paused,
    "connect": ForeignConnect,
    "configured": Configured,
    "compared": Compared,
    "finished": Finished,
}


def parse(line: str) -> Event:
    """The event in one line from the worker. Raises ValueError or TypeError for what is none."""
    values = json.loads(line)
    kind = values.pop("event")
    if kind == "failed":
        failure = values["failure"]
        return Failed(Failure(**{**failure, "kind": FailureKind(failure["kind"])}))
    if kind == "observed":
        asked = (Variable(**{**one, "values": tuple(one["values"])}) for one in values["asked"])
        return Observed(tuple(asked), values["parts"])
    if kind == "databases":
        return DatabasesSeen(tuple(Database(one["name"], tuple(one["asked"])) for one in values["databases"]))
    if kind == "outside":
        return OutsideSeen(tuple(OutsideModule(**one) for one in values["modules"]))
    event: Event = _KINDS[kind](**values)
    return event
