"""Types and functions; unit: pg_type.oid, pg_proc.oid."""

from __future__ import annotations

from checker.replay.catalog.queries.fragments import (
    NEWLINE,
    ONE_ASPECT_A_LINE,
    aspect,
    body,
    comment,
    grants,
    name,
    of_user,
    one_line,
    owner,
)


def type_sections(version: int) -> dict[str, str]:
    """Enums, domains, ranges and base types. Composite types are relations."""
    multirange = "'multirange: ' || format_type(r.rngmultitypid, NULL)" if version >= 14 else "NULL"
    return {
        # Implicit array, row and multirange types say nothing of their own.
        "types": f"""
SELECT t.oid AS unit, CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END AS kind,
    {name("n.nspname", "t.typname")} AS identity, {ONE_ASPECT_A_LINE},
    CASE WHEN NOT t.typisdefined THEN 'shell: yes' END,
    CASE t.typtype WHEN 'e' THEN {_ENUM} WHEN 'd' THEN {_DOMAIN} WHEN 'r' THEN (
        SELECT {ONE_ASPECT_A_LINE},
            'range of: ' || format_type(rngsubtype, NULL),
            'operator class: ' || (SELECT quote_ident(opcname) FROM pg_opclass WHERE oid = rngsubopc),
            'collation: ' || nullif(rngcollation, 0)::regcollation,
            'canonical: ' || nullif(rngcanonical::oid, 0)::regproc,
            'difference: ' || nullif(rngsubdiff::oid, 0)::regproc,
            {multirange}) FROM pg_range r WHERE rngtypid = t.oid)
        WHEN 'b' THEN {_BASE} END,
    {owner("t.typowner")},
    {comment("pg_type", "t.oid")},
    {grants("t.typacl", "T", "t.typowner")}
) AS definition, 'schema' AS parent_kind, quote_ident(n.nspname) AS parent_identity
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE $only AND {of_user("pg_type", "t.oid")} AND t.typtype IN ('e', 'd', 'r', 'b', 'p')
  AND NOT pg_is_other_temp_schema(n.oid)
  AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typarray = t.oid)""",
    }


_ENUM = r"""'enum: ' || coalesce((SELECT string_agg(
        CASE WHEN enumlabel ~ '[,'']|^\s|\s$|^$' THEN quote_literal(enumlabel) ELSE enumlabel END, ', ' ORDER BY enumsortorder)
        FROM pg_enum WHERE enumtypid = t.oid), '')"""

_DOMAIN = f"""{ONE_ASPECT_A_LINE},
        'type: ' || format_type(t.typbasetype, t.typtypmod),
        CASE WHEN t.typnotnull THEN 'nullable: not null' ELSE 'nullable: null' END,
        {aspect("default", "t.typdefault")},
        (SELECT 'collation: ' || t.typcollation::regcollation FROM pg_type b
         WHERE b.oid = t.typbasetype AND b.typcollation <> t.typcollation),
        (SELECT string_agg('constraint ' || quote_ident(conname) || ': ' || {one_line("pg_get_constraintdef(oid)")},
            {NEWLINE} ORDER BY conname) FROM pg_constraint WHERE contypid = t.oid AND contype = 'c'))"""

_BASE = """concat_ws(', ', 'base: ' || t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout,
        t.typanalyze, 'length ' || t.typlen, 'by value ' || t.typbyval::text, 'align ' || t.typalign::text,
        'storage ' || t.typstorage::text, 'category ' || t.typcategory::text, 'preferred ' || t.typispreferred::text,
        'delimiter ' || t.typdelim::text, 'element ' || format_type(nullif(t.typelem, 0), NULL),
        'collation ' || nullif(t.typcollation, 0)::regcollation, 'default ' || t.typdefault)"""


def function_sections(version: int) -> dict[str, str]:
    """Functions, procedures, aggregates and window functions."""
    del version
    return {
        # A range type's constructor functions hang on the type ('i').
        "functions": f"""
SELECT p.oid AS unit, CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END AS kind,
    {name("n.nspname", "p.proname")} || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS identity,
    {ONE_ASPECT_A_LINE},
    CASE WHEN p.prokind = 'a' THEN {_AGGREGATE} END,
    {owner("p.proowner")},
    {comment("pg_proc", "p.oid")},
    {grants("p.proacl", "f", "p.proowner")},
    CASE WHEN p.prokind <> 'a' THEN {body("pg_get_functiondef(p.oid)")} END
) AS definition, 'schema' AS parent_kind, quote_ident(n.nspname) AS parent_identity
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE $only AND {of_user("pg_proc", "p.oid")} AND NOT pg_is_other_temp_schema(n.oid)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                  AND d.refclassid = 'pg_type'::regclass AND d.deptype = 'i')""",
    }


def _procedure(label: str, column: str) -> str:
    return f"'{label}: ' || nullif({column}::oid, 0)::regprocedure"


# Aggregates have no pg_get_functiondef.
_AGGREGATE = f"""(SELECT {ONE_ASPECT_A_LINE},
        'returns: ' || format_type(p.prorettype, NULL),
        {_procedure("state function", "aggtransfn")}, 'state type: ' || format_type(aggtranstype, NULL),
        {_procedure("final function", "aggfinalfn")}, {_procedure("combine function", "aggcombinefn")},
        {_procedure("serial function", "aggserialfn")}, {_procedure("deserial function", "aggdeserialfn")},
        {_procedure("moving state function", "aggmtransfn")}, {_procedure("moving inverse function", "aggminvtransfn")},
        {_procedure("moving final function", "aggmfinalfn")},
        'moving state type: ' || format_type(nullif(aggmtranstype, 0), NULL),
        'sort operator: ' || nullif(aggsortop, 0)::regoperator,
        {aspect("initial condition", "agginitval")}, {aspect("moving initial condition", "aggminitval")},
        'kind: ' || CASE aggkind WHEN 'n' THEN NULL WHEN 'o' THEN 'ordered set' ELSE 'hypothetical set' END,
        'direct arguments: ' || nullif(aggnumdirectargs, 0),
        'state space: ' || nullif(aggtransspace, 0), 'moving state space: ' || nullif(aggmtransspace, 0),
        'modify: ' || nullif(aggfinalmodify::text || aggmfinalmodify::text, 'rr'),
        'extra arguments: ' || nullif(aggfinalextra::text || ' ' || aggmfinalextra::text, 'false false'),
        'parallel: ' || nullif(p.proparallel::text, 'u')) FROM pg_aggregate WHERE aggfnoid = p.oid)"""
