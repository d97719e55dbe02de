"""Sections for what is few in a database and is read again as a whole: schemas, extensions, roles, casts, ...

Rows as in `queries`, with the section's place in the watch's books as unit 0.
"""

from __future__ import annotations

from checker.replay.catalog.fragments import (
    FIRST_USER_OID,
    NEWLINE,
    comment,
    definition,
    grants,
    line,
    name,
    name_of,
    not_extension,
    options,
    owner,
)


def _section(kind: str, identity: str, text: str, source: str, schema: str = "NULL") -> str:
    parent = (
        f"CASE WHEN {schema} IS NOT NULL THEN 'schema' END, quote_ident({schema})" if schema != "NULL" else "NULL, NULL"
    )
    return f"SELECT 0::oid, '{kind}', {identity}, {text}, {parent} FROM {source}"


def _mine(catalog: str, alias: str) -> str:
    return f"{alias}.oid >= {FIRST_USER_OID} AND {not_extension(catalog, f'{alias}.oid')}"


def always_sections(version: int) -> dict[str, str]:
    """What the watch cannot see change, because the rows' transaction ids are kept from all but superusers."""
    membership = "quote_ident(pg_get_userbyid(m.roleid)) || CASE WHEN m.admin_option THEN ' with admin' ELSE '' END"
    if version >= 16:
        membership += (
            " || CASE WHEN m.inherit_option THEN '' ELSE ' without inherit' END"
            " || CASE WHEN m.set_option THEN '' ELSE ' without set' END"
        )
    return {
        # Cluster-wide; never a password. Names that start with pg_ are PostgreSQL's own.
        "roles": _section(
            "role",
            "quote_ident(r.rolname)",
            definition(
                "'attributes: ' || nullif(concat_ws(', ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcanlogin THEN 'login' END,"
                " CASE WHEN NOT rolinherit THEN 'noinherit' END, CASE WHEN rolcreaterole THEN 'createrole' END,"
                " CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolreplication THEN 'replication' END,"
                " CASE WHEN rolbypassrls THEN 'bypassrls' END), '')",
                "'connection limit: ' || nullif(rolconnlimit, -1)",
                "'valid until: ' || rolvaliduntil",
                line("settings", options("rolconfig")),
                f"(SELECT 'member of: ' || string_agg(DISTINCT {membership}, ', ') FROM pg_auth_members m"
                " WHERE m.member = r.oid)",
                line("comment", "shobj_description(r.oid, 'pg_authid')"),
            ),
            "pg_roles r WHERE r.rolname !~ '^pg_'",
        ),
        # The options may hold a password: only their names are told.
        "user mappings": _section(
            "user mapping",
            "CASE WHEN umuser = 0 THEN 'PUBLIC' ELSE quote_ident(usename) END || ' on ' || quote_ident(srvname)",
            "coalesce('options: ' || (SELECT string_agg(split_part(o, '=', 1), ', ' ORDER BY o) FROM unnest(umoptions) o),"
            " '')",
            "pg_user_mappings",
        ),
        "subscriptions": _section(
            "subscription",
            "quote_ident(subname)",
            definition(
                "'publications: ' || array_to_string(subpublications, ', ')",
                "'enabled: ' || CASE WHEN subenabled THEN 'yes' ELSE 'no' END",
                "'slot: ' || subslotname",
                "'synchronous commit: ' || subsynccommit",
                owner("subowner"),
                line("comment", "obj_description(oid, 'pg_subscription')"),
            ),
            "pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
        ),
    }


def local_sections(version: int) -> dict[str, str]:
    """Sections whose change leaves the text of every other object as it is."""
    publication_tables = (
        "'tables: ' || (SELECT string_agg("
        + name_of("pg_class", "rel", "prrelid")
        + (
            " || coalesce(' (' || (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute"
            " WHERE attrelid = prrelid AND attnum = ANY(prattrs)) || ')', '')"
            " || coalesce(' where ' || pg_get_expr(prqual, prrelid), '')"
            if version >= 15
            else ""
        )
        + ", ', ' ORDER BY prrelid::regclass::text) FROM pg_publication_rel WHERE prpubid = p.oid)"
    )
    publication_schemas = (
        "'schemas: ' || (SELECT string_agg(quote_ident(nspname), ', ' ORDER BY nspname) FROM pg_publication_namespace"
        " JOIN pg_namespace n ON n.oid = pnnspid WHERE pnpubid = p.oid)"
        if version >= 15
        else "NULL"
    )
    return {
        "publications": _section(
            "publication",
            "quote_ident(pubname)",
            definition(
                "CASE WHEN puballtables THEN 'tables: all' END",
                line("tables", publication_tables.removeprefix("'tables: ' || ")),
                publication_schemas,
                "concat_ws(', ', CASE WHEN pubinsert THEN 'publish: insert' ELSE 'publish: no insert' END, CASE WHEN"
                " pubupdate THEN 'update' END, CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN"
                " 'truncate' END, CASE WHEN pubviaroot THEN 'via root' END)",
                owner("pubowner"),
                comment("pg_publication", "p.oid"),
            ),
            f"pg_publication p WHERE {_mine('pg_publication', 'p')}",
        ),
        "event triggers": _section(
            "event trigger",
            "quote_ident(evtname)",
            definition(
                "'on: ' || evtevent",
                "'tags: ' || array_to_string(evttags, ', ')",
                "'function: ' || evtfoid::regprocedure",
                "CASE evtenabled WHEN 'D' THEN 'state: disabled' WHEN 'R' THEN 'state: replica only' WHEN 'A' THEN"
                " 'state: always' END",
                owner("evtowner"),
                comment("pg_event_trigger", "e.oid"),
            ),
            f"pg_event_trigger e WHERE {_mine('pg_event_trigger', 'e')}",
        ),
        # Without a schema an entry says what replaces the built-in default; within one, what is added to it.
        "default privileges": _section(
            "default privileges",
            "CASE defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN"
            " 'types' WHEN 'n' THEN 'schemas' ELSE 'large objects' END || ' of ' ||"
            " quote_ident(pg_get_userbyid(defaclrole)) || coalesce(' in ' || quote_ident(nspname), '')",
            "coalesce((SELECT string_agg(who || ' ' || what, '; ' ORDER BY who) FROM (SELECT CASE grantee WHEN 0 THEN"
            " 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS who, string_agg(privilege_type || CASE WHEN"
            " is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, ', ' ORDER BY privilege_type) AS what FROM"
            " aclexplode(defaclacl) GROUP BY grantee) g), 'nothing')",
            "pg_default_acl LEFT JOIN pg_namespace ON pg_namespace.oid = defaclnamespace",
            "nspname",
        ),
    }


def schema_sections(version: int) -> dict[str, str]:
    """Schemas. The names of nearly all else hang on theirs."""
    del version
    return {
        "schemas": _section(
            "schema",
            "quote_ident(nspname)",
            definition(owner("nspowner"), comment("pg_namespace", "n.oid"), grants("nspacl", "n", "nspowner")),
            f"pg_namespace n WHERE (n.oid >= {FIRST_USER_OID} OR nspname = 'public') AND nspname !~ '^pg_(toast_)?temp_'"
            f" AND {not_extension('pg_namespace', 'n.oid')}",
        ),
    }


def ambient_sections(version: int) -> dict[str, str]:
    """Sections whose change can alter how PostgreSQL writes down other objects."""
    return {
        "extensions": _section(
            "extension",
            "quote_ident(extname)",
            definition(
                "'version: ' || extversion", "'schema: ' || quote_ident(nspname)", comment("pg_extension", "e.oid")
            ),
            "pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace",
        ),
        **_languages_and_casts(),
        **_operators(),
        **_foreign_data(),
        **_text_search(),
        **_collations(version),
    }


def _languages_and_casts() -> dict[str, str]:
    return {
        "languages": _section(
            "language",
            "quote_ident(lanname)",
            definition(
                "CASE WHEN lanpltrusted THEN 'trusted: yes' ELSE 'trusted: no' END",
                "'handler: ' || nullif(lanplcallfoid, 0)::regprocedure",
                "'inline: ' || nullif(laninline, 0)::regprocedure",
                "'validator: ' || nullif(lanvalidator, 0)::regprocedure",
                owner("lanowner"),
                comment("pg_language", "l.oid"),
                grants("lanacl", "l", "lanowner"),
            ),
            f"pg_language l WHERE {_mine('pg_language', 'l')}",
        ),
        "casts": _section(
            "cast",
            "format_type(castsource, NULL) || ' as ' || format_type(casttarget, NULL)",
            definition(
                "CASE castmethod WHEN 'f' THEN 'function: ' || castfunc::regprocedure WHEN 'i' THEN 'inout: yes' ELSE"
                " 'binary: yes' END",
                "CASE castcontext WHEN 'i' THEN 'context: implicit' WHEN 'a' THEN 'context: assignment' END",
                comment("pg_cast", "c.oid"),
            ),
            f"pg_cast c WHERE {_mine('pg_cast', 'c')} AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid ="
            " 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')",
        ),
        "transforms": _section(
            "transform",
            "format_type(trftype, NULL) || ' for ' || quote_ident(lanname)",
            definition("'from: ' || trffromsql", "'to: ' || trftosql", comment("pg_transform", "t.oid")),
            f"pg_transform t JOIN pg_language l ON l.oid = trflang WHERE {_mine('pg_transform', 't')}",
        ),
        "access methods": _section(
            "access method",
            "quote_ident(amname)",
            definition("'handler: ' || amhandler", "'type: ' || amtype::text", comment("pg_am", "a.oid")),
            f"pg_am a WHERE {_mine('pg_am', 'a')}",
        ),
    }


def _operators() -> dict[str, str]:
    def members(family: str, condition: str) -> str:
        operators = (
            "SELECT 'operator ' || amopstrategy || ' ' || amopopr::regoperator || coalesce(' for order by ' || (SELECT"
            " opfname FROM pg_opfamily WHERE oid = nullif(amopsortfamily, 0)), '') AS member FROM pg_amop m"
            f" WHERE amopfamily = {family} AND {condition.format('pg_amop')}"
        )
        functions = (
            "SELECT 'function ' || amprocnum || ' (' || format_type(amproclefttype, NULL) || ', ' ||"
            " format_type(amprocrighttype, NULL) || ') ' || amproc::regprocedure FROM pg_amproc m"
            f" WHERE amprocfamily = {family} AND {condition.format('pg_amproc')}"
        )
        return (
            "(SELECT 'members: ' || string_agg(member, '; ' ORDER BY member COLLATE \"C\")"
            f" FROM ({operators} UNION ALL {functions}) members)"
        )

    of_class = (
        "EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{}'::regclass AND d.objid = m.oid"
        " AND d.refclassid = 'pg_opclass'::regclass AND d.refobjid = o.oid)"
    )
    loose = (
        "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{}'::regclass AND d.objid = m.oid"
        " AND d.refclassid = 'pg_opclass'::regclass)"
    )
    return {
        "operators": _section(
            "operator",
            "CASE WHEN n.nspname = 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END || oprname || '(' ||"
            " coalesce(format_type(nullif(oprleft, 0), NULL), 'NONE') || ', ' || format_type(oprright, NULL) || ')'",
            definition(
                "'function: ' || nullif(oprcode::oid, 0)::regprocedure",
                "'commutator: ' || nullif(oprcom, 0)::regoperator",
                "'negator: ' || nullif(oprnegate, 0)::regoperator",
                "'restrict: ' || nullif(oprrest::oid, 0)::regprocedure",
                "'join: ' || nullif(oprjoin::oid, 0)::regprocedure",
                "CASE WHEN oprcanmerge THEN 'merges: yes' END",
                "CASE WHEN oprcanhash THEN 'hashes: yes' END",
                owner("oprowner"),
                comment("pg_operator", "o.oid"),
            ),
            f"pg_operator o JOIN pg_namespace n ON n.oid = oprnamespace WHERE {_mine('pg_operator', 'o')}",
            "n.nspname",
        ),
        "operator classes": _section(
            "operator class",
            name("n.nspname", "opcname") + " || ' using ' || amname",
            definition(
                "'type: ' || format_type(opcintype, NULL)",
                "'family: ' || " + name_of("pg_opfamily", "opf", "opcfamily"),
                "CASE WHEN opcdefault THEN 'default: yes' END",
                "'storage: ' || format_type(nullif(opckeytype, 0), NULL)",
                members("o.opcfamily", of_class),
                owner("opcowner"),
                comment("pg_opclass", "o.oid"),
            ),
            "pg_opclass o JOIN pg_am a ON a.oid = opcmethod JOIN pg_namespace n ON n.oid = opcnamespace"
            f" WHERE {_mine('pg_opclass', 'o')}",
            "n.nspname",
        ),
        "operator families": _section(
            "operator family",
            name("n.nspname", "opfname") + " || ' using ' || amname",
            definition(members("o.oid", loose), owner("opfowner"), comment("pg_opfamily", "o.oid")),
            "pg_opfamily o JOIN pg_am a ON a.oid = opfmethod JOIN pg_namespace n ON n.oid = opfnamespace"
            f" WHERE {_mine('pg_opfamily', 'o')}",
            "n.nspname",
        ),
    }


def _foreign_data() -> dict[str, str]:
    return {
        "foreign data wrappers": _section(
            "foreign data wrapper",
            "quote_ident(fdwname)",
            definition(
                "'handler: ' || nullif(fdwhandler, 0)::regprocedure",
                "'validator: ' || nullif(fdwvalidator, 0)::regprocedure",
                line("options", options("fdwoptions")),
                owner("fdwowner"),
                comment("pg_foreign_data_wrapper", "f.oid"),
                grants("fdwacl", "F", "fdwowner"),
            ),
            f"pg_foreign_data_wrapper f WHERE {_mine('pg_foreign_data_wrapper', 'f')}",
        ),
        "foreign servers": _section(
            "foreign server",
            "quote_ident(srvname)",
            definition(
                "'wrapper: ' || (SELECT quote_ident(fdwname) FROM pg_foreign_data_wrapper WHERE oid = srvfdw)",
                "'type: ' || srvtype",
                "'version: ' || srvversion",
                line("options", options("srvoptions")),
                owner("srvowner"),
                comment("pg_foreign_server", "s.oid"),
                grants("srvacl", "S", "srvowner"),
            ),
            f"pg_foreign_server s WHERE {_mine('pg_foreign_server', 's')}",
        ),
    }


def _text_search() -> dict[str, str]:
    def section(kind: str, catalog: str, prefix: str, *lines: str) -> str:
        return _section(
            f"text search {kind}",
            name("n.nspname", f"{prefix}name"),
            definition(*lines, comment(catalog, "t.oid")),
            f"{catalog} t JOIN pg_namespace n ON n.oid = {prefix}namespace WHERE {_mine(catalog, 't')}",
            "n.nspname",
        )

    return {
        "text search configurations": section(
            "configuration",
            "pg_ts_config",
            "cfg",
            "'parser: ' || " + name_of("pg_ts_parser", "prs", "cfgparser"),
            "(SELECT string_agg('map ' || alias || ': ' || dictionaries, "
            + NEWLINE
            + " ORDER BY alias) FROM (SELECT alias,"
            " string_agg(mapdict::regdictionary::text, ', ' ORDER BY mapseqno) AS dictionaries FROM pg_ts_config_map"
            " JOIN ts_token_type(t.cfgparser) ON tokid = maptokentype WHERE mapcfg = t.oid GROUP BY alias) m)",
            owner("cfgowner"),
        ),
        "text search dictionaries": section(
            "dictionary",
            "pg_ts_dict",
            "dict",
            "'template: ' || " + name_of("pg_ts_template", "tmpl", "dicttemplate"),
            line("options", "dictinitoption"),
            owner("dictowner"),
        ),
        "text search parsers": section(
            "parser",
            "pg_ts_parser",
            "prs",
            "concat_ws(', ', 'functions: ' || prsstart, prstoken, prsend, prsheadline, prslextype)",
        ),
        "text search templates": section(
            "template", "pg_ts_template", "tmpl", "concat_ws(', ', 'functions: ' || tmplinit, tmpllexize)"
        ),
    }


def _collations(version: int) -> dict[str, str]:
    # The locale of a provider moved twice: colliculocale in 15, colllocale in 17.
    locale = {15: "colliculocale", 16: "colliculocale"}.get(version, "colllocale" if version >= 17 else "NULL")
    return {
        "collations": _section(
            "collation",
            name("n.nspname", "collname"),
            definition(
                "'provider: ' || CASE collprovider WHEN 'i' THEN 'icu' WHEN 'c' THEN 'libc' WHEN 'b' THEN 'builtin' ELSE"
                " 'default' END",
                "'collate: ' || collcollate",
                "'ctype: ' || collctype",
                f"'locale: ' || {locale}",
                "'rules: ' || collicurules" if version >= 16 else "NULL",
                "CASE WHEN NOT collisdeterministic THEN 'deterministic: no' END",
                owner("collowner"),
                comment("pg_collation", "c.oid"),
            ),
            f"pg_collation c JOIN pg_namespace n ON n.oid = collnamespace WHERE {_mine('pg_collation', 'c')}",
            "n.nspname",
        ),
        "conversions": _section(
            "conversion",
            name("n.nspname", "conname"),
            definition(
                "'encodings: ' || pg_encoding_to_char(conforencoding) || ' to ' || pg_encoding_to_char(contoencoding)",
                "'function: ' || conproc",
                "CASE WHEN condefault THEN 'default: yes' END",
                owner("conowner"),
                comment("pg_conversion", "c.oid"),
            ),
            f"pg_conversion c JOIN pg_namespace n ON n.oid = connamespace WHERE {_mine('pg_conversion', 'c')}",
            "n.nspname",
        ),
    }
