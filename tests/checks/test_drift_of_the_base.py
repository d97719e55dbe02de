"""R306 where no revision changed: one finding, and R316 does not repeat it."""

from __future__ import annotations

import pytest

from checker.postgres import Server
from tests.gitrepo import Checkout, script

pytestmark = pytest.mark.postgres
ENV = b"""
import sqlalchemy as sa
from alembic import context
metadata = sa.MetaData()
sa.Table("orders", metadata, sa.Column("id", sa.Integer, primary_key=True))
with sa.create_engine("postgresql+psycopg://").connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
"""


def test_drift_of_the_base_itself_is_one_finding(checkout: Checkout, server: Server) -> None:
    tree = {"alembic.ini": b"[alembic]\nscript_location = migrations\n", "migrations/env.py": ENV}
    checkout.commit({**tree, "migrations/versions/a_.py": script("a")})
    report = checkout.check(replay=True, judge_all=True, postgres=server.create_database().url())
    assert [one.id for one in report.findings] == ["R306"]
    (drift,) = [one for replay in report.replay for one in replay.passes if one.name == "drift"]
    assert (drift.outcome, drift.introduced) == ("failed", False)
