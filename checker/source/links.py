"""Where paths of a tree lead once its symbolic links are followed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from checker.source.repository import Entry, Repository

LINK_MODE = "120000"
SUBMODULE_MODE = "160000"
# As many as Linux follows in one path.
_MOST_LINKS = 40
# No operating system follows a longer one.
_LONGEST_TARGET = 4096
_LEAVES = "leads out of the repository"
_ABSENT = "leads to nothing that git has"


@dataclass(frozen=True)
class Place:
    """Where a path really is."""

    path: str
    """The real path; as far as it can be followed where there is a problem."""
    links: tuple[str, ...] = ()
    """The links on the way, in the order in which they were followed."""
    problem: str | None = None
    """Why it cannot be read, in words: what is in the way, and what that is."""
    leaves: bool = False
    """Whether the problem is a link out of the repository, or one without end."""


class Paths:
    """The paths of a tree. `targets` is the text of its symbolic links, by path; one that is not known is not there."""

    def __init__(self, entries: Mapping[str, Entry], targets: Mapping[str, bytes]) -> None:
        self._entries = entries
        self._targets = targets
        self.links = tuple(sorted(path for path, one in entries.items() if one.mode == LINK_MODE))
        self.submodules = tuple(sorted(path for path, one in entries.items() if one.mode == SUBMODULE_MODE))

    @property
    def plain(self) -> bool:
        """Whether the tree has nothing but files and folders, as nearly every tree has."""
        return not self.links and not self.submodules

    @cached_property
    def _folders(self) -> frozenset[str]:
        found = {"."}
        for path in self._entries:
            folder = posixpath.dirname(path)
            while folder and folder not in found:
                found.add(folder)
                folder = posixpath.dirname(folder)
        return frozenset(found)

    def real(self, path: str) -> Place:
        """Where a path is, every link on the way followed as the operating system does."""
        if self.plain:
            return Place(path)
        here: list[str] = []
        links: list[str] = []
        left = [part for part in reversed(path.split("/")) if part not in ("", ".")]
        while left:
            part = left.pop()
            if part == "..":
                if not here:  # a path that no link takes there is nothing of the tree's
                    problem = f"{links[-1]} is a symbolic link that {_LEAVES}" if links else None
                    return Place(path, tuple(links), problem, leaves=True)
                here.pop()
                continue
            here.append(part)
            there = "/".join(here)
            mode = self._entries[there].mode if there in self._entries else ""
            if mode == SUBMODULE_MODE:
                return Place(there, tuple(links), f"{there} is a submodule")
            if mode != LINK_MODE:
                continue
            links.append(there)
            target = self._targets.get(there, b"").decode("utf-8", "surrogateescape")
            problem = _problem(target, len(links))
            if problem:
                return Place(target or there, tuple(links), f"{there} is a symbolic link that {problem}", leaves=True)
            here.pop()
            left += [part for part in reversed(target.split("/")) if part not in ("", ".")]
        found = "/".join(here) or "."
        absent = links and found not in self._entries and found not in self._folders
        return Place(found, tuple(links), f"{links[-1]} is a symbolic link that {_ABSENT}: {found}" if absent else None)

    def inside(self, folder: str, *, below: bool) -> Iterator[str]:
        """The links directly in a folder; with `below`, those in the folders below it too."""
        for link in self.links:
            lies = posixpath.dirname(link) or "."
            if lies == folder or (below and (folder == "." or lies.startswith(f"{folder}/"))):
                yield link


def read_paths(repository: Repository, entries: Mapping[str, Entry]) -> Paths:
    """The paths of a tree with these entries, its links read by one git."""
    names = {path: one.name for path, one in entries.items() if one.mode == LINK_MODE}
    # What is no way to a script must not fail the run: a link whose text is lost is one that cannot be read.
    texts = repository.read_all(sorted(set(names.values())), missing_ok=True) if names else {}
    return Paths(entries, {path: texts[name] for path, name in names.items() if name in texts})


def _problem(target: str, followed: int) -> str | None:
    """Why a link is not followed, if so."""
    if followed > _MOST_LINKS:
        return "never ends"
    if not target or len(target) > _LONGEST_TARGET:
        return "cannot be read"
    return _LEAVES if posixpath.isabs(target) else None
