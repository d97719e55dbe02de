"""What the replay asks of a PostgreSQL server, whoever provides it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self
from urllib.parse import quote

from checker.settings import PostgresSettings

# Which image has an extension that the standard one has not.
IMAGES = {
    "vector": "pgvector/pgvector:pg17",
    "postgis": "postgis/postgis:17-3.5",
    "postgis_topology": "postgis/postgis:17-3.5",
    "postgis_raster": "postgis/postgis:17-3.5",
    "timescaledb": "timescale/timescaledb:latest-pg17",
}


@dataclass(frozen=True)
class Address:
    """Where a database is and how to log in."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str

    def url(self, driver: str | None = None) -> str:
        """A SQLAlchemy URL; without a driver also what libpq reads."""
        scheme = f"postgresql+{driver}" if driver else "postgresql"
        login = quote(self.user, safe="") + (f":{quote(self.password, safe='')}" if self.password else "")
        database = quote(self.database, safe="")
        if self.host.startswith("/"):  # the folder of a Unix socket has no place in a URL but its query
            return f"{scheme}://{login}@/{database}?host={quote(self.host, safe='/')}&port={self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{login}@{host}:{self.port}/{database}"

    def at(self, database: str) -> Address:
        """The same server and login, another database."""
        return replace(self, database=database)


@dataclass(frozen=True)
class InitScript:
    """SQL to run in every new empty database, and what the user calls it: the file's name."""

    name: str
    sql: str = field(repr=False)


@dataclass(frozen=True)
class Request:
    """What is asked of a provider. `tell` gets one line of progress for the user."""

    settings: PostgresSettings
    environ: Mapping[str, str] = field(repr=False)
    tell: Callable[[str], None]


class ProviderUnavailable(Exception):
    """This provider cannot serve here; the text is the reason, for the list of what was tried.

    `remedy` is a sentence on what to do, where it is more than the list of all providers.
    """

    def __init__(self, reason: str, remedy: str | None = None) -> None:
        super().__init__(reason)
        self.remedy = remedy


class ProviderAbsent(ProviderUnavailable):
    """There is no sign of it here: nothing that anybody would wonder about, so it is told only when all have failed."""


class Server(ABC):
    """A running PostgreSQL on which databases may be made and thrown away. A context manager: leaving it closes it."""

    provider: str
    """given, container, machine or embedded."""
    version: str
    """As in "17.5"."""
    host: str
    port: int
    restricted: bool = False
    """Whether its databases belong to a role made for this run that has no other right."""
    open_to_workers: str | None = None
    """The limit that it lacks on what a migration reaches beside its own database, in words; None where there is one."""

    @abstractmethod
    def create_database(self, template: Address | None = None) -> Address:
        """Make an empty database under a random name, or a copy of `template` (whose sessions are ended first)."""

    @abstractmethod
    def drop_database(self, database: Address) -> None:
        """Drop a database of ours, ending its sessions; one that is gone already is no error."""

    @abstractmethod
    def close(self) -> None:
        """Drop every database made here and, where the server is ours, stop it and remove its files. Idempotent."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
