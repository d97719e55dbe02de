"""For every kind of object: a migration, a downgrade that forgets something, and one that does not."""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    name: str
    up: str
    leak: tuple[str, ...]
    """All that is told of the leaky downgrade."""
    clean: str
    setup: str = ""
    leaky: str = ""
    since: int = 13


def untold(name: str, up: str, clean: str = "", setup: str = "") -> Case:
    """What `up` does is nothing to tell: of a downgrade that does not undo it, only what else it leaves is told."""
    return Case(name, up, ("schema `x` left behind",), clean, setup, "CREATE SCHEMA x")


SERIAL = "CREATE TABLE orders (id serial, total int)"
ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, total int, note text)"
FUNCTION = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$"
ADD = "CREATE FUNCTION add(int, int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $2'"

CASES = [
    Case("schema", "CREATE SCHEMA audit", ("schema `audit` left behind",), "DROP SCHEMA audit"),
    Case(
        "schema with all that is in it",
        "CREATE SCHEMA audit; CREATE TABLE audit.log (id serial PRIMARY KEY); CREATE TYPE audit.mood AS ENUM ('happy');"
        "CREATE FUNCTION audit.one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ("schema `audit` left behind",),
        "DROP SCHEMA audit CASCADE",
    ),
    Case(
        "extension",
        "CREATE EXTENSION pgcrypto",
        ("extension `pgcrypto` (",),
        "DROP EXTENSION pgcrypto",
    ),
    Case(
        "table with all that hangs on it",
        "CREATE TABLE users (id serial PRIMARY KEY, name text DEFAULT 'x', CHECK (id > 0)); CREATE INDEX ON "
        "users (name);"
        "COMMENT ON TABLE users IS 'all'; GRANT SELECT ON users TO PUBLIC; ALTER TABLE users ENABLE ROW LEVEL SECURITY;"
        "CREATE POLICY p ON users USING (true)",
        ("table `users` (row security: enabled, comment: all, grants: PUBLIC SELECT) left behind",),
        "DROP TABLE users",
    ),
    Case(
        "unlogged",
        "ALTER TABLE orders SET UNLOGGED",
        ("table `orders` changed: persistence unlogged left behind",),
        "ALTER TABLE orders SET LOGGED",
        ORDERS,
    ),
    Case(
        "options",
        "ALTER TABLE orders SET (fillfactor = 70, toast.autovacuum_enabled = off)",
        (
            "table `orders` changed: options fillfactor=70 left behind, toast options autovacuum_enabled=off "
            "left behind",
        ),
        "ALTER TABLE orders RESET (fillfactor, toast.autovacuum_enabled)",
        ORDERS,
    ),
    Case(
        "replica identity",
        "ALTER TABLE orders REPLICA IDENTITY FULL",
        ("table `orders` changed: replica identity full left behind",),
        "ALTER TABLE orders REPLICA IDENTITY DEFAULT",
        ORDERS,
    ),
    Case(
        "row security",
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        ("table `orders` changed: row security forced left behind",),
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
        ORDERS,
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
    ),
    Case(
        "owner",
        "ALTER TABLE orders OWNER TO app",
        ("table `orders` changed: owner app left behind",),
        "ALTER TABLE orders OWNER TO postgres",
        ORDERS + "; CREATE ROLE app",
    ),
    Case(
        "comment",
        "COMMENT ON COLUMN orders.total IS 'in cents'",
        ("column `orders.total` changed: comment in cents left behind",),
        "COMMENT ON COLUMN orders.total IS NULL",
        ORDERS,
    ),
    Case(
        "grant",
        "GRANT SELECT, INSERT ON orders TO app; GRANT UPDATE (note) ON orders TO app",
        (
            "column `orders.note` changed: grants app UPDATE left behind",
            "table `orders` changed: grants app SELECT left behind",
        ),
        "REVOKE ALL ON orders FROM app",
        ORDERS + "; CREATE ROLE app",
        "REVOKE INSERT ON orders FROM app; GRANT UPDATE (note) ON orders TO app",
    ),
    Case(
        "revoke",
        "REVOKE EXECUTE ON FUNCTION add FROM PUBLIC",
        ("function `add(integer, integer)` changed: grants PUBLIC not EXECUTE left behind",),
        "GRANT EXECUTE ON FUNCTION add TO PUBLIC",
        ADD,
    ),
    Case(
        "column type",
        "ALTER TABLE orders ALTER total TYPE bigint, ALTER total SET NOT NULL",
        ("column `orders.total` changed: integer → bigint, null → not null",),
        "ALTER TABLE orders ALTER total TYPE int, ALTER total DROP NOT NULL",
        ORDERS,
    ),
    Case(
        "column length",
        "ALTER TABLE a ALTER b TYPE varchar(80)",
        ("column `a.b` changed: character varying(40) → character varying(80)",),
        "ALTER TABLE a ALTER b TYPE varchar(40)",
        "CREATE TABLE a (b varchar(40)); CREATE INDEX ON a (b)",
    ),
    Case(
        "not null that is not valid",
        "ALTER TABLE orders ADD CONSTRAINT n NOT NULL total NOT VALID",
        ("column `orders.total` changed: null → not null not valid",),
        "ALTER TABLE orders DROP CONSTRAINT n",
        ORDERS,
        since=18,
    ),
    Case(
        "default",
        "ALTER TABLE orders ALTER total SET DEFAULT 0",
        ("column `orders.total` changed: default 0 left behind",),
        "ALTER TABLE orders ALTER total DROP DEFAULT",
        ORDERS,
    ),
    Case(
        "default changed",
        "ALTER TABLE a ALTER b SET DEFAULT 2",
        ("column `a.b` changed: default 1 → 2",),
        "ALTER TABLE a ALTER b SET DEFAULT 1",
        "CREATE TABLE a (b int DEFAULT 1)",
    ),
    Case(
        "dropped column",
        "ALTER TABLE orders DROP total",
        ("column `orders.total` (integer) lost",),
        "ALTER TABLE orders ADD total int",
        ORDERS,
    ),
    Case(
        "serial column",
        "ALTER TABLE orders ADD number serial",
        (
            "column `orders.number` (integer, not null, default: nextval('public.orders_number_seq'::regclass)) "
            "left behind",
        ),
        "ALTER TABLE orders DROP number",
        ORDERS,
    ),
    Case(
        "identity",
        "ALTER TABLE orders ALTER id ADD GENERATED ALWAYS AS IDENTITY",
        (
            "column `orders.id` changed: identity always left behind",
            "sequence `orders_id_seq` (integer, start: 1, increment: 1, minimum: 1, maximum: 2147483647, cache: "
            "1, owned by: orders.id) left behind",
        ),
        "ALTER TABLE orders ALTER id DROP IDENTITY",
        ORDERS,
    ),
    Case(
        "generated column",
        "ALTER TABLE orders ADD twice int GENERATED ALWAYS AS (total * 2) STORED",
        ("column `orders.twice` (integer, generated: (total * 2)) left behind",),
        "ALTER TABLE orders DROP twice",
        ORDERS,
    ),
    Case(
        "storage",
        "ALTER TABLE orders ALTER note SET STORAGE EXTERNAL, ALTER note SET STATISTICS 500",
        ("column `orders.note` changed: statistics 500 left behind",),
        "ALTER TABLE orders ALTER note SET STORAGE EXTENDED, ALTER note SET STATISTICS -1",
        ORDERS,
        "ALTER TABLE orders ALTER note SET STORAGE EXTENDED",
    ),
    Case(
        "compression",
        "ALTER TABLE orders ALTER note SET COMPRESSION pglz",
        ("column `orders.note` changed: compression pglz left behind",),
        "ALTER TABLE orders ALTER note SET COMPRESSION default",
        ORDERS,
        since=14,
    ),
    Case(
        "collation of a column",
        'ALTER TABLE orders ALTER note TYPE text COLLATE "C"',
        ('column `orders.note` changed: collation "C" left behind',),
        "ALTER TABLE orders ALTER note TYPE text",
        ORDERS,
    ),
    Case(
        "check",
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID",
        ("constraint `positive on orders` (CHECK ((total > 0)) NOT VALID) left behind",),
        "ALTER TABLE orders DROP CONSTRAINT positive",
        ORDERS,
    ),
    Case(
        "validated",
        "ALTER TABLE orders VALIDATE CONSTRAINT positive",
        ("constraint `positive on orders` changed: CHECK ((total > 0)) NOT VALID → CHECK ((total > 0))",),
        "ALTER TABLE orders DROP CONSTRAINT positive, ADD CONSTRAINT positive CHECK (total > 0) NOT VALID",
        ORDERS + "; ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0) NOT VALID",
    ),
    Case(
        "foreign key",
        "ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (total) REFERENCES orders DEFERRABLE",
        ("constraint `fk on orders` (FOREIGN KEY (total) REFERENCES public.orders(id) DEFERRABLE) left behind",),
        "ALTER TABLE orders DROP CONSTRAINT fk",
        ORDERS,
    ),
    Case(
        "foreign key's triggers",
        "ALTER TABLE orders DISABLE TRIGGER ALL",
        ("table `orders` changed: foreign key triggers disabled left behind",),
        "ALTER TABLE orders ENABLE TRIGGER ALL",
        ORDERS + "; ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (total) REFERENCES orders",
    ),
    Case(
        "unique",
        "ALTER TABLE orders ADD CONSTRAINT uq UNIQUE NULLS NOT DISTINCT (note)",
        ("constraint `uq on orders` (UNIQUE NULLS NOT DISTINCT (note)) left behind",),
        "ALTER TABLE orders DROP CONSTRAINT uq",
        ORDERS,
        since=15,
    ),
    Case(
        "index",
        "CREATE INDEX ix ON orders (lower(note)) WHERE total > 0",
        (
            "index `ix on orders` (CREATE INDEX ix ON public.orders USING btree (lower(note)) WHERE (total > 0)) "
            "left behind",
        ),
        "DROP INDEX ix",
        ORDERS,
    ),
    Case(
        "clustered",
        "ALTER TABLE orders CLUSTER ON orders_pkey",
        ("constraint `orders_pkey on orders` changed: clustered left behind",),
        "ALTER TABLE orders SET WITHOUT CLUSTER",
        ORDERS,
    ),
    Case(
        "sequence",
        "CREATE SEQUENCE s INCREMENT 5 CYCLE",
        (
            "sequence `s` (bigint, start: 1, increment: 5, minimum: 1, maximum: 9223372036854775807, cache: 1, "
            "cycle: yes) left behind",
        ),
        "DROP SEQUENCE s",
    ),
    Case(
        "sequence changed",
        "ALTER SEQUENCE s AS int OWNED BY orders.id",
        ("sequence `s` changed: owned by orders.id left behind",),
        "ALTER SEQUENCE s AS bigint OWNED BY NONE",
        ORDERS + "; CREATE SEQUENCE s",
        "ALTER SEQUENCE s AS bigint",
    ),
    Case("view", "CREATE VIEW v AS SELECT id FROM orders", ("view `v` left behind",), "DROP VIEW v", ORDERS),
    Case(
        "view changed",
        "CREATE OR REPLACE VIEW v WITH (security_barrier) AS SELECT id, total FROM orders WHERE id > 1",
        ("view `v` changed: options security_barrier=true left behind, its definition",),
        "DROP VIEW v; CREATE VIEW v AS SELECT id FROM orders",
        ORDERS + "; CREATE VIEW v AS SELECT id FROM orders",
    ),
    Case(
        "materialized view",
        "CREATE MATERIALIZED VIEW m AS SELECT id FROM orders; CREATE INDEX ON m (id)",
        ("materialized view `m` left behind",),
        "DROP MATERIALIZED VIEW m",
        ORDERS,
    ),
    Case("function", ADD, ("function `add(integer, integer)` left behind",), "DROP FUNCTION add"),
    Case(
        "function's body",
        ADD.replace("CREATE", "CREATE OR REPLACE").replace("+", "-"),
        ("function `add(integer, integer)` changed: its definition",),
        ADD.replace("CREATE", "CREATE OR REPLACE"),
        ADD,
    ),
    Case(
        "procedure",
        "CREATE PROCEDURE p(int) LANGUAGE sql AS 'SELECT 1'",
        ("procedure `p(IN integer)` left behind",),
        "DROP PROCEDURE p",
        since=14,
    ),
    Case(
        "aggregate",
        "CREATE AGGREGATE total(int) (sfunc = add, stype = int, initcond = '0')",
        ("aggregate `total(integer)` (",),
        "DROP AGGREGATE total(int)",
        ADD,
    ),
    Case(
        "window function",
        "CREATE FUNCTION w() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number'",
        ("function `w()` left behind",),
        "DROP FUNCTION w",
    ),
    Case(
        "trigger",
        "CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()",
        (
            "trigger `t on orders` (CREATE TRIGGER t BEFORE UPDATE ON public.orders FOR EACH ROW EXECUTE "
            "FUNCTION public.f()) left behind",
        ),
        "DROP TRIGGER t ON orders",
        f"{ORDERS}; {FUNCTION}",
    ),
    Case(
        "disabled trigger",
        "ALTER TABLE orders DISABLE TRIGGER t",
        ("trigger `t on orders` changed: state disabled left behind",),
        "ALTER TABLE orders ENABLE TRIGGER t",
        f"{ORDERS}; {FUNCTION}; CREATE TRIGGER t BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION f()",
    ),
    Case(
        "event trigger",
        "CREATE EVENT TRIGGER e ON sql_drop WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION g()",
        ("event trigger `e` (on: sql_drop, tags: DROP TABLE, function: public.g()) left behind",),
        "DROP EVENT TRIGGER e",
        "CREATE FUNCTION g() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$",
    ),
    Case(
        "policy",
        "CREATE POLICY p ON orders AS RESTRICTIVE FOR UPDATE TO app USING (total > 0) WITH CHECK (id > 0)",
        (
            "policy `p on orders` (for: update, restrictive: yes, to: app, using: (total > 0), with check: (id > "
            "0)) left behind",
        ),
        "DROP POLICY p ON orders",
        ORDERS + "; CREATE ROLE app",
    ),
    Case(
        "rule",
        "CREATE RULE r AS ON DELETE TO orders DO INSTEAD NOTHING",
        ("rule `r on orders` left behind",),
        "DROP RULE r ON orders",
        ORDERS,
    ),
    Case(
        "statistics",
        "CREATE STATISTICS s (dependencies) ON id, total FROM orders",
        ("statistics `s` (CREATE STATISTICS public.s (dependencies) ON id, total FROM public.orders) left behind",),
        "DROP STATISTICS s",
        ORDERS,
    ),
    Case(
        "enum",
        "CREATE TYPE mood AS ENUM ('happy', 'sad')",
        ("type `mood` (enum: happy, sad) left behind",),
        "DROP TYPE mood",
    ),
    Case(
        "enum with odd labels",
        "CREATE TYPE size AS ENUM ('', 'a, b', ' c')",
        ("type `size` (enum: '', 'a, b', ' c') left behind",),
        "DROP TYPE size",
    ),
    Case(
        "enum label",
        "ALTER TYPE mood ADD VALUE 'calm' BEFORE 'sad'",
        ("type `mood` changed: happy, sad → happy, calm, sad",),
        "DROP TYPE mood; CREATE TYPE mood AS ENUM ('happy', 'sad')",
        "CREATE TYPE mood AS ENUM ('happy', 'sad')",
    ),
    Case(
        "enum label taken out by hand",
        "ALTER TYPE mood ADD VALUE 'calm'",
        ("type `mood` changed: happy, sad → happy, sad, calm",),
        "DELETE FROM pg_enum WHERE enumlabel = 'calm'",
        "CREATE TYPE mood AS ENUM ('happy', 'sad')",
    ),
    Case(
        "domain",
        "CREATE DOMAIN age AS int DEFAULT 1 NOT NULL CONSTRAINT grown CHECK (VALUE > 0)",
        ("domain `age` (integer, not null, default: 1, constraint grown: CHECK ((VALUE > 0))) left behind",),
        "DROP DOMAIN age",
    ),
    Case(
        "domain changed",
        "ALTER DOMAIN age DROP CONSTRAINT grown",
        ("domain `age` changed: constraint grown CHECK ((VALUE > 0)) lost",),
        "ALTER DOMAIN age ADD CONSTRAINT grown CHECK (VALUE > 0)",
        "CREATE DOMAIN age AS int CONSTRAINT grown CHECK (VALUE > 0)",
    ),
    Case(
        "composite type",
        "ALTER TYPE point3 ADD ATTRIBUTE z int",
        ("attribute `point3.z` (integer) left behind",),
        "ALTER TYPE point3 DROP ATTRIBUTE z",
        "CREATE TYPE point3 AS (x int, y int)",
    ),
    Case(
        "comment on a type",
        "COMMENT ON TYPE point3 IS 'p'; COMMENT ON TYPE mood IS 'm'",
        ("type `point3` changed: comment p left behind",),
        "COMMENT ON TYPE point3 IS NULL; COMMENT ON TYPE mood IS NULL",
        "CREATE TYPE point3 AS (x int, y int); CREATE TYPE mood AS ENUM ('a')",
        "COMMENT ON TYPE mood IS NULL",
    ),
    Case(
        "range type",
        "CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi)",
        ("type `span` (",),
        "DROP TYPE span",
    ),
    Case("base type", "CREATE TYPE shelly", ("type `shelly` (shell: yes) left behind",), "DROP TYPE shelly"),
    Case(
        "cast",
        "CREATE CAST (mood AS int) WITH FUNCTION number(mood) AS ASSIGNMENT",
        ("cast `public.mood as integer` (function: public.number(public.mood), context: assignment) left behind",),
        "DROP CAST (mood AS int)",
        "CREATE TYPE mood AS ENUM ('a'); CREATE FUNCTION number(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ),
    Case(
        "operator",
        "CREATE OPERATOR ### (FUNCTION = add, LEFTARG = int, RIGHTARG = int)",
        ("operator `###(integer, integer)` (function: public.add(integer,integer)) left behind",),
        "DROP OPERATOR ### (int, int)",
        ADD,
    ),
    Case(
        "operator class",
        "CREATE OPERATOR CLASS ints FOR TYPE int USING btree AS OPERATOR 1 <, FUNCTION 1 btint4cmp(int, int)",
        ("operator class `ints using btree` (", "operator family `ints using btree` left behind"),
        "DROP OPERATOR FAMILY ints USING btree",
    ),
    Case(
        "publication",
        "CREATE PUBLICATION p FOR TABLE orders",
        ("publication `p` (tables: orders, publish: insert, update, delete, truncate) left behind",),
        "DROP PUBLICATION p",
        ORDERS,
    ),
    Case(
        "publication's tables",
        "ALTER PUBLICATION p ADD TABLE orders",
        ("publication `p` changed: tables orders left behind",),
        "ALTER PUBLICATION p DROP TABLE orders",
        ORDERS + "; CREATE PUBLICATION p",
    ),
    Case(
        "subscription",
        "CREATE SUBSCRIPTION s CONNECTION 'dbname=x password=secret' PUBLICATION p WITH (connect = false, "
        "slot_name = NONE)",
        ("subscription `s` (publications: p, enabled: no, synchronous commit: off) left behind",),
        "DROP SUBSCRIPTION s",
    ),
    Case(
        "foreign data",
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'h'); CREATE "
        "USER MAPPING FOR PUBLIC SERVER s OPTIONS (password 'secret'); CREATE FOREIGN TABLE ft (a int) "
        "SERVER s OPTIONS (t 'x')",
        (
            "foreign data wrapper `w` left behind",
            "foreign server `s` (wrapper: w, options: host=h) left behind",
            "foreign table `ft` (server: s, options t=x) left behind",
            "user mapping `PUBLIC on s` (options: password) left behind",
        ),
        "DROP FOREIGN DATA WRAPPER w CASCADE",
    ),
    Case(
        "text search",
        "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, accept = false); CREATE TEXT SEARCH "
        "CONFIGURATION c (COPY = simple); ALTER TEXT SEARCH CONFIGURATION c ALTER MAPPING FOR word WITH d",
        (
            "text search configuration `c` (",
            "text search dictionary `d` (template: pg_catalog.simple, options: accept = 'false') left behind",
        ),
        "DROP TEXT SEARCH CONFIGURATION c; DROP TEXT SEARCH DICTIONARY d",
    ),
    Case(
        "text search mapping",
        "ALTER TEXT SEARCH CONFIGURATION c DROP MAPPING FOR word",
        ("text search configuration `c` changed: map word simple lost",),
        "ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word WITH simple",
        "CREATE TEXT SEARCH CONFIGURATION c (COPY = simple)",
    ),
    Case(
        "collation",
        "CREATE COLLATION posix (locale = 'POSIX')",
        ("collation `posix` (provider: libc, collate: POSIX, ctype: POSIX) left behind",),
        "DROP COLLATION posix",
    ),
    Case(
        "language",
        "CREATE LANGUAGE l HANDLER plpgsql_call_handler",
        ("language `l` (trusted: no, handler: plpgsql_call_handler()) left behind",),
        "DROP LANGUAGE l",
    ),
    Case(
        "default privileges",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC",
        ("default privileges `tables of postgres in public` (grants: PUBLIC SELECT) left behind",),
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM PUBLIC",
    ),
    Case(
        "role",
        "CREATE ROLE app LOGIN PASSWORD 'secret' IN ROLE staff",
        ("role `app` (login, member of: staff) left behind",),
        "DROP ROLE app",
        "CREATE ROLE staff",
    ),
    Case(
        "role changed",
        "GRANT staff TO app; ALTER ROLE app CREATEDB",
        ("role `app` changed: member of staff left behind",),
        "REVOKE staff FROM app; ALTER ROLE app NOCREATEDB",
        "CREATE ROLE staff; CREATE ROLE app",
        "ALTER ROLE app NOCREATEDB",
    ),
    Case(
        "partition",
        "CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (10)",
        ("table `part_1` (partition of: part, bound: FOR VALUES FROM (0) TO (10)) left behind",),
        "DROP TABLE part_1",
        "CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id)",
    ),
    Case(
        "attached partition",
        "ALTER TABLE part ATTACH PARTITION one FOR VALUES FROM (0) TO (10)",
        ("constraint `one_pkey on one` (PRIMARY KEY (id)) left behind",),
        "ALTER TABLE part DETACH PARTITION one; ALTER TABLE one DROP CONSTRAINT one_pkey",
        "CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE one (id int NOT NULL)",
        "ALTER TABLE part DETACH PARTITION one",
    ),
    Case(
        "inheritance",
        "ALTER TABLE child INHERIT orders",
        ("table `child` changed: inherits orders left behind",),
        "ALTER TABLE child NO INHERIT orders",
        ORDERS + "; CREATE TABLE child (LIKE orders)",
    ),
]

UNTOLD = [
    untold(
        "Alembic's version table",
        "CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32) PRIMARY KEY)",
    ),
    untold(
        "the order of a table's columns", "ALTER TABLE orders DROP total; ALTER TABLE orders ADD total int", "", ORDERS
    ),
    untold("rows, and statistics of them", "INSERT INTO orders DEFAULT VALUES; ANALYZE orders", "", SERIAL),
    untold("a sequence's value", "SELECT nextval('s')", "", "CREATE SEQUENCE s"),
    untold(
        "indentation and blank lines of a function in SQL or PL/pgSQL",
        "CREATE OR REPLACE FUNCTION g() RETURNS int LANGUAGE plpgsql AS $$\n  BEGIN\n\n  RETURN 1;\n  END$$",
        "",
        "CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\nRETURN 1;\nEND$$",
    ),
    untold(
        "what belongs to an extension",
        "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER EXTENSION citext ADD FUNCTION g()",
        "ALTER EXTENSION citext DROP FUNCTION g(); DROP FUNCTION g()",
        "CREATE EXTENSION citext",
    ),
    untold("temporary tables", "CREATE TEMP TABLE IF NOT EXISTS passing (id int)"),
    untold("passwords", "ALTER ROLE app PASSWORD 'secret'", "", "CREATE ROLE app"),
    untold(
        "settings of the database",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 5000', current_database()); END $$",
    ),
]
