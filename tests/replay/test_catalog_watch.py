"""The watch reads only what changed: it must never say anything else than a whole reading does."""

from __future__ import annotations

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.replay.catalog import CatalogWatch, compare, describe, read_catalog
from tests.replay.conftest import Connect

pytestmark = pytest.mark.postgres

# Statements over a handful of names, so that they meet; those that PostgreSQL refuses are part of the game.
STATEMENTS = [
    "CREATE TABLE {s}.{t} (id serial PRIMARY KEY, a int DEFAULT 1, b {s2}.mood DEFAULT 'happy', c "
    "{s2}.pair[], CHECK (a > 0))",
    "CREATE TABLE {s}.{t} (id int NOT NULL, a int, b text) PARTITION BY RANGE (id)",
    "CREATE TABLE {s}.piece PARTITION OF part FOR VALUES FROM (0) TO (10)",
    "ALTER TABLE part RENAME a TO aa",
    "ALTER TABLE part RENAME TO parts",
    "ALTER TABLE part ADD {c2} int DEFAULT 2",
    "CREATE INDEX pix ON part (a)",
    "CREATE TRIGGER t AFTER UPDATE ON part FOR EACH ROW EXECUTE FUNCTION t()",
    "CREATE TABLE {s}.{t} (LIKE {s2}.{t2} INCLUDING ALL)",
    "CREATE TABLE {s}.{t} AS SELECT * FROM {s2}.{t2}",
    "CREATE TABLE {s}.{t} () INHERITS ({s2}.{t2})",
    "CREATE TEMP TABLE {t} (id int)",
    "ALTER TABLE part ATTACH PARTITION solo FOR VALUES FROM (10) TO (20)",
    "ALTER TABLE part DETACH PARTITION solo",
    "ALTER TABLE solo INHERIT two",
    "ALTER TABLE solo NO INHERIT two",
    "ALTER TABLE {s}.{t} RENAME TO {t2}",
    "ALTER TABLE {s}.{t} SET SCHEMA {s2}",
    "ALTER TABLE {s}.{t} RENAME {c} TO {c2}",
    "ALTER TABLE {s}.{t} ADD {c2} int DEFAULT 2",
    "ALTER TABLE {s}.{t} ADD {c2} {s2}.mood",
    "ALTER TABLE {s}.{t} ADD {c2} {s2}.{t2}",
    "ALTER TABLE {s}.{t} DROP {c} CASCADE",
    "ALTER TABLE {s}.{t} ALTER {c} TYPE bigint USING 1",
    "ALTER TABLE {s}.{t} ALTER {c} SET NOT NULL",
    "ALTER TABLE {s}.{t} ALTER {c} DROP DEFAULT",
    "ALTER TABLE {s}.{t} ALTER {c} SET DEFAULT {s2}.f(1)",
    "ALTER TABLE {s}.{t} ADD FOREIGN KEY (a) REFERENCES {s2}.{t2}",
    "ALTER TABLE {s}.{t} ADD CONSTRAINT k CHECK ({s2}.f(a) > 0) NOT VALID",
    "ALTER TABLE {s}.{t} DROP CONSTRAINT k",
    "ALTER TABLE {s}.{t} RENAME CONSTRAINT k TO k2",
    "ALTER TABLE {s}.{t} DISABLE TRIGGER ALL",
    "ALTER TABLE {s}.{t} REPLICA IDENTITY FULL",
    "ALTER TABLE {s}.{t} OWNER TO {r}",
    "DROP TABLE {s}.{t} CASCADE",
    "TRUNCATE {s}.{t} CASCADE",
    "CREATE INDEX ix ON {s}.{t} ({c})",
    "CREATE INDEX ON {s}.{t} ({s2}.f(a))",
    "ALTER INDEX {s}.ix RENAME TO ix2",
    "DROP INDEX {s}.ix",
    "COMMENT ON INDEX {s}.ix IS 'i'",
    "CREATE VIEW {s}.{v} AS SELECT id, x.a FROM {s}.{t} x JOIN {s2}.{t2} y USING (id)",
    "CREATE VIEW {s}.{v} AS SELECT * FROM {s2}.v",
    "CREATE VIEW {s}.{v} AS SELECT t.*, t AS whole FROM {s2}.{t} t",
    "CREATE VIEW {s}.{v} AS SELECT id FROM {s2}.{t} WHERE b = 'happy'",
    "CREATE MATERIALIZED VIEW {s}.m AS SELECT {s2}.f(a) AS x FROM {s}.{t}",
    "ALTER VIEW {s}.{v} RENAME {c} TO {c2}",
    "DROP VIEW {s}.{v} CASCADE",
    "CREATE TYPE {s}.mood AS ENUM ('happy', 'sad')",
    "ALTER TYPE {s}.mood ADD VALUE 'calm' BEFORE 'sad'",
    "ALTER TYPE {s}.mood RENAME VALUE 'happy' TO 'glad'",
    "ALTER TYPE {s}.mood RENAME TO temper",
    "ALTER TYPE {s}.temper RENAME TO mood",
    "ALTER TYPE {s}.mood SET SCHEMA {s2}",
    "DROP TYPE {s}.mood CASCADE",
    "CREATE TYPE {s}.pair AS (x int, y {s2}.mood)",
    "ALTER TYPE {s}.pair RENAME ATTRIBUTE x TO z CASCADE",
    "COMMENT ON TYPE {s}.pair IS 'p'",
    "CREATE DOMAIN {s}.age AS int DEFAULT {s2}.f(2) CHECK ({s2}.f(VALUE) > 0)",
    "ALTER DOMAIN {s}.age DROP DEFAULT",
    "CREATE FUNCTION {s}.f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
    "CREATE FUNCTION {s}.g({s2}.mood) RETURNS SETOF {s2}.{t} LANGUAGE plpgsql AS 'BEGIN END'",
    "CREATE FUNCTION {s}.h() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM {s2}.{t} JOIN "
    "{s}.{t2} USING (id); END",
    "ALTER FUNCTION {s}.f RENAME TO f2",
    "ALTER FUNCTION {s}.f2 RENAME TO f",
    "ALTER FUNCTION {s}.f SET SCHEMA {s2}",
    "DROP FUNCTION {s}.f CASCADE",
    "CREATE FUNCTION {s}.t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "CREATE TRIGGER t AFTER UPDATE OF a ON {s}.{t} FOR EACH ROW EXECUTE FUNCTION {s2}.t()",
    "ALTER FUNCTION {s}.t RENAME TO t9",
    "ALTER SEQUENCE {s}.{t}_id_seq OWNED BY NONE",
    "ALTER SEQUENCE {s}.{t}_id_seq RENAME TO q",
    "CREATE POLICY p ON {s}.{t} TO {r} USING (EXISTS (SELECT FROM {s2}.{t2} WHERE a = 1))",
    "CREATE STATISTICS {s}.st ON id, a FROM {s2}.{t}",
    "CREATE RULE r AS ON UPDATE TO {s}.{t} DO ALSO DELETE FROM {s2}.{t2}",
    "CREATE PUBLICATION pub FOR TABLE {s}.{t}",
    "ALTER PUBLICATION pub ADD TABLE {s}.{t}",
    "COMMENT ON TABLE {s}.{t} IS 'c'",
    "COMMENT ON TABLE {s}.{t} IS NULL",
    "COMMENT ON COLUMN {s}.{t}.a IS 'c'",
    "COMMENT ON CONSTRAINT k ON {s}.{t} IS 'c'",
    "COMMENT ON TRIGGER t ON {s}.{t} IS 'c'",
    "COMMENT ON SCHEMA {s} IS 'c'",
    "GRANT SELECT ON {s}.{t} TO {r}",
    "GRANT UPDATE (a) ON {s}.{t} TO PUBLIC",
    "REVOKE ALL ON {s}.{t} FROM {r}",
    "GRANT USAGE ON SCHEMA {s} TO {r}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {s} GRANT SELECT ON TABLES TO {r}",
    "ALTER ROLE {r} RENAME TO {r2}",
    "CREATE ROLE {r}",
    "DROP OWNED BY {r}",
    "CREATE SCHEMA {s}",
    "ALTER SCHEMA {s} RENAME TO {s2}",
    "DROP SCHEMA {s} CASCADE",
    "CREATE EXTENSION hstore SCHEMA {s}",
    "ALTER EXTENSION hstore SET SCHEMA {s}",
    "ALTER EXTENSION hstore ADD TABLE {s}.{t}",
    "ALTER EXTENSION hstore DROP TABLE {s}.{t}",
    "DROP EXTENSION hstore CASCADE",
    "CREATE OPERATOR {s}.### (FUNCTION = {s2}.f, RIGHTARG = int)",
    "CREATE FUNCTION {s}.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
    "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION {s}.e()",
    "BEGIN; SAVEPOINT x; ALTER TABLE {s}.{t} ADD {c2} text; RELEASE x; SAVEPOINT y; DROP TABLE {s2}.{t2} "
    "CASCADE; ROLLBACK TO y; COMMIT",
    "VACUUM FULL pg_class",
]
NAMES = {
    "s": st.sampled_from(["public", "public", "audit"]),
    "s2": st.sampled_from(["public", "public", "audit"]),
    "t": st.sampled_from(["one", "one", "two", "three"]),
    "t2": st.sampled_from(["one", "two", "two", "three"]),
    "c": st.sampled_from(["id", "a", "b", "c"]),
    "c2": st.sampled_from(["d", "e"]),
    "v": st.sampled_from(["v", "v1", "v2"]),
    "r": st.sampled_from(["app", "ann"]),
    "r2": st.sampled_from(["app", "ann"]),
}
statements = st.builds(
    lambda text, names: text.format(**names), st.sampled_from(STATEMENTS), st.fixed_dictionaries(NAMES)
)

START = """
CREATE SCHEMA audit; CREATE ROLE app;
CREATE TYPE mood AS ENUM ('happy', 'sad'); CREATE TYPE pair AS (x int, y mood);
CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE TABLE one (id serial PRIMARY KEY, a int REFERENCES one, b mood DEFAULT 'happy', c pair[]);
CREATE TABLE two (id int PRIMARY KEY REFERENCES one, a int CHECK (f(a) > 0), n text);
CREATE TABLE part (id int, a int DEFAULT 1, n text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE DOMAIN age AS int DEFAULT f(2) CHECK (f(VALUE) > 0);
CREATE TABLE solo (id int NOT NULL, a int CHECK (f(a) > 0), n text);
CREATE VIEW v AS SELECT * FROM one JOIN two USING (id, a);
CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE TRIGGER t AFTER UPDATE OF a ON one FOR EACH ROW EXECUTE FUNCTION t();
ALTER TABLE one ADD CONSTRAINT k CHECK (a > 0); CREATE INDEX ix ON two (n);
"""
CLEAN = (
    "DROP EXTENSION hstore CASCADE",
    "DROP SCHEMA audit CASCADE",
    "DROP SCHEMA public CASCADE",
    "CREATE SCHEMA public",
    "DROP PUBLICATION pub",
    "DROP OWNED BY app",
    "DROP OWNED BY ann",
    "DROP ROLE app",
    "DROP ROLE ann",
    "DISCARD ALL",
)


def _try(connection: psycopg.Connection[tuple[object, ...]], statement: str) -> None:
    try:
        connection.execute(statement.encode())
    except psycopg.Error:
        connection.rollback()


def test_a_watch_always_says_what_a_whole_reading_says(connect: Connect) -> None:
    migrations, plain = connect(), connect()
    watch = CatalogWatch(connect())

    @settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
    @given(st.lists(statements, min_size=1, max_size=25))
    def play(script: list[str]) -> None:
        for clean in CLEAN:
            _try(migrations, clean)
        migrations.execute(START)
        assert watch.read() == read_catalog(plain)
        for statement in script:
            _try(migrations, statement)
            watched, whole = watch.read(), read_catalog(plain)
            assert watched == whole, (statement, [describe(one) for one in compare(watched, whole)])

    play()


def test_a_reading_of_nothing_new_is_the_same_object(connect: Connect) -> None:
    watch = CatalogWatch(connect())
    connect().execute("CREATE TABLE a (b int); INSERT INTO a VALUES (1)")
    first = watch.read()
    connect().execute("INSERT INTO a VALUES (2)")
    assert watch.read() is first


def test_what_a_long_transaction_did_is_seen_once_it_commits(connect: Connect) -> None:
    slow, quick, watch = connect(), connect(), CatalogWatch(connect())
    slow.execute("BEGIN")
    slow.execute("CREATE TABLE slow ()")
    before = watch.read()
    quick.execute("CREATE TABLE quick ()")
    between = watch.read()
    assert [describe(one) for one in compare(before, between)] == ["table `quick` left behind"]
    slow.execute("COMMIT")
    assert [describe(one) for one in compare(between, watch.read())] == ["table `slow` left behind"]


def test_a_user_without_rights_reads_the_same(connect: Connect) -> None:
    admin = connect()
    admin.execute("CREATE ROLE plain LOGIN; CREATE SCHEMA own AUTHORIZATION plain; CREATE TABLE a (b int)")
    user = connect()
    user.execute("SET SESSION AUTHORIZATION plain")
    watch = CatalogWatch(user)
    before = watch.read()
    assert watch.read() is before
    admin.execute("ALTER TABLE a ADD c int")
    assert [describe(one) for one in compare(before, watch.read())] == ["column `a.c` (integer) left behind"]
    again = connect()
    again.execute("SET SESSION AUTHORIZATION plain")
    assert watch.read() == read_catalog(again)


LAYOUT = "CREATE OR REPLACE FUNCTION f(a int) RETURNS int LANGUAGE {} AS $$\n{}\n$$"
PLPGSQL = "BEGIN\n  RETURN a + 1;\nEND"


@pytest.mark.parametrize(
    ("language", "before", "after", "same"),
    [
        ("plpgsql", PLPGSQL, "    BEGIN\n\n        RETURN a + 1;   \n    END", True),
        ("sql", "SELECT 'it''s'::regtype::int;\nSELECT a", "  SELECT 'it''s'::regtype::int;\n  SELECT a", True),
        ("plpgsql", PLPGSQL, PLPGSQL.replace("+", "-"), False),
        ("sql", "SELECT length('x\ny')", "SELECT length('x\n  y')", False),
        ("sql", "SELECT length($q$x\ny$q$)", "SELECT length($q$x\n  y$q$)", False),
    ],
    ids=["indentation", "a constant in one line", "another text", "a constant of two lines", "in dollars"],
)
def test_a_function_is_more_than_its_layout(
    connect: Connect, language: str, before: str, after: str, same: bool
) -> None:
    migrations, watch = connect(), CatalogWatch(connect())
    migrations.execute("SET check_function_bodies = off")
    migrations.execute(LAYOUT.format(language, before).encode())
    old = watch.read()
    migrations.execute(LAYOUT.format(language, after).encode())
    assert (compare(old, watch.read()) == ()) is same
