"""What is compared: the tip of the base, and what merging the head into it gives."""

from __future__ import annotations

from dataclasses import dataclass

from checker.errors import RepositoryError
from checker.findings import Ref
from checker.source.repository import Merge, Repository


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

    @property
    def result_tree(self) -> str:
        """The tree as it will be after the merge."""
        return self.merge.tree


def compare_refs(repository: Repository, base: str | None, head: str | None) -> Comparison:
    """The comparison of two refs; without them, of the default branch and the work tree.

    Raises RepositoryError for a ref that git does not know, and for no head where there is no work tree.
    """
    base_name = base or repository.default_branch() or "HEAD"
    base_commit = repository.resolve(base_name)
    if head is not None:
        head_commit = repository.resolve(head)
        shown = Ref(head, head_commit)
    elif repository.root:
        head_commit = repository.work_tree_commit()
        clean = head_commit == repository.find("HEAD")
        shown = Ref(repository.current_branch() or "HEAD", head_commit if clean else None)
    else:
        raise RepositoryError("this repository has no work tree", "Name what to check with --head.")
    return Comparison(
        base=Ref(base_name, base_commit),
        head=shown,
        base_tree=repository.tree_of(base_commit),
        head_tree=repository.tree_of(head_commit),
        merge=repository.merge(base_commit, head_commit),
        checked_out=head is None,
    )
