"""Sections whose change can alter how PostgreSQL writes down other objects; read again as a whole."""

from __future__ import annotations

from checker.replay.catalog.queries.fragments import (
    NEWLINE,
    ONE_ASPECT_A_LINE,
    aspect,
    comment,
    grants,
    name,
    name_of,
    of_user,
    options,
    owner,
)

_NO_PARENT = "NULL, NULL"
_IN_SCHEMA = "'schema', quote_ident(n.nspname)"


def ambient_sections(version: int) -> dict[str, str]:
    """Extensions, languages, casts, operators, foreign data, text search, collations."""
    return {**_languages(), **_operators(), **_foreign_data(), **_text_search(), **_collations(version)}


def _procedure(label: str, column: str) -> str:
    return f"'{label}: ' || nullif({column}::oid, 0)::regprocedure"


def _languages() -> dict[str, str]:
    return {
        "extensions": f"""
SELECT 0::oid AS unit, 'extension' AS kind, quote_ident(extname) AS identity, {ONE_ASPECT_A_LINE},
    'version: ' || extversion, 'schema: ' || quote_ident(n.nspname), {comment("pg_extension", "e.oid")}
) AS definition, NULL AS parent_kind, NULL AS parent_identity
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace""",
        "languages": f"""
SELECT 0::oid, 'language', quote_ident(lanname), {ONE_ASPECT_A_LINE},
    CASE WHEN lanpltrusted THEN 'trusted: yes' ELSE 'trusted: no' END,
    {_procedure("handler", "lanplcallfoid")}, {_procedure("inline", "laninline")},
    {_procedure("validator", "lanvalidator")},
    {owner("lanowner")}, {comment("pg_language", "l.oid")}, {grants("lanacl", "l", "lanowner")}
), {_NO_PARENT}
FROM pg_language l WHERE {of_user("pg_language", "l.oid")}""",
        # The cast from a range to its multirange comes with the type ('i').
        "casts": f"""
SELECT 0::oid, 'cast', format_type(castsource, NULL) || ' as ' || format_type(casttarget, NULL), {ONE_ASPECT_A_LINE},
    CASE castmethod WHEN 'f' THEN 'function: ' || castfunc::regprocedure WHEN 'i' THEN 'inout: yes'
        ELSE 'binary: yes' END,
    CASE castcontext WHEN 'i' THEN 'context: implicit' WHEN 'a' THEN 'context: assignment' END,
    {comment("pg_cast", "c.oid")}
), {_NO_PARENT}
FROM pg_cast c WHERE {of_user("pg_cast", "c.oid")} AND NOT EXISTS (SELECT FROM pg_depend d
    WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')""",
        "transforms": f"""
SELECT 0::oid, 'transform', format_type(trftype, NULL) || ' for ' || quote_ident(lanname), {ONE_ASPECT_A_LINE},
    {_procedure("from", "trffromsql")}, {_procedure("to", "trftosql")}, {comment("pg_transform", "t.oid")}
), {_NO_PARENT}
FROM pg_transform t JOIN pg_language l ON l.oid = trflang WHERE {of_user("pg_transform", "t.oid")}""",
        "access methods": f"""
SELECT 0::oid, 'access method', quote_ident(amname), {ONE_ASPECT_A_LINE},
    {_procedure("handler", "amhandler")}, 'for: ' || CASE amtype WHEN 't' THEN 'tables' ELSE 'indexes' END,
    {comment("pg_am", "a.oid")}
), {_NO_PARENT}
FROM pg_am a WHERE {of_user("pg_am", "a.oid")}""",
    }


def _members(family: str, of_class: str) -> str:
    """Operators and functions of a family that belong to no class of it, or to the class that `of_class` names."""

    def of(catalog: str) -> str:
        exists = f"""EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalog}'::regclass AND d.objid = m.oid
            AND d.refclassid = 'pg_opclass'::regclass"""
        return f"{exists} AND d.refobjid = {of_class})" if of_class else f"NOT {exists})"

    return f"""(SELECT 'members: ' || string_agg(member, '; ' ORDER BY member COLLATE "C") FROM (
        SELECT 'operator ' || amopstrategy || ' ' || amopopr::regoperator || coalesce(' for order by '
            || (SELECT quote_ident(opfname) FROM pg_opfamily WHERE oid = amopsortfamily), '') AS member
        FROM pg_amop m WHERE amopfamily = {family} AND {of("pg_amop")}
        UNION ALL
        SELECT 'function ' || amprocnum || ' (' || format_type(amproclefttype, NULL) || ', '
            || format_type(amprocrighttype, NULL) || ') ' || amproc::regprocedure
        FROM pg_amproc m WHERE amprocfamily = {family} AND {of("pg_amproc")}) members)"""


def _operators() -> dict[str, str]:
    return {
        "operators": f"""
SELECT 0::oid, 'operator', CASE n.nspname WHEN 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END || oprname
    || '(' || coalesce(format_type(nullif(oprleft, 0), NULL), 'NONE') || ', '
    || coalesce(format_type(nullif(oprright, 0), NULL), 'NONE') || ')', {ONE_ASPECT_A_LINE},
    {_procedure("function", "oprcode")},
    'commutator: ' || nullif(oprcom, 0)::regoperator, 'negator: ' || nullif(oprnegate, 0)::regoperator,
    {_procedure("restrict", "oprrest")}, {_procedure("join", "oprjoin")},
    CASE WHEN oprcanmerge THEN 'merges: yes' END, CASE WHEN oprcanhash THEN 'hashes: yes' END,
    {owner("oprowner")}, {comment("pg_operator", "o.oid")}
), {_IN_SCHEMA}
FROM pg_operator o JOIN pg_namespace n ON n.oid = oprnamespace WHERE {of_user("pg_operator", "o.oid")}""",
        "operator classes": f"""
SELECT 0::oid, 'operator class', {name("n.nspname", "opcname")} || ' using ' || amname, {ONE_ASPECT_A_LINE},
    'type: ' || format_type(opcintype, NULL), 'family: ' || {name_of("pg_opfamily", "opf", "opcfamily")},
    CASE WHEN opcdefault THEN 'default: yes' END, 'storage: ' || format_type(nullif(opckeytype, 0), NULL),
    {_members("o.opcfamily", "o.oid")},
    {owner("opcowner")}, {comment("pg_opclass", "o.oid")}
), {_IN_SCHEMA}
FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod JOIN pg_namespace n ON n.oid = opcnamespace
WHERE {of_user("pg_opclass", "o.oid")}""",
        "operator families": f"""
SELECT 0::oid, 'operator family', {name("n.nspname", "opfname")} || ' using ' || amname, {ONE_ASPECT_A_LINE},
    {_members("o.oid", "")}, {owner("opfowner")}, {comment("pg_opfamily", "o.oid")}
), {_IN_SCHEMA}
FROM pg_opfamily o JOIN pg_am a ON a.oid = opfmethod JOIN pg_namespace n ON n.oid = opfnamespace
WHERE {of_user("pg_opfamily", "o.oid")}""",
    }


def _foreign_data() -> dict[str, str]:
    return {
        "foreign data wrappers": f"""
SELECT 0::oid, 'foreign data wrapper', quote_ident(fdwname), {ONE_ASPECT_A_LINE},
    {_procedure("handler", "fdwhandler")}, {_procedure("validator", "fdwvalidator")},
    {aspect("options", options("fdwoptions"))},
    {owner("fdwowner")}, {comment("pg_foreign_data_wrapper", "f.oid")}, {grants("fdwacl", "F", "fdwowner")}
), {_NO_PARENT}
FROM pg_foreign_data_wrapper f WHERE {of_user("pg_foreign_data_wrapper", "f.oid")}""",
        "foreign servers": f"""
SELECT 0::oid, 'foreign server', quote_ident(srvname), {ONE_ASPECT_A_LINE},
    'wrapper: ' || (SELECT quote_ident(fdwname) FROM pg_foreign_data_wrapper WHERE oid = srvfdw),
    {aspect("kind", "srvtype")}, {aspect("version", "srvversion")}, {aspect("options", options("srvoptions"))},
    {owner("srvowner")}, {comment("pg_foreign_server", "s.oid")}, {grants("srvacl", "S", "srvowner")}
), {_NO_PARENT}
FROM pg_foreign_server s WHERE {of_user("pg_foreign_server", "s.oid")}""",
    }


def _text_search() -> dict[str, str]:
    def section(kind: str, catalog: str, prefix: str, definition: str) -> str:
        return f"""
SELECT 0::oid, 'text search {kind}', {name("n.nspname", f"{prefix}name")}, {ONE_ASPECT_A_LINE},
    {definition}, {comment(catalog, "t.oid")}
), {_IN_SCHEMA}
FROM {catalog} t JOIN pg_namespace n ON n.oid = {prefix}namespace WHERE {of_user(catalog, "t.oid")}"""

    configuration = f"""'parser: ' || {name_of("pg_ts_parser", "prs", "cfgparser")},
    (SELECT string_agg('map ' || alias || ': ' || dictionaries, {NEWLINE} ORDER BY alias) FROM (
        SELECT alias, string_agg(mapdict::regdictionary::text, ', ' ORDER BY mapseqno) AS dictionaries
        FROM pg_ts_config_map JOIN ts_token_type(t.cfgparser) ON tokid = maptokentype
        WHERE mapcfg = t.oid GROUP BY alias) maps),
    {owner("cfgowner")}"""
    dictionary = f"""'template: ' || {name_of("pg_ts_template", "tmpl", "dicttemplate")},
    {aspect("options", "dictinitoption")}, {owner("dictowner")}"""
    parser = "concat_ws(', ', 'functions: ' || prsstart, prstoken, prsend, prsheadline, prslextype)"
    template = "concat_ws(', ', 'functions: ' || tmplinit, tmpllexize)"
    return {
        "text search configurations": section("configuration", "pg_ts_config", "cfg", configuration),
        "text search dictionaries": section("dictionary", "pg_ts_dict", "dict", dictionary),
        "text search parsers": section("parser", "pg_ts_parser", "prs", parser),
        "text search templates": section("template", "pg_ts_template", "tmpl", template),
    }


def _collations(version: int) -> dict[str, str]:
    # Where a collation's locale stands: collcollate until 14, colliculocale in 15 and 16, colllocale since 17.
    locale = "NULL" if version < 15 else "colliculocale" if version < 17 else "colllocale"
    return {
        "collations": f"""
SELECT 0::oid, 'collation', {name("n.nspname", "collname")}, {ONE_ASPECT_A_LINE},
    'provider: ' || CASE collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin'
        ELSE 'default' END,
    'collate: ' || collcollate, 'ctype: ' || collctype, 'locale: ' || {locale},
    {aspect("rules", "collicurules") if version >= 16 else "NULL"},
    CASE WHEN NOT collisdeterministic THEN 'deterministic: no' END,
    {owner("collowner")}, {comment("pg_collation", "c.oid")}
), {_IN_SCHEMA}
FROM pg_collation c JOIN pg_namespace n ON n.oid = collnamespace WHERE {of_user("pg_collation", "c.oid")}""",
        "conversions": f"""
SELECT 0::oid, 'conversion', {name("n.nspname", "conname")}, {ONE_ASPECT_A_LINE},
    'encodings: ' || pg_encoding_to_char(conforencoding) || ' to ' || pg_encoding_to_char(contoencoding),
    {_procedure("function", "conproc")}, CASE WHEN condefault THEN 'default: yes' END,
    {owner("conowner")}, {comment("pg_conversion", "c.oid")}
), {_IN_SCHEMA}
FROM pg_conversion c JOIN pg_namespace n ON n.oid = connamespace WHERE {of_user("pg_conversion", "c.oid")}""",
    }
