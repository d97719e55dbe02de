"""R315 on real repositories: what differs between two runs of the same code is not reported."""

from __future__ import annotations

import pytest

from checker.findings import Report
from checker.postgres import Server
from tests.gitrepo import Checkout, script

pytestmark = pytest.mark.postgres
ENV = b"""
from alembic import context
from sqlalchemy import create_engine
with create_engine("postgresql+psycopg://").connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
INI = b"[alembic]\nscript_location = migrations\nprepend_sys_path = .\n"


def judged(checkout: Checkout, server: Server, upgrades: dict[str, str], words: tuple[str, str] = ("", "")) -> Report:
    """A chain of these revisions; the branch adds one on top, and changes the module `words` from one text to the other."""
    tree = {"alembic.ini": INI, "migrations/env.py": ENV, "words.py": f"WORD = {words[0]!r}".encode()}
    for down, (revision, upgrade) in zip([None, *upgrades], upgrades.items(), strict=False):
        tree[f"migrations/versions/{revision}_.py"] = script(revision, down, upgrade)
    checkout.commit(tree)
    checkout.branch("branch")
    new = {"migrations/versions/new_.py": script("new", [*upgrades][-1]), "words.py": f"WORD = {words[1]!r}".encode()}
    checkout.commit({**tree, **new})
    return checkout.check(replay=True, postgres=server.create_database().url())


TABLE = "op.execute('CREATE TABLE t_{} (id int, at timestamp, word text)')"
BOUND = (
    "import datetime as dt, sqlalchemy as sa; "
    + TABLE.format("b")
    + "; op.get_bind().execute(sa.text('UPDATE t_b SET at = :now'), {'now': dt.datetime.now()})"
)


def test_a_bound_time_is_no_change_where_the_stairway_does_not_reach_it(checkout: Checkout, server: Server) -> None:
    # What `SET LOCAL` sets is gone with its transaction: in one run from nothing b finds it, step by step it does not.
    local = f"{TABLE.format('a')}; op.execute(\"SET LOCAL premerge.a = '1'\")"
    found = f"op.execute(\"SELECT current_setting('premerge.a')::int\"); {BOUND}"
    report = judged(checkout, server, {"a": local, "b": found})
    assert {"R315"} & {one.id for one in report.findings} == set()
    assert any("invalid input syntax" in one.message for one in report.findings), "step by step b does not run"


def test_a_change_beside_a_random_literal_is_reported(checkout: Checkout, server: Server) -> None:
    literal = (
        f"import uuid, words; {TABLE.format('a')}; "
        "op.execute(f\"INSERT INTO t_a (word) VALUES ('{uuid.uuid4()}'), ('{words.WORD}')\")"
    )
    report = judged(checkout, server, {"a": literal}, words=("one", "two"))
    assert [one.id for one in report.findings] == ["R315"]


def test_a_random_literal_alone_is_not(checkout: Checkout, server: Server) -> None:
    literal = f"import uuid; {TABLE.format('a')}; op.execute(f\"INSERT INTO t_a (word) VALUES ('{{uuid.uuid4()}}')\")"
    assert judged(checkout, server, {"a": literal}).findings == ()
