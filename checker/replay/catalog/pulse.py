"""Which rows of PostgreSQL's catalog are new, changed or gone since the last look.

Every row carries the id of the transaction that wrote it (xmin), readable by any user, so nothing has to be installed
in the database and nothing escapes: not GRANT, not RENAME, not even an UPDATE of the catalog itself. Rows that are gone
are found by counting. One pass over the rows costs about 3 microseconds for each table of the database.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from checker.replay.catalog.model import Unit
from checker.replay.catalog.queries.fragments import FIRST_USER_OID

MAX_TRANSACTIONS = 5_000
"""Beyond this many transactions since the last look a full read costs no more."""

_GROUPS = {"r": "relation", "t": "type", "f": "function", "L": "local", "S": "schema", "A": "ambient"}


class Watched(NamedTuple):
    """One catalog: what names a row, and the unit that it belongs to, a letter of `_GROUPS` and an oid."""

    key: str
    unit: str
    where: str = "true"
    counted: bool = True
    """False where rows go only together with a row of pg_class, which is counted."""
    mapped: bool = True
    """False where nobody asks what unit a row belongs to."""


def _user(column: str = "oid") -> str:
    return f"{column} >= {FIRST_USER_OID}"


_TYPE_UNIT = """CASE WHEN typrelid <> 0 THEN 'r' || typrelid WHEN typelem <> 0 AND EXISTS (SELECT FROM pg_type e
    WHERE e.oid = t.typelem AND e.typarray = t.oid) THEN 't' || typelem ELSE 't' || oid END"""


def watched(version: int) -> dict[str, Watched]:
    """What to look at on this server. A column's default is not: setting one writes the column's row too."""
    catalogs = {
        "pg_class": Watched("oid", "'r' || oid", _user()),
        "pg_attribute": Watched("attrelid", "'r' || attrelid", counted=False, mapped=False),
        "pg_constraint": Watched(
            "oid", "CASE WHEN conrelid <> 0 THEN 'r' || conrelid ELSE 't' || contypid END", _user()
        ),
        "pg_index": Watched("indexrelid", "'r' || indrelid", _user("indexrelid"), counted=False),
        "pg_inherits": Watched("inhrelid || ' ' || inhparent", "'r' || inhrelid"),
        "pg_trigger": Watched("oid", "'r' || tgrelid"),
        "pg_rewrite": Watched("oid", "'r' || ev_class", _user()),
        "pg_policy": Watched("oid", "'r' || polrelid"),
        "pg_sequence": Watched("seqrelid", "'r' || seqrelid", counted=False, mapped=False),
        "pg_statistic_ext": Watched("oid", "'r' || stxrelid"),
        "pg_partitioned_table": Watched("partrelid", "'r' || partrelid", counted=False, mapped=False),
        "pg_foreign_table": Watched("ftrelid", "'r' || ftrelid", counted=False, mapped=False),
        "pg_type": Watched("oid", _TYPE_UNIT, _user()),
        "pg_enum": Watched("oid", "'t' || enumtypid"),
        "pg_range": Watched("rngtypid", "'t' || rngtypid", _user("rngtypid")),
        "pg_proc": Watched("oid", "'f' || oid", _user()),
        "pg_aggregate": Watched("aggfnoid::oid", "'f' || aggfnoid::oid", _user("aggfnoid::oid")),
        # Whose comment it is, is looked up in the books of the catalog that it names.
        "pg_description": Watched(
            "classoid::regclass || ' ' || objoid || ' ' || objsubid",
            "classoid::regclass || ' ' || objoid",
            f"({_user('objoid')} OR classoid = 'pg_namespace'::regclass)",
        ),
        "pg_namespace": Watched("oid", "'S'"),
        # What an extension owns is not told, so a change of membership can hide or show anything.
        "pg_depend": Watched(
            "classid || ' ' || objid", "'A'", "refclassid = 'pg_extension'::regclass AND deptype = 'e'"
        ),
    }
    local = ["pg_publication", "pg_publication_rel", "pg_event_trigger", "pg_default_acl"]
    ambient = [
        "pg_extension",
        "pg_language",
        "pg_cast",
        "pg_transform",
        "pg_am",
        "pg_operator",
        "pg_opclass",
        "pg_opfamily",
    ]
    ambient += ["pg_amop", "pg_amproc", "pg_foreign_data_wrapper", "pg_foreign_server", "pg_ts_config", "pg_ts_dict"]
    ambient += ["pg_ts_parser", "pg_ts_template", "pg_collation", "pg_conversion"]
    if version >= 15:
        local.append("pg_publication_namespace")
    catalogs |= {catalog: Watched("oid", "'L'", _user()) for catalog in local}
    catalogs |= {
        catalog: Watched("oid", "'A'", "true" if catalog == "pg_extension" else _user()) for catalog in ambient
    }
    catalogs["pg_ts_config_map"] = Watched("mapcfg || ' ' || maptokentype || ' ' || mapseqno", "'A'", _user("mapcfg"))
    return catalogs


@dataclass
class Changes:
    """What one look found."""

    units: set[Unit]
    """To be read again: something in them is new, changed or gone."""
    everything: bool = False
    """A change that can alter the text of any object: an enum's label renamed, an extension's members."""


class Pulse:
    """The books on every watched row. `look` compares them with the database and brings them up to date."""

    def __init__(self, connection: psycopg.Connection[Any], version: int) -> None:
        self._connection = connection
        self._watched = watched(version)
        self._known: dict[str, dict[str, str]] = {}
        self._horizon = 0

    def restart(self) -> None:
        """Write the books anew. Whatever is read after this is at least as new as they are."""
        self._horizon, _ = self._snapshot()
        self._known = {catalog: {} for catalog in self._watched}
        for catalog, _, rows in self._rows("true", {c: w for c, w in self._watched.items() if w.counted or w.mapped}):
            self._known[catalog].update(rows)

    def look(self) -> Changes | None:
        """What changed since the last look; None where that is too much to tell."""
        since = self._horizon
        horizon, end = self._snapshot()
        if end == since:
            return Changes(set())
        if end - since > MAX_TRANSACTIONS:
            return None
        self._horizon = horizon
        ids = [str(number % 2**32) for number in range(since, end)]
        changes = Changes(set())
        shrunk = []
        for catalog, count, rows in self._written_by(ids):
            self._note(catalog, rows, changes)
            if self._watched[catalog].counted and count != len(self._known[catalog]):
                shrunk.append(catalog)
        gone = self._forget(shrunk)
        changes.units |= {unit for unit in map(self.unit_of_row, gone) if unit}
        return changes

    def unit(self, catalog: str, oid: str) -> Unit | None:
        """The unit that the object `oid` of a catalog belongs to; None for one of PostgreSQL's own."""
        if catalog == "pg_class":
            return self.unit_of_row(self._known["pg_index"].get(oid, f"r{oid}"))
        row = self._known.get(catalog, {}).get(oid)
        return self.unit_of_row(row) if row else None

    def unit_of_row(self, row: str) -> Unit | None:
        """The unit that the books name for a row."""
        if row.startswith("pg_"):
            return self.unit(*row.split())
        if row.startswith("r"):
            row = self._known["pg_index"].get(row[1:], row)
        return Unit(_GROUPS[row[0]], int(row[1:] or 0))

    def _note(self, catalog: str, rows: Mapping[str, str], changes: Changes) -> None:
        known = self._known[catalog]
        # A label that was there before has another text or place now, and defaults and checks quote labels.
        if rows and (catalog == "pg_depend" or (catalog == "pg_enum" and not known.keys().isdisjoint(rows))):
            changes.everything = True
        if self._watched[catalog].mapped:
            known.update(rows)
        changes.units |= {unit for unit in map(self.unit_of_row, rows.values()) if unit}

    def _forget(self, catalogs: Collection[str]) -> list[str]:
        """Strike what is gone from the books of these catalogs; the units that it belonged to."""
        if not catalogs:
            return []
        query = "\nUNION ALL\n".join(
            f"SELECT '{catalog}', string_agg(({self._watched[catalog].key})::text, ',') FROM {catalog} t"
            f" WHERE {self._watched[catalog].where}"
            for catalog in catalogs
        )
        return [
            self._known[catalog].pop(key)
            for catalog, there in self._connection.execute(query.encode()).fetchall()
            for key in self._known[catalog].keys() - set((there or "").split(","))
        ]

    def _written_by(self, ids: list[str]) -> list[tuple[str, int, dict[str, str]]]:
        # A migration or two: the query is planned once. PostgreSQL hashes a list of nine or more, but only one that it
        # sees while planning. (`age(xmin) <= n` takes twice as long.)
        if len(ids) < 5:
            return self._rows("xmin = ANY(%(ids)s::xid[])", self._watched, {"ids": ids})
        ids += ids[:1] * (9 - len(ids))
        return self._rows(f"xmin = ANY('{{{','.join(ids)}}}'::xid[])", self._watched)

    def _rows(
        self, condition: str, catalogs: Mapping[str, Watched], parameters: Mapping[str, object] | None = None
    ) -> list[tuple[str, int, dict[str, str]]]:
        query = "\nUNION ALL\n".join(
            f"SELECT '{catalog}', {'count(*)' if one.counted else '0'}, string_agg({one.key} || '=' || {one.unit}, ',')"
            + (f" FILTER (WHERE {condition}) FROM {catalog} t WHERE {one.where}" if one.counted else "")
            + ("" if one.counted else f" FROM {catalog} t WHERE {condition} AND {one.where}")
            for catalog, one in catalogs.items()
        )
        answer = self._connection.execute(query.encode(), parameters, prepare=bool(parameters)).fetchall()
        return [
            (catalog, count, dict(pair.split("=") for pair in rows.split(",")) if rows else {})
            for catalog, count, rows in answer
        ]

    def _snapshot(self) -> tuple[int, int]:
        """The next transaction id, and the first one that may still write to this database (at most the next)."""
        row = self._connection.execute("SELECT pg_current_snapshot()::text").fetchone()
        oldest, end, _ = (row or ("0:0:",))[0].split(":")
        if oldest == end:
            return int(end), int(end)
        # Somebody is at work. In another database (passes run side by side, some in one long transaction) that does
        # not matter; in this one, what he does becomes visible later under a number that is in the past by then.
        rows = self._connection.execute(
            "SELECT transactionid::text FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE locktype = 'transactionid' AND mode = 'ExclusiveLock' AND datname = current_database()"
            " UNION ALL SELECT transaction::text FROM pg_prepared_xacts WHERE database = current_database()"
        ).fetchall()
        running = (int(end) - (int(end) - int(one)) % 2**32 for (one,) in rows)
        return min(running, default=int(end)) if rows else int(end), int(end)
