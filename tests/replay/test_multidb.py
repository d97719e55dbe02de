"""Several databases in one env.py, as Alembic's own template `multidb` and Flask-Migrate's `--multidb` have them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.findings import Finding, Report, Severity
from checker.postgres import Server
from tests.gitrepo import Checkout, only
from tests.replay.test_flask_migrate import check, files

pytestmark = pytest.mark.postgres
Files = dict[str, bytes]
BASE = {
    "main": "op.create_table('orders', sa.Column('id', sa.Integer))",
    "audit": "op.execute('CREATE TABLE log (id int)')",
}
BACK = {"main": "op.drop_table('orders')", "audit": "op.drop_table('log')"}


def script(revision: str, parent: str | None, up: dict[str, str], down: dict[str, str]) -> Files:
    """As the template's script.py.mako writes it: a function for each database."""
    functions = "".join(
        f"def {direction}_{name}():\n    {code}\n"
        for direction, one in (("upgrade", up), ("downgrade", down))
        for name, code in one.items()
    )
    text = f'''from alembic import op
import sqlalchemy as sa
revision = "{revision}"
down_revision = {parent!r}
def upgrade(engine_name):
    globals()["upgrade_%s" % engine_name]()
def downgrade(engine_name):
    globals()["downgrade_%s" % engine_name]()
{functions}'''
    return {f"migrations/versions/{revision}.py": text.encode()}


@pytest.fixture
def shop(checkout: Checkout) -> Callable[..., Checkout]:
    """What `alembic init -t multidb` writes, with the databases main and audit, and a first revision for both."""

    def make(databases: str = "main, audit", *, two_phase: bool = False) -> Checkout:
        root = checkout.root
        command = [sys.executable, "-m", "alembic", "init", "-t", "multidb", "migrations"]
        subprocess.run(command, cwd=root, check=True, capture_output=True)
        ini = (root / "alembic.ini").read_text().replace("engine1, engine2", databases)
        ini = ini.replace("[engine1]", "[main]").replace("[engine2]", "[audit]")
        for name in ("dbname2", "dbname"):
            ini = ini.replace(f"driver://user:pass@localhost/{name}", f"postgresql+psycopg://u:p@db.example/{name}")
        env = (root / "migrations/env.py").read_text()
        if two_phase:
            assert "USE_TWOPHASE = False" in env
            env = env.replace("USE_TWOPHASE = False", "USE_TWOPHASE = True")
        (root / "migrations/README").unlink()
        made = {"alembic.ini": ini.encode(), "migrations/env.py": env.encode()}
        checkout.commit({**made, **script("r1", None, BASE, BACK)}, "shop")
        return checkout

    return make


def replayed(report: Report) -> dict[str | None, list[str]]:
    return {one.database: [each.outcome for each in one.passes] for one in report.replay}


def errors(report: Report) -> list[Finding]:
    return [one for one in report.findings if one.severity is not Severity.NOTE]


@pytest.mark.parametrize("two_phase", [False, True])
def test_every_database_is_replayed_for_itself(shop: Callable[..., Checkout], server: Server, two_phase: bool) -> None:
    more = {"main": "op.create_table('lines')", "audit": "op.execute('ALTER TABLE log ADD who text')"}
    back = {"main": "op.drop_table('lines')", "audit": "op.drop_column('log', 'who')"}
    made = shop(two_phase=two_phase)
    made.write(script("r2", "r1", more, back))
    report = check(made, server)
    assert errors(report) == []
    ran = ["passed", "passed", "passed", "passed", "not run"]
    assert replayed(report) == {"main": ran, "audit": ran}
    assert [[step.statements for step in one.steps] for one in report.replay] == [[1, 1], [1, 1]]


def test_faults_of_the_second_database_are_found_and_name_it(shop: Callable[..., Checkout], server: Server) -> None:
    made = shop()
    leak = {"main": "pass", "audit": "op.create_table('moods', sa.Column('mood', sa.Enum('sad', name='mood')))"}
    unleak = {"main": "pass", "audit": "op.drop_table('moods')"}
    fails = {"main": "op.create_table('lines')", "audit": "op.execute('ALTER TABLE orders ADD x int')"}
    back = {"main": "op.drop_table('lines')", "audit": "pass"}
    made.write({**script("r2", "r1", leak, unleak), **script("r3", "r2", fails, back)})
    report = check(made, server)
    found = {one.id: one for one in errors(report)}
    assert set(found) >= {"R301", "R303"}
    assert all(found[name].message.startswith("database audit: ") for name in ("R301", "R303"))
    assert found["R301"].line == 12
    assert replayed(report)["main"][:3] == ["passed"] * 3


def test_the_databases_after_one_that_fails_are_replayed_as_well(shop: Callable[..., Checkout], server: Server) -> None:
    made = shop()
    fails = {"main": "op.execute('SELECT nothing')", "audit": "op.execute(\"CREATE TYPE mood AS ENUM ('sad')\")"}
    older = script("r2", "r1", fails, {"main": "pass", "audit": "pass"})
    made.commit({**files(made.root), **older}, "a problem that is older")
    made.write(script("r3", "r2", {"main": "pass", "audit": "op.execute('bad')"}, {"main": "pass", "audit": "pass"}))
    report = check(made, server)
    assert [one.message.split(":")[0] for one in errors(report) if one.id == "R301" and one.introduced] == [
        "database audit"
    ]


def test_an_edit_is_harmless_only_by_what_ran_in_every_database(shop: Callable[..., Checkout], server: Server) -> None:
    made = shop()
    made.write(script("r1", None, {**BASE, "audit": "op.execute('CREATE TABLE log (id int, who text)')"}, BACK))
    edited = next(one for one in check(made, server).findings if one.id == "H101")
    assert edited.severity is Severity.ERROR
    assert "database audit, upgrade():" in (edited.details or "")
    same = "op.execute('CREATE TABLE ' + 'log (id int)')"
    made.write(script("r1", None, {**BASE, "audit": same}, BACK))
    edited = next(one for one in check(made, server).findings if one.id == "H101")
    assert edited.severity is Severity.NOTE
    assert "the same 4 statements" in edited.message


def test_what_was_not_run_is_not_proved_harmless(shop: Callable[..., Checkout], server: Server) -> None:
    """This env.py migrates the database main alone."""
    made = shop("main")
    made.write(script("r1", None, {**BASE, "audit": "op.execute('CREATE TABLE log (id int, who text)')"}, BACK))
    report = check(made, server)
    edited = next(one for one in report.findings if one.id == "H101")
    assert edited.severity is Severity.ERROR
    assert "code that changed did not run" in (edited.details or "")
    assert list(replayed(report)) == [None]


def test_a_database_that_the_change_adds_has_no_deployment(shop: Callable[..., Checkout], server: Server) -> None:
    made = shop("main")
    ini = (made.root / "alembic.ini").read_text().replace("databases = main", "databases = audit, main")
    more = {"main": "op.create_table('lines')", "audit": "op.create_table('more')"}
    back = {"main": "op.drop_table('lines')", "audit": "op.drop_table('more')"}
    made.write({"alembic.ini": ini.encode(), **script("r2", "r1", more, back)})
    report = check(made, server)
    assert errors(report) == []
    assert {name: passes[:3] for name, passes in replayed(report).items()} == {
        "audit": ["passed", "passed", "not run"],
        "main": ["passed", "passed", "passed"],
    }


FLASK = """
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "postgresql+psycopg://u:p@db.example/shop"
app.config["SQLALCHEMY_BINDS"] = {"audit": "postgresql+psycopg://u:p@db.example/audit"}
db = SQLAlchemy(app)
class Log(db.Model):
    __bind_key__ = "audit"
    id = db.Column(db.Integer, primary_key=True)
Migrate(app, db)
"""


def test_flask_migrate_with_binds(checkout: Checkout, server: Server) -> None:
    (checkout.root / "app.py").write_text(FLASK)
    program = Path(sys.executable).with_name("flask")
    subprocess.run(
        [program, "db", "init", "--multidb"], cwd=checkout.root, env={**os.environ}, check=True, capture_output=True
    )
    checkout.commit(files(checkout.root), "shop")
    up = {"": "op.create_table('orders')", "audit": "op.create_table('wrong', sa.Column('id', sa.Integer))"}
    checkout.write(script("r1", None, up, {"": "op.drop_table('orders')", "audit": "op.drop_table('wrong')"}))
    report = check(checkout, server)
    assert list(replayed(report)) == ["default", "audit"]
    drift = only(report)
    assert (drift.id, drift.message.startswith("database audit: ")) == ("R306", True)
