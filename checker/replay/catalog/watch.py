"""Reading one database's catalog again and again, at the cost of what changed in between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from checker.replay.catalog.model import Catalog, Entry, Key, Unit
from checker.replay.catalog.pulse import Pulse
from checker.replay.catalog.queries import BY_OID, WHOLE
from checker.replay.catalog.reader import Reader, Units

# Their names stand in no other object's text.
_NAMELESS = {"constraint", "index", "trigger", "rule", "policy", "statistics"}

# What holds a whole query depends on more than the names of what it refers to: a column that is added to a table can
# change the aliases that PostgreSQL makes up when it writes down a view on it.
_DEPENDENTS = """
WITH named(classid, oid, every) AS (
    SELECT 'pg_class'::regclass, unnest(%(relations)s::oid[]), false UNION ALL
    SELECT 'pg_class'::regclass, unnest(%(renamed)s::oid[]), true UNION ALL
    SELECT 'pg_proc'::regclass, unnest(%(functions)s::oid[]), true UNION ALL
    SELECT 'pg_type'::regclass, unnest(%(types)s::oid[]), true UNION ALL
    SELECT 'pg_type'::regclass, typarray, true FROM pg_type WHERE oid = ANY(%(types)s::oid[]) UNION ALL
    SELECT 'pg_type'::regclass, row.oid, true FROM pg_class c JOIN pg_type r ON r.oid = c.reltype
        CROSS JOIN LATERAL unnest(ARRAY[r.oid, r.typarray]) AS row(oid)
        WHERE c.oid = ANY(%(relations)s::oid[] || %(renamed)s::oid[])
)
SELECT DISTINCT CASE WHEN a.oid IS NULL THEN d.classid::regclass::text ELSE 'pg_class' END,
                coalesce(a.adrelid, d.objid)::text
FROM named n JOIN pg_depend d ON d.refclassid = n.classid AND d.refobjid = n.oid
LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
WHERE n.oid <> 0 AND (n.every OR d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass, 'pg_policy'::regclass))
"""


def read_catalog(
    connection: psycopg.Connection[Any], *, version_table: str = "alembic_version", version_schema: str | None = None
) -> Catalog:
    """The whole catalog of the database that the connection leads to, without Alembic's own table.

    The connection must be in autocommit mode; its session's settings are changed. `version_schema` None means any.
    """
    return Reader(connection, version_table, version_schema).read_all()


class CatalogWatch:
    """One database, read at many landings: each reading equals `read_catalog`, and costs what changed since the last.

    Readings share what did not change between them, so that comparing two of them is quick as well. The connection
    belongs to the watch from now on.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        *,
        version_table: str = "alembic_version",
        version_schema: str | None = None,
    ) -> None:
        self._reader = Reader(connection, version_table, version_schema)
        self._pulse = Pulse(connection, self._reader.version)
        self._last: Catalog | None = None

    def read(self) -> Catalog:
        """The catalog as it is now; the very same object as before where nothing happened."""
        if self._last is None:
            return self._read_all()
        changes = self._pulse.look()
        if changes is None or changes.everything:
            return self._read_all()
        units = changes.units | {Unit("always")} if changes.units else {Unit("always")}
        fresh = self._read_units(units)
        if self._spreads(fresh):
            return self._read_all()
        dependents = self._dependents(fresh) - units
        fresh |= self._read_units(dependents)
        self._last = _merge(self._last, fresh)
        return self._last

    def _read_all(self) -> Catalog:
        self._pulse.restart()
        self._last = self._reader.read_all()
        return self._last

    def _read_units(self, units: Iterable[Unit]) -> Units:
        """Those units as they are now; empty where there is nothing any more."""
        wanted: Units = {unit: {} for unit in units}
        for group in BY_OID:
            wanted.update(self._reader.read_units(group, (unit.oid for unit in wanted if unit.group == group)))
        for group in WHOLE:
            if Unit(group) in wanted:
                wanted.update(self._reader.read_group(group))
        return wanted

    def _spreads(self, fresh: Units) -> bool:
        """Whether a change can show in the text of objects that do not depend on what changed by pg_depend."""
        for group, entries in ((unit.group, entries) for unit, entries in fresh.items()):
            before = self._before(Unit(group))
            if group == "ambient" and entries != before:
                return True
            # A schema or a role that got another name: it stands in the text of all that is in it, or belongs to it.
            if group in ("schema", "always") and not before.keys() <= entries.keys():
                return True
        return False

    def _dependents(self, fresh: Units) -> set[Unit]:
        """The units whose text may say otherwise now because they refer to one that changed."""
        relations: list[int] = []
        renamed: list[int] = []
        functions: list[int] = []
        types: list[int] = []
        for unit, entries in fresh.items():
            before = self._before(unit)
            if unit.group in WHOLE or not before or before == entries:
                continue
            if unit.group == "relation":
                (renamed if _renamed(before, entries) else relations).append(unit.oid)
            elif unit.group == "type":
                types.append(unit.oid)
            elif _renamed(before, entries):
                functions.append(unit.oid)
        if not (relations or renamed or functions or types):
            return set()
        rows = self._reader.connection.execute(
            _DEPENDENTS,
            {"relations": relations, "renamed": renamed, "functions": functions, "types": types},
            prepare=True,
        )
        return {unit for unit in (self._pulse.unit(catalog, oid) for catalog, oid in rows) if unit}

    def _before(self, unit: Unit) -> Mapping[Key, Entry]:
        return self._last.units.get(unit, {}) if self._last else {}


def _renamed(before: Mapping[Key, Entry], after: Mapping[Key, Entry]) -> bool:
    """Whether the object, or a column of it, may have got another name: one is gone and another has come."""
    old = {key for key in before if key.kind not in _NAMELESS}
    new = {key for key in after if key.kind not in _NAMELESS}
    return bool(old - new) and bool(new - old)


def _merge(last: Catalog, fresh: Units) -> Catalog:
    changed = {unit: entries for unit, entries in fresh.items() if last.units.get(unit, {}) != entries}
    if not changed:
        return last
    units = {**last.units, **changed}
    return Catalog({unit: entries for unit, entries in units.items() if entries or unit.group in WHOLE})
