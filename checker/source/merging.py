"""What would be merged: a commit for the work tree, and the tree that merging two commits gives. Nothing is touched."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from checker.errors import RepositoryError
from checker.source.git import GitFailed
from checker.source.repository import Entry, Repository

UNRELATED = ("--allow-unrelated-histories",)
_STATUSES = (0, 1, 129)
"""A clean merge; one with conflicts; a git before 2.38, which does not know the option."""
OUR_KINDS = (".py", ".ini", ".toml", ".mako")
# Whose name is on the commit that stands for the work tree: it lives in our own object folder and dies with the run.
OURSELVES = {
    f"GIT_{role}_{field}": value
    for role in ("AUTHOR", "COMMITTER")
    for field, value in (("NAME", "alembic-premerge"), ("EMAIL", "alembic-premerge@localhost"))
}


@dataclass(frozen=True)
class Merge:
    """What merging two commits gives: a tree, and the paths whose text conflicts in it."""

    tree: str
    conflicts: tuple[str, ...] = ()


def work_tree_commit(repository: Repository) -> str:
    """A commit with the work tree's content; HEAD when all is clean.

    Of untracked files only those of OUR_KINDS: a database dump that lies about is not read. Ignored ones are left out.
    """
    head = repository.find("HEAD")
    index = repository.scratch / "index"
    own_index = Path(repository.run("rev-parse", "--path-format=absolute", "--git-path", "index"))
    if own_index.is_file():
        shutil.copyfile(own_index, index)  # its cached times keep `add` from reading every file
        shutil.copystat(own_index, index)
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        repository.run("-c", "core.safecrlf=false", "add", "--update", "--", ":/", env=env)
        _add_untracked(repository, env)
        tree = repository.run("write-tree", "--missing-ok", env=env)  # a partial clone lacks most of them
    except GitFailed as error:
        raise RepositoryError(
            f"git cannot read the work tree: {error.problem}", "Fix that, or name a commit with --head."
        ) from None
    if head and tree == repository.tree_of(head):
        return head
    parents = ("-p", head) if head else ()
    return repository.run("commit-tree", tree, *parents, "-m", "work tree", env=OURSELVES)


def _add_untracked(repository: Repository, env: Mapping[str, str]) -> None:
    kinds = [f":(top,glob)**/*{kind}" for kind in OUR_KINDS]
    listed = repository.run("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", *kinds, env=env)
    if listed:
        fed = listed.encode("utf-8", "surrogateescape")
        repository.run("update-index", "--add", "-z", "--stdin", env=env, fed=fed)


def merge(repository: Repository, base: str, head: str) -> Merge:
    """What merging `head` into `base` gives, without touching anything.

    Where git is older than 2.38, a trivial three-way merge by file; where the text of a file conflicts, `head`'s
    side of it stands in the tree and its path in `conflicts`.
    """
    if base in repository.parents(head):
        return Merge(repository.tree_of(head))
    common = repository.merge_base(base, head)
    if common == base:
        return Merge(repository.tree_of(head))
    if common == head:
        return Merge(repository.tree_of(base))
    status, output, message = repository.try_run(
        *("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", *UNRELATED, base, head),
        statuses=_STATUSES,
    )
    tree, *conflicts = (part for part in output.split("\0") if part) if status in (0, 1) else ("",)
    if status == 0:
        return Merge(tree)
    if status == 1:
        return Merge(_merge_by_file(repository, common, base, head), tuple(conflicts))
    if common is None:
        raise RepositoryError(f"git cannot merge: {message}", "Name a base that shares history with the head.")
    return _merge_by_file_with_conflicts(repository, common, base, head)


def _merge_by_file_with_conflicts(repository: Repository, common: str, base: str, head: str) -> Merge:
    sides = [repository.entries(commit) for commit in (common, base, head)]
    conflicts = tuple(path for path in sorted(set().union(*sides)) if len({side.get(path) for side in sides}) == 3)
    return Merge(_merge_by_file(repository, common, base, head), conflicts)


def _merge_by_file(repository: Repository, common: str | None, base: str, head: str) -> str:
    """The tree in which every file is the side that changed it, and `head`'s side where both did."""
    before = repository.entries(common) if common else {}
    merged = _put_together(before, repository.entries(base), repository.entries(head))
    # One git for all: a base that went on by a thousand files would be a thousand processes.
    index = repository.scratch / "merge-index"
    index.unlink(missing_ok=True)
    env = {"GIT_INDEX_FILE": str(index)}
    fed = "".join(f"{one.mode} {one.name}\t{path}\0" for path, one in sorted(merged.items()))
    repository.run("update-index", "-z", "--index-info", env=env, fed=fed.encode("utf-8", "surrogateescape"))
    tree = repository.run("write-tree", "--missing-ok", env=env)
    if repository.entries(tree) != merged:
        raise RepositoryError(f"git did not write the merge of {base[:10]} and {head[:10]}", "Run this again.")
    return tree


def _put_together(
    before: Mapping[str, Entry], ours: Mapping[str, Entry], theirs: Mapping[str, Entry]
) -> dict[str, Entry]:
    """Their entries, with what only we changed as we have it.

    A file of ours takes the place of a folder of theirs, and the other way round: that conflict is not ours to judge.
    """
    merged = dict(theirs)
    taken = [path for path in ours.keys() | before.keys() if theirs.get(path) == before.get(path) != ours.get(path)]
    for path in sorted(taken, key=lambda path: (path in ours, path)):
        if path not in ours:
            merged.pop(path, None)
            continue
        above = [str(folder) for folder in PurePosixPath(path).parents if str(folder) in merged]
        below = [other for other in merged if other.startswith(f"{path}/")] if path not in theirs else []
        for other in (*above, *below):
            del merged[other]
        merged[path] = ours[path]
    return merged
