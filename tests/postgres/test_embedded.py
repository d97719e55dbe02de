"""What the embedded server has beyond its wheel."""

from __future__ import annotations

import os
import uuid

import psycopg
import pytest

from checker.postgres import start_server
from checker.settings import PostgresSettings

pytestmark = pytest.mark.postgres


def test_uuid_ossp_gives_what_the_real_one_gives() -> None:
    settings = PostgresSettings(provider="embedded", extensions=("uuid-ossp",))
    names = ["", "python.org", "ü" * 40, "x" * 200]
    with (
        start_server(settings, environ=os.environ, tell=print) as server,
        psycopg.connect(server.create_database().url(), autocommit=True) as connection,
    ):
        for name in names:
            row = connection.execute(
                "SELECT uuid_generate_v3(uuid_ns_dns(), %(name)s), uuid_generate_v5(uuid_ns_url(), %(name)s)",
                {"name": name},
            ).fetchone()
            assert row == (uuid.uuid3(uuid.NAMESPACE_DNS, name), uuid.uuid5(uuid.NAMESPACE_URL, name))
        row = connection.execute("SELECT uuid_generate_v1(), uuid_generate_v1mc(), uuid_generate_v4()").fetchone()
        assert row is not None
        assert [one.version for one in row] == [1, 1, 4]
        assert {one.variant for one in row} == {uuid.RFC_4122}
        assert abs(row[0].time - uuid.uuid1().time) < 10**9  # 100 s: the same clock
