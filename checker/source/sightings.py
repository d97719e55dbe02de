"""Where git has seen a revision id: every commit, on any ref, in the reflog or the stash, that brought, changed or took
away a script of it.

One walk of git and one reading of blobs answer for every id at once. That costs a second or two at ten thousand
commits, what `git log -G` of one id would cost, and so the parents of what is gone are known as well.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from checker.source.history import COMMIT_FORMAT, LOG, Commit, literal
from checker.source.repository import FILE_MODES, Repository
from checker.source.script import Script, is_script_name, read_script

# Where revision scripts lie as a rule. The folders of the environments that are known come besides.
USUAL_PLACES = ("*versions/*.py", "*alembic*.py", "*migration*.py")
_ID = re.compile(rb"""^revision[ \t]*(?::[^=\n]+)?=[ \t]*(["'])([^"'\n]+)\1""", re.M)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FIELDS = COMMIT_FORMAT.count("%x00")


class What(StrEnum):
    """What a commit did to a revision."""

    CAME = "came"
    CHANGED = "changed"
    MOVED = "moved"
    WENT = "went"


@dataclass(frozen=True)
class Sighting:
    """A commit that did something to a script of a revision id."""

    what: What
    commit: Commit
    path: str
    """Where the script lies after it; where it lay, if it went."""
    script: Script
    """As it is after the commit, or was before it went."""

    @property
    def in_merge(self) -> bool:
        """Whether it is the merge's own doing, and neither of its parents'."""
        return len(self.commit.parents) > 1


@dataclass(frozen=True)
class FileChange:
    """What a commit did to one file: its blob before (of a merge, in each parent) and after; None where it is not there."""

    path: str
    before: tuple[str, ...]
    after: str | None


@dataclass(frozen=True)
class ChangedFiles:
    """A commit and what it did to the files that were asked for."""

    commit: Commit
    files: tuple[FileChange, ...]


class ScriptHistory:
    """All that the commits, the newest first, did to revision scripts. `contents` holds every blob they name."""

    def __init__(self, commits: Sequence[ChangedFiles], contents: Mapping[str, bytes]) -> None:
        self._commits = commits
        self._contents = contents
        self._ids: dict[tuple[str, str], str | None] = {}
        self._scripts: dict[tuple[str, str], Script] = {}

    @cached_property
    def _by_id(self) -> Mapping[str, tuple[tuple[int, FileChange], ...]]:
        found: dict[str, dict[tuple[int, FileChange], None]] = {}
        for number, one in enumerate(self._commits):
            for change in one.files:
                for blob in (*change.before, *([change.after] if change.after else ())):
                    if name := self._id(change.path, blob):
                        found.setdefault(name, {})[number, change] = None
        return {name: tuple(changes) for name, changes in found.items()}

    @property
    def ids(self) -> frozenset[str]:
        """Every revision id that was ever there."""
        return frozenset(self._by_id)

    def ids_in(self, folder: str) -> frozenset[str]:
        """Every revision id of which a script ever lay in that folder."""
        return self._folders.get(folder, frozenset())

    @cached_property
    def _folders(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for name, changes in self._by_id.items():
            for _, change in changes:
                found.setdefault(posixpath.dirname(change.path), set()).add(name)
        return {folder: frozenset(names) for folder, names in found.items()}

    def sightings(self, revision: str) -> tuple[Sighting, ...]:
        """What became of a revision, the newest first."""
        by_commit: dict[int, list[FileChange]] = {}
        for number, change in self._by_id.get(revision, ()):
            by_commit.setdefault(number, []).append(change)
        return tuple(
            self._sighting(revision, self._commits[number].commit, changes) for number, changes in by_commit.items()
        )

    def places(self, revision: str) -> Mapping[str, frozenset[str]]:
        """Every path that a script of the revision ever had, and its blobs there."""
        found: dict[str, set[str]] = {}
        for _, change in self._by_id.get(revision, ()):
            for blob in (*change.before, *([change.after] if change.after else ())):
                if self._id(change.path, blob) == revision:
                    found.setdefault(change.path, set()).add(blob)
        return {path: frozenset(blobs) for path, blobs in found.items()}

    def _sighting(self, revision: str, commit: Commit, changes: Sequence[FileChange]) -> Sighting:
        before = [(one.path, blob) for one in changes for blob in one.before if self._id(one.path, blob) == revision]
        after = [(one.path, one.after) for one in changes if one.after and self._id(one.path, one.after) == revision]
        if not after:
            return Sighting(What.WENT, commit, before[0][0], self._script(*before[0]))
        path, blob = after[0]
        old = [place for place, _ in before]
        what = What.CAME if not old else What.CHANGED if path in old else What.MOVED
        return Sighting(what, commit, path, self._script(path, blob))

    def _id(self, path: str, blob: str) -> str | None:
        """The id that a file sets. Reading each with `ast` would take longer than git does: only what hides it is."""
        if (path, blob) not in self._ids:
            source = self._contents.get(blob, b"")
            found = _ID.search(source)
            self._ids[path, blob] = (
                found[2].decode("utf-8", "replace")
                if found
                else read_script(path, blob, source).revision
                if b"down_revision" in source
                else None
            )
        return self._ids[path, blob]

    def _script(self, path: str, blob: str) -> Script:
        if (path, blob) not in self._scripts:
            self._scripts[path, blob] = read_script(path, blob, self._contents.get(blob, b""))
        return self._scripts[path, blob]


def read_history(repository: Repository, folders: Iterable[str], tips: Iterable[str] = ()) -> ScriptHistory:
    """What every commit did to the scripts in these folders and in the usual places.

    Every commit: of all refs, of the reflog, and those that the further tips reach.
    """
    places = literal(sorted(set(folders) - {"."}))
    commits = tuple(changes_of_files(repository, (*USUAL_PLACES, *places), tips))
    blobs = {blob for one in commits for change in one.files for blob in (*change.before, change.after) if blob}
    return ScriptHistory(commits, repository.read_all(sorted(blobs), missing_ok=True) if blobs else {})


def changes_of_files(repository: Repository, pathspecs: Sequence[str], tips: Iterable[str]) -> Iterator[ChangedFiles]:
    """What each commit did to the scripts among the paths, children before parents; of a merge only what none of its
    parents has. Raises GitFailed where git cannot walk through its history."""
    output = _log(repository, pathspecs, tips)
    fields = iter(output.decode("utf-8", "surrogateescape").split("\0"))
    commit: Commit | None = None
    files: list[FileChange] = []
    for text in fields:
        field = text.strip("\n")
        if _COMMIT.fullmatch(field):
            if commit and files:
                yield ChangedFiles(commit, tuple(files))
            commit, files = Commit.read([field, *(next(fields) for _ in range(_FIELDS))]), []
        elif field.startswith(":"):
            path = next(fields)
            if is_script_name(path):
                files += _file_change(field, path)
    if commit and files:
        yield ChangedFiles(commit, tuple(files))


def _log(repository: Repository, pathspecs: Sequence[str], tips: Iterable[str]) -> bytes:
    return repository.run_bytes(
        *(*LOG, "--all", "--reflog", "--stdin", "--full-history", "--topo-order", "--root", "-c", "--raw", "-z"),
        *("--no-renames", "--no-abbrev"),
        *(f"--format=%x00{COMMIT_FORMAT}%x00", "--", *pathspecs),
        fed="".join(f"{tip}\n" for tip in tips).encode(),
    )


def _file_change(facts: str, path: str) -> Iterator[FileChange]:
    """From git's `:MODE MODE BLOB BLOB STATUS`, which has as many colons as the commit has parents."""
    parents = len(facts) - len(facts.lstrip(":"))
    words = facts.lstrip(":").split(" ")
    modes, blobs = words[: parents + 1], words[parents + 1 : 2 * parents + 2]
    *before, after = [blob if mode in FILE_MODES else None for mode, blob in zip(modes, blobs, strict=True)]
    known = tuple(blob for blob in before if blob)
    if known or after:
        yield FileChange(path, known, after)
