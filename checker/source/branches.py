"""The branches and pull requests that are open, and the scripts that each would bring."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from checker.findings import Skipped
from checker.source.collisions import OpenBranch
from checker.source.history import Ref, additions, beyond, unmerged
from checker.source.project import Environment
from checker.source.repository import Repository
from checker.source.script import Script, read_header
from checker.source.snapshot import SnapshotReader


def find_branches(
    repository: Repository, trunk: Ref, reader: SnapshotReader, environments: Sequence[Environment]
) -> tuple[Mapping[str, list[OpenBranch]], list[Skipped]]:
    """For each environment's path the branches that bring a script of it, the newest first; and what was not to be seen.

    The remote's branches as they were last fetched, the local ones where the trunk is one, and the pull requests that the
    remote has open.
    """
    space = "refs/remotes" if repository.find(f"refs/remotes/{trunk.name}") else "refs/heads"
    refs = unmerged(repository, trunk.tip, space)
    pulls, skipped = _pull_requests(repository, {ref.tip for ref in refs})
    merged = reader.files(repository.tree_of(trunk.tip))
    folders = sorted({folder for one in environments for folder in one.places})
    brought = _brought([*refs, *pulls], repository, trunk.tip, folders)
    scripts = {ref: list(_scripts(repository, ref, paths - merged.keys())) for ref, paths in brought.items()}
    found: dict[str, list[OpenBranch]] = {}
    for one in environments:
        own = {ref: [script for script in scripts[ref] if one.holds(script.path)] for ref in scripts}
        found[one.path] = [OpenBranch(ref.name, _by_revision(scripts)) for ref, scripts in own.items() if scripts]
    return found, skipped


def _brought(
    refs: Sequence[Ref], repository: Repository, trunk: str, folders: Sequence[str]
) -> dict[Ref, frozenset[str]]:
    """The files that each ref has added since it left the trunk. Two walks for all refs, of which there may be thousands."""
    tips = [ref.tip for ref in refs]
    added: dict[str, set[str]] = {}
    for commit, change in additions(repository, tips, trunk, folders) if tips else ():
        added.setdefault(commit, set()).add(change.path)
    has: dict[str, frozenset[str]] = {}
    for commit, parents in beyond(repository, tips, trunk) if added else ():
        own = [frozenset(added.get(commit, ())), *(has[parent] for parent in parents if has.get(parent))]
        has[commit] = frozenset[str]().union(*own) if any(own) else frozenset()
    return {ref: has[ref.tip] for ref in refs if has.get(ref.tip)}


def _scripts(repository: Repository, ref: Ref, paths: Collection[str]) -> Iterator[Script]:
    """Those of the files that are still there at the ref's tip."""
    files = repository.files(ref.tip, sorted(paths)) if paths else {}
    contents = repository.read_all(sorted(set(files.values())))
    for path, blob in sorted(files.items()):
        yield read_header(path, blob, contents.get(blob, b""))


def _by_revision(scripts: Iterable[Script]) -> dict[str, Script]:
    return {one.revision: one for one in scripts if one.revision is not None}


def _pull_requests(repository: Repository, known: set[str]) -> tuple[list[Ref], list[Skipped]]:
    """The open ones of the remote. GitHub keeps the heads of all that ever were, and offers to merge those that are open."""
    listed = repository.remote_refs("refs/pull/*")
    if listed is None:
        reason = "the remote does not answer; its branches are judged as they were last fetched"
        return [], [Skipped("the remote's pull requests", reason, wanted=False)]
    heads = {name.split("/")[2]: tip for name, tip in listed.items() if name.endswith("/head")}
    offered = {name.split("/")[2] for name in listed if name.endswith("/merge")}
    wanted = {number: tip for number, tip in heads.items() if (number in offered or not offered) and tip not in known}
    repository.obtain_all(wanted.values())
    return [Ref(f"#{number}", tip) for number, tip in wanted.items() if repository.find(tip)], []
