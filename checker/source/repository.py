"""What git says: one method for each question.

Nothing of the user's is touched: what has to be written to answer (the tree of the work tree, the result of a merge)
goes to an object folder of our own, with the repository's as its alternate. Every list is asked for with `-z`.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from git import Git, Repo
from git.exc import CommandError, GitCommandNotFound, InvalidGitRepositoryError, NoSuchPathError

from checker.errors import RepositoryError
from checker.source.fetching import Fetcher

# What git sets for its hooks and what would make our commands look at another index than the repository's.
HOOK_VARIABLES = ("GIT_INDEX_FILE", "GIT_PREFIX", "GIT_REFLOG_ACTION", "GIT_EXEC_PATH", "GIT_EDITOR")
USUAL = ("main", "master", "trunk", "develop")
UNRELATED = ("--allow-unrelated-histories",)
OUR_KINDS = (".py", ".ini", ".toml", ".mako")
FILE_MODES = frozenset({"100644", "100755"})
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


class Repository:
    """An open repository. A context manager: leaving it removes what was written to answer."""

    def __init__(self, repo: Repo, environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._repo = repo
        self._environ = environ
        self._tell = tell
        self._git: Git = repo.git
        self._scratch = Path(tempfile.mkdtemp(prefix="alembic-premerge-git-"))
        objects = Path(repo.common_dir) / "objects"
        # A hook that runs before a push is accepted has its objects in a quarantine folder: keep it in sight.
        alternates = [
            environ.get("GIT_OBJECT_DIRECTORY"),
            environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES"),
            str(objects),
        ]
        (self._scratch / "objects").mkdir()
        self._objects = {
            "GIT_OBJECT_DIRECTORY": str(self._scratch / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(path for path in alternates if path),
        }
        self._git.update_environment(
            GIT_DIR=str(repo.git_dir),
            **self._objects,
            GIT_OPTIONAL_LOCKS="0",
            GIT_TERMINAL_PROMPT="0",
            LC_ALL="C",
        )
        bare = self._ask("rev-parse", "--is-bare-repository") == "true"
        self.root: Path | None = None if bare else Path(repo.working_dir)
        """The work tree's top folder; None for a bare repository."""
        if self.root:
            self._git.update_environment(GIT_WORK_TREE=str(self.root))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End git's helper processes and remove our object folder."""
        self._repo.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _run(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        output: str = self._git.execute(
            ["git", *arguments], env=env and dict(env), strip_newline_in_stdout=True, with_exceptions=True
        )
        return output

    def _ask(self, *arguments: str) -> str | None:
        """As _run, but None where git says no."""
        try:
            return self._run(*arguments)
        except CommandError:
            return None

    # --- commits and refs

    def resolve(self, ref: str) -> str:
        """The commit that a ref stands for, fetched if it is missing. Raises RepositoryError for one that is nowhere."""
        found = self.find(ref) or self._obtain(ref)
        if found is None:
            problem = f"git knows no commit called '{ref}'"
            raise RepositoryError(problem, f"Fetch it first, or name another ref.{self._too_shallow()}")
        return found

    def _too_shallow(self) -> str:
        if not self.is_shallow():
            return ""
        return " This clone is shallow: fetch more of the history (`fetch-depth: 0` for actions/checkout)."

    def find(self, ref: str) -> str | None:
        """The commit that a ref stands for, or None."""
        return self._ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")

    def parents(self, commit: str) -> tuple[str, ...]:
        """The parents' ids, as the commit itself says: a shallow clone does not have them, and knows them."""
        header = (self._ask("cat-file", "commit", commit) or "").partition("\n\n")[0]
        return tuple(line.removeprefix("parent ") for line in header.splitlines() if line.startswith("parent "))

    # --- what is not here

    @cached_property
    def _fetcher(self) -> Fetcher:
        here = self.root or Path(self._repo.git_dir)
        return Fetcher(self._scratch, here, self._ask, self._objects, self._environ, self._tell)

    @cached_property
    def _remotes(self) -> tuple[str, ...]:
        """Of the branch that is checked out first, and origin before all others."""
        branch = self.current_branch()
        mine = self._ask("config", f"branch.{branch}.remote") if branch else None
        names = (self._ask("remote") or "").split()
        return tuple(sorted(names, key=lambda name: (name != "origin", name != mine, name)))

    def _obtain(self, ref: str) -> str | None:
        """The commit of a ref that is not here: another's parent, a remote's branch, or an id."""
        child = re.fullmatch(r"(.+)\^([1-9]?)", ref)
        if child:
            commit = self.find(child[1])
            parents = self.parents(commit) if commit else ()
            number = int(child[2] or 1)
            return self._fetched(parents[number - 1]) if number <= len(parents) else None
        if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", ref):
            return self._fetched(ref)
        for remote in self._remotes:
            if ref.startswith(f"{remote}/"):
                return self._fetched_branch(remote, ref.removeprefix(f"{remote}/"))
        for remote in self._remotes:
            found = self.find(f"refs/remotes/{remote}/{ref}") or (
                self.is_shallow() and self._fetched_branch(remote, ref)
            )
            if found:
                return found
        return None

    def _fetched(self, commit: str) -> str | None:
        if not self.find(commit) and not any(self._fetcher.commit(remote, commit) for remote in self._remotes):
            return None
        self._look_further()
        return self.find(commit)

    def _fetched_branch(self, remote: str, name: str) -> str | None:
        found = self._fetcher.branch(remote, name)
        self._look_further()
        return self.find(found) if found else None

    def _look_further(self) -> None:
        """See history as far as it has been fetched."""
        if self.is_shallow():
            self._git.update_environment(GIT_SHALLOW_FILE=self._fetcher.boundary)

    @cached_property
    def _promised(self) -> tuple[str, ...]:
        """The remotes from which a partial clone gets what it has left out."""
        names = self._ask("config", "--get-regexp", "--name-only", r"^remote\..*\.promisor$") or ""
        return tuple(name.partition(".")[2].rpartition(".")[0] for name in names.splitlines())

    def _prefetch(self, blobs: Sequence[str]) -> None:
        """In a partial clone, have these files' contents in one go: git itself would fetch one after the other."""
        for remote in self._promised if blobs else ():
            self._fetcher.blobs(remote, blobs, self._scratch / "wanted")

    def current_branch(self) -> str | None:
        """The branch that HEAD is on; None when detached."""
        return self._ask("symbolic-ref", "--quiet", "--short", "HEAD")

    def default_branch(self) -> str | None:
        """The ref of the branch that pull requests go to: the remote's default branch, else a local one.

        None in a repository that has no branch but the one that is checked out. Raises RepositoryError where there are
        several, and nothing tells which it is.
        """
        for remote in self._remotes:
            head = self._ask("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
            candidates = [head] if head else []
            candidates += [f"refs/remotes/{remote}/{name}" for name in USUAL]
            for candidate in candidates:
                if self.find(candidate):
                    return candidate.removeprefix("refs/remotes/")
        for remote in self._remotes:
            name = self._fetcher.default_branch(remote)
            if name:
                return f"{remote}/{name}"
        return self._local_default()

    def _local_default(self) -> str | None:
        local = (self._ask("for-each-ref", "--format=%(refname:short)", "refs/heads/") or "").splitlines()
        configured = self._ask("config", "init.defaultBranch")
        for name in (configured, *USUAL):
            if name in local:
                return name
        others = [name for name in local if name != self.current_branch()]
        if not others:
            return None
        if len(local) == 1:
            return local[0]
        raise RepositoryError(
            f"which branch this would be merged into cannot be told (there are {', '.join(local[:10])})",
            "Name it with --base.",
        )

    def is_shallow(self) -> bool:
        """Whether history was cut off when this repository was cloned."""
        return self._ask("rev-parse", "--is-shallow-repository") == "true"

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor; None where there is none. A history that is too shallow to tell is fetched.

        Raises RepositoryError where it cannot be.
        """
        found = self._ask("merge-base", one, other)
        for remote in self._remotes if self.is_shallow() else ():
            for _ in () if found else self._fetcher.deepen(remote):
                self._look_further()
                found = self._ask("merge-base", one, other)
                if found:
                    break
        if not found and self.is_shallow():
            raise RepositoryError(
                f"this clone is too shallow to tell where {one[:10]} and {other[:10]} parted",
                "Fetch the whole history: `fetch-depth: 0` for actions/checkout, or `git fetch --unshallow`.",
            )
        return found.splitlines()[0] if found else None

    def tree_of(self, commit: str) -> str:
        """The tree of a commit."""
        return self._run("rev-parse", "--verify", f"{commit}^{{tree}}")

    # --- what would be merged

    def work_tree_commit(self) -> str:
        """A commit with the work tree's content; HEAD when all is clean.

        Of untracked files only those of OUR_KINDS: a database dump that lies about is not read. Ignored ones are left out.
        """
        head = self.find("HEAD")
        index = self._scratch / "index"
        own_index = Path(self._run("rev-parse", "--path-format=absolute", "--git-path", "index"))
        if own_index.is_file():
            shutil.copyfile(own_index, index)  # its cached times keep `add` from reading every file
            shutil.copystat(own_index, index)
        env = {"GIT_INDEX_FILE": str(index)}
        try:
            self._run("-c", "core.safecrlf=false", "add", "--update", "--", ":/", env=env)
            self._add_untracked(env)
            tree = self._run("write-tree", env=env)
        except CommandError as error:
            raise RepositoryError(
                f"git cannot read the work tree: {_last_line(error)}", "Mend that, or name a commit with --head."
            ) from None
        if head and tree == self.tree_of(head):
            return head
        parents = ("-p", head) if head else ()
        return self._run("commit-tree", tree, *parents, "-m", "work tree", env=OURSELVES)

    def _add_untracked(self, env: Mapping[str, str]) -> None:
        kinds = [f":(top,glob)**/*{kind}" for kind in OUR_KINDS]
        listed = self._run("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", *kinds, env=env)
        if listed:
            names = self._scratch / "untracked"
            names.write_text(listed, "utf-8", "surrogateescape")
            with names.open("rb") as istream:
                self._git.execute(["git", "update-index", "--add", "-z", "--stdin"], istream=istream, env=dict(env))

    def merge(self, base: str, head: str) -> Merge:
        """What merging `head` into `base` gives, without touching anything.

        Where git is older than 2.38, a trivial three-way merge by file; where the text of a file conflicts, `head`'s
        side of it stands in the tree and its path in `conflicts`.
        """
        if base in self.parents(head):
            return Merge(self.tree_of(head))
        common = self.merge_base(base, head)
        if common == base:
            return Merge(self.tree_of(head))
        if common == head:
            return Merge(self.tree_of(base))
        status, output, message = self._git.execute(
            ["git", "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", *UNRELATED, base, head],
            with_extended_output=True,
            with_exceptions=False,
        )
        if status == 0:
            return Merge(str(output).rstrip("\0"))
        if status == 1:
            conflicts = tuple(part for part in str(output).split("\0")[1:] if part)
            return Merge(self._merge_by_file(common, base, head), conflicts)
        if common is None:
            raise RepositoryError(f"git cannot merge: {message}", "Name a base that shares history with the head.")
        return self._merge_by_file_with_conflicts(common, base, head)

    def _merge_by_file_with_conflicts(self, common: str, base: str, head: str) -> Merge:
        sides = [self.files(commit) for commit in (common, base, head)]
        conflicts = tuple(path for path in sorted(set().union(*sides)) if len({side.get(path) for side in sides}) == 3)
        return Merge(self._merge_by_file(common, base, head), conflicts)

    def _merge_by_file(self, common: str | None, base: str, head: str) -> str:
        """The tree in which every file is the side that changed it, and `head`'s side where both did."""
        before = self.files(common) if common else {}
        ours, theirs = self.files(base), self.files(head)
        env = {"GIT_INDEX_FILE": str(self._scratch / "merge-index")}
        self._run("read-tree", head, env=env)
        taken = [
            f"100644 {ours[path]}\t{path}\0" if path in ours else f"0 {'0' * len(head)}\t{path}\0"
            for path in sorted(ours.keys() | before.keys(), key=lambda path: (path in ours, path))
            if theirs.get(path) == before.get(path) != ours.get(path)
        ]
        # One git for all: a base that went on by a thousand files would be a thousand processes. Read so, a file where
        # the other side has a folder takes its place instead of stopping us: that conflict is not ours to judge.
        listed = self._scratch / "merge-info"
        listed.write_bytes("".join(taken).encode("utf-8", "surrogateescape"))
        with listed.open("rb") as istream:
            self._git.execute(["git", "update-index", "-z", "--index-info"], istream=istream, env=env)
        return self._run("write-tree", env=env)

    # --- trees and blobs

    def files(self, tree: str) -> dict[str, str]:
        """Every regular file of a tree: its path from the repository's root, and its blob."""
        output: bytes = self._git.execute(
            ["git", "ls-tree", "-r", "-z", "--full-tree", tree], stdout_as_string=False, strip_newline_in_stdout=False
        )
        found = {}
        for record in output.split(b"\0"):
            if record[:6].decode() in FILE_MODES:
                facts, _, path = record.partition(b"\t")
                found[path.decode("utf-8", "surrogateescape")] = facts.split(b" ")[2].decode()
        return found

    def read(self, blob: str) -> bytes:
        """The content of a blob."""
        data: bytes = self._git.get_object_data(blob)[3]
        return data

    def read_all(self, blobs: Sequence[str]) -> dict[str, bytes]:
        """The contents of many blobs by one git: asking for one after the other waits for it each time."""
        self._prefetch(blobs)
        listed = self._scratch / "wanted"
        listed.write_text("".join(f"{blob}\n" for blob in blobs))
        with listed.open("rb") as istream:
            output: bytes = self._git.execute(
                ["git", "cat-file", "--batch", "--buffer"],
                istream=istream,
                stdout_as_string=False,
                strip_newline_in_stdout=False,
            )
        found, at = {}, 0
        while at < len(output):
            end = output.index(b"\n", at)
            blob, *facts = output[at:end].decode().split(" ")
            size = int(facts[1]) if len(facts) == 2 else None  # else it is "missing"
            if size is not None:
                found[blob] = output[end + 1 : end + 1 + size]
            at = end + 1 + (0 if size is None else size + 1)
        return found

    def export(self, tree: str, folder: Path, paths: Sequence[str] | None = None) -> None:
        """Write a tree's files below `folder`, as a checkout would: all, or those that are named."""
        env = {"GIT_INDEX_FILE": str(self._scratch / f"export-{folder.name}"), "GIT_WORK_TREE": str(folder)}
        self._run("read-tree", tree, env=env)
        prefix = f"--prefix={folder}/"
        if paths is None:
            self._run("checkout-index", "--all", "--force", "--quiet", prefix, env=env)
            return
        for start in range(0, len(paths), 200):  # a command line has a longest length
            self._run("checkout-index", "--force", "--quiet", prefix, "--", *paths[start : start + 200], env=env)

    # --- history

    def last_commit_with(self, revision: str, folders: Sequence[str], tags: Sequence[str] = ()) -> str | None:
        """The newest commit, on these tags or on any ref, that brought or took away a script of this revision id below the
        folders."""
        # Only the script's own `revision = ...` counts: the down_revision of another is what we come from.
        line = rf"""^revision(:[^=]*)?[[:space:]]*=[[:space:]]*["']{re.escape(revision)}["']"""
        found = self._ask("log", *(tags or ("--all",)), "-1", "--format=%h", "-G", line, "--", *folders)
        return found or None

    def released(self, revision: str, folders: Sequence[str], pattern: str) -> bool:
        """Whether the history of a tag that matches the pattern has a script of this revision id below the folders.

        True as well where that cannot be known: in a shallow clone that has no such tag.
        """
        tags = (self._ask("tag", "--list", "--format=%(refname)", "--", pattern) or "").split()
        if not tags:
            return self.is_shallow()
        parts = (tags[start : start + 200] for start in range(0, len(tags), 200))  # a command line has a longest length
        return any(self.last_commit_with(revision, folders, part) for part in parts)

    def trailers(self, key: str, base: str, head: str) -> list[tuple[str, str]]:
        """(commit, value) of each trailer of that key in the commits that `head` has and `base` has not."""
        form = f"--format=%H%x00%(trailers:key={key},valueonly,unfold)%x00"
        output = self._ask("log", form, f"{base}..{head}", "--") or ""
        fields = output.split("\0")
        return [
            (commit.strip(), value.strip())
            for commit, values in zip(fields[::2], fields[1::2], strict=False)
            for value in values.splitlines()
            if value.strip()
        ]


def open_repository(path: Path, environ: Mapping[str, str], tell: Callable[[str], None] = lambda _: None) -> Repository:
    """The repository that `path` lies in; `tell` hears of what has to be fetched.

    Raises RepositoryError where there is none, or no git.
    """
    try:
        return Repository(Repo(path, search_parent_directories=True), environ, tell)
    except (InvalidGitRepositoryError, NoSuchPathError):
        raise RepositoryError(
            f"{path} is not in a git repository", "Run this inside the repository whose migrations you want checked."
        ) from None
    except GitCommandNotFound:
        raise RepositoryError("there is no git on this machine", "Install git.") from None
    except CommandError as error:
        raise RepositoryError(f"git cannot read {path}: {_last_line(error)}", "Mend what git says there.") from None


def _last_line(error: CommandError) -> str:
    lines = str(error.stderr).strip().strip("'").strip().splitlines()
    return lines[-1].strip() if lines else f"git ended with status {error.status}"
