"""Tables, views, sequences, composite types, and all that hangs on them; unit: pg_class.oid."""

from __future__ import annotations

from checker.replay.catalog.queries.fragments import (
    ONE_ASPECT_A_LINE,
    aspect,
    body,
    comment,
    firing,
    grants,
    name,
    name_of,
    of_user,
    one_line,
    options,
    owner,
    tablespace,
)

# PostgreSQL 17.12 counts among a column's options what becomes of it: another number in every database.
_COUNTER = "pg_attver"
_HAS_COLUMNS = "c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')"

# Temporary tables die with the migration's session. Alembic's own table is not part of what it migrates. Chosen once
# for all sections: each would take as long to choose as to read.
RELATIONS = f"""WITH relation AS MATERIALIZED (
    SELECT c.*, n.nspname, {name("n.nspname", "c.relname")} AS identity, CASE c.relkind WHEN 'v' THEN 'view'
        WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'table' END AS kind
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE $only AND {of_user("pg_class", "c.oid")} AND c.relpersistence <> 't' AND c.relkind NOT IN ('t', 'i', 'I')
      AND NOT (c.relname = $version_table AND c.relkind IN ('r', 'p') AND $version_schema IN ('', n.nspname)))
"""


def relation_sections(version: int) -> dict[str, str]:
    """The sections, by title, for a server of this major version."""
    return {
        "relations": _relations(),
        "columns": _columns(version),
        "sequences": _sequences(),
        "constraints": _constraints(),
        "indexes": _indexes(),
        "triggers": _triggers(),
        "rules": _rules(),
        "policies": _policies(),
        "statistics": _statistics(),
    }


def _relations() -> str:
    # A toast table's options are set through its table and kept in a row of their own. DISABLE TRIGGER ALL also turns
    # off foreign keys, on both sides. A composite type's owner, grants and comment are those of its row in pg_type.
    return f"""
SELECT c.oid AS unit, c.kind AS kind, c.identity AS identity, {ONE_ASPECT_A_LINE},
    CASE c.relpersistence WHEN 'u' THEN 'persistence: unlogged' END,
    CASE c.relkind WHEN 'c' THEN 'composite' WHEN 'p' THEN {aspect("partition by", "pg_get_partkeydef(c.oid)")} END,
    (SELECT CASE WHEN c.relispartition THEN 'partition of: ' ELSE 'inherits: ' END
        || string_agg({name_of("pg_class", "rel", "inhparent")}, ', ' ORDER BY inhseqno)
     FROM pg_inherits WHERE inhrelid = c.oid),
    CASE WHEN c.relispartition THEN {aspect("bound", "pg_get_expr(c.relpartbound, c.oid)")} END,
    CASE WHEN c.reloftype <> 0 THEN 'of type: ' || format_type(c.reloftype, NULL) END,
    (SELECT 'access method: ' || amname FROM pg_am WHERE oid = c.relam AND amname <> 'heap'),
    {aspect("options", options("c.reloptions"))},
    {aspect("toast options", f"(SELECT {options('t.reloptions')} FROM pg_class t WHERE t.oid = c.reltoastrelid)")},
    {tablespace("c.reltablespace")},
    CASE WHEN c.relkind IN ('r', 'p', 'm') THEN CASE c.relreplident
        WHEN 'f' THEN 'replica identity: full' WHEN 'n' THEN 'replica identity: nothing'
        WHEN 'i' THEN 'replica identity: ' || coalesce((SELECT quote_ident(i.relname) FROM pg_index x
            JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisreplident), 'gone') END END,
    CASE WHEN c.relrowsecurity THEN 'row security: enabled' END,
    CASE WHEN c.relforcerowsecurity THEN 'row security forced: yes' END,
    CASE WHEN c.relhastriggers AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgisinternal
        AND g.tgparentid = 0 AND g.tgenabled <> 'O') THEN 'foreign key triggers: disabled' END,
    CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'populated: no' END,
    (SELECT concat_ws(', ', 'server: ' || quote_ident(s.srvname), 'options ' || {options("f.ftoptions")})
     FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid),
    {owner("c.relowner")},
    CASE WHEN c.relkind = 'c' THEN {comment("pg_type", "c.reltype")} ELSE {comment("pg_class", "c.oid")} END,
    CASE WHEN c.relkind = 'c' THEN (SELECT {grants("typacl", "T", "typowner")} FROM pg_type WHERE oid = c.reltype)
        ELSE {grants("c.relacl", "r", "c.relowner")} END,
    CASE WHEN c.relkind IN ('v', 'm') THEN {body("pg_get_viewdef(c.oid)")} END
) AS definition, 'schema' AS parent_kind, quote_ident(c.nspname) AS parent_identity
FROM relation c WHERE {_HAS_COLUMNS}"""


def _columns(version: int) -> str:
    # The order of columns (attnum) does not matter: a column that a downgrade gives back comes last.
    compression = "CASE a.attcompression WHEN 'p' THEN 'compression: pglz' WHEN 'l' THEN 'compression: lz4' END"
    # Since 18 NOT NULL is a constraint, which may be not valid yet, or not for children.
    not_null = """coalesce((SELECT concat(CASE WHEN NOT k.convalidated THEN ' not valid' END,
        CASE WHEN k.connoinherit THEN ' no inherit' END) FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]), '')"""
    return f"""
SELECT c.oid, CASE c.relkind WHEN 'c' THEN 'attribute' ELSE 'column' END, c.identity || '.' || quote_ident(a.attname),
    {ONE_ASPECT_A_LINE},
    'type: ' || format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN 'nullable: not null' || {not_null if version >= 18 else "''"}
        WHEN c.relkind IN ('r', 'p', 'f') THEN 'nullable: null' END,
    CASE a.attgenerated WHEN '' THEN 'default: ' WHEN 's' THEN 'generated: ' ELSE 'generated virtual: ' END
        || {one_line("pg_get_expr(d.adbin, d.adrelid)")},
    CASE a.attidentity WHEN 'a' THEN 'identity: always' WHEN 'd' THEN 'identity: by default' END,
    CASE WHEN a.attcollation <> t.typcollation THEN 'collation: ' || a.attcollation::regcollation END,
    CASE WHEN c.relkind <> 'v' AND a.attstorage <> t.typstorage THEN 'storage: ' || CASE a.attstorage
        WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END,
    {compression if version >= 14 else "NULL"},
    CASE WHEN a.attstattarget >= 0 THEN 'statistics: ' || a.attstattarget END,
    {aspect("options", options("a.attoptions", but=_COUNTER))},
    {aspect("foreign options", options("a.attfdwoptions"))},
    CASE WHEN NOT a.attislocal THEN 'inherited: yes' END,
    {comment("pg_class", "c.oid", "a.attnum")},
    {grants("a.attacl", "c", "c.relowner")}
), c.kind, c.identity
FROM relation c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE {_HAS_COLUMNS} AND a.attnum > 0 AND NOT a.attisdropped"""


def _sequences() -> str:
    # The current value is data. A serial's or identity's sequence hangs on its column.
    return f"""
SELECT c.oid, 'sequence', c.identity, {ONE_ASPECT_A_LINE},
    'type: ' || format_type(s.seqtypid, NULL),
    CASE c.relpersistence WHEN 'u' THEN 'persistence: unlogged' END,
    'start: ' || s.seqstart, 'increment: ' || s.seqincrement, 'minimum: ' || s.seqmin, 'maximum: ' || s.seqmax,
    'cache: ' || s.seqcache, CASE WHEN s.seqcycle THEN 'cycle: yes' END,
    'owned by: ' || own.identity,
    {owner("c.relowner")},
    {comment("pg_class", "c.oid")},
    {grants("c.relacl", "s", "c.relowner")}
), CASE WHEN own.identity IS NULL THEN 'schema' ELSE 'column' END, coalesce(own.identity, quote_ident(c.nspname))
FROM relation c JOIN pg_sequence s ON s.seqrelid = c.oid
LEFT JOIN LATERAL (
    SELECT {name_of("pg_class", "rel", "d.refobjid")} || '.' || quote_ident(a.attname) AS identity
    FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') LIMIT 1) own ON true
WHERE c.relkind = 'S'"""


def _constraints() -> str:
    # NOT NULL has rows here since 18: the column says it. A trigger's row ('t') is told as the trigger. A foreign key
    # to a partitioned table has a row for every partition too, all on the same table: the first says it all.
    return f"""
SELECT c.oid, 'constraint', quote_ident(k.conname) || ' on ' || c.identity, {ONE_ASPECT_A_LINE},
    {aspect("rule", "pg_get_constraintdef(k.oid)")},
    CASE WHEN NOT k.conislocal THEN 'inherited: yes' END,
    {aspect("options", options("i.reloptions"))},
    {tablespace("i.reltablespace")},
    CASE WHEN NOT x.indisvalid THEN 'index: invalid' END,
    CASE WHEN x.indisclustered THEN 'clustered: yes' END,
    {comment("pg_constraint", "k.oid")},
    'index ' || {comment("pg_class", "x.indexrelid")}
), c.kind, c.identity
FROM relation c JOIN pg_constraint k ON k.conrelid = c.oid
LEFT JOIN pg_index x ON x.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_class i ON i.oid = x.indexrelid
WHERE k.contype NOT IN ('n', 't')
  AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)"""


def _indexes() -> str:
    # An index that backs a constraint is told as the constraint.
    return f"""
SELECT c.oid, 'index', quote_ident(i.relname) || ' on ' || c.identity, {ONE_ASPECT_A_LINE},
    {aspect("rule", "pg_get_indexdef(i.oid)")},
    CASE WHEN NOT x.indisvalid THEN 'valid: no' END,
    CASE WHEN x.indisclustered THEN 'clustered: yes' END,
    (SELECT 'attached to: ' || {name_of("pg_class", "rel", "inhparent")} FROM pg_inherits WHERE inhrelid = i.oid),
    {tablespace("i.reltablespace")},
    (SELECT 'statistics: ' || string_agg(attnum || ' ' || attstattarget, ', ' ORDER BY attnum)
     FROM pg_attribute WHERE attrelid = i.oid AND attstattarget >= 0),
    {comment("pg_class", "i.oid")}
), c.kind, c.identity
FROM relation c JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
WHERE c.relkind IN ('r', 'p', 'm', 'f')
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.conrelid = c.oid
                  AND k.contype IN ('p', 'u', 'x'))"""


def _triggers() -> str:
    # A partition's copy of its parent's trigger comes and goes with the parent's.
    return f"""
SELECT c.oid, 'trigger', quote_ident(g.tgname) || ' on ' || c.identity, {ONE_ASPECT_A_LINE},
    {aspect("rule", "pg_get_triggerdef(g.oid)")}, {firing("g.tgenabled")}, {comment("pg_trigger", "g.oid")}
), c.kind, c.identity
FROM relation c JOIN pg_trigger g ON g.tgrelid = c.oid
WHERE NOT g.tgisinternal AND g.tgparentid = 0"""


def _rules() -> str:
    # A view's own rule is its definition.
    return f"""
SELECT c.oid, 'rule', quote_ident(r.rulename) || ' on ' || c.identity, {ONE_ASPECT_A_LINE},
    {firing("r.ev_enabled")}, {comment("pg_rewrite", "r.oid")}, {body("pg_get_ruledef(r.oid)")}
), c.kind, c.identity
FROM relation c JOIN pg_rewrite r ON r.ev_class = c.oid
WHERE r.rulename <> '_RETURN'"""


def _policies() -> str:
    return f"""
SELECT c.oid, 'policy', quote_ident(p.polname) || ' on ' || c.identity, {ONE_ASPECT_A_LINE},
    'for: ' || CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'
        WHEN 'd' THEN 'delete' ELSE 'all' END,
    CASE WHEN NOT p.polpermissive THEN 'restrictive: yes' END,
    (SELECT 'to: ' || string_agg(who, ', ' ORDER BY who COLLATE "C") FROM unnest(p.polroles) role,
        LATERAL (SELECT CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END AS who) r),
    {aspect("using", "pg_get_expr(p.polqual, p.polrelid)")},
    {aspect("with check", "pg_get_expr(p.polwithcheck, p.polrelid)")},
    {comment("pg_policy", "p.oid")}
), c.kind, c.identity
FROM relation c JOIN pg_policy p ON p.polrelid = c.oid"""


def _statistics() -> str:
    # The row carries the target (-1, and since 17 NULL, say the default); what ANALYZE found is elsewhere.
    return f"""
SELECT c.oid, 'statistics', {name_of("pg_statistic_ext", "stx", "s.oid")}, {ONE_ASPECT_A_LINE},
    {aspect("rule", "pg_get_statisticsobjdef(s.oid)")},
    CASE WHEN s.stxstattarget >= 0 THEN 'target: ' || s.stxstattarget END,
    {owner("s.stxowner")},
    {comment("pg_statistic_ext", "s.oid")}
), c.kind, c.identity
FROM relation c JOIN pg_statistic_ext s ON s.stxrelid = c.oid"""
