"""A server that the user names: databases of ours are made on it and dropped, and nothing else is touched."""

from __future__ import annotations

import re

import psycopg
from psycopg.conninfo import conninfo_to_dict

from checker.postgres.databases import DatabaseServer, connect, one_line
from checker.postgres.interface import Address, ProviderUnavailable, Request

_OURS = ("host", "port", "user", "password", "dbname")


def start(request: Request) -> DatabaseServer:
    """The server at `settings.url`. Raises ProviderUnavailable; the password is in no message."""
    address, login = parse_url(request.settings.url or "", request.environ.get("PGPASSWORD", ""))
    try:
        with connect(address, login) as connection:
            _check_rights(connection)
        return DatabaseServer("given", address, request, login=login)
    except psycopg.Error as error:
        raise ProviderUnavailable(one_line(error), "Mend the URL, or start that server.") from None


def parse_url(url: str, password: str) -> tuple[Address, dict[str, str]]:
    """Where a URL leads, and the libpq parameters in its query; `password` is for a URL that has none.

    SQLAlchemy's postgresql+driver:// is understood too. Raises ProviderUnavailable, without the URL: it may hold a
    password.
    """
    plain = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", url)
    remedy = "Give it as postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
    if not plain.startswith("postgresql://"):
        raise ProviderUnavailable("the URL does not begin with postgresql://", remedy)
    try:
        parts = conninfo_to_dict(plain)
    except psycopg.Error:
        # libpq's own message repeats the URL
        raise ProviderUnavailable(
            "the URL is not one that libpq can read, or has a parameter unknown to it", remedy
        ) from None
    port = str(parts.get("port") or "5432")
    if not port.isdigit():
        raise ProviderUnavailable("the URL names several hosts", remedy)
    user = str(parts.get("user") or "postgres")
    address = Address(
        host=str(parts.get("host") or "localhost"),
        port=int(port),
        user=user,
        password=str(parts.get("password") or password),
        database=str(parts.get("dbname") or user),
    )
    return address, {name: str(value) for name, value in parts.items() if name not in _OURS}


def _check_rights(connection: psycopg.Connection) -> None:
    row = connection.execute(
        "SELECT rolcreatedb OR rolsuper, quote_ident(rolname), pg_is_in_recovery() FROM pg_roles"
        " WHERE rolname = current_user"
    ).fetchone()
    may_create, role, standby = row or (False, "?", False)
    if standby:
        raise ProviderUnavailable("it is a standby, on which nothing can be made", "Name its primary.")
    if not may_create:
        raise ProviderUnavailable(
            f"the role {role} may not create databases",
            f"Run `ALTER ROLE {role} CREATEDB` there, or give another role.",
        )
