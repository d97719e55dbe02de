"""What git says of the past: one function for each question."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from checker.source.git import GitFailed
from checker.source.repository import FILE_MODES, Repository

# How GitHub, GitLab and Bitbucket name the pull request in the subject of the commit that lands it.
_PULL_REQUEST = re.compile(
    r"\(#(\d{1,9})\)$|^Merge pull request #(\d{1,9}) |\(pull request #(\d{1,9})\)|^Merged PR (\d{1,9}):"
)
# Whatever the user's configuration has `git log` do besides: check signatures, follow a file, recode, colour.
LOG = ("-c", "log.follow=false", "log", "--no-show-signature", "--encoding=UTF-8", "--no-color")
COMMIT_FORMAT = "%H%x00%P%x00%aN%x00%aI%x00%cN%x00%cI%x00%s"
"""What `Commit.read` takes, for git's --format."""


def moment(date: str) -> dt.datetime:
    """The moment of a date as git writes it. Old tools wrote zones that there are not (-7200): those count as UTC."""
    try:
        return dt.datetime.fromisoformat(date)
    except ValueError:
        return dt.datetime.fromisoformat(date[:19]).replace(tzinfo=dt.UTC)


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


@dataclass(frozen=True)
class FileChange:
    """What a commit makes of a file: its blob before and after; None where it is not there."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Touch:
    """A commit and what it changes of the files that were asked for; a merge, what it changes of its first parent."""

    commit: Commit
    changes: tuple[FileChange, ...]
    trailers: tuple[str, ...] = ()
    """The values of the trailer that was asked for."""


def literal(paths: Iterable[str]) -> list[str]:
    """Pathspecs for files and folders of these names, whatever characters they have, from anywhere in the repository."""
    return [f":(top,literal){path}" if path != "." else ":(top)" for path in paths]


def first_parent_line(repository: Repository, tip: str, since: str | None = None) -> tuple[str, ...]:
    """The commits that `tip` has, and `since` has not, each the first parent of the one before it."""
    span = [tip, *([f"^{since}"] if since else [])]
    return tuple(repository.run("rev-list", "--first-parent", *span, "--").split())


def touches(repository: Repository, tip: str, since: str | None, paths: Sequence[str], trailer: str) -> list[Touch]:
    """Every commit that `tip` has, and `since` has not, and that touches the paths; the newest first."""
    # Side branches too: who wrote a script that a merge brought, they alone say.
    output = repository.run_bytes(
        *LOG,
        "--full-history",
        "--diff-merges=first-parent",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "-z",
        f"--format={COMMIT_FORMAT}%x00%(trailers:key={trailer},valueonly,unfold)%x00",
        tip,
        *([f"^{since}"] if since else []),
        "--",
        *literal(paths),
    )
    # No field can hold a NUL, whatever an author or a file is called.
    fields = iter(output.decode("utf-8", "surrogateescape").split("\0"))
    found, commit, values, changes = list[Touch](), None, "", list[FileChange]()
    for field in fields:
        text = field.lstrip("\n")
        if text.startswith(":"):
            changes.append(_file_change(text, next(fields)))
        elif text:
            if commit:
                found.append(Touch(commit, tuple(changes), _lines(values)))
            commit, values, changes = Commit.read([text, *islice(fields, 6)]), next(fields), []
    return [*found, Touch(commit, tuple(changes), _lines(values))] if commit else found


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _file_change(facts: str, path: str) -> FileChange:
    before_mode, mode, before, after, _ = facts[1:].split(" ")
    return FileChange(path, before if before_mode in FILE_MODES else None, after if mode in FILE_MODES else None)


def renames(repository: Repository, commit: str) -> Iterator[tuple[str, str]]:
    """(old path, new path) of each file that a commit moved, beside its first parent."""
    options = ("-r", "-z", "-M", "--diff-filter=R", "--name-status")
    output = repository.run_bytes("diff-tree", *options, f"{commit}^1", commit).decode("utf-8", "surrogateescape")
    fields = output.split("\0")
    yield from zip(fields[1::3], fields[2::3], strict=False)


def last_before(repository: Repository, tip: str, date: str) -> str | None:
    """The newest commit of the first-parent line that was committed before a date; None where there is none."""
    return repository.run("rev-list", "-1", "--first-parent", f"--before={date}", tip, "--") or None


@dataclass(frozen=True)
class Ref:
    """A branch or the like, and the commit at its tip."""

    name: str
    tip: str


def unmerged(repository: Repository, trunk: str, space: str) -> list[Ref]:
    """The refs below `space` that `trunk` does not have whole, without that prefix, the newest first. Of several on one
    commit, one."""
    form = "--format=%(objectname)%00%(refname)%00%(symref)"
    listed = repository.run("for-each-ref", f"--no-merged={trunk}", "--sort=-committerdate", form, space)
    found: dict[str, Ref] = {}
    for line in listed.splitlines():
        tip, name, symref = line.split("\0")
        if not symref:
            found.setdefault(tip, Ref(name.removeprefix(f"{space}/"), tip))
    return list(found.values())


def additions(
    repository: Repository, tips: Iterable[str], trunk: str, paths: Sequence[str]
) -> Iterator[tuple[str, FileChange]]:
    """(commit, file) for each file below the paths that a commit added which one of the tips has, and `trunk` has not."""
    revisions = (
        "".join(f"{tip}\n" for tip in tips) + f"^{trunk}\n--\n" + "".join(f"{path}\n" for path in literal(paths))
    )
    options = ("--full-history", "--raw", "--no-abbrev", "--no-renames", "--diff-filter=A", "-z", "--format=%H")
    output = repository.run_bytes(*LOG, *options, "--stdin", fed=revisions.encode("utf-8", "surrogateescape"))
    fields = iter(output.decode("utf-8", "surrogateescape").split("\0"))
    commit = ""
    for field in fields:
        text = field.lstrip("\n")
        if text.startswith(":"):
            yield commit, _file_change(text, next(fields))
        elif text:
            commit = text


def beyond(repository: Repository, tips: Iterable[str], trunk: str) -> list[tuple[str, list[str]]]:
    """The commits that one of the tips has, and `trunk` has not, each with its parents: parents before children."""
    revisions = "".join(f"{tip}\n" for tip in tips) + f"^{trunk}\n"
    output = repository.run("rev-list", "--topo-order", "--reverse", "--parents", "--stdin", fed=revisions.encode())
    return [(commit, parents) for commit, *parents in map(str.split, output.splitlines())]


def last_commit_with(
    repository: Repository, revision: str, folders: Sequence[str], tags: Sequence[str] = ()
) -> str | None:
    """The newest commit, on these tags or on any ref, that brought or took away a script of this revision id below the
    folders."""
    # Only the script's own `revision = ...` counts: the down_revision of another is what we come from.
    line = rf"""^revision(:[^=]*)?[[:space:]]*=[[:space:]]*["']{re.escape(revision)}["']"""
    return repository.run(*LOG, *(tags or ("--all",)), "-1", "--format=%h", "-G", line, "--", *literal(folders)) or None


def last_seen(repository: Repository, revision: str, folders: Sequence[str]) -> str | None:
    """As last_commit_with, for a hint and nothing else: None as well where git cannot read its history."""
    with suppress(GitFailed):
        return last_commit_with(repository, revision, folders)
    return None


def released(repository: Repository, revision: str, folders: Sequence[str], pattern: str) -> bool:
    """Whether the history of a tag that matches the pattern has a script of this revision id below the folders.

    True as well where that cannot be known: in a shallow clone that has no such tag.
    """
    tags = repository.run("tag", "--list", "--format=%(refname)", "--", pattern).split()
    if not tags:
        return repository.is_shallow()
    parts = (tags[start : start + 200] for start in range(0, len(tags), 200))  # a command line has a longest length
    return any(last_commit_with(repository, revision, folders, part) for part in parts)


def trailers(repository: Repository, key: str, base: str, head: str) -> list[tuple[str, str]]:
    """(commit, value) of each trailer of that key in the commits that `head` has and `base` has not; in a shallow clone
    they are fetched, as far as that goes."""
    repository.deepen_until(lambda: _reaches(repository, base, head))
    form = f"--format=%H%x00%(trailers:key={key},valueonly,unfold)%x00"
    output = repository.run(*LOG, form, f"{base}..{head}", "--")
    fields = output.split("\0")
    return [
        (commit.strip(), value)
        for commit, values in zip(fields[::2], fields[1::2], strict=False)
        for value in _lines(values)
    ]


def _reaches(repository: Repository, base: str, head: str) -> bool:
    """Whether all commits that `head` has and `base` has not are here."""
    return not repository.boundary & set(repository.run("rev-list", f"{base}..{head}", "--").split())
