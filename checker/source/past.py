"""The past of a tree's environments on one branch, read from git."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain

from checker.source.history import first_parent_line, renames, touches
from checker.source.project import Environment
from checker.source.repository import Repository
from checker.source.script import Script, is_script_name, read_header
from checker.source.timeline import Landing, Timeline, find_landings, read_timeline


@dataclass(frozen=True)
class Past:
    """What a branch's first-parent line says of its environments."""

    timelines: tuple[Timeline, ...]
    commits: int
    """How many commits the line has."""


def read_past(
    repository: Repository, tip: str, since: str | None, environments: Sequence[Environment], trailer: str
) -> Past:
    """The past of each environment, from after `since` to `tip`; the values of that commit trailer with each event."""
    scripts = _Scripts(repository)
    folders = _folders(environments)
    with ThreadPoolExecutor(max_workers=2) as beside:
        walk = beside.submit(first_parent_line, repository, tip, since)
        log = beside.submit(touches, repository, tip, since, folders, trailer)
        # While git walks: most versions that there ever were are those that are there now.
        scripts.read(item for item in repository.files(tip, folders).items() if _holds(environments, item[0]))
        line, touched = walk.result(), log.result()
    if not line:
        return Past((), 0)
    started = next(iter(repository.parents(line[-1])), None)
    started = started if started and repository.find(started) else None  # a shallow clone knows its id alone
    while True:
        landings = find_landings(line, touched)
        before = repository.files(started, folders) if started else {}
        longer = [_with_former_folders(one, before, landings, repository) for one in environments]
        if longer == list(environments):
            break
        environments, folders = longer, _folders(longer)
        touched = touches(repository, tip, since, folders, trailer)
    before = {path: blob for path, blob in before.items() if _holds(environments, path)}
    changes = [change for landing in landings for change in landing.changes if _holds(environments, change.path)]
    versions = ((change.path, blob) for change in changes for blob in (change.before, change.after) if blob)
    scripts.read(chain(before.items(), versions))
    timelines = tuple(
        read_timeline(
            one, {path: scripts(path, blob) for path, blob in before.items() if one.holds(path)}, landings, scripts
        )
        for one in environments
    )
    return Past(timelines, len(line))


def _folders(environments: Iterable[Environment]) -> list[str]:
    return sorted({folder for one in environments for folder in one.places})


def _holds(environments: Iterable[Environment], path: str) -> bool:
    return any(one.holds(path) for one in environments)


def _with_former_folders(
    environment: Environment, before: Mapping[str, str], landings: Sequence[Landing], repository: Repository
) -> Environment:
    """The environment with the folders that its scripts were moved from, as far as its first landing shows them."""
    if any(environment.holds(path) for path in before):
        return environment
    first = next((one for one in landings if any(environment.holds(change.path) for change in one.changes)), None)
    if first is None or not first.touches[0].commit.parents:
        return environment
    moved = renames(repository, first.touches[0].commit.id)
    former = {
        posixpath.dirname(old) or "." for old, new in moved if environment.holds(new) and is_script_name(old)
    } - set(environment.version_locations)
    return replace(environment, version_locations=(*environment.version_locations, *sorted(former)))


class _Scripts:
    """Versions of scripts, each read once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._read: dict[tuple[str, str], Script] = {}

    def read(self, versions: Iterable[tuple[str, str]]) -> None:
        """Read these versions, (path, blob), by one git."""
        new = dict.fromkeys(version for version in versions if version not in self._read)
        contents = self._repository.read_all(sorted({blob for _, blob in new})) if new else {}
        self._read |= {(path, blob): read_header(path, blob, contents.get(blob, b"")) for path, blob in new}

    def __call__(self, path: str, blob: str) -> Script:
        return self._read[path, blob]
