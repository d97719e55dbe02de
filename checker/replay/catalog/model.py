"""What a database holds, as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


class Key(NamedTuple):
    """One object, named as a developer would: ("column", "orders.total")."""

    kind: str
    identity: str


class Entry(NamedTuple):
    """An object's definition in canonical text, and the object that it comes and goes with."""

    definition: str
    parent: Key | None


class Unit(NamedTuple):
    """What is read, and read again, as a whole: a relation, a type, a function (by its oid), or a whole section."""

    group: str
    oid: int = 0


@dataclass(frozen=True, eq=False)
class Catalog:
    """All objects of one database at one moment. Equal when the objects are, whatever their oids."""

    units: Mapping[Unit, Mapping[Key, Entry]]

    @cached_property
    def entries(self) -> Mapping[Key, Entry]:
        """Every object with its definition and its parent."""
        return {key: entry for unit in self.units.values() for key, entry in unit.items()}

    @property
    def objects(self) -> Mapping[Key, str]:
        """Every object with its definition."""
        return {key: entry.definition for key, entry in self.entries.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Catalog):
            return NotImplemented
        return self.changed_from(other) == other.changed_from(self)

    __hash__ = None  # type: ignore[assignment]

    def changed_from(self, other: Catalog) -> dict[Key, Entry]:
        """The objects of the units that the two catalogs do not share: two readings of one watch share most."""
        return {
            key: entry
            for unit, entries in self.units.items()
            if other.units.get(unit) is not entries
            for key, entry in entries.items()
        }
