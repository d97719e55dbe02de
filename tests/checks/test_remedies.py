"""What to do is told as a line that can be copied: what stands in it makes the replay run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from checker.checks.base import Subject
from checker.checks.remedies import database_remedy, environment_remedy
from checker.findings import Finding
from checker.postgres import Server
from checker.replay.outcome import Failure, FailureKind, Replay
from checker.settings import read_configuration
from tests.gitrepo import INI, Checkout, script

ENV = b"""
import os
from alembic import context
from sqlalchemy import create_engine
assert os.environ["SHOP_DB_HOST"] and os.environ["SECRET_KEY"]
with create_engine(os.environ["SHOP_DATABASE_URI"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""

PLAIN_ENV = b"""
from alembic import context
from sqlalchemy import create_engine
with create_engine("postgresql+psycopg://nobody@nowhere/none").connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def project(env: bytes, upgrade: str) -> dict[str, bytes]:
    return {"alembic.ini": INI, "migrations/env.py": env, "migrations/versions/a_.py": script("a", None, upgrade)}


def said(checkout: Checkout, server: Server, check: str) -> Finding:
    report = checkout.check(judge_all=True, replay=True, postgres=server.create_database().url())
    return next(finding for finding in report.findings if finding.id == check)


@pytest.mark.postgres
def test_a_stranger_comes_to_a_replay_by_copying_two_lines(checkout: Checkout, server: Server) -> None:
    grant = "op.execute('CREATE TABLE t_a ()'); op.execute('GRANT ALL ON t_a TO shop_reader')"
    checkout.commit(project(ENV, grant))
    fix = str(said(checkout, server, "R313").fix)
    values = '{SHOP_DB_HOST: "{host}", SECRET_KEY: "1", SHOP_DATABASE_URI: "{url}"}'
    assert fix == f"add to .alembic-premerge.yml: projects: [{{path: ., env: {values}}}]"
    line = fix.partition(": ")[2]
    checkout.write({".alembic-premerge.yml": line.encode()})
    role = str(said(checkout, server, "R301").fix)
    assert 'CREATE ROLE "shop_reader";' in role
    assert "postgres: {privileged: true, init: [roles.sql]}" in role
    made = 'DO $$ BEGIN CREATE ROLE "shop_reader"; EXCEPTION WHEN duplicate_object THEN END $$;'
    checkout.write({".alembic-premerge.yml": f"{line}\npostgres: {{privileged: true, init: [roles.sql]}}\n".encode()})
    checkout.write({"roles.sql": made.encode()})
    named: dict[str, Any] = {"config": checkout.root / ".alembic-premerge.yml"}  # the base does not have it yet
    report = checkout.check(judge_all=True, replay=True, postgres=server.create_database().url(), **named)
    assert [finding.id for finding in report.findings] == []


@pytest.mark.postgres
def test_of_several_projects_one_entry_configures_all(checkout: Checkout, server: Server) -> None:
    files = project(ENV, "op.execute('CREATE TABLE t_a ()')")
    plain = {
        f"web/{path}": content for path, content in project(PLAIN_ENV, "op.execute('CREATE TABLE t_b ()')").items()
    }
    checkout.commit({**{f"api/{path}": content for path, content in files.items()}, **plain})
    line = str(said(checkout, server, "R313").fix).partition(": ")[2]
    (api, web) = read_configuration(line, "it.yml").projects
    assert (api.path, web.path, dict(web.env)) == ("api", "web", {})
    checkout.write({".alembic-premerge.yml": line.encode()})
    report = checkout.check(judge_all=True, replay=True, postgres=server.create_database().url())
    assert [one.passes[0].outcome for one in report.replay] == ["passed", "passed"]


def subject(version: str = "15.4 (Debian)", *, configured: bool = False) -> Subject:
    unseen: Any = None  # a remedy looks at neither scripts nor changes
    replayed = Replay("api", "machine", version, ())
    return Subject("api", "main", unseen, unseen, unseen, configured=configured, replay=replayed)


REFUSED = Failure(FailureKind.MIGRATION, "ProgrammingError", "syntax error at or near", sqlstate="42601")


@pytest.mark.parametrize(
    ("statement", "needs"),
    [
        ("CREATE UNIQUE INDEX i ON t (a) NULLS NOT DISTINCT", None),
        ("SELECT * FROM JSON_TABLE('[]', '$')", "17"),
        ("ALTER TABLE t ADD CHECK (a > 0) NOT ENFORCED", "18"),
        ("CREATE TABEL t ()", None),
    ],
)
def test_sql_that_only_a_newer_server_knows(statement: str, needs: str | None) -> None:
    fix = database_remedy(replace(REFUSED, statement=statement), subject())
    assert fix == (
        needs and f"this server is PostgreSQL 15.4, and that needs {needs}: --postgres-image postgres:{needs}"
    )
    assert database_remedy(replace(REFUSED, statement=statement), subject("18.0")) is None


@pytest.mark.parametrize("configured", [False, True])
@pytest.mark.parametrize("kind", ["setting", "database", "flask_app", "python"])
def test_every_line_is_configuration_that_can_be_read(kind: str, configured: bool) -> None:
    lost = Failure(FailureKind.ENVIRONMENT, "X", "x", missing="A_B", missing_kind=kind)  # type: ignore[arg-type]
    fix = str(environment_remedy(lost, subject(configured=configured)))
    _, where, line = fix.partition(".alembic-premerge.yml: ")
    assert where
    entry = line if not configured else f"projects: [{{path: api, {line}}}]"
    (read,) = read_configuration(entry, "it.yml").projects
    assert read.path == "api"
    assert (read.env or read.flask_app or read.python) is not None
