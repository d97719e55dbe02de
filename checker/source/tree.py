"""A tree's files and folders, and where below a script location its revision scripts lie."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence

from checker.source.links import Paths, Place
from checker.source.script import Script, is_script_name


class Tree:
    """A tree's files, with what discovery asks of them. `read` gives the content of a path, `script` the script in it.

    `files` and `folders` are real; whether a path leads to one through links, `has_file` and `has_folder` say.
    """

    def __init__(
        self,
        files: Iterable[str],
        read: Callable[[str], bytes],
        script: Callable[[str], Script],
        paths: Paths | None = None,
    ) -> None:
        self.files = frozenset(files)
        self.paths = paths or Paths({}, {})
        self.folders = {"."}
        for path in self.files:
            folder = posixpath.dirname(path)
            while folder and folder not in self.folders:
                self.folders.add(folder)
                folder = posixpath.dirname(folder)
        self.read = read
        self.script = script

    def real(self, path: str) -> Place:
        """Where a path is, once the links on the way are followed."""
        return self.paths.real(path)

    def has_file(self, path: str) -> bool:
        """Whether a file is at the path, or a link leads to one."""
        place = self.real(path)
        return place.problem is None and place.path in self.files

    def has_folder(self, path: str) -> bool:
        """Whether a folder is at the path, or a link leads to one."""
        place = self.real(path)
        return place.problem is None and place.path in self.folders

    def named(self, suffix: str) -> list[str]:
        """The paths of files that end so, nearest to the root first, links to files among them."""
        found = [path for path in self.files if path.endswith(suffix)]
        found += [path for path in self.paths.links if path.endswith(suffix) and self.has_file(path)]
        return sorted(found, key=lambda path: (path.count("/"), path))


def join(folder: str, name: str) -> str:
    """The path of a name in a folder, "." being the root."""
    return posixpath.normpath(posixpath.join(folder, name))


def upward(folder: str) -> list[str]:
    """The folder and all above it, up to the root."""
    found = [folder]
    while folder != ".":
        folder = posixpath.dirname(folder) or "."
        found.append(folder)
    return found


def version_folders(location: str, tree: Tree) -> list[tuple[str, ...]]:
    """The folders of each chain of a script location for which no ini states any.

    Alembic loads `versions` alone. Code may tell it of folders below (neutron, keystone: one for each release; prefect:
    one for each dialect, as a chain of its own). Those count where code beside the script location sets
    version_locations and their scripts and those in `versions` stand on each other, or where `versions` itself has none.
    """
    place = tree.real(join(location, "versions"))
    if place.problem:
        return [(join(location, "versions"),)]
    versions = place.path
    named: dict[str, list[str]] = {}
    for path in sorted(tree.files):
        if path.startswith(versions + "/") and is_script_name(path) and "__pycache__" not in path:
            named.setdefault(posixpath.dirname(path), []).append(path)
    if named.keys() <= {versions}:  # nearly always: no script needs to be read for that
        return [(versions,)]
    below = {folder: [tree.script(path) for path in paths] for folder, paths in named.items()}
    folders = {folder: scripts for folder, scripts in below.items() if any(one.revision for one in scripts)}
    if versions in below and (set(folders) <= {versions} or not _sets_version_locations(location, tree)):
        return [(versions,)]
    chains = _linked(folders)
    if versions in folders:
        return [chain for chain in chains if versions in chain]
    return chains or [(versions,)]


def _sets_version_locations(location: str, tree: Tree) -> bool:
    """Whether a module in the script location, or in a folder above it, speaks of version_locations."""
    above = {*upward(location), *upward(tree.real(location).path)}
    modules = (path for path in tree.files if path.endswith(".py") and (posixpath.dirname(path) or ".") in above)
    return any(b"version_locations" in tree.read(path) for path in modules)


def _linked(folders: Mapping[str, Sequence[Script]]) -> list[tuple[str, ...]]:
    """The folders, those together whose scripts stand on each other. A parent that is nowhere may be of any of them."""
    ids = {folder: {one.revision for one in scripts} for folder, scripts in folders.items()}
    chains = [{folder} for folder in sorted(folders)]
    for folder, scripts in folders.items():
        named = {name for one in scripts for name in (*one.down_revisions, *one.depends_on)} - ids[folder]
        for name in named:
            there = {other for other in folders if name in ids[other]} or {sorted(folders)[0]}
            together = [chain for chain in chains if chain & (there | {folder})]
            chains = [chain for chain in chains if chain not in together] + [set().union(*together)]
    return sorted(tuple(sorted(chain)) for chain in chains)
