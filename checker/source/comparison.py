"""What is compared: the tip of the base, and what merging the head into it gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checker.errors import RepositoryError
from checker.findings import Ref
from checker.source.events import Asked, asked_by, read_event
from checker.source.merging import Merge, merge, work_tree_commit
from checker.source.repository import Repository


@dataclass(frozen=True)
class Comparison:
    """Two refs as the user knows them, and the trees that stand for before and after."""

    base: Ref
    head: Ref
    base_tree: str
    head_tree: str
    merge: Merge
    checked_out: bool
    """Whether the head is what the user has on disk."""
    default_base: bool = False
    """Whether the base is what a command takes that names none."""

    @property
    def result_tree(self) -> str:
        """The tree as it will be after the merge."""
        return self.merge.tree


def what_to_compare(repository: Repository, environ: Mapping[str, str], base: str | None, head: str | None) -> Asked:
    """What the user names; where that is nothing, what the GitHub event asks for; else the defaults."""
    event = read_event(environ) if base is None and head is None else None
    here = repository.find("HEAD") if event else None
    asked = asked_by(event, here, repository.parents(here)) if event and here else None
    return asked or Asked((base,) if base else (), head)


def compare_refs(repository: Repository, asked: Asked) -> Comparison:
    """The comparison that is asked for; where it names no refs, of the default branch and the work tree.

    Raises RepositoryError for a ref that is nowhere to be had, and for no head where there is no work tree.
    """
    base_name, base_commit = _base(repository, asked.bases)
    if asked.head is not None:
        head_commit = repository.resolve(asked.head)
        shown = Ref(asked.head, head_commit)
    elif repository.root:
        head_commit = work_tree_commit(repository)
        clean = head_commit == repository.find("HEAD")
        shown = Ref(repository.current_branch() or "HEAD", head_commit if clean else None)
    else:
        raise RepositoryError("this repository has no work tree", "Name what to check with --head.")
    head_tree = repository.tree_of(head_commit)
    return Comparison(
        base=Ref(asked.shown or base_name, base_commit),
        head=shown,
        base_tree=repository.tree_of(base_commit),
        head_tree=head_tree,
        merge=Merge(head_tree) if asked.merged else merge(repository, base_commit, head_commit),
        checked_out=asked.head is None,
        default_base=asked.default or not asked.bases,
    )


def _base(repository: Repository, names: Sequence[str]) -> tuple[str, str]:
    """The first that is to be had, and its commit."""
    names = names or (repository.default_branch() or "HEAD",)
    for name in names[:-1]:
        found = repository.find_anywhere(name)
        if found:
            return name, found
    return names[-1], repository.resolve(names[-1])
