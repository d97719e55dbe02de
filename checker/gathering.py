"""What git says of a revision id that this checkout does not have: the facts that the answer is made from."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from checker.errors import RepositoryError
from checker.lost.answer import Event, Missing, Place
from checker.lost.locating import Facts, Gone, event, squash_of, walk_down
from checker.source.changes import Pair, find_changes, renumbered
from checker.source.git import GitFailed
from checker.source.project import Environment
from checker.source.refs import Tip, blobs_at, is_ancestor, landing, merge_that_dropped, read_commit, tips
from checker.source.repository import Repository
from checker.source.script import Script
from checker.source.sightings import ScriptHistory, Sighting, What
from checker.source.snapshot import Snapshot, SnapshotReader

# A script that came and went more often, or a repository with more refs that have it, is told as far as that.
MOST_COMMITS, MOST_REFS = 20, 100


@dataclass(frozen=True)
class Sources:
    """What is asked: the repository, all that it knows of scripts, and this checkout."""

    repository: Repository
    reader: SnapshotReader
    history: ScriptHistory
    head: str
    """The commit that is checked out."""
    snapshots: tuple[Snapshot, ...]
    fetched: Path | None = None
    """Where the refs are that were fetched beside the repository."""

    def home(self, path: str) -> Snapshot | None:
        """The environment that a script is or was of: the one that loads its folder, else the one that has most of what
        ever lay there."""
        for one in self.snapshots:
            if one.environment.holds(path):
                return one
        ids = self.history.ids_in(posixpath.dirname(path))
        best = max(self.snapshots, key=lambda one: len(ids & one.graph.nodes.keys()))
        return best if ids & best.graph.nodes.keys() else None

    @cached_property
    def default(self) -> tuple[str, str] | None:
        """The branch that all is merged into: its ref in full, and its commit."""
        try:
            name = self.repository.default_branch()
            commit = name and self.repository.find(name)
            if name and commit:
                ref = self.repository.run("rev-parse", "--symbolic-full-name", "--end-of-options", name)
                return ref.splitlines()[-1], commit
        except GitFailed:
            raise
        except RepositoryError:  # which branch it is cannot be determined
            return None
        return None


def gather(sources: Sources, revision: str, sightings: Sequence[Sighting]) -> Facts:
    """All that there is to know of an id from where it was seen, the newest first."""
    here = sources.home(sightings[0].path) or sources.snapshots[0]
    return Witness(
        sources, revision, here, [one for one in sightings if (sources.home(one.path) or here) is here]
    ).facts()


class Witness:
    """What is known of one id in one environment."""

    def __init__(self, sources: Sources, revision: str, here: Snapshot, sightings: Sequence[Sighting]) -> None:
        self._sources, self._repository, self._head = sources, sources.repository, sources.head
        self._revision, self._here, self._sightings = revision, here, sightings
        self._blobs = sources.history.places(revision)
        commits = {one.commit.id for one in sightings}
        self._reached = {one for one in commits if is_ancestor(self._repository, one, self._head)}

    def facts(self) -> Facts:
        """The facts."""
        here, places = self._here, self._places
        gone = self._gone
        old = self._snapshot(self._last)
        missing, nearest = self._walk(old)
        renamed = self._renamed(gone) if gone else ()
        if gone:
            names = _names(renumbered(gone.before, here)) | ({self._revision: renamed[-1]} if renamed else {})
            missing = tuple(replace(one, now=names.get(one.revision)) for one in missing)
        default = self._sources.default
        return Facts(
            revision=self._revision,
            here=here,
            missing=missing,
            nearest=nearest,
            old=old.graph,
            events=self._events(),
            places=places,
            gone=gone,
            renamed=renamed,
            squashed_into=self._squashed(gone) if gone and not renamed else (),
            changed=self._changed(gone) if gone else (),
            diverged=default is None or not is_ancestor(self._repository, self._head, default[1]),
        )

    # --- refs

    @cached_property
    def _places(self) -> tuple[Place, ...]:
        """Every ref whose history has it; the default branch first, then the newest."""
        found: dict[str, Tip] = {}
        newer: set[str] = set()
        for git_dir in (None, self._sources.fetched) if self._sources.fetched else (None,):
            for commit in self._commits_that_brought_it():
                found |= {tip.ref: tip for tip in tips(self._repository, commit, git_dir)}
            newer |= {tip.ref for tip in tips(self._repository, self._head, git_dir)}
        default = self._sources.default[0] if self._sources.default else ""
        refs = sorted((tip for tip in found.values() if not tip.ref.endswith("/HEAD")), key=_date, reverse=True)
        refs.sort(key=lambda tip: tip.ref != default)
        return tuple(
            Place(
                ref=tip.ref,
                commit=tip.commit,
                date=tip.date,
                author=tip.author,
                alive=self._has(tip.commit),
                newer=tip.ref in newer,
                default=tip.ref == default,
            )
            for tip in refs[:MOST_REFS]
        )

    def _commits_that_brought_it(self) -> list[str]:
        came = [one.commit.id for one in self._sightings if one.what is What.CAME]
        return (came or [self._sightings[-1].commit.id])[:MOST_COMMITS]

    def _has(self, commit: str) -> bool:
        """Whether the commit's tree has a script of it."""
        return any(
            blob in self._blobs[path] for path, blob in blobs_at(self._repository, commit, tuple(self._blobs)).items()
        )

    def _changed(self, gone: Gone) -> tuple[str, ...]:
        """What is not as it was when it went, where it came back."""
        alive = next((one for one in self._places if one.alive), None)
        before = gone.before.by_revision.get(self._revision)
        after = self._snapshot(alive.commit).by_revision.get(self._revision) if alive and gone.commit else None
        return Pair(before, after).changed_parts if before and after else ()

    # --- how it went

    @cached_property
    def _went(self) -> Sighting | None:
        """What took it away from this checkout's history; else, where no ref has it, from the newest that had."""
        mine = [one for one in self._sightings if one.commit.id in self._reached]
        went = next((one for one in mine if one.what is What.WENT), None)
        if mine and mine[0] is not went:
            merge = merge_that_dropped(self._repository, self._head, tuple(self._blobs))
            if merge:
                return Sighting(What.WENT, read_commit(self._repository, merge), mine[0].path, mine[0].script)
        if went or mine or any(place.alive for place in self._places):
            return went
        return next((one for one in self._sightings if one.what is What.WENT), None)

    @cached_property
    def _gone(self) -> Gone | None:
        if self._has(self._head):  # its deletion is not committed
            before = self._snapshot(self._head)
            return Gone("", before, self._here, find_changes(before, self._here))
        return self._gone_with(self._went) if self._went else None

    def _gone_with(self, went: Sighting) -> Gone:
        before, after = self._snapshot(self._before(went)), self._snapshot(went.commit.id)
        return Gone(went.commit.id, before, after, find_changes(before, after))

    def _landed(self, gone: Gone) -> Gone | None:
        """The same, as a merge brought it: a branch may delete in one commit and bring what replaces it in another."""
        merge = landing(self._repository, gone.commit, self._head) if gone.commit else ""
        if merge == gone.commit:
            return None
        before, after = self._snapshot(self._repository.parents(merge)[0]), self._snapshot(merge)
        return Gone(merge, before, after, find_changes(before, after))

    def _before(self, went: Sighting) -> str:
        """The commit before the one that took a script away; of a merge's parents the one that has it."""
        there = [one for one in went.commit.parents if self._any_file(one, went)]
        return (there or list(went.commit.parents))[0]

    def _any_file(self, commit: str, went: Sighting) -> bool:
        return bool(blobs_at(self._repository, commit, list({went.path, *self._blobs})))

    # --- where it stood

    @cached_property
    def _last(self) -> str:
        """A commit that has it, and the chain around it."""
        if self._gone:
            return self._before(self._went) if self._gone.commit and self._went else self._head
        alive = next((one for one in self._places if one.alive), None)
        if alive is None:
            return self._commit_with(self._sightings[0])
        # Where it landed is nearer to this code than the branch's tip, in its dependencies too.
        landed = landing(self._repository, self._commits_that_brought_it()[0], alive.commit)
        whole = self._has(landed) and self._revision not in self._snapshot(landed).graph.broken
        return landed if whole else alive.commit

    def _commit_with(self, sighting: Sighting) -> str:
        return self._before(sighting) if sighting.what is What.WENT else sighting.commit.id

    def _snapshot(self, commit: str) -> Snapshot:
        """The environment at another commit, its scripts where they lie now and where this one lay."""
        mine = self._here.environment
        folders = (*mine.version_locations, *(posixpath.dirname(path) for path in self._blobs))
        environment: Environment = replace(mine, version_locations=tuple(dict.fromkeys(folders)))
        return self._sources.reader.snapshot(self._repository.tree_of(commit), environment)

    def _walk(self, old: Snapshot) -> tuple[tuple[Missing, ...], tuple[str, ...]]:
        """It and those below it that are not here, each with a commit that has it; and the first below that are."""
        known: dict[str, Missing] = {}

        def parents(one: str) -> tuple[str, ...]:
            script, commit = self._last_seen(one, old)
            if script is None:
                return ()
            known[one] = Missing(script, commit)
            return script.down_revisions

        nearest, order = walk_down(self._revision, self._here.graph.__contains__, parents)
        return tuple(known[one] for one in order if one in known), nearest

    def _last_seen(self, revision: str, old: Snapshot) -> tuple[Script | None, str]:
        if revision in old.by_revision:
            return old.by_revision[revision], self._last
        found = self._sources.history.sightings(revision)
        return (found[0].script, self._commit_with(found[0])) if found else (None, "")

    # --- what it is now

    def _renamed(self, gone: Gone) -> tuple[str, ...]:
        """What it was called one after the other, up to a name that is here; () where its script is not here."""
        names = [self._revision]
        while names[-1] not in self._here.graph:
            following = self._next_name(names[-1], gone)
            if following is None or following in names:
                return ()
            names.append(following)
            if following not in self._here.graph:
                seen = self._sources.history.sightings(following)
                went = next((one for one in seen if one.what is What.WENT), None)
                if went is None:
                    return ()
                gone = self._gone_with(went)
        return tuple(names[1:])

    def _next_name(self, revision: str, gone: Gone) -> str | None:
        found = _names(renumbered(gone.before, self._here)).get(revision)
        found = found or _names(gone.changes.renumbered).get(revision)
        landed = None if found else self._landed(gone)
        return found or (_names(landed.changes.renumbered).get(revision) if landed else None)

    def _squashed(self, gone: Gone) -> tuple[str, ...]:
        landed = self._landed(gone)
        into = squash_of(gone, self._revision) or (squash_of(landed, self._revision) if landed else ())
        return into if all(one in self._here.graph for one in into) else ()

    # --- what is told

    def _events(self) -> tuple[Event, ...]:
        found = list(self._sightings)
        went = self._went
        if went and all(one.commit.id != went.commit.id for one in found):
            found.insert(0, went)
            self._reached.add(went.commit.id)
        return tuple(self.event(one) for one in found)

    def event(self, sighting: Sighting) -> Event:
        """What a commit did, and by which merge that came to this checkout."""
        commit = sighting.commit.id
        here = commit in self._reached
        landed = None
        if here and sighting.what in (What.CAME, What.WENT):
            landed = landing(self._repository, commit, self._head)
        merge = read_commit(self._repository, landed) if landed and landed != commit else None
        return event(sighting, here=here, landed=landed, pull_request=merge.pull_request if merge else None)


def _names(pairs: Iterable[Pair]) -> dict[str, str]:
    return {str(pair.before.revision): str(pair.after.revision) for pair in pairs}


def _date(tip: Tip) -> str:
    return tip.date
