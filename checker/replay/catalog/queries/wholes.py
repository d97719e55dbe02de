"""What is few in a database and read again as a whole: roles, publications, event triggers, schemas."""

from __future__ import annotations

from checker.replay.catalog.queries.fragments import (
    FIRST_USER_OID,
    ONE_ASPECT_A_LINE,
    ROLE_OF_A_RUN,
    aspect,
    comment,
    firing,
    grants,
    name_of,
    not_of_extension,
    of_user,
    options,
    owner,
)

_NO_PARENT = "NULL, NULL"


def always_sections(version: int) -> dict[str, str]:
    """What a watch cannot see change, because the rows' transaction ids are kept from all but superusers."""
    membership = "quote_ident(pg_get_userbyid(m.roleid)) || CASE WHEN m.admin_option THEN ' with admin' ELSE '' END"
    if version >= 16:
        membership += " || CASE WHEN m.inherit_option THEN '' ELSE ' without inherit' END"
        membership += " || CASE WHEN m.set_option THEN '' ELSE ' without set' END"
    return {
        # Cluster-wide; never a password. Names that start with pg_ are PostgreSQL's own, and another run on the same
        # server may make and drop its role between two of our readings.
        "roles": f"""
SELECT 0::oid AS unit, 'role' AS kind, quote_ident(r.rolname) AS identity, {ONE_ASPECT_A_LINE},
    'attributes: ' || nullif(concat_ws(', ',
        CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcanlogin THEN 'login' END,
        CASE WHEN NOT rolinherit THEN 'noinherit' END, CASE WHEN rolcreaterole THEN 'createrole' END,
        CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolreplication THEN 'replication' END,
        CASE WHEN rolbypassrls THEN 'bypassrls' END), ''),
    'connection limit: ' || nullif(rolconnlimit, -1), 'valid until: ' || rolvaliduntil,
    {aspect("settings", options("rolconfig"))},
    (SELECT 'member of: ' || string_agg(DISTINCT {membership}, ', ') FROM pg_auth_members m
        WHERE m.member = r.oid AND pg_get_userbyid(m.roleid) !~ '{ROLE_OF_A_RUN}'),
    {aspect("comment", "shobj_description(r.oid, 'pg_authid')")}
) AS definition, NULL AS parent_kind, NULL AS parent_identity
FROM pg_roles r WHERE r.rolname !~ '^pg_' AND r.rolname !~ '{ROLE_OF_A_RUN}'""",
        # The options may hold a password: only their names are told.
        "user mappings": f"""
SELECT 0::oid, 'user mapping', CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END || ' on '
    || quote_ident(srvname), coalesce('options: ' || (SELECT string_agg(option, ', ' ORDER BY option COLLATE "C")
    FROM (SELECT split_part(pair, '=', 1) AS option FROM unnest(umoptions) pair) names), ''), {_NO_PARENT}
FROM pg_user_mappings""",
        # The connection string may hold a password too.
        "subscriptions": f"""
SELECT 0::oid, 'subscription', quote_ident(subname), {ONE_ASPECT_A_LINE},
    'publications: ' || array_to_string(subpublications, ', '),
    'enabled: ' || CASE WHEN subenabled THEN 'yes' ELSE 'no' END,
    'slot: ' || subslotname, 'synchronous commit: ' || subsynccommit,
    {owner("subowner")},
    {aspect("comment", "obj_description(oid, 'pg_subscription')")}
), {_NO_PARENT}
FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())""",
    }


def local_sections(version: int) -> dict[str, str]:
    """Sections whose change leaves the text of every other object as it is."""
    return {
        "publications": _publications(version),
        "event triggers": f"""
SELECT 0::oid, 'event trigger', quote_ident(evtname), {ONE_ASPECT_A_LINE},
    'on: ' || evtevent, 'tags: ' || array_to_string(evttags, ', '), 'function: ' || evtfoid::regprocedure,
    {firing("evtenabled")}, {owner("evtowner")}, {comment("pg_event_trigger", "e.oid")}
), {_NO_PARENT}
FROM pg_event_trigger e WHERE {of_user("pg_event_trigger", "e.oid")}""",
        # Without a schema an entry is what replaces the built-in default; within one, what is added to it.
        "default privileges": """
SELECT 0::oid, 'default privileges', CASE defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
    WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END || ' of '
    || quote_ident(pg_get_userbyid(defaclrole)) || coalesce(' in ' || quote_ident(nspname), ''),
    coalesce((SELECT 'grants: ' || string_agg(who || ' ' || what, '; ' ORDER BY who COLLATE "C") FROM (
        SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS who,
               string_agg(privilege_type || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, ', '
                          ORDER BY privilege_type) AS what
        FROM aclexplode(defaclacl) GROUP BY grantee) by_grantee), 'grants: none'),
    CASE WHEN nspname IS NOT NULL THEN 'schema' END, quote_ident(nspname)
FROM pg_default_acl LEFT JOIN pg_namespace n ON n.oid = defaclnamespace""",
    }


def _publications(version: int) -> str:
    # Since 15 a table may be published in part, and whole schemas may be.
    part = """ || coalesce(' (' || (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute
            WHERE attrelid = prrelid AND attnum = ANY(prattrs)) || ')', '')
        || coalesce(' where ' || pg_get_expr(prqual, prrelid), '')"""
    schemas = """(SELECT 'schemas: ' || string_agg(quote_ident(nspname), ', ' ORDER BY nspname)
        FROM pg_publication_namespace JOIN pg_namespace s ON s.oid = pnnspid WHERE pnpubid = p.oid)"""
    table = name_of("pg_class", "rel", "prrelid") + (part if version >= 15 else "")
    tables = f"""(SELECT string_agg(told, ', ' ORDER BY told COLLATE "C")
        FROM pg_publication_rel, LATERAL (SELECT {table} AS told) one WHERE prpubid = p.oid)"""
    return f"""
SELECT 0::oid, 'publication', quote_ident(pubname), {ONE_ASPECT_A_LINE},
    CASE WHEN puballtables THEN 'tables: all' ELSE {aspect("tables", tables)} END,
    {schemas if version >= 15 else "NULL"},
    'publish: ' || concat_ws(', ', CASE WHEN pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END,
        CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END),
    CASE WHEN pubviaroot THEN 'via root: yes' END,
    {"CASE pubgencols WHEN 's' THEN 'generated columns: stored' END" if version >= 18 else "NULL"},
    {owner("pubowner")}, {comment("pg_publication", "p.oid")}
), {_NO_PARENT}
FROM pg_publication p WHERE {of_user("pg_publication", "p.oid")}"""


def schema_sections(version: int) -> dict[str, str]:
    """Schemas. The names of nearly all else hang on theirs."""
    del version
    return {
        "schemas": f"""
SELECT 0::oid, 'schema', quote_ident(nspname), {ONE_ASPECT_A_LINE},
    {owner("nspowner")}, {comment("pg_namespace", "n.oid")}, {grants("nspacl", "n", "nspowner")}
), {_NO_PARENT}
FROM pg_namespace n WHERE (n.oid >= {FIRST_USER_OID} OR nspname = 'public') AND nspname !~ '^pg_(toast_)?temp_'
  AND {not_of_extension("pg_namespace", "n.oid")}""",
    }
