"""What to add to a script that fails: each line is put where the report says, and the check passes."""

from __future__ import annotations

import pytest

from checker.findings import Finding
from checker.postgres import Server
from checker.replay.catalog import describe
from checker.replay.outcome import Difference
from checker.settings import read_configuration
from tests.checks.test_changed_behaviour import ENV, INI
from tests.gitrepo import Checkout

pytestmark = pytest.mark.postgres
PATH = "migrations/versions/a_.py"
HEAD = 'from alembic import op\nimport sqlalchemy as sa\n\nrevision = "a"\ndown_revision = None\n'
DOWN = "op.execute('DROP TABLE t')"


def text(upgrade: str, downgrade: str = DOWN, head: str = HEAD) -> str:
    return f"{head}\ndef upgrade():\n    {upgrade}\n\ndef downgrade():\n    {downgrade}\n"


def judged(checkout: Checkout, server: Server, source: str) -> list[Finding]:
    words = {"words/__init__.py": b"", "words/kinds.py": b"from sqlalchemy import Text as Word\n"}
    checkout.commit({"alembic.ini": INI, "migrations/env.py": ENV, PATH: source.encode(), **words})
    report = checkout.check(judge_all=True, replay=True, postgres=server.create_database().url())
    return list(report.findings)


def test_the_import_that_a_script_lacks(checkout: Checkout, server: Server) -> None:
    column = "op.create_table('t', sa.Column('a', words.kinds.Word()))"
    fix = str(judged(checkout, server, text(column))[0].fix)
    prefix, _, line = fix.rpartition(": ")
    assert (prefix, line) == (f"add to the imports of {PATH}", "import words.kinds")
    assert judged(checkout, server, text(column, head=f"{line}\n{HEAD}")) == []


def test_an_enum_column_on_a_table_that_exists(checkout: Checkout, server: Server) -> None:
    add = "op.add_column('t', sa.Column('mood', sa.dialects.postgresql.ENUM('sad', 'ok', name='mood', create_type=False)))"
    head = f"import sqlalchemy.dialects.postgresql\n{HEAD}"
    table = "op.execute('CREATE TABLE t ()')"
    fix = str(judged(checkout, server, text(f"{table}; {add}", head=head))[0].fix)
    line = fix.partition("add before the statement that uses it: ")[2]
    (left,) = judged(checkout, server, text(f"{table}; {line}; {add}", head=head))
    assert left.id == "R303"
    drop = str(left.fix).partition("add at the end of downgrade(), after what uses them is dropped: ")[2]
    assert judged(checkout, server, text(f"{table}; {line}; {add}", f"{DOWN}; {drop}", head)) == []


def test_every_type_that_was_left_is_in_the_fix_and_no_extension(checkout: Checkout, server: Server) -> None:
    types = "; ".join(f"op.execute(\"CREATE TYPE e{number} AS ENUM ('a')\")" for number in range(5))
    up = f"{types}; op.execute('CREATE EXTENSION pg_trgm'); op.execute('CREATE TABLE t (a e0)')"
    (finding,) = judged(checkout, server, text(up))
    fix = str(finding.fix)
    assert [f"DROP TYPE e{number}" in fix for number in range(5)] == [True] * 5
    assert "EXTENSION" not in fix
    drop = fix.partition("is dropped: ")[2]
    (left,) = judged(checkout, server, text(up, f"{DOWN}; {drop}"))
    assert "extension `pg_trgm`" in left.message
    assert left.severity == "error"  # the next upgrade fails: the extension exists
    assert left.fix
    assert "CREATE EXTENSION IF NOT EXISTS" in left.fix
    (left,) = judged(checkout, server, text(up.replace("EXTENSION", "EXTENSION IF NOT EXISTS"), f"{DOWN}; {drop}"))
    assert (left.id, left.severity, left.fix) == ("R303", "note", None)


def test_a_chain_that_begins_with_existing_tables(checkout: Checkout, server: Server) -> None:
    finding = judged(checkout, server, text("op.execute('ALTER TABLE users ADD a int')"))[0]
    assert str(finding.fix).startswith("no revision creates users: begin with a schema that exists: `pg_dump")
    assert str(finding.fix).endswith("and commit both files")
    again = judged(checkout, server, text("op.execute('ALTER TABLE t ADD a int'); op.execute('CREATE TABLE t ()')"))[0]
    assert "no revision creates" not in str(again.fix)


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("CREATE TABLE t (a geometry)", "postgres: {image: postgis/postgis:17-3.5, extensions: [postgis]}"),
        ("CREATE TABLE t (a citext)", "postgres: {extensions: [citext]}"),
        ("SET search_path TO nowhere; CREATE TABLE t ()", "postgres: {init: [schemas.sql]}"),
        ("CREATE TABLE nowhere.t ()", "postgres: {init: [schemas.sql]}"),
    ],
)
def test_what_the_database_lacks_is_configuration_that_can_be_read(
    checkout: Checkout, server: Server, statement: str, line: str
) -> None:
    fix = str(judged(checkout, server, text(f"op.execute({statement!r})"))[0].fix)
    assert line in fix
    read_configuration(line, "it.yml")


def test_a_constraint_without_a_name_shows_the_line_and_no_address(checkout: Checkout, server: Server) -> None:
    drop = "op.drop_constraint(None, 't', type_='foreignkey')"
    finding = judged(checkout, server, text("op.execute('CREATE TABLE t (id int)')", f"{drop}; {DOWN}"))[0]
    shown = f"{finding.message}\n{finding.details}"
    assert finding.id == "R302"
    assert drop in shown
    assert "object at 0x" not in shown
    assert "env.py" not in shown


def test_two_long_enums_are_shown_where_they_differ() -> None:
    labels = [f"'label_{number}'" for number in range(60)]
    before, after = (f"enum: {', '.join(one)}" for one in (labels, [*labels[:30], "'new'", *labels[30:]]))
    told = describe(Difference("type", "kinds", "changed", before, after))
    assert told == "type `kinds` changed: … 'label_29', 'label_30', … → … 'label_29', 'new', 'label_30', …"
