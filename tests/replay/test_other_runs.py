"""Several runs may share a server that a user gives: each has a role of its own there, which is no finding of the others'."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from checker.replay.catalog import compare, read_catalog
from checker.replay.database import connect, roles_taken_back
from tests.replay.conftest import TestServer

pytestmark = pytest.mark.postgres
OTHER = "premerge_0123456789ab"


def test_the_role_of_another_run_is_neither_seen_nor_dropped(server: TestServer) -> None:
    address = server.create_database()
    with closing(connect(address)) as connection:
        before = read_catalog(connection)
        try:
            with roles_taken_back(server):
                connection.execute(f"CREATE ROLE {OTHER} LOGIN")
                connection.execute(f"GRANT {OTHER} TO CURRENT_USER")
                connection.execute("CREATE ROLE a_script_s_own")
            assert _roles(connection) >= {OTHER}
            assert "a_script_s_own" not in _roles(connection)
            assert compare(before, read_catalog(connection)) == ()
        finally:
            connection.execute(f"DROP ROLE IF EXISTS {OTHER}")


def _roles(connection: psycopg.Connection[tuple[str]]) -> set[str]:
    return {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
