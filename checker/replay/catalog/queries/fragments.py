"""Pieces of SQL that more than one section needs.

A definition is made of aspects, one a line, `label: value`; an aspect that is NULL is left out.
"""

from __future__ import annotations

FIRST_USER_OID = 16384
"""PostgreSQL's own objects have smaller oids, whatever schema they sit in: no list of schemas has to be kept."""

NEWLINE = r"E'\n'"
ROLE_OF_A_RUN = "^premerge_[0-9a-f]{12}$"
"""Our own runs' roles on a server that a user gives."""
ONE_ASPECT_A_LINE = f"concat_ws({NEWLINE}"


def one_line(value: str) -> str:
    """A text with its line breaks written as backslash and n."""
    return rf"replace({value}, E'\n', '\n')"


def aspect(label: str, value: str) -> str:
    """An aspect whose value is any text."""
    return f"'{label}: ' || {one_line(value)}"


def body(value: str) -> str:
    """A text of many lines; the last part of a definition."""
    return rf"E'definition:\n' || {value}"


def name(schema: str, item: str) -> str:
    """A qualified name as a developer writes it: quoted where needed, `public.` left out."""
    return f"CASE WHEN {schema} = 'public' THEN '' ELSE quote_ident({schema}) || '.' END || quote_ident({item})"


def name_of(catalog: str, prefix: str, oid: str) -> str:
    """The same for the row `oid` of a catalog whose columns start with `prefix` (rel, cfg, ...)."""
    return f"""(SELECT {name("ns.nspname", f"o.{prefix}name")} FROM {catalog} o
        JOIN pg_namespace ns ON ns.oid = o.{prefix}namespace WHERE o.oid = {oid})"""


def options(column: str, *, but: str = "") -> str:
    """Storage parameters or foreign-data options: a set, whatever order they were given in; without one of that name."""
    others = f" WHERE split_part(o, '=', 1) <> '{but}'" if but else ""
    return f"""(SELECT string_agg(o, ', ' ORDER BY o COLLATE "C") FROM unnest({column}) o{others})"""


def tablespace(column: str) -> str:
    """Told where it is not the database's own."""
    return f"(SELECT 'tablespace: ' || spcname FROM pg_tablespace WHERE oid = {column})"


def owner(column: str) -> str:
    """Told only where it is not who is asking: everything else belongs to the role that the migrations run as."""
    return f"""CASE WHEN {column} <> (SELECT oid FROM pg_roles WHERE rolname = session_user)
        THEN 'owner: ' || pg_get_userbyid({column}) END"""


def firing(column: str) -> str:
    """Whether a trigger or rule is out of order."""
    return f"""CASE {column} WHEN 'D' THEN 'state: disabled' WHEN 'R' THEN 'state: replica only'
        WHEN 'A' THEN 'state: always' END"""


def grants(acl: str, letter: str, owner_column: str) -> str:
    """How privileges differ from those that an untouched object has; `letter` is acldefault's for the kind.

    An ACL that was never set is NULL, one that was granted and revoked is an explicit copy of the default: both come
    out as nothing. Who granted is left out.
    """
    explode = "SELECT grantee, privilege_type, is_grantable FROM aclexplode"
    default = f"acldefault('{letter}', {owner_column})"
    return f"""CASE WHEN {acl} IS NOT NULL THEN (
        SELECT 'grants: ' || string_agg(who || ' ' || what, '; ' ORDER BY who COLLATE "C") FROM (
            SELECT CASE grantee WHEN 0 THEN 'PUBLIC' WHEN {owner_column} THEN 'owner'
                       ELSE quote_ident(pg_get_userbyid(grantee)) END AS who,
                   string_agg(sign || privilege_type || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END,
                              ', ' ORDER BY sign, privilege_type, is_grantable) AS what
            FROM (SELECT '' AS sign, given.* FROM ({explode}({acl}) EXCEPT {explode}({default})) given
                  UNION ALL
                  SELECT 'not ', taken.* FROM ({explode}({default}) EXCEPT {explode}({acl})) taken) changed
            GROUP BY grantee) by_grantee) END"""


def comment(catalog: str, oid: str, column: str = "0") -> str:
    """The comment on an object, or on a column of it."""
    return aspect(
        "comment",
        f"(SELECT description FROM pg_description WHERE objoid = {oid} AND classoid = '{catalog}'::regclass"
        f" AND objsubid = {column})",
    )


def not_of_extension(catalog: str, oid: str) -> str:
    """Leaves out what an extension brought with it: the extension itself is told."""
    return f"""{oid} NOT IN (SELECT objid FROM pg_depend WHERE classid = '{catalog}'::regclass
        AND refclassid = 'pg_extension'::regclass AND deptype = 'e')"""


def of_user(catalog: str, oid: str) -> str:
    """Leaves out what came with PostgreSQL or with an extension."""
    return f"{oid} >= {FIRST_USER_OID} AND {not_of_extension(catalog, oid)}"
