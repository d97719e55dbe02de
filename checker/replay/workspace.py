"""A place on disk where the merge result can be run.

Where the work tree has the merge result's files already, it serves as it is. Otherwise a temporary folder looks like the
work tree through links, ignored and untracked files included, with what the merge changes laid over it. The user's tree,
index and refs are never written to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from checker import temporary
from checker.source.project import Environment
from checker.source.repository import Repository


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
            repository.export(surroundings, root, _others(repository, environment, surroundings))
            repository.export(tree, root, _own(repository, environment, tree))
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
    before, wanted = repository.files(work_tree), repository.files(tree)
    own = _own(repository, environment, tree)
    if surroundings:
        around, files = _others(repository, environment, surroundings), repository.files(surroundings)
        wanted = {path: wanted[path] for path in own} | {path: files[path] for path in around}
    changed = {path for path in before.keys() | wanted.keys() if before.get(path) != wanted.get(path)}
    # Alembic finds env.py and the scripts by the folder's real place: they lie there together, and no link.
    ours = changed | set(own)
    _mirror(repository.root, root, ours)
    repository.export(tree, root, sorted(ours & wanted.keys() & (set(own) if surroundings else wanted.keys())))
    if surroundings:
        repository.export(surroundings, root, sorted(ours & wanted.keys() - set(own)))


def _own(repository: Repository, environment: Environment, tree: str) -> list[str]:
    return [path for path in repository.files(tree) if environment.concerns(path)]


def _others(repository: Repository, environment: Environment, tree: str) -> list[str]:
    return [path for path in repository.files(tree) if not environment.concerns(path)]


def _mirror(source: Path, target: Path, without: Collection[str]) -> None:
    """Make `target` look like `source` through links, without the given files and with real folders around them."""
    folders = {str(parent) for path in without for parent in PurePosixPath(path).parents}
    for folder in sorted(folders):
        (target / folder).mkdir(parents=True, exist_ok=True)
        if not (source / folder).is_dir():
            continue
        for entry in (source / folder).iterdir():
            path = (PurePosixPath(folder) / entry.name).as_posix()
            if entry.name not in (".git", "__pycache__") and path not in folders and path not in without:
                (target / path).symlink_to(entry)
