"""A server that the user names: databases of ours are made on it and dropped, and nothing else is touched."""

from __future__ import annotations

import contextlib
import re
import secrets
from functools import partial

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from checker.postgres.claims import PREFIX, Claim, new_run, remove_dead
from checker.postgres.databases import DatabaseServer, Login, connect, one_line
from checker.postgres.interface import Address, ProviderUnavailable, Request

_KEEPALIVE = {"keepalives_idle": "30"}
"""For a session that is idle for as long as a run takes: a firewall may forget it."""
_OURS = ("host", "port", "user", "password", "dbname")


def start(request: Request) -> DatabaseServer:
    """The server at `settings.url`. Raises ProviderUnavailable; the password is in no message."""
    address, login = parse_url(request.settings.url or "", request.environ.get("PGPASSWORD", ""))
    claim = None
    try:
        with connect(address, login) as connection:
            may_make_roles = _check_rights(connection)
            claim = Claim(new_run(), partial(connect, address, {**_KEEPALIVE, **login}))
            remove_dead(connection)
            own_role = may_make_roles and not request.settings.privileged
            owner = _new_owner(connection, claim.run) if own_role else None
        server = DatabaseServer("given", address, request, login=login, owner=owner, claim=claim)
    except psycopg.Error as error:
        if claim:
            claim.close()
        raise ProviderUnavailable(one_line(error), "Fix the URL, or start that server.") from None
    if owner is None:
        server.open_to_workers = f"a limit on what the role {address.user} may do on {address.host}"
    return server


def _new_owner(connection: psycopg.Connection, run: str) -> Login:
    """A role that may log in and nothing else; ours may act for it."""
    owner = Login(f"{PREFIX}{run}", secrets.token_hex(16))
    role = sql.Identifier(owner.user)
    # Not the password itself: the server may write every statement into its log.
    verifier = connection.pgconn.encrypt_password(owner.password.encode(), owner.user.encode()).decode()
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(verifier)))
    connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
    with contextlib.suppress(psycopg.Error):  # 14, on Linux: a statement ends when the worker that sent it is gone
        connection.execute(sql.SQL("ALTER ROLE {} SET client_connection_check_interval = '2s'").format(role))
    return owner


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


def _check_rights(connection: psycopg.Connection) -> bool:
    """Whether roles can be made there. Raises ProviderUnavailable where no database can."""
    row = connection.execute(
        "SELECT rolcreatedb OR rolsuper, quote_ident(rolname), pg_is_in_recovery(), rolcreaterole OR rolsuper FROM pg_roles"
        " WHERE rolname = current_user"
    ).fetchone()
    may_create, role, standby, may_make_roles = row or (False, "?", False, False)
    if standby:
        raise ProviderUnavailable("it is a standby, on which nothing can be made", "Name its primary.")
    if not may_create:
        raise ProviderUnavailable(
            f"the role {role} may not create databases",
            f"Run `ALTER ROLE {role} CREATEDB` there, or give another role.",
        )
    return bool(may_make_roles)
