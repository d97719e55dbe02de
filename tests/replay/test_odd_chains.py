"""What a chain and its env.py may well do, each in a small real project: valid, so nothing is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checker.replay.catalog import CatalogWatch, compare
from checker.replay.outcome import Replay
from checker.replay.plan import replay_project
from tests.replay.conftest import ENV, ENV_ASYNC, Project, TestServer, write_project

pytestmark = pytest.mark.postgres
Make = Callable[..., Project]

CHAIN = """
    a <- : >> op.create_table("a", sa.Column("id", sa.Integer, primary_key=True), sa.Column("m", sa.Enum("x", name="mood"))) | >> op.drop_table("a") ;; op.execute("DROP TYPE mood")
    b <- a: >> with op.batch_alter_table("a") as batch: batch.add_column(sa.Column("n", sa.String(9))) | >> with op.batch_alter_table("a") as batch: batch.drop_column("n")
    c <- b: INSERT INTO a (id, m) VALUES (1, 'x') | DELETE FROM a
"""  # noqa: E501


def replayed(made: Project, server: TestServer) -> Replay:
    return replay_project(made.plan(launch=made.launch(step_seconds=20)), server, CatalogWatch, compare)


def passes(made: Project, server: TestServer) -> Replay:
    """All is well with it, and every revision went up, down and up."""
    replay = replayed(made, server)
    assert [one.failure for one in replay.passes] == [None] * 5
    assert [one.revision for one in replay.landings if one.reupgrade] == [node.revision for node in made.order]
    assert not any(one.not_restored or one.not_repeated for one in replay.landings)
    return replay


@pytest.mark.parametrize(
    ("url", "env"),
    [
        ("postgresql+psycopg2://nobody@nowhere/none", ENV),
        ("postgresql+psycopg://nobody@nowhere/none", ENV),
        ("postgresql+pg8000://nobody@nowhere/none", ENV),
        ("postgresql+asyncpg://nobody@nowhere/none", ENV_ASYNC),
        ("postgresql+psycopg://nobody@nowhere/none", ENV_ASYNC),
    ],
    ids=["psycopg2", "psycopg", "pg8000", "asyncpg", "psycopg, async"],
)
def test_every_driver(tmp_path: Path, server: TestServer, url: str, env: str) -> None:
    passes(write_project(tmp_path / "project", CHAIN, env, url), server)


def test_branch_labels_and_two_heads_on_purpose(project: Make, server: TestServer) -> None:
    made = project(
        "a <- : CREATE TABLE a (id int) | DROP TABLE a\n"
        "b <- a: CREATE TABLE b (id int) | DROP TABLE b\n"
        "c <- a: CREATE TABLE c (id int) | DROP TABLE c\n"
        "d <- b + c: CREATE TABLE d (id int) | DROP TABLE d"
    )
    for revision, label in (("b", "expand"), ("c", "contract")):
        script = made.script(revision)
        script.write_text(f"{script.read_text()}branch_labels = {label!r}\n")
    made.script("d").write_text(made.script("d").read_text().replace("('c',)", "'contract'"))
    passes(made, server)


def test_x_arguments(project: Make, server: TestServer) -> None:
    reads = "tenant = context.get_x_argument(as_dictionary=True)['tenant']\nassert tenant == 'one two'\n"
    made = project(CHAIN, ENV.replace("engine =", reads + "engine =", 1))
    launch = replace(made.launch(), job=replace(made.job, x=("tenant=one two",)))
    replay = replay_project(made.plan(launch=launch), server, CatalogWatch, compare)
    assert [one.failure for one in replay.passes] == [None] * 5


def test_a_migration_that_imports_live_models(project: Make, server: TestServer) -> None:
    body = "from models import Base ;; Base.metadata.create_all(op.get_bind())"
    row = "from sqlalchemy.orm import Session ;; session = Session(op.get_bind()) ;; session.add(A(id=1)) ;; session.commit()"
    first, second = f">> {body} | DROP TABLE live", f">> from models import A ;; {row} | DELETE FROM live"
    made = project(f"a <- : {first}\n b <- a: {second}")
    (made.root / "models.py").write_text(
        "from sqlalchemy import Column, Integer\nfrom sqlalchemy.orm import Session, declarative_base\n"
        "Base = declarative_base()\nclass A(Base):\n    __tablename__ = 'live'\n    id = Column(Integer, primary_key=True)\n"
    )
    passes(made, server)


# What `alembic init -t multidb` writes, in short: all transactions are open until the last database is done.
SEVERAL = """
from alembic import context
from sqlalchemy import create_engine
names = {"one": "postgresql+psycopg://a@db/one", "two": "postgresql+psycopg://a@db/two"}
connections = {name: create_engine(url).connect() for name, url in names.items()}
transactions = [connection.begin() for connection in connections.values()]
for name, connection in connections.items():
    context.configure(connection=connection, upgrade_token=f"{name}_upgrades", downgrade_token=f"{name}_downgrades")
    context.run_migrations(engine_name=name)
for transaction in transactions:
    transaction.commit()
"""


def test_of_several_databases_in_one_env_py_the_first_is_replayed(project: Make, server: TestServer) -> None:
    chain = """
        a <- : CREATE TABLE NAME (id int) | DROP TABLE NAME
        b <- a: ALTER TABLE NAME ADD n int | ALTER TABLE NAME DROP n
    """
    made = project(chain, SEVERAL)
    for node in made.order:
        text = made.script(node.revision).read_text().replace("grade():", "grade(engine_name):")
        made.script(node.revision).write_text(re.sub(r"('.*NAME.*')", r"\1.replace('NAME', engine_name)", text))
    replay = passes(made, server)
    assert replay.landings[0].upgrade.statements == ("CREATE TABLE one (id int)",)
    assert replay.passes[0].strange == ("a@db:5432/two",)
    assert [one.name for one in replay.databases] == ["one", "two"]


TENANTS = """
from alembic import context
from sqlalchemy import create_engine, text
engine = create_engine("postgresql+psycopg://a@db/app")
for tenant in ("one", "two"):
    with engine.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {tenant}"))
        connection.execute(text(f"SET search_path TO {tenant}"))
        connection.commit()
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
"""


def test_one_database_with_a_schema_for_each_tenant(project: Make, server: TestServer) -> None:
    made = project("a <- : CREATE TABLE a (id int) | DROP TABLE a", TENANTS)
    replay = passes(made, server)
    assert [one.revision for one in replay.passes[0].steps] == ["a", "a"]
    assert [one.revision for one in replay.passes[3].steps] == ["a", "a"]


def test_a_script_that_creates_its_type_while_it_is_loaded(project: Make, server: TestServer) -> None:
    """Alembic loads every script for each command, so that the type is there in whatever database the command is for."""
    made = project("""
        a <- : CREATE TABLE a (id int) | DROP TABLE a
        b <- a: ALTER TABLE a ADD m mood | ALTER TABLE a DROP m
        c <- b: CREATE TYPE remains AS ENUM ('x') | >> pass
        d <- c: CREATE TABLE d (m mood) | DROP TABLE d
    """)
    script = made.script("b")
    create = "\nsa.Enum('ok', name='mood').create(op.get_bind(), checkfirst=True)\n"
    script.write_text(script.read_text().replace("\ndef upgrade", f"{create}def upgrade", 1))
    replay = replayed(made, server)
    assert [one.outcome for one in replay.passes[:1]] == ["passed"]
    assert [one.upgrade.failure for one in replay.landings] == [None] * 4
    assert [one.revision for one in replay.landings if one.not_restored] == ["c"]
