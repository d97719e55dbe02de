"""A place on disk where the merge result can be run.

Where the work tree has the merge result's files already, it serves as it is. Otherwise a temporary folder looks like the
work tree through links, ignored and untracked files included, with what the merge changes laid over it. The user's tree,
index and refs are never written to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from checker import temporary
from checker.source.links import LINK_MODE, read_paths
from checker.source.project import Environment
from checker.source.repository import FILE_MODES, Entry, Repository


@dataclass(frozen=True)
class Workspace:
    """Where the repository's root is for the replay."""

    root: Path
    temporary: bool = False
    """Whether it is a private folder of ours, removed in the end."""

    def path(self, relative: str) -> Path:
        """A path of the repository in this place."""
        return self.root / relative


@contextmanager
def open_workspace(
    repository: Repository,
    environment: Environment,
    tree: str,
    *,
    work_tree: str | None,
    surroundings: str | None = None,
) -> Iterator[Workspace]:
    """A workspace for the environment as `tree` has it, removed in the end.

    `work_tree` is the tree that the user has on disk, or None where what is judged is not checked out: then the whole of
    `tree` is written to a temporary place. With `surroundings`, another tree, all that is not the environment itself
    (models, settings) is as that has it.
    """
    if repository.root and work_tree == tree and not surroundings:
        yield Workspace(repository.root)
        return
    root = temporary.new_folder("tree")
    try:
        if repository.root and work_tree:
            _lay_over(repository, environment, tree, work_tree, surroundings, root)
        elif surroundings:
            own = _own(environment, _contents(repository, tree))
            around = _contents(repository, surroundings)
            repository.export(surroundings, root, _others(environment, around, set(own)))
            repository.export(tree, root, own)
        else:
            repository.export(tree, root)
        yield Workspace(root, temporary=True)
    finally:
        temporary.remove(root)


def _lay_over(
    repository: Repository, environment: Environment, tree: str, work_tree: str, surroundings: str | None, root: Path
) -> None:
    """Make `root` look like the user's work tree, with what the wanted tree has otherwise laid over it."""
    assert repository.root is not None
    before, wanted = _contents(repository, work_tree), _contents(repository, tree)
    own = set(_own(environment, wanted))
    if surroundings:
        files = _contents(repository, surroundings)
        wanted = {path: wanted[path] for path in own} | {path: files[path] for path in _others(environment, files, own)}
    changed = {path for path in before.keys() | wanted.keys() if before.get(path) != wanted.get(path)}
    # A link of git's leads to what lies here: through the user's tree it would lead to what lies there.
    links = {path for path, entry in wanted.items() if entry.mode == LINK_MODE}
    # Alembic finds env.py and the scripts by the folder's real place: they lie there together, and no link.
    ours = changed | links | own
    _mirror(repository.root, root, ours, links)
    repository.export(tree, root, sorted(ours & wanted.keys() & (own if surroundings else wanted.keys())))
    if surroundings:
        repository.export(surroundings, root, sorted(ours & wanted.keys() - own))


def _contents(repository: Repository, tree: str) -> dict[str, Entry]:
    """The files of a tree, and its symbolic links but for those that lead out of it: where to, the user's tree says."""
    entries = repository.entries(tree)
    paths = read_paths(repository, entries)
    kept = {path for path in paths.links if not paths.real(path).leaves}
    return {path: one for path, one in entries.items() if one.mode in FILE_MODES or path in kept}


def _own(environment: Environment, contents: Mapping[str, Entry]) -> list[str]:
    return [path for path in contents if environment.concerns(path)]


def _others(environment: Environment, contents: Mapping[str, Entry], own: Collection[str]) -> list[str]:
    """What is not the environment itself, nor in its way: a link where it has a folder, or the other way round."""
    taken = {str(parent) for path in own for parent in PurePosixPath(path).parents}.union(own)
    return [
        path
        for path in contents
        if path not in taken
        and not environment.concerns(path)
        and not any(str(parent) in own for parent in PurePosixPath(path).parents)
    ]


def _mirror(source: Path, target: Path, without: Collection[str], links: Collection[str]) -> None:
    """Make `target` look like `source` through links, without the given paths and with real folders around them.

    Of these paths, `links` are to be symbolic links.
    """
    folders = {str(parent) for path in without for parent in PurePosixPath(path).parents}
    for folder in sorted(folders):
        way = {folder, *map(str, PurePosixPath(folder).parents)}
        if not way.isdisjoint(links):
            continue
        (target / folder).mkdir(parents=True, exist_ok=True)
        # Where the source has a link that the target has not, what lies there is another folder's.
        if not (source / folder).is_dir() or not way.isdisjoint(without):
            continue
        for entry in (source / folder).iterdir():
            path = (PurePosixPath(folder) / entry.name).as_posix()
            if entry.name not in (".git", "__pycache__") and path not in folders and path not in without:
                (target / path).symlink_to(entry)
