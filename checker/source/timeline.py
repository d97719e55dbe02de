"""What became of revision scripts after they had landed: many states of one environment in, events out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from checker.source.changes import Changes, Pair, find_changes
from checker.source.history import Commit, FileChange, Touch, moment
from checker.source.project import Environment
from checker.source.script import Script
from checker.source.snapshot import Snapshot

# Commits of one rebased series are written within a second or two of each other; a pull request takes a person longer.
SERIES_SECONDS = 60


class Kind(StrEnum):
    """What can become of a script that has landed."""

    EDITED = "edited"
    DELETED = "deleted"
    RENUMBERED = "renumbered"
    REPARENTED = "reparented"
    INSERTED = "inserted"
    HEADS = "heads"
    """Not one script, but the chain: it had several heads."""


@dataclass(frozen=True)
class Landing:
    """What came onto the branch at once: a commit of its first-parent line, or a series that was rebased onto it."""

    touches: tuple[Touch, ...]
    """Oldest first."""
    writers: Mapping[tuple[str, str | None], Commit] = field(default_factory=dict, repr=False, compare=False)
    """For what merges brought: who wrote a path's blob on the branch that was merged."""

    @property
    def commit(self) -> Commit:
        """The one with which it had landed whole."""
        return self.touches[-1].commit

    @cached_property
    def changes(self) -> tuple[FileChange, ...]:
        """What it makes of each file, from before its first commit to after its last."""
        found: dict[str, FileChange] = {}
        for touch in self.touches:
            for change in touch.changes:
                first = found.get(change.path, change)
                found[change.path] = replace(change, before=first.before)
        return tuple(change for change in found.values() if change.before != change.after)

    def commit_of(self, path: str) -> Commit:
        """The last of its commits that touched the file."""
        touching = (one.commit for one in reversed(self.touches) if any(path == file.path for file in one.changes))
        return next(touching, self.commit)

    def writer_of(self, path: str) -> Commit:
        """The commit that wrote what it makes of the file: of a merge, one of the branch that was merged."""
        commit = self.commit_of(path)
        after = next((change.after for change in self.changes if change.path == path), None)
        return self.writers.get((path, after), commit) if len(commit.parents) > 1 else commit

    @property
    def trailers(self) -> tuple[tuple[str, str], ...]:
        """(commit, value) of each trailer that was asked for."""
        return tuple((touch.commit.id, value) for touch in self.touches for value in touch.trailers)


@dataclass(frozen=True)
class Event:
    """Something that became of a script after it had landed, or of the chain."""

    kind: Kind
    revision: str | None
    path: str | None
    line: int | None
    commit: Commit
    """With which it landed."""
    writer: Commit
    """By which it was written: another one where a merge landed it."""
    words: str
    still_stands: bool
    pair: Pair | None = field(default=None, repr=False)
    """Of an edit, the script before and after."""
    state: int = 0
    """Of an edit or a re-parenting, which of the script's states it led to; 0 is the one that landed."""
    heals: bool = False
    """Whether a re-parenting mended a broken chain: the usual repair."""
    about: tuple[str, ...] = ()
    """The several heads; of an insertion the merged revisions that now stand on it."""
    until: Commit | None = None
    """With what the several heads were brought together; None while they stand."""
    trailers: tuple[tuple[str, str], ...] = ()

    @property
    def hours(self) -> float | None:
        """How long the several heads stood; None for other kinds, and while they do."""
        if self.kind is not Kind.HEADS or self.until is None:
            return None
        return (moment(self.until.date) - moment(self.commit.date)).total_seconds() / 3600


@dataclass(frozen=True)
class Landed:
    """A revision, and when it first landed."""

    script: Script
    commit: Commit
    writer: Commit


@dataclass(frozen=True)
class Timeline:
    """One environment's past on one branch."""

    environment: Environment
    events: tuple[Event, ...]
    """In the order in which they landed."""
    log: tuple[Landed, ...]
    """Every revision that landed, oldest first."""
    end: Snapshot
    """The scripts as they are at the branch's tip."""


def find_landings(line: Sequence[str], touches: Iterable[Touch]) -> list[Landing]:
    """The landings among these commits, oldest first. `line` is the branch's first-parent line, newest first.

    A forge that rebases a pull request, and a developer who rebases before pushing, write its commits within seconds:
    neighbours on the line by one committer, none of them a merge, and not of two pull requests, are one landing. A
    script that the second of them edits had not landed before it.
    """
    positions = {commit: number for number, commit in enumerate(reversed(line))}
    writers: dict[tuple[str, str | None], Commit] = {}
    on_line = []
    for touch in touches:
        if touch.commit.id in positions:
            on_line.append(touch)
        elif len(touch.commit.parents) == 1:
            writers |= {(change.path, change.after): touch.commit for change in touch.changes}
    landings: list[Landing] = []
    for touch in sorted(on_line, key=lambda one: positions[one.commit.id]):
        if landings and _is_one_series(landings[-1], touch.commit):
            landings[-1] = Landing((*landings[-1].touches, touch), writers)
        else:
            landings.append(Landing((touch,), writers))
    return landings


def _is_one_series(landing: Landing, commit: Commit) -> bool:
    last = landing.commit
    return (
        len(commit.parents) == len(last.parents) == 1
        and commit.committer == last.committer
        and abs((moment(commit.date) - moment(last.date)).total_seconds()) <= SERIES_SECONDS
        and not (commit.pull_request and last.pull_request and commit.pull_request != last.pull_request)
    )


def read_timeline(
    environment: Environment,
    start: Mapping[str, Script],
    landings: Iterable[Landing],
    script: Callable[[str, str], Script],
) -> Timeline:
    """The environment's past from `start`, its scripts by path before the first landing. `script` reads a path's blob.

    `environment` is the one at the tip, its version locations extended by the folders where its scripts lay before.
    """
    past = _Past(environment, dict(start))
    for landing in landings:
        past.take(landing, script)
    return past.told()


class _Past:
    """A state of the chain that landings change one after the other, and what they did to it."""

    def __init__(self, environment: Environment, scripts: dict[str, Script]) -> None:
        self._environment = environment
        self._scripts = scripts
        self._last = {one.revision: one for one in scripts.values() if one.revision is not None}
        """Each revision that has landed, as it was last seen."""
        self._below = Counter(lower for one in scripts.values() for lower in one.down_revisions)
        """How many scripts stand on each revision."""
        self._heads = self._with_nothing_on_them()
        self._versions: dict[tuple[Kind, str], list[Script]] = {}
        """What an edited or re-parented script was like: before its first event, and after each."""
        self._events: list[Event] = []
        self._open: int | None = None
        """Which of the events tells of the several heads that stand."""
        self._log: list[Landed] = []

    @property
    def _now(self) -> Snapshot:
        return Snapshot(self._environment, tuple(self._scripts[path] for path in sorted(self._scripts)))

    def take(self, landing: Landing, script: Callable[[str, str], Script]) -> None:
        changes = [change for change in landing.changes if self._environment.holds(change.path)]
        if not changes:
            return
        after = {change.path: script(change.path, change.after) for change in changes if change.after}
        # Most landings do nothing but add revisions: of those there is nothing to compare.
        touches_old = any(change.before for change in changes)
        touches_old = touches_old or any(one.revision in self._last for one in after.values())
        before = self._now if touches_old or self._open is not None else None
        for change in changes:
            if gone := self._scripts.pop(change.path, None):
                self._below.subtract(gone.down_revisions)
        self._scripts |= after
        self._below.update(lower for one in after.values() for lower in one.down_revisions)
        self._heads = self._heads_after(list(after.values()), touches_old)
        if before and touches_old:
            self._events += self._read(find_changes(before, self._now), landing)
        self._note_heads(before, landing)
        for path, one in after.items():
            if one.revision is not None:
                if one.revision not in self._last:
                    self._log.append(Landed(one, landing.commit_of(path), landing.writer_of(path)))
                self._last[one.revision] = one

    # --- events

    def _read(self, changes: Changes, landing: Landing) -> Iterator[Event]:
        came_back = [Pair(self._last[str(one.revision)], one) for one in changes.new if one.revision in self._last]
        for pair in (*changes.edited, *(pair for pair in came_back if pair.changed_parts)):
            parts = ", ".join(pair.changed_parts)
            event = self._event(Kind.EDITED, landing, pair.after, f"edited in {parts}", pair)
            yield replace(event, state=self._remember(Kind.EDITED, pair))
        for pair in changes.renumbered:
            event = self._event(Kind.RENUMBERED, landing, pair.after, f"renumbered to {pair.after.revision}")
            yield replace(event, revision=pair.before.revision)
        kind = f" with {len(changes.deleted) - 1} others" if len(changes.deleted) > 1 else ""
        for script in changes.deleted:
            yield self._event(Kind.DELETED, landing, script, f"deleted{kind}")
        for pair in (*changes.reparented, *(pair for pair in came_back if pair.reparented)):
            words = f"re-parented from {_names(pair.before)} to {_names(pair.after)}"
            event = self._event(Kind.REPARENTED, landing, pair.after, words)
            yield replace(event, heals=bool(changes.heals), state=self._remember(Kind.REPARENTED, pair))
        for inserted in changes.inserted:
            above = tuple(str(script.revision) for script in inserted.above)
            words = f"inserted below {', '.join(above)}"
            for script in inserted.above:
                self._remember(Kind.REPARENTED, Pair(self._last[str(script.revision)], script))
            yield replace(self._event(Kind.INSERTED, landing, inserted.script, words), about=above)

    @staticmethod
    def _event(kind: Kind, landing: Landing, script: Script, words: str, pair: Pair | None = None) -> Event:
        return Event(
            kind,
            script.revision,
            script.path,
            script.line(),
            landing.commit_of(script.path),
            landing.writer_of(script.path),
            words,
            still_stands=True,
            pair=pair,
            trailers=landing.trailers,
        )

    def _remember(self, kind: Kind, pair: Pair) -> int:
        """Keep what a script is like now, and say which of its states that is."""
        versions = self._versions.setdefault((kind, str(pair.after.revision)), [pair.before])
        versions.append(pair.after)
        return len(versions) - 1

    def _note_heads(self, before: Snapshot | None, landing: Landing) -> None:
        surplus = self._surplus_heads()
        scripts = {head: one for one in self._scripts.values() if (head := one.revision) in surplus} if surplus else {}
        if surplus and self._open is None:
            touched = {change.path for change in landing.changes}
            newest = next((one for one in scripts.values() if one.path in touched), scripts[surplus[0]])
            event = self._event(Kind.HEADS, landing, newest, f"{len(surplus)} heads: {', '.join(surplus)}")
            self._open = len(self._events)
            self._events.append(replace(event, revision=None, about=tuple(surplus)))
        elif surplus and self._open is not None:
            event = self._events[self._open]
            heads = tuple(dict.fromkeys((*event.about, *surplus)))
            self._events[self._open] = replace(event, about=heads, words=f"{len(heads)} heads: {', '.join(heads)}")
        elif self._open is not None:
            assert before is not None
            event = self._events[self._open]
            words = f"{event.words}; {_how_it_ended(before, self._now, event.about)}"
            self._events[self._open] = replace(event, until=landing.commit, words=words)
            self._open = None

    def _heads_after(self, came: Sequence[Script], touches_old: bool) -> frozenset[str | None]:
        """The revisions on which nothing stands. Nearly every landing puts one on the only head that there was."""
        if len(came) == 1 and not touches_old and self._heads == {*came[0].down_revisions}:
            return frozenset({came[0].revision})
        return self._with_nothing_on_them()

    def _with_nothing_on_them(self) -> frozenset[str | None]:
        return frozenset(one.revision for one in self._scripts.values() if not self._below[str(one.revision)]) - {None}

    def _surplus_heads(self) -> list[str]:
        """As the graph has them; it is only made where more than one script has nothing on it."""
        if len(self._heads) < 2:
            return []
        settings = self._environment.settings
        return sorted(self._now.graph.surplus_heads(settings.heads if settings else ()))

    # --- the end

    def told(self) -> Timeline:
        end = self._now
        stands = self._standing(end)
        told = tuple(replace(event, still_stands=stands(event)) for event in self._events)
        return Timeline(self._environment, told, tuple(self._log), end)

    def _standing(self, end: Snapshot) -> Callable[[Event], bool]:
        here, graph = end.by_revision, end.graph
        reached = {key: _reached(key[0], versions) for key, versions in self._versions.items() if key[1] in here}
        last = {(event.kind, event.revision): event for event in self._events}

        def stands(event: Event) -> bool:
            revision = str(event.revision)
            match event.kind:
                case Kind.EDITED | Kind.REPARENTED:
                    return revision in here and event.state <= reached[event.kind, revision]
                case Kind.DELETED | Kind.RENUMBERED:
                    return revision not in here and event is last[event.kind, event.revision]
                case Kind.INSERTED:
                    return revision in here and any(
                        above in here and revision in graph.before(above) for above in event.about
                    )
                case Kind.HEADS:
                    return event.until is None

        return stands


def _reached(kind: Kind, versions: Sequence[Script]) -> int:
    """The first of a script's states that is as it is now: what led to later ones was taken back."""
    now = versions[-1]
    for number, one in enumerate(versions[:-1]):
        # two states next to each other differ, and one blob is one code
        if kind is Kind.REPARENTED:
            differ = Pair(one, now).reparented
        else:
            differ = number == len(versions) - 2 or (one.blob != now.blob and bool(Pair(one, now).changed_parts))
        if not differ:
            return number
    return len(versions) - 1


def _names(script: Script) -> str:
    return ", ".join(script.down_revisions) or "nothing"


def _how_it_ended(before: Snapshot, after: Snapshot, heads: Collection[str]) -> str:
    """By what the heads were brought together, as far as the scripts show it."""
    was, now = before.by_revision, after.by_revision
    merging = [name for name, one in now.items() if name not in was and len(set(heads) & {*one.down_revisions}) > 1]
    moved = [name for name, one in now.items() if name in was and one.down_revisions != was[name].down_revisions]
    gone = [name for name in was if name not in now]
    if merging:
        return f"merged by {', '.join(merging)}"
    if moved:
        return f"{', '.join(moved)} re-parented"
    return f"{', '.join(gone)} gone" if gone else "brought together"
