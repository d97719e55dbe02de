"""A place on disk where the merge result's migrations can be run.

The scripts are git's; what env.py imports (models, settings, ignored files) is the work tree's, so that editable installs
and local settings keep working. Where the work tree has the very scripts already, it serves as it is. The user's tree,
index and refs are never written to.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from checker.source.project import Environment
from checker.source.repository import Repository


@dataclass(frozen=True)
class Workspace:
    """Where the repository's root is for the replay."""

    root: Path

    def path(self, relative: str) -> Path:
        """A path of the repository in this place."""
        return self.root / relative


@contextmanager
def open_workspace(
    repository: Repository, environment: Environment, tree: str, *, work_tree: str | None
) -> Iterator[Workspace]:
    """A workspace for the environment as `tree` has it, removed in the end.

    `work_tree` is the tree that the user has on disk, or None where what is judged is not checked out: then the whole of
    `tree` is written to a temporary place.
    """
    folders = _script_folders(environment)
    if repository.root and work_tree and _same(repository, folders, tree, work_tree):
        yield Workspace(repository.root)
        return
    root = Path(tempfile.mkdtemp(prefix="alembic-premerge-tree-"))
    try:
        if repository.root and work_tree:
            _mirror(repository.root, root, folders)
            repository.export(tree, root, folders)
        else:
            repository.export(tree, root)
        yield Workspace(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _script_folders(environment: Environment) -> tuple[str, ...]:
    """The folders that hold the environment's scripts, those inside another left out."""
    folders = sorted({environment.script_location, *environment.version_locations})
    return tuple(one for one in folders if not any(one.startswith(other + "/") for other in folders))


def _same(repository: Repository, folders: Sequence[str], one: str, other: str) -> bool:
    if one == other:
        return True
    sides = [
        {
            path: blob
            for path, blob in repository.files(tree).items()
            if path.startswith(tuple(f"{f}/" for f in folders))
        }
        for tree in (one, other)
    ]
    return sides[0] == sides[1]


def _mirror(source: Path, target: Path, without: Sequence[str]) -> None:
    """Make `target` look like `source` through links, with real and empty folders in the place of `without`."""
    parents = {parent for folder in without for parent in Path(folder).parents}
    for parent in sorted(parents | {Path()}):
        (target / parent).mkdir(parents=True, exist_ok=True)
        if not (source / parent).is_dir():
            continue
        for entry in (source / parent).iterdir():
            relative = parent / entry.name
            if entry.name != ".git" and relative not in parents and str(relative) not in without:
                (target / relative).symlink_to(entry)
    for folder in without:
        (target / folder).mkdir(parents=True, exist_ok=True)
