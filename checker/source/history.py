"""What git says of the past: one function for each question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from checker.source.repository import Repository

# How GitHub, GitLab and Bitbucket name the pull request in the subject of the commit that lands it.
_PULL_REQUEST = re.compile(r"\(#(\d+)\)$|^Merge pull request #(\d+) |\(pull request #(\d+)\)|^Merged PR (\d+):")
COMMIT_FORMAT = "%H%x00%P%x00%aN%x00%aI%x00%cN%x00%cI%x00%s"
"""What `Commit.read` takes, for git's --format."""


@dataclass(frozen=True)
class Commit:
    """A commit as its header says it. Dates are ISO 8601, with the zone that they were written in."""

    id: str
    parents: tuple[str, ...]
    author: str
    author_date: str
    committer: str
    date: str
    """When it was committed: for one that was merged or rebased by a forge, when it landed."""
    subject: str

    @classmethod
    def read(cls, fields: Sequence[str]) -> Commit:
        """From the seven fields of COMMIT_FORMAT."""
        commit, parents, author, author_date, committer, date, subject = fields
        return cls(commit, tuple(parents.split()), author, author_date, committer, date, subject)

    @property
    def pull_request(self) -> int | None:
        """The number of the pull request that it landed, where its subject says so."""
        found = _PULL_REQUEST.search(self.subject)
        return int(next(group for group in found.groups() if group)) if found else None


def last_commit_with(
    repository: Repository, revision: str, folders: Sequence[str], tags: Sequence[str] = ()
) -> str | None:
    """The newest commit, on these tags or on any ref, that brought or took away a script of this revision id below the
    folders."""
    # Only the script's own `revision = ...` counts: the down_revision of another is what we come from.
    line = rf"""^revision(:[^=]*)?[[:space:]]*=[[:space:]]*["']{re.escape(revision)}["']"""
    found = repository.ask("log", *(tags or ("--all",)), "-1", "--format=%h", "-G", line, "--", *folders)
    return found or None


def released(repository: Repository, revision: str, folders: Sequence[str], pattern: str) -> bool:
    """Whether the history of a tag that matches the pattern has a script of this revision id below the folders.

    True as well where that cannot be known: in a shallow clone that has no such tag.
    """
    tags = (repository.ask("tag", "--list", "--format=%(refname)", "--", pattern) or "").split()
    if not tags:
        return repository.is_shallow()
    parts = (tags[start : start + 200] for start in range(0, len(tags), 200))  # a command line has a longest length
    return any(last_commit_with(repository, revision, folders, part) for part in parts)


def trailers(repository: Repository, key: str, base: str, head: str) -> list[tuple[str, str]]:
    """(commit, value) of each trailer of that key in the commits that `head` has and `base` has not; in a shallow clone
    they are fetched, as far as that goes."""
    repository.deepen_until(lambda: _reaches(repository, base, head))
    form = f"--format=%H%x00%(trailers:key={key},valueonly,unfold)%x00"
    output = repository.ask("log", form, f"{base}..{head}", "--") or ""
    fields = output.split("\0")
    return [
        (commit.strip(), value.strip())
        for commit, values in zip(fields[::2], fields[1::2], strict=False)
        for value in values.splitlines()
        if value.strip()
    ]


def _reaches(repository: Repository, base: str, head: str) -> bool:
    """Whether all commits that `head` has and `base` has not are here."""
    return not repository.boundary & set((repository.ask("rev-list", f"{base}..{head}", "--") or "").split())
