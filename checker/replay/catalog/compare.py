"""Tells two catalogs apart, in words that a developer uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from checker.replay.catalog.model import Catalog, Entry, Key
from checker.replay.outcome import Difference

_BODY = "definition:\n"
_SHORT = 120
# These say enough by their value: "integer → bigint", "not null → null".
_SELF_EXPLAINING = {"type", "nullable", "rule", "enum", "base", "attributes"}
_VIEWS = {"view", "materialized view"}
_GONE = {"added": "left behind", "removed": "lost"}


def compare(before: Catalog, after: Catalog) -> tuple[Difference, ...]:
    """What changed between two readings, by kind and identity.

    What comes or goes together with a table, a column, a type or a schema is told as that alone.
    """
    old, new = before.changed_from(after), after.changed_from(before)
    added = {key: entry for key, entry in new.items() if key not in old}
    removed = {key: entry for key, entry in old.items() if key not in new}
    changed = {key for key in old.keys() & new.keys() if old[key].definition != new[key].definition}
    told = [
        *(Difference(*key, "added", None, added[key].definition) for key in _roots(added, changed)),
        *(Difference(*key, "removed", removed[key].definition, None) for key in _roots(removed, changed)),
        *(
            Difference(*key, "changed", old[key].definition, new[key].definition)
            for key in changed
            if not _column_of_view(new[key], changed)
        ),
    ]
    return tuple(sorted(told, key=lambda one: (one.kind, one.identity, one.change)))


def _roots(entries: Mapping[Key, Entry], changed: set[Key]) -> Iterable[Key]:
    for key, entry in entries.items():
        if entry.parent not in entries and not _column_of_view(entry, changed):
            yield key


def _column_of_view(entry: Entry, changed: set[Key]) -> bool:
    """A view whose text changed says so itself; its columns only follow."""
    return entry.parent is not None and entry.parent.kind in _VIEWS and entry.parent in changed


def describe(difference: Difference) -> str:
    """One difference in words: what a downgrade left behind, lost or changed."""
    if difference.change == "changed":
        return f"{title(difference)} changed: {_changes(difference.before or '', difference.after or '')}"
    return f"{title(difference)} {_GONE[difference.change]}"


def describe_deployed(difference: Difference) -> str:
    """One difference between a fresh database (before) and one that was upgraded (after), in words."""
    if difference.change == "changed":
        changes = _changes(difference.before or "", difference.after or "")
        return f"{title(difference)} is not as in a fresh one ({changes})"
    return f"{title(difference)} is {'there besides' if difference.change == 'added' else 'missing'}"


def title(difference: Difference) -> str:
    """The object with its definition, where it is not one that changed: column `orders.total` (numeric, not null)."""
    name = f"{difference.kind} `{difference.identity}`"
    if difference.change == "changed":
        return name
    definition = _summary(difference.after if difference.change == "added" else difference.before)
    return f"{name} ({definition})" if definition else name


def _summary(definition: str | None) -> str:
    aspects, _ = _parse(definition or "")
    parts = []
    for label, value in aspects.items():
        if label == "nullable" and value == "null":
            continue
        parts.append(value if label in _SELF_EXPLAINING - {"enum"} else f"{label}: {value}" if value else label)
    return _shorten(", ".join(parts))


def _changes(before: str, after: str) -> str:
    (old, old_body), (new, new_body) = _parse(before), _parse(after)
    parts = [
        _change(label, old.get(label), new.get(label)) for label in {**old, **new} if old.get(label) != new.get(label)
    ]
    if old_body != new_body:
        parts.append("its definition")
    return ", ".join(parts)


def _change(label: str, before: str | None, after: str | None) -> str:
    if label in _SELF_EXPLAINING:
        return _from_to(before or "none", after or "none")
    if before is not None and after is not None:
        return f"{label} {_from_to(before, after)}"
    value = _shorten(before or after or "")
    return f"{label if value in ('', 'yes') else f'{label} {value}'} {'left behind' if before is None else 'lost'}"


def _from_to(before: str, after: str) -> str:
    """Both values; of long ones the part in which they differ, with the words around it."""
    if max(len(before), len(after)) <= _SHORT:
        return f"{before} → {after}"
    old, new = before.split(" "), after.split(" ")
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    first = max(start - 1, 0)
    parts = [" ".join(one[first : len(one) - max(end - 1, 0)]) for one in (old, new)]
    marks = ("… " if first else "", " …" if end > 1 else "")
    return " → ".join(f"{marks[0]}{_shorten(part)}{marks[1]}" for part in parts)


def _shared(one: list[str], other: list[str]) -> int:
    """How many words both begin with."""
    return next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _parse(definition: str) -> tuple[dict[str, str], str]:
    """The aspects of a definition, and the text of many lines at its end."""
    head, _, body = definition.partition(_BODY)
    aspects = {label: value for label, _, value in (one.partition(": ") for one in head.splitlines())}
    return aspects, body


def _shorten(text: str) -> str:
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
