"""The past of a tree's environments on one branch, read from git."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from checker.source.history import first_parent_line, renames, touches
from checker.source.project import Environment
from checker.source.repository import Repository
from checker.source.script import Script, is_script_name, read_header
from checker.source.timeline import Landing, Timeline, find_landings, read_timeline


@dataclass(frozen=True)
class Past:
    """What a branch's first-parent line says of its environments."""

    timelines: tuple[Timeline, ...]
    landings: int
    """How many commits the line has."""


def read_past(
    repository: Repository, tip: str, since: str | None, environments: Sequence[Environment], trailer: str
) -> Past:
    """The past of each environment, from after `since` to `tip`; the values of that commit trailer with each event."""
    with ThreadPoolExecutor(max_workers=1) as beside:  # two walks over the same history, on two cores
        walk = beside.submit(first_parent_line, repository, tip, since)
        return _read(repository, tip, since, environments, trailer, walk.result)


def _read(
    repository: Repository,
    tip: str,
    since: str | None,
    environments: Sequence[Environment],
    trailer: str,
    walked: Callable[[], Sequence[str]],
) -> Past:
    folders = sorted({folder for one in environments for folder in one.version_locations})
    touched = list(touches(repository, tip, since, folders, trailer))
    line = walked()
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
        environments = longer
        folders = sorted({folder for one in environments for folder in one.version_locations})
        touched = list(touches(repository, tip, since, folders, trailer))
    scripts = _Scripts(repository, environments)
    scripts.have(before, landings)
    timelines = tuple(
        read_timeline(
            one, {path: scripts(path, blob) for path, blob in before.items() if one.holds(path)}, landings, scripts
        )
        for one in environments
    )
    return Past(timelines, len(line))


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
    """Every version of every script, each read once."""

    def __init__(self, repository: Repository, environments: Sequence[Environment]) -> None:
        self._repository = repository
        self._environments = environments
        self._contents: dict[str, bytes] = {}
        self._read: dict[tuple[str, str], Script] = {}

    def have(self, before: Mapping[str, str], landings: Sequence[Landing]) -> None:
        """Fetch all that these states need, in one go."""
        changes = (change for landing in landings for change in landing.changes)
        wanted = {blob for path, blob in before.items() if self._is_ours(path)}
        wanted |= {blob for one in changes if self._is_ours(one.path) for blob in (one.before, one.after) if blob}
        self._contents = self._repository.read_all(sorted(wanted))

    def __call__(self, path: str, blob: str) -> Script:
        if (path, blob) not in self._read:
            self._read[path, blob] = read_header(path, blob, self._contents.get(blob, b""))
        return self._read[path, blob]

    def _is_ours(self, path: str) -> bool:
        return any(one.holds(path) for one in self._environments)
