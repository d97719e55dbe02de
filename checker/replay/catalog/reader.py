"""Reads the catalog's sections through one connection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from checker.replay.catalog.layout import without_layout
from checker.replay.catalog.model import Catalog, Entry, Key, Unit
from checker.replay.catalog.queries import BY_OID, WHOLE

Units = dict[Unit, dict[Key, Entry]]
_ROUTINES = frozenset({"function", "procedure"})


class Reader:
    """The queries that fit one server, ready to be run.

    The connection's session is set up for it: only pg_catalog in the search path, so that every other name comes
    out with its schema. It must be in autocommit mode and used for nothing else.
    """

    def __init__(self, connection: psycopg.Connection[Any], version_table: str, version_schema: str | None) -> None:
        if not connection.autocommit:
            raise ValueError("the catalog is read through a connection in autocommit mode")
        self.connection = connection
        self.version = connection.info.server_version // 10000
        # Dates, intervals and floats in defaults and bounds are written as the session likes them.
        connection.execute(
            "SET search_path = pg_catalog; SET jit = off; SET max_parallel_workers_per_gather = 0;"
            "SET datestyle = 'ISO, YMD'; SET intervalstyle = postgres; SET timezone = 'UTC';"
            "SET extra_float_digits = 1; SET quote_all_identifiers = off; SET bytea_output = hex;"
            "SET plan_cache_mode = force_generic_plan"
        )
        literals = {
            "$version_table": sql.Literal(version_table).as_string(connection).replace("%", "%%"),
            "$version_schema": sql.Literal(version_schema or "").as_string(connection).replace("%", "%%"),
        }

        def queries(only: str) -> dict[str, str]:
            return {
                group: _union(head, make(self.version), {**literals, "$only": only.format(oid=oid)})
                for group, (make, head, oid) in BY_OID.items()
            }

        self._all = queries("true")
        self._some = queries("{oid} = ANY(%(oids)s::oid[])")
        self._whole = {group: _union("", make(self.version), literals) for group, make in WHOLE.items()}

    def read_group(self, group: str) -> Units:
        """All units of a group, or the one unit that a whole section makes."""
        if group in WHOLE:
            return {Unit(group): {}} | self._read(group, self._whole[group], None)
        return self._read(group, self._all[group], None)

    def read_units(self, group: str, oids: Iterable[int]) -> Units:
        """These units of a group; one that is gone, or is not told, is missing from the answer."""
        wanted = sorted(oids)
        return self._read(group, self._some[group], {"oids": wanted}) if wanted else {}

    def read_all(self) -> Catalog:
        """The whole catalog."""
        units: Units = {}
        for group in (*BY_OID, *WHOLE):
            units.update(self.read_group(group))
        return Catalog(units)

    def _read(self, group: str, query: str, parameters: Mapping[str, object] | None) -> Units:
        units: Units = {}
        with self.connection.cursor(row_factory=tuple_row) as cursor:
            # Planning some of these takes longer than running them: prepare them the first time.
            cursor.execute(query.encode(), parameters or {}, prepare=True)
            for oid, kind, identity, definition, parent_kind, parent_identity in cursor:
                parent = Key(parent_kind, parent_identity) if parent_kind else None
                text = without_layout(definition) if kind in _ROUTINES else definition
                units.setdefault(Unit(group, oid), {})[Key(kind, identity)] = Entry(text, parent)
        return units


def _union(head: str, sections: Mapping[str, str], literals: Mapping[str, str]) -> str:
    query = head + "\nUNION ALL\n".join(f"/* {title} */ {section}" for title, section in sections.items())
    for placeholder, text in literals.items():
        query = query.replace(placeholder, text)
    return query
