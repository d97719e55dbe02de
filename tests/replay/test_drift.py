"""Alembic's comparison of the models with the schema, by versions of Alembic that are known to be wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checker.replay.catalog import CatalogWatch, compare
from checker.replay.plan import replay_project
from tests.replay.conftest import ENV, TestServer, write_project

pytestmark = pytest.mark.postgres

MODELS = """
import sqlalchemy as sa
metadata = sa.MetaData(naming_convention={"ck": "ck_%(table_name)s_%(constraint_name)s"})
checked = dict(native_enum=False, create_constraint=True)
sa.Table("a", metadata, sa.Column("mood", sa.Enum("sad", "ok", name="moods", **checked)), sa.Column("word", sa.String(1)))
plain = sa.MetaData()
sa.Table("b", plain, sa.Column("size", sa.Enum("s", "m", **checked)), sa.Column("Kind", sa.Enum("x", "y", **checked)))
"""
ENV_WITH_MODELS = MODELS + ENV.replace("configure(", "configure(target_metadata=[metadata, plain], ")
CREATE = (
    "a <- : CREATE TABLE a (mood varchar(3) CONSTRAINT ck_a_moods CHECK (mood IN ('sad', 'ok')),"
    " word varchar(1) CONSTRAINT ck_a_words CHECK (word IN ('a', 'b')));"
    " CREATE TABLE b (size varchar(1) CHECK (size IN ('s', 'm')), \"Kind\" varchar(1) CHECK (\"Kind\" IN ('x', 'y')),"
    " CHECK (size <> 'q')) | DROP TABLE a, b"
)


@pytest.fixture(scope="session", params=["1.19.0", "1.19.1", "1.19.2", "1.20.0"])
def alembic(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A folder with that version of Alembic, from the registry."""
    folder = tmp_path_factory.mktemp("alembic")
    uv = Path(sys.executable).with_name("uv")
    command: list[str | Path] = [
        uv,
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--python",
        sys.executable,
        "--target",
        folder,
    ]
    made = subprocess.run([*command, f"alembic=={request.param}"], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"alembic {request.param} cannot be had here: {made.stderr}")
    return request.param, folder


def test_the_checks_of_the_models_own_types_are_no_drift(
    alembic: tuple[str, Path], tmp_path: Path, server: TestServer
) -> None:
    version, folder = alembic
    made = write_project(tmp_path / "project", CREATE, ENV_WITH_MODELS)
    launch = made.launch(environ={"PYTHONPATH": os.fspath(folder)})
    replay = replay_project(made.plan(launch=launch), server, CatalogWatch, compare)
    assert replay.drift is not None
    checks = [one.split("'")[1] for one in replay.drift.result]
    # A check that is not in the models is missing from them, and from 1.19.2 on Alembic does not look for it.
    assert sorted(checks) == (["b_size_check1", "ck_a_words"] if version in ("1.19.0", "1.19.1") else [])


MODELS_MODULE = """
import sqlalchemy as sa
from sqlalchemy.orm import declarative_base
Base = declarative_base()
class Order(Base):
    __tablename__ = "orders"
    id = sa.Column(sa.Integer, primary_key=True)
"""
LATE_MODULE = """
import sqlalchemy as sa
from models import Base
class Invoice(Base):
    __tablename__ = "invoices"
    id = sa.Column(sa.Integer, primary_key=True)
    order_id = sa.Column(sa.ForeignKey("orders.id"))
"""
ENV_WITH_BASE = "from models import Base\n" + ENV.replace("configure(", "configure(target_metadata=Base.metadata, ")
REFLECTING = """
    a <- : CREATE TABLE orders (id serial PRIMARY KEY); CREATE TABLE carts (id serial PRIMARY KEY) | DROP TABLE orders, carts
    b <- a: >> from models import Base ;; Base.metadata.reflect(op.get_bind()) ;; op.drop_table("carts") \
        | CREATE TABLE carts (id serial CONSTRAINT carts_pkey PRIMARY KEY)
"""
DECLARING = """
    a <- : CREATE TABLE orders (id serial PRIMARY KEY) | DROP TABLE orders
    b <- a: >> from models import Base ;; kind = type("Cart", (Base,), {"__tablename__": "carts", \
        "id": sa.Column(sa.Integer, primary_key=True), "order_id": sa.Column(sa.ForeignKey("orders.id"))}) \
        ;; kind.__table__.create(op.get_bind()) | DROP TABLE carts
    c <- b: >> import late ;; late.Invoice.__table__.create(op.get_bind()) \
        | >> import late ;; late.Invoice.__table__.drop(op.get_bind())
    d <- c: DROP TABLE carts, invoices | CREATE TABLE carts (id serial PRIMARY KEY, order_id int REFERENCES orders); \
        CREATE TABLE invoices (id serial PRIMARY KEY, order_id int REFERENCES orders)
"""


@pytest.mark.parametrize("chain", [REFLECTING, DECLARING], ids=["reflects", "declares"])
def test_tables_that_a_script_adds_to_the_models_metadata_are_neither_drift_nor_in_the_way(
    chain: str, tmp_path: Path, server: TestServer
) -> None:
    made = write_project(tmp_path / "project", chain, ENV_WITH_BASE)
    (made.root / "models.py").write_text(MODELS_MODULE)
    (made.root / "late.py").write_text(LATE_MODULE)
    replay = replay_project(made.plan(), server, CatalogWatch, compare)
    assert {one.name: (one.outcome, one.failure) for one in replay.passes if one.name != "deploy"} == dict.fromkeys(
        ("fresh", "stairway", "downgrade", "drift"), ("passed", None)
    )
    assert replay.drift is not None
    assert replay.drift.result == ()
