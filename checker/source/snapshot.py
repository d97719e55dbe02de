"""A tree's revision scripts, environment by environment, each blob read once however many trees hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from checker.settings import ProjectSettings
from checker.source.graph import Node, RevisionGraph
from checker.source.links import Paths, read_paths
from checker.source.project import Environment, find_environments
from checker.source.repository import FILE_MODES, Entry, Repository
from checker.source.script import Script, is_script_name, read_script
from checker.source.tree import Tree


def graph_of(scripts: Iterable[Script]) -> RevisionGraph:
    """The graph of those that have an id."""
    return RevisionGraph(
        Node(
            script.revision,
            script.down_revisions,
            script.depends_on,
            script.branch_labels,
            unknown_parents="down_revision" in script.unknown,
        )
        for script in scripts
        if script.revision is not None
    )


@dataclass(frozen=True)
class Snapshot:
    """One environment as one tree has it."""

    environment: Environment
    scripts: tuple[Script, ...]
    """In the order of their paths; those without a readable revision id too."""

    @cached_property
    def graph(self) -> RevisionGraph:
        """The graph of the scripts that have an id."""
        return graph_of(self.scripts)

    @cached_property
    def by_revision(self) -> Mapping[str, Script]:
        """The script of each id; of several with one id, the first, as the graph has it."""
        found: dict[str, Script] = {}
        for script in self.scripts:
            if script.revision is not None:
                found.setdefault(script.revision, script)
        return found

    @cached_property
    def duplicates(self) -> frozenset[str]:
        """The ids that more than one script has."""
        if len(self.by_revision) == len(self.scripts):
            return frozenset()
        ids = Counter(script.revision for script in self.scripts if script.revision is not None)
        return frozenset(revision for revision, count in ids.items() if count > 1)


class SnapshotReader:
    """Reads trees of one repository, and remembers every blob and every tree that it has read."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._scripts: dict[tuple[str, str], Script] = {}
        self._files: dict[str, dict[str, str]] = {}
        self._others: dict[str, dict[str, Entry]] = {}
        self._paths: dict[str, Paths] = {}
        self._contents: dict[str, bytes] = {}

    def files(self, tree: str) -> Mapping[str, str]:
        """Every file of the tree and its blob."""
        if tree not in self._files:
            entries = self._repository.entries(tree)
            self._files[tree] = {path: one.name for path, one in entries.items() if one.mode in FILE_MODES}
            self._others[tree] = {path: one for path, one in entries.items() if one.mode not in FILE_MODES}
            self._paths[tree] = read_paths(self._repository, entries)
        return self._files[tree]

    def others(self, tree: str) -> Mapping[str, Entry]:
        """The symbolic links and submodules of the tree."""
        self.files(tree)
        return self._others[tree]

    def has(self, tree: str, path: str) -> bool:
        """Whether the tree has a file at the path, or a symbolic link to one of its files."""
        files = self.files(tree)
        return self._paths[tree].real(path).path in files

    def changed(self, before: str, after: str) -> frozenset[str]:
        """The paths whose content differs between two trees."""
        one, other = self.files(before), self.files(after)
        return frozenset(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))

    def read(self, tree: str, path: str) -> bytes:
        """The content of a file of the tree, symbolic links followed; b"" where it is not there."""
        files = self.files(tree)
        blob = files.get(self._paths[tree].real(path).path)
        return self._read(blob) if blob else b""

    def environments(self, tree: str, wanted: Sequence[ProjectSettings] = ()) -> tuple[Environment, ...]:
        """The tree's environments. Raises ProjectError where a wanted one is not there."""
        files = self.files(tree)
        self._have([path for path in files if "/versions/" in path and is_script_name(path)], files)
        read = partial(self.read, tree)
        seen = Tree(files, read, lambda path: self._script(path, files[path]), self._paths[tree])
        return find_environments(seen, wanted)

    def snapshot(self, tree: str, environment: Environment) -> Snapshot:
        """The scripts of an environment in a tree."""
        files = self.files(tree)
        paths = sorted(path for path in files if environment.holds(path))
        self._have(paths, files)
        return Snapshot(environment, tuple(self._script(path, files[path]) for path in paths))

    def _script(self, path: str, blob: str) -> Script:
        if (path, blob) not in self._scripts:
            self._scripts[path, blob] = read_script(path, blob, self._read(blob))
        return self._scripts[path, blob]

    def _read(self, blob: str) -> bytes:
        if blob not in self._contents:
            self._contents[blob] = self._repository.read(blob)
        return self._contents[blob]

    def _have(self, paths: Iterable[str], files: Mapping[str, str]) -> None:
        """Read all of them that have not been read, in one go."""
        wanted = {files[path] for path in paths} - self._contents.keys()
        if len(wanted) > 1:
            self._contents |= self._repository.read_all(sorted(wanted))
