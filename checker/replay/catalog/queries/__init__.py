"""What is asked of PostgreSQL's catalog, one section for each kind of object.

Each section gives rows of (unit, kind, identity, definition, parent kind, parent identity). A unit is what is read
again as a whole once something in it changed: one relation with all that hangs on it, one type, one function, or all
sections of a group at once (unit 0). `$only` stands for the condition that picks units, or for `true`;
`$version_table` and `$version_schema` name Alembic's own table. A parent is what an object comes and goes with.
"""

from collections.abc import Callable, Mapping

from checker.replay.catalog.queries.ambient import ambient_sections
from checker.replay.catalog.queries.relations import RELATIONS, relation_sections
from checker.replay.catalog.queries.types import function_sections, type_sections
from checker.replay.catalog.queries.wholes import always_sections, local_sections, schema_sections

Sections = Callable[[int], Mapping[str, str]]

BY_OID: Mapping[str, tuple[Sections, str, str]] = {
    "relation": (relation_sections, RELATIONS, "c.oid"),
    "type": (type_sections, "", "t.oid"),
    "function": (function_sections, "", "p.oid"),
}
"""Groups read by unit, with what stands before their sections, and the unit's oid as it is written there."""

WHOLE: Mapping[str, Sections] = {
    "always": always_sections,
    "local": local_sections,
    "schema": schema_sections,
    "ambient": ambient_sections,
}
"""Groups read as one unit."""
