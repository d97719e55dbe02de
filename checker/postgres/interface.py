"""What the replay asks of a PostgreSQL server, whoever provides it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self
from urllib.parse import quote


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
        login = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        return f"{scheme}://{login}@{self.host}:{self.port}/{quote(self.database, safe='')}"

    def at(self, database: str) -> Address:
        """The same server and login, another database."""
        return replace(self, database=database)


class ProviderUnavailable(Exception):
    """This provider cannot serve here; the text is the reason, for the list of what was tried."""


class Server(ABC):
    """A running PostgreSQL on which databases may be made and thrown away. A context manager: leaving it closes it."""

    provider: str
    """given, container, machine or embedded."""
    version: str
    """As in "17.5"."""

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
