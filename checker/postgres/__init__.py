"""Throwaway PostgreSQL servers: given, in a container, from this machine's binaries, or from a wheel."""

from checker.postgres.interface import Address, InitScript, Server
from checker.postgres.select import start_server

__all__ = ["Address", "InitScript", "Server", "start_server"]
