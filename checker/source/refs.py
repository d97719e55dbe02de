"""What git says of refs, and of how a commit came to a branch: one function for each question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from checker.source.history import COMMIT_FORMAT, LOG, Commit, literal
from checker.source.repository import Repository


@dataclass(frozen=True)
class Tip:
    """A ref and the commit at its end."""

    ref: str
    """In full: refs/heads/main."""
    commit: str
    date: str
    author: str


_TIP = "%(refname)%00%(objectname)%00%(*objectname)%00%(creatordate:iso-strict)%00%(authorname)%(*authorname)%00"


def tips(repository: Repository, having: str | None = None, git_dir: Path | None = None) -> tuple[Tip, ...]:
    """All refs, or those whose history has a commit, the newest first; with `git_dir` those of another repository."""
    wanted = (f"--contains={having}",) if having else ()
    env = {"GIT_DIR": str(git_dir)} if git_dir else None
    # 129: "no such commit", in the one of two repositories that has never heard of it
    no = (129,) if having else ()
    output = repository.ask("for-each-ref", "--sort=-creatordate", f"--format={_TIP}", *wanted, no=no, env=env) or ""
    fields = [field.lstrip("\n") for field in output.split("\0")]
    rows = zip(*(fields[start::5] for start in range(5)), strict=False)
    return tuple(Tip(ref, tagged or commit, date, author) for ref, commit, tagged, date, author in rows if ref)


def read_commit(repository: Repository, commit: str) -> Commit:
    """A commit's header."""
    fields = repository.run(*LOG, "-1", f"--format={COMMIT_FORMAT}", commit, "--").split("\0")
    return Commit.read(fields[:7])


def is_ancestor(repository: Repository, commit: str, of: str) -> bool:
    """Whether the history of `of` has the commit."""
    return repository.ask("merge-base", "--is-ancestor", commit, of) is not None


def landing(repository: Repository, commit: str, head: str) -> str:
    """The commit by which another came into the first line of `head`: a merge as a rule, or itself."""
    line = repository.run("rev-list", "--first-parent", head, f"^{commit}^@", "--").split()
    if commit in line:
        return commit
    through = set(repository.run("rev-list", "--ancestry-path", f"{commit}..{head}", "--").split())
    return next((one for one in reversed(line) if one in through), commit)


def merge_that_dropped(repository: Repository, head: str, paths: Sequence[str]) -> str | None:
    """The first merge in the history of `head` that left these files out though a parent of it had them."""
    walk = ("--merges", "-m", "--full-history", "--topo-order", "--no-renames", "--diff-filter=D")
    separately = ("-c", "log.diffMerges=separate")  # whatever -m means in the user's configuration
    form = ("--format=%H%x00", "--name-only")
    output = repository.run(*separately, *LOG, *walk, *form, head, "--", *literal(paths))
    found = re.findall(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40})(?=\0)", output)
    return found[-1] if found else None


def blobs_at(repository: Repository, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """The blobs of those of the files that a commit has."""
    output = repository.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *paths)
    records = (record.partition("\t") for record in output.split("\0") if record)
    return {path: facts.split(" ")[2] for facts, _, path in records}
