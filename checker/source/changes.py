"""What a change does to scripts that are merged: two snapshots in, what was edited, deleted, moved and so on out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from checker.diff import likeness, unified
from checker.source.code import MODULE, differing_parts, normalized_parts, spread
from checker.source.graph import RevisionGraph
from checker.source.script import Script
from checker.source.snapshot import Snapshot

# How alike two scripts at one path must be to be one script under another id rather than another script.
ALIKE = 0.6
FIRST = ("upgrade()", "downgrade()")


@dataclass(frozen=True)
class Pair:
    """A merged script and what the merge makes of it."""

    before: Script
    after: Script

    @cached_property
    def _parts(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        return normalized_parts(self.before.source), normalized_parts(self.after.source)

    @property
    def same_code(self) -> bool:
        """Whether the code is the same to the letter, but for what changes nothing."""
        before, after = self._parts
        return before == after

    @cached_property
    def changed_parts(self) -> tuple[str, ...]:
        """The functions that differ in what they do, upgrade and downgrade first, and the module-level code."""
        names = differing_parts(self.before.source, self.after.source)
        return tuple(
            sorted(
                names,
                key=lambda name: (name not in FIRST, name == MODULE, FIRST.index(name) if name in FIRST else 0, name),
            )
        )

    @cached_property
    def diff(self) -> str:
        """A unified diff of the normalised code, part by part."""
        before, after = self._parts
        lines: list[str] = []
        for name in self.changed_parts:
            old, new = (
                [piece for line in parts.get(name, "").splitlines() for piece in spread(line).splitlines()]
                for parts in (before, after)
            )
            hunks = unified(old, new, context=2)[2:]
            lines += [f"--- {name}", *(line for line in hunks if not line.startswith("@@ "))]
        return "\n".join(lines)

    @property
    def reparented(self) -> bool:
        """Whether it stands on other revisions than before, in whatever order they are written."""
        before, after = self.before, self.after
        return set(before.down_revisions) != set(after.down_revisions) or set(before.depends_on) != set(
            after.depends_on
        )

    @property
    def moved(self) -> bool:
        """Whether its file lies elsewhere."""
        return self.before.path != self.after.path


@dataclass(frozen=True)
class Insertion:
    """A new revision that stands below merged ones: databases that ran those never run it."""

    script: Script
    above: tuple[Script, ...]
    """The merged scripts directly above it."""


@dataclass(frozen=True)
class Changes:
    """Everything that differs between the base's scripts and the merge result's. A script may be in several lists."""

    new: tuple[Script, ...]
    deleted: tuple[Script, ...]
    renumbered: tuple[Pair, ...]
    edited: tuple[Pair, ...]
    cosmetic: tuple[Pair, ...]
    moved: tuple[Pair, ...]
    reparented: tuple[Pair, ...]
    inserted: tuple[Insertion, ...]
    separated: tuple[Pair, ...]
    """Scripts that shared their id with another at the base, and have one of their own now."""
    heals: tuple[str, ...]
    """Faults of the base's graph that the merge result no longer has, each in words."""

    @property
    def new_revisions(self) -> frozenset[str]:
        """The ids that the base does not have."""
        return frozenset(script.revision for script in self.new if script.revision)


def find_changes(base: Snapshot, result: Snapshot) -> Changes:
    """What the merge result makes of the base's scripts. Costs what the change touches, not what the chain holds."""
    kept = {(script.path, script.blob) for script in result.scripts}
    here = result.by_revision
    gone, came = _gone(base, result), _gone(result, base)
    pairs = [
        Pair(before, _counterpart(before, result))
        for before in _merged(base, result)
        if before.revision in here and (before.path, before.blob) not in kept
    ]
    renumbered = tuple(_renumbered(gone, came))
    renamed = {pair.before.revision: pair.after.revision for pair in renumbered}
    touched = [pair for pair in pairs if pair.before.blob != pair.after.blob]
    edited = tuple(pair for pair in touched if pair.changed_parts)
    reparented = [pair for pair in touched if pair.reparented and not _follows(pair, renamed)]
    same_graph = not (gone or came or any(pair.reparented for pair in touched))
    return Changes(
        new=tuple(came),
        deleted=tuple(script for script in gone if script.revision not in renamed),
        renumbered=renumbered,
        edited=edited,
        cosmetic=tuple(pair for pair in touched if not pair.changed_parts and not pair.reparented),
        moved=tuple(pair for pair in pairs if pair.moved),
        reparented=tuple(pair for pair in reparented if not _only_inserted(pair, result.graph, came)),
        inserted=tuple(_inserted(base, result, came, set(renamed.values()))),
        separated=tuple(_separated(base, result, came)),
        heals=() if same_graph and not base.duplicates else tuple(_healed(base.graph, result.graph)),
    )


def renumbered(base: Snapshot, result: Snapshot) -> tuple[Pair, ...]:
    """The scripts of the base that the result has under another id, and nothing else of what changed."""
    return tuple(_renumbered(_gone(base, result), _gone(result, base)))


def _gone(before: Snapshot, after: Snapshot) -> list[Script]:
    return [script for script in before.scripts if script.revision and script.revision not in after.by_revision]


def _merged(base: Snapshot, result: Snapshot) -> Iterable[Script]:
    """The base's scripts. Of several with one id those that keep it: the others were given one of their own, or went."""
    if not base.duplicates:
        return base.scripts
    kept = {(script.path, script.revision) for script in result.scripts}
    stays = {script.revision for script in base.scripts if (script.path, script.revision) in kept}
    doubtful = base.duplicates & stays
    return [one for one in base.scripts if one.revision not in doubtful or (one.path, one.revision) in kept]


def _separated(base: Snapshot, result: Snapshot, came: Sequence[Script]) -> Iterable[Pair]:
    """The base's scripts whose id another of its scripts has too, and keeps, each with what it is under its new id."""
    kept = {(script.path, script.revision) for script in result.scripts}
    left = list(came)
    for before in base.scripts if base.duplicates else ():
        if before.revision not in base.duplicates or before.revision not in result.by_revision:
            continue
        pairs = [Pair(before, after) for after in left] if (before.path, before.revision) not in kept else []
        match = next((pair for pair in pairs if not pair.moved), None)
        match = match or next((pair for pair in pairs if pair.same_code and _does_something(before)), None)
        if match:
            left.remove(match.after)
            yield match


def _counterpart(before: Script, result: Snapshot) -> Script:
    """The script of the same id; where several have it, the one at the same path."""
    assert before.revision is not None
    if before.revision not in result.duplicates:
        return result.by_revision[before.revision]
    same = [script for script in result.scripts if script.revision == before.revision]
    return next((script for script in same if script.path == before.path), same[0])


def _renumbered(gone: Iterable[Script], came: Iterable[Script]) -> Iterable[Pair]:
    """Each script that is gone, with the new one that does the same, or that lies at its path and is much alike."""
    left = list(came)
    for before in gone:
        pairs = [Pair(before, after) for after in left]
        match = next((pair for pair in pairs if pair.same_code and _does_something(pair.before)), None)
        match = match or next((pair for pair in pairs if not pair.moved and _alike(pair)), None)
        if match:
            left.remove(match.after)
            yield match


def _does_something(script: Script) -> bool:
    """An empty script (a merge, say) is like every other empty script: that says nothing of who it is."""
    return any("pass" not in text.splitlines()[-1] for text in normalized_parts(script.source).values() if text)


def _alike(pair: Pair) -> bool:
    before, after = (script.source.decode("utf-8", "replace") for script in (pair.before, pair.after))
    return likeness(before.splitlines(), after.splitlines()) >= ALIKE


def _follows(pair: Pair, renamed: Mapping[str | None, str | None]) -> bool:
    """Whether it stands where it stood, and only the name of a parent changed: that is the renumbering's doing."""
    before, after = pair.before, pair.after
    return {renamed.get(name, name) for name in before.down_revisions} == set(after.down_revisions) and {
        renamed.get(name, name) for name in before.depends_on
    } == set(after.depends_on)


def _inserted(
    base: Snapshot, result: Snapshot, came: Iterable[Script], renamed: set[str | None]
) -> Iterable[Insertion]:
    """New scripts below merged ones. Above a fault (a missing parent, a cycle) no database has ever been."""
    above: dict[str, list[str]] = {}
    new = {script.revision for script in came} - renamed
    for revision in base.by_revision if new else ():
        for lower in result.graph.before(revision) if revision in result.by_revision else ():
            if lower in new:
                above.setdefault(lower, []).append(revision)
    for script in came:
        stands = [revision for revision in above.get(str(script.revision), ()) if revision not in base.graph.broken]
        if stands:
            yield Insertion(script, tuple(result.by_revision[revision] for revision in stands))


def _only_inserted(pair: Pair, graph: RevisionGraph, came: Iterable[Script]) -> bool:
    """Whether it still stands on the same merged revisions, with nothing but new ones put in between."""
    new = {script.revision for script in came if script.revision}
    if not set(pair.after.down_revisions) & new:
        return False
    landed: set[str] = set()
    queue, seen = list(pair.after.down_revisions), set()
    while queue:
        revision = queue.pop()
        if revision not in new:
            landed.add(revision)
        elif revision not in seen:
            seen.add(revision)
            queue += graph.nodes[revision].down_revisions
    return landed == set(pair.before.down_revisions) and pair.before.depends_on == pair.after.depends_on


def _healed(base: RevisionGraph, result: RevisionGraph) -> Iterable[str]:
    """A fault counts as healed only where the merge result has less of its kind."""
    heads, left = base.surplus_heads(), result.surplus_heads()
    if len(left) < len(heads):
        yield f"the {len(heads)} heads {', '.join(heads)}"
    for revision, parent in set(base.missing) - set(result.missing):
        if len(result.missing) < len(base.missing):
            yield f"the missing parent {parent} of {revision}"
    if len(result.cycles) < len(base.cycles):
        yield f"the cycle through {', '.join(base.cycles[0])}"
    if set(base.duplicates) - set(result.duplicates):
        yield f"the duplicate id {', '.join(base.duplicates)}"
