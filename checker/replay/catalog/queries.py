"""What is asked of PostgreSQL's catalog, one section for each kind of object.

Each section gives rows of (unit, kind, identity, definition, parent_kind, parent_identity). A unit is what is read
again as a whole once something in it changed: a relation with all that hangs on it, a type or a function. `$only` stands
for the condition that picks units, or for `true`. A definition is one aspect a line, `label: value`; a text
that fills many lines comes last, below `definition:`.
"""

from __future__ import annotations

from checker.replay.catalog.fragments import (
    FIRST_USER_OID,
    NEWLINE,
    body,
    comment,
    definition,
    grants,
    line,
    name,
    name_of,
    not_extension,
    one_line,
    options,
    owner,
)

# Temporary tables die with the migration's session. Alembic's own table is not part of what it migrates.
_RELATION_FILTER = f"""
    $only AND c.oid >= {FIRST_USER_OID} AND c.relpersistence <> 't' AND {not_extension("pg_class", "c.oid")}
    AND NOT (c.relname = $version_table AND c.relkind IN ('r', 'p') AND $version_schema IN ('', n.nspname))
"""
_RELATION_NAME = name("n.nspname", "c.relname")
_RELATION_KIND = """CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence'
    WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' END"""
_OF_RELATION = f"{_RELATION_KIND} AS parent_kind, {_RELATION_NAME} AS parent_identity"


def relation_sections(version: int) -> dict[str, str]:
    """Tables, views, sequences, composite types, and all that hangs on them; unit: pg_class.oid."""
    return {
        # A toast table's options are set through its table and kept in a row of its own.
        "relations": f"""
SELECT c.oid AS unit, {_RELATION_KIND} AS kind, {_RELATION_NAME} AS identity, {
            definition(
                "CASE c.relpersistence WHEN 'u' THEN 'persistence: unlogged' END",
                "CASE WHEN c.relkind = 'c' THEN 'composite' END",
                line("partition by", "CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END"),
                "(SELECT CASE WHEN c.relispartition THEN 'partition of: ' ELSE 'inherits: ' END || string_agg("
                + name_of("pg_class", "rel", "inhparent")
                + ", ', ' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid)",
                line("bound", "CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END"),
                line("of type", "CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END"),
                "(SELECT 'access method: ' || amname FROM pg_am WHERE oid = c.relam AND amname <> 'heap')",
                line("options", options("c.reloptions")),
                line(
                    "toast options", f"(SELECT {options('t.reloptions')} FROM pg_class t WHERE t.oid = c.reltoastrelid)"
                ),
                "(SELECT 'tablespace: ' || spcname FROM pg_tablespace WHERE oid = c.reltablespace)",
                "CASE c.relreplident WHEN 'f' THEN 'replica identity: full' WHEN 'n' THEN CASE WHEN c.relkind IN ('r', 'p')"
                " THEN 'replica identity: nothing' END WHEN 'i' THEN 'replica identity: ' || coalesce((SELECT"
                " quote_ident(i.relname) FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid"
                " AND x.indisreplident), 'a dropped index') END",
                "CASE WHEN c.relrowsecurity THEN 'row security: enabled' END",
                "CASE WHEN c.relforcerowsecurity THEN 'row security forced: yes' END",
                "CASE WHEN c.relhastriggers AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND g.tgisinternal"
                " AND g.tgparentid = 0 AND g.tgenabled <> 'O') THEN 'foreign key triggers: disabled' END",
                "CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN 'populated: no' END",
                "(SELECT 'server: ' || quote_ident(s.srvname) FROM pg_foreign_table f JOIN pg_foreign_server s"
                " ON s.oid = f.ftserver WHERE f.ftrelid = c.oid)",
                line("foreign options", f"(SELECT {options('ftoptions')} FROM pg_foreign_table WHERE ftrelid = c.oid)"),
                owner("c.relowner"),
                f"CASE WHEN c.relkind = 'c' THEN {comment('pg_type', 'c.reltype')} ELSE {comment('pg_class', 'c.oid')} END",
                grants("c.relacl", "r", "c.relowner"),
                "CASE WHEN c.relkind = 'c' THEN (SELECT "
                + grants("typacl", "T", "typowner")
                + " FROM pg_type WHERE oid = c.reltype) END",
                body("CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END"),
            )
        } AS definition, 'schema' AS parent_kind, quote_ident(n.nspname) AS parent_identity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND {_RELATION_FILTER}""",
        # The order of columns (attnum) does not matter: a column that a downgrade gives back comes last.
        "columns": f"""
SELECT c.oid AS unit, CASE c.relkind WHEN 'c' THEN 'attribute' ELSE 'column' END AS kind,
       {_RELATION_NAME} || '.' || quote_ident(a.attname) AS identity, {
            definition(
                "'type: ' || format_type(a.atttypid, a.atttypmod)",
                "CASE WHEN a.attnotnull THEN 'nullable: not null' WHEN c.relkind IN ('r', 'p', 'f') THEN"
                " 'nullable: null' END",
                "CASE a.attgenerated WHEN '' THEN 'default: ' WHEN 's' THEN 'generated: ' ELSE 'generated virtual: ' END"
                " || " + one_line("pg_get_expr(d.adbin, d.adrelid)"),
                "CASE a.attidentity WHEN 'a' THEN 'identity: always' WHEN 'd' THEN 'identity: by default' END",
                "CASE WHEN a.attcollation <> t.typcollation THEN 'collation: ' || a.attcollation::regcollation END",
                "CASE WHEN c.relkind <> 'v' AND a.attstorage <> t.typstorage THEN 'storage: ' || CASE a.attstorage"
                " WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END END",
                "CASE a.attcompression WHEN 'p' THEN 'compression: pglz' WHEN 'l' THEN 'compression: lz4' END"
                if version >= 14
                else "NULL",
                "CASE WHEN a.attstattarget >= 0 THEN 'statistics: ' || a.attstattarget END",
                line("options", options("a.attoptions")),
                line("foreign options", options("a.attfdwoptions")),
                "CASE WHEN NOT a.attislocal THEN 'inherited: yes' END",
                comment("pg_class", "c.oid", "a.attnum"),
                grants("a.attacl", "c", "c.relowner"),
            )
        } AS definition, {_OF_RELATION}
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND a.attnum > 0 AND NOT a.attisdropped AND {_RELATION_FILTER}""",
        # The current value is data. A serial's or identity's sequence hangs on its column.
        "sequences": f"""
SELECT c.oid AS unit, 'sequence' AS kind, {_RELATION_NAME} AS identity, {
            definition(
                "'type: ' || format_type(s.seqtypid, NULL)",
                "CASE c.relpersistence WHEN 'u' THEN 'persistence: unlogged' END",
                "'start: ' || s.seqstart",
                "'increment: ' || s.seqincrement",
                "'minimum: ' || s.seqmin",
                "'maximum: ' || s.seqmax",
                "'cache: ' || s.seqcache",
                "CASE WHEN s.seqcycle THEN 'cycle: yes' END",
                "'owned by: ' || own.identity",
                owner("c.relowner"),
                comment("pg_class", "c.oid"),
                grants("c.relacl", "s", "c.relowner"),
            )
        } AS definition, CASE WHEN own.identity IS NULL THEN 'schema' ELSE 'column' END AS parent_kind,
       coalesce(own.identity, quote_ident(n.nspname)) AS parent_identity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
LEFT JOIN LATERAL (
    SELECT {name_of("pg_class", "rel", "d.refobjid")} || '.' || quote_ident(a.attname) AS identity
    FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') LIMIT 1) own ON true
WHERE c.relkind = 'S' AND {_RELATION_FILTER}""",
        # NOT NULL has rows here since 18: the column says it. A trigger's row ('t') is told as the trigger. One foreign
        # key to a partitioned table has a row for every partition too, all on the same table: the first says it all.
        "constraints": f"""
SELECT c.oid AS unit, 'constraint' AS kind, quote_ident(k.conname) || ' on ' || {_RELATION_NAME} AS identity, {
            definition(
                line("rule", "pg_get_constraintdef(k.oid)"),
                "CASE WHEN NOT k.conislocal THEN 'inherited: yes' END",
                line("options", options("i.reloptions")),
                "(SELECT 'tablespace: ' || spcname FROM pg_tablespace WHERE oid = i.reltablespace)",
                "CASE WHEN NOT x.indisvalid THEN 'index: invalid' END",
                "CASE WHEN x.indisclustered THEN 'clustered: yes' END",
                comment("pg_constraint", "k.oid"),
                "'index ' || " + comment("pg_class", "x.indexrelid"),
            )
        } AS definition, {_OF_RELATION}
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_constraint k ON k.conrelid = c.oid
LEFT JOIN pg_index x ON x.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_class i ON i.oid = x.indexrelid
WHERE k.contype NOT IN ('n', 't') AND {_RELATION_FILTER}
  AND NOT EXISTS (SELECT FROM pg_constraint p WHERE p.oid = k.conparentid AND p.conrelid = k.conrelid)""",
        # An index that backs a constraint is told as the constraint.
        "indexes": f"""
SELECT c.oid AS unit, 'index' AS kind, quote_ident(i.relname) || ' on ' || {_RELATION_NAME} AS identity, {
            definition(
                line("rule", "pg_get_indexdef(i.oid)"),
                "CASE WHEN NOT x.indisvalid THEN 'valid: no' END",
                "CASE WHEN x.indisclustered THEN 'clustered: yes' END",
                "(SELECT 'attached to: ' || "
                + name_of("pg_class", "rel", "inhparent")
                + " FROM pg_inherits WHERE inhrelid = i.oid)",
                "(SELECT 'tablespace: ' || spcname FROM pg_tablespace WHERE oid = i.reltablespace)",
                "(SELECT 'statistics: ' || string_agg(attnum || ' ' || attstattarget, ', ' ORDER BY attnum)"
                " FROM pg_attribute WHERE attrelid = i.oid AND attstattarget >= 0)",
                comment("pg_class", "i.oid"),
            )
        } AS definition, {_OF_RELATION}
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index x ON x.indrelid = c.oid JOIN pg_class i ON i.oid = x.indexrelid
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND {_RELATION_FILTER}
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.conrelid = c.oid
                  AND k.contype IN ('p', 'u', 'x'))""",
        # A partition's copy of its parent's trigger comes and goes with the parent's.
        "triggers": f"""
SELECT c.oid AS unit, 'trigger' AS kind, quote_ident(g.tgname) || ' on ' || {_RELATION_NAME} AS identity, {
            definition(
                line("rule", "pg_get_triggerdef(g.oid)"),
                "CASE g.tgenabled WHEN 'D' THEN 'state: disabled' WHEN 'R' THEN 'state: replica only' WHEN 'A' THEN"
                " 'state: always' END",
                comment("pg_trigger", "g.oid"),
            )
        } AS definition, {_OF_RELATION}
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_trigger g ON g.tgrelid = c.oid
WHERE NOT g.tgisinternal AND g.tgparentid = 0 AND {_RELATION_FILTER}""",
        # A view's own rule is its definition.
        "rules": f"""
SELECT c.oid AS unit, 'rule' AS kind, quote_ident(r.rulename) || ' on ' || {_RELATION_NAME} AS identity, {
            definition(
                "CASE r.ev_enabled WHEN 'D' THEN 'state: disabled' WHEN 'R' THEN 'state: replica only' WHEN 'A' THEN"
                " 'state: always' END",
                comment("pg_rewrite", "r.oid"),
                body("pg_get_ruledef(r.oid)"),
            )
        } AS definition, {_OF_RELATION}
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_rewrite r ON r.ev_class = c.oid
WHERE r.rulename <> '_RETURN' AND {_RELATION_FILTER}""",
        "policies": f"""
SELECT c.oid AS unit, 'policy' AS kind, quote_ident(p.polname) || ' on ' || {_RELATION_NAME} AS identity, {
            definition(
                "'for: ' || CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update'"
                " WHEN 'd' THEN 'delete' ELSE 'all' END",
                "CASE WHEN NOT p.polpermissive THEN 'restrictive: yes' END",
                "'to: ' || (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', '"
                " ORDER BY pg_get_userbyid(r)) FROM unnest(p.polroles) r)",
                line("using", "pg_get_expr(p.polqual, p.polrelid)"),
                line("with check", "pg_get_expr(p.polwithcheck, p.polrelid)"),
                comment("pg_policy", "p.oid"),
            )
        } AS definition, {_OF_RELATION}
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_policy p ON p.polrelid = c.oid
WHERE {_RELATION_FILTER}""",
        # The row carries the target (-1, and since 17 NULL, say the default), what ANALYZE found is elsewhere.
        "statistics": f"""
SELECT c.oid AS unit, 'statistics' AS kind, {name_of("pg_statistic_ext", "stx", "s.oid")} AS identity, {
            definition(
                line("rule", "pg_get_statisticsobjdef(s.oid)"),
                "CASE WHEN s.stxstattarget >= 0 THEN 'target: ' || s.stxstattarget END",
                owner("s.stxowner"),
                comment("pg_statistic_ext", "s.oid"),
            )
        } AS definition, {_OF_RELATION}
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_statistic_ext s ON s.stxrelid = c.oid
WHERE {_RELATION_FILTER}""",
    }


def type_sections(version: int) -> dict[str, str]:
    """Enums, domains, ranges and base types; unit: pg_type.oid. Composite types are relations."""
    multirange = "'multirange: ' || format_type(r.rngmultitypid, NULL)" if version >= 14 else "NULL"
    return {
        # Implicit array, row and multirange types say nothing of their own.
        "types": f"""
SELECT t.oid AS unit, CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END AS kind,
       {name("n.nspname", "t.typname")} AS identity, {
            definition(
                "CASE WHEN t.typtype = 'e' THEN 'enum: ' || coalesce((SELECT string_agg(CASE WHEN enumlabel ~ '[,'']'"
                " THEN quote_literal(enumlabel) ELSE enumlabel END, ', ' ORDER BY enumsortorder) FROM pg_enum"
                " WHERE enumtypid = t.oid), '') END",
                "CASE WHEN t.typtype = 'd' THEN 'type: ' || format_type(t.typbasetype, t.typtypmod) END",
                "CASE WHEN t.typtype = 'd' THEN CASE WHEN t.typnotnull THEN 'nullable: not null'"
                " ELSE 'nullable: null' END END",
                line("default", "t.typdefault"),
                "CASE WHEN t.typtype = 'd' AND t.typcollation <> (SELECT b.typcollation FROM pg_type b WHERE b.oid ="
                " t.typbasetype) THEN 'collation: ' || t.typcollation::regcollation END",
                "(SELECT string_agg('constraint ' || quote_ident(conname) || ': ' || "
                + one_line("pg_get_constraintdef(oid)")
                + f", {NEWLINE} ORDER BY conname) FROM pg_constraint WHERE contypid = t.oid AND contype = 'c')",
                "CASE WHEN NOT t.typisdefined THEN 'shell: yes' END",
                "CASE WHEN t.typtype = 'b' AND t.typisdefined THEN concat_ws(', ', 'base: ' || t.typinput, t.typoutput,"
                " t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze, 'length ' || t.typlen, 'by value '"
                " || t.typbyval::text, 'align ' || t.typalign::text, 'storage ' || t.typstorage::text, 'category ' || t.typcategory::text,"
                " 'preferred ' || t.typispreferred::text, 'delimiter ' || t.typdelim::text,"
                " 'element ' || format_type(nullif(t.typelem, 0), NULL), 'collation ' || nullif(t.typcollation,"
                " 0)::regcollation) END",
                "'range of: ' || format_type(r.rngsubtype, NULL)",
                "(SELECT 'operator class: ' || quote_ident(opcname) FROM pg_opclass WHERE oid = r.rngsubopc)",
                "'collation: ' || nullif(r.rngcollation, 0)::regcollation",
                "'canonical: ' || nullif(r.rngcanonical, 0)::regproc",
                "'difference: ' || nullif(r.rngsubdiff, 0)::regproc",
                multirange,
                owner("t.typowner"),
                comment("pg_type", "t.oid"),
                grants("t.typacl", "T", "t.typowner"),
            )
        } AS definition, 'schema' AS parent_kind, quote_ident(n.nspname) AS parent_identity
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_range r ON r.rngtypid = t.oid
WHERE $only AND t.oid >= {
            FIRST_USER_OID
        } AND t.typtype IN ('e', 'd', 'r', 'b', 'p') AND NOT pg_is_other_temp_schema(n.oid)
  AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid)
  AND {not_extension("pg_type", "t.oid")}""",
    }


def function_sections(version: int) -> dict[str, str]:
    """Functions, procedures, aggregates and window functions; unit: pg_proc.oid."""
    del version
    return {
        # Aggregates have no pg_get_functiondef. A range type's constructor functions hang on the type ('i').
        "functions": f"""
SELECT p.oid AS unit, CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
       {name("n.nspname", "p.proname")} || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS identity, {
            definition(
                "(SELECT concat_ws("
                + NEWLINE
                + ", 'returns: ' || format_type(p.prorettype, NULL), 'state: ' || aggtransfn::oid"
                "::regprocedure, 'state type: ' || format_type(aggtranstype, NULL), 'final: ' || nullif(aggfinalfn::oid,"
                " 0)::regprocedure, 'combine: ' || nullif(aggcombinefn::oid, 0)::regprocedure, 'serial: ' ||"
                " nullif(aggserialfn::oid, 0)::regprocedure, 'deserial: ' || nullif(aggdeserialfn::oid,"
                " 0)::regprocedure, 'moving state: ' || nullif(aggmtransfn::oid, 0)::regprocedure,"
                " 'moving inverse: ' || nullif(aggminvtransfn::oid, 0)::regprocedure, 'moving final: ' ||"
                " nullif(aggmfinalfn::oid, 0)::regprocedure, 'moving type: ' || format_type(nullif(aggmtranstype, 0),"
                " NULL), 'sort operator: ' || nullif(aggsortop, 0)::regoperator, 'start: ' || agginitval,"
                " 'moving start: ' || aggminitval, 'kind: ' || aggkind::text, 'space: ' || aggtransspace, 'moving space: ' ||"
                " aggmtransspace, 'modify: ' || aggfinalmodify::text || aggmfinalmodify::text, 'extra: ' || aggfinalextra::text ||"
                " aggmfinalextra::text, 'parallel: ' || p.proparallel::text) FROM pg_aggregate WHERE aggfnoid = p.oid)",
                owner("p.proowner"),
                comment("pg_proc", "p.oid"),
                grants("p.proacl", "f", "p.proowner"),
                body("CASE WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid) END"),
            )
        } AS definition, 'schema' AS parent_kind, quote_ident(n.nspname) AS parent_identity
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE $only AND p.oid >= {FIRST_USER_OID} AND NOT pg_is_other_temp_schema(n.oid) AND {not_extension("pg_proc", "p.oid")}
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                  AND d.refclassid = 'pg_type'::regclass AND d.deptype = 'i')""",
    }
