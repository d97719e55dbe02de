"""What git says: one method for each question.

Nothing of the user's is touched: what has to be written to answer (the tree of the work tree, the result of a merge)
goes to an object folder of our own, with the repository's as its alternate. Every list is asked for with `-z`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from checker import temporary
from checker.errors import RepositoryError
from checker.gitpython import InvalidGitRepositoryError, NoSuchPathError, Repo
from checker.source.fetching import Fetcher
from checker.source.git import Git, GitFailed, last_line, split_batch

USUAL = ("main", "master", "trunk", "develop")
FILE_MODES = frozenset({"100644", "100755"})
# Why `rev-parse --verify --quiet` ends with 128, and not with 1, for what is not there: a reflog that is too short, a
# branch without upstream, and a commit that a partial clone asks its remote for in vain.
_NO_SUCH_COMMIT = re.compile(
    r"only has \d+ entries|no upstream configured|no such branch|HEAD does not point to a branch|promisor remote|not our ref"
)
EMPTY_TREES = (
    "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
)
"""The id of a tree without entries, with SHA-1 and with SHA-256."""


@dataclass(frozen=True)
class Entry:
    """What a tree has at a path: a file, a symbolic link or a submodule."""

    mode: str
    name: str
    """Of the blob; of a submodule, its commit."""


class Repository:
    """An open repository. A context manager: leaving it removes what was written to answer."""

    def __init__(self, repo: Repo, environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._repo = repo
        self._environ = environ
        self._tell = tell
        self._git = Git(Path(repo.working_dir or repo.git_dir))
        self.scratch = temporary.new_folder("git")
        """A folder of our own, gone with this object."""
        objects = Path(repo.common_dir) / "objects"
        # A hook that runs before a push is accepted has its objects in a quarantine folder: keep it in sight.
        alternates = [
            environ.get("GIT_OBJECT_DIRECTORY"),
            environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES"),
            str(objects),
        ]
        (self.scratch / "objects").mkdir()
        self._objects = {
            "GIT_OBJECT_DIRECTORY": str(self.scratch / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(path for path in alternates if path),
        }
        self._git.set(
            GIT_DIR=str(repo.git_dir),
            **self._objects,
            GIT_OPTIONAL_LOCKS="0",
            GIT_TERMINAL_PROMPT="0",
        )
        self.root: Path | None = None if self._is_bare() else Path(repo.working_dir)
        """The work tree's top folder; None for a bare repository."""
        if self.root:
            self._git.set(GIT_WORK_TREE=str(self.root))

    def _is_bare(self) -> bool:
        """The first question. Raises RepositoryError where what answers is no git."""
        try:
            self._git.disarm()
            answer = self.run("rev-parse", "--is-bare-repository")
            if answer not in ("true", "false"):
                raise RepositoryError("the git on the PATH does not answer as git does", "Check what `git` runs.")
        except BaseException:
            self.close()
            raise
        return answer == "true"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End git's helper processes and remove our object folder."""
        self._git.close()
        self._repo.close()
        temporary.remove(self.scratch)

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, fed: bytes | None = None) -> str:
        """What git answers, without its last newline; `fed` is its standard input. Raises GitFailed where it fails."""
        return self._git.call(*arguments, env=env, fed=fed).expect(0).text

    def run_bytes(self, *arguments: str, fed: bytes | None = None) -> bytes:
        """As run, to the byte."""
        return self._git.call(*arguments, fed=fed).expect(0).output

    def ask(self, *arguments: str, no: Collection[int] = (1,), env: Mapping[str, str] | None = None) -> str | None:
        """As run, but None where git ends with a status by which it says no to this question.

        Which statuses those are is git's documentation of the question: 128 is nearly always a failure, and no answer.
        """
        answer = self._git.call(*arguments, env=env).expect(0, *no)
        return answer.text if answer.status == 0 else None

    def try_run(self, *arguments: str, statuses: Collection[int]) -> tuple[int, str, str]:
        """git's exit status, what it answers and what it complains of. Raises GitFailed for another status than these."""
        answer = self._git.call(*arguments).expect(*statuses)
        return answer.status, answer.text, answer.message

    # --- commits and refs

    def resolve(self, ref: str) -> str:
        """The commit that a ref stands for, fetched if it is missing. Raises RepositoryError for one that is nowhere."""
        found = self.find_anywhere(ref)
        if found is None and not self.find("HEAD") and not self.run("for-each-ref", "--count=1"):
            raise RepositoryError("this repository has no commits yet", "Commit the migrations first.")
        if found is None:
            problem = f"git knows no commit called '{ref}'"
            raise RepositoryError(problem, f"Fetch it first, or name another ref.{self._too_shallow()}")
        return found

    def find_anywhere(self, ref: str) -> str | None:
        """The commit that a ref stands for, fetched if it is missing; None for one that is nowhere."""
        return self.find(ref) or self._obtain(ref)

    def _too_shallow(self) -> str:
        if not self.is_shallow():
            return ""
        return " This clone is shallow: fetch more of the history (`fetch-depth: 0` for actions/checkout)."

    def find(self, ref: str) -> str | None:
        """The commit that a ref stands for, or None."""
        answer = self._git.call("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        if answer.status == 1 or (answer.status == 128 and _NO_SUCH_COMMIT.search(answer.message)):
            return None
        return answer.expect(0).text

    def parents(self, commit: str) -> tuple[str, ...]:
        """The parents' ids, as the commit itself says: a shallow clone does not have them, and knows them."""
        header = self.run("cat-file", "commit", commit).partition("\n\n")[0]
        return tuple(line.removeprefix("parent ") for line in header.splitlines() if line.startswith("parent "))

    # --- what is not here

    @property
    def boundary(self) -> frozenset[str]:
        """The commits at which history is cut off in what has been fetched beside this shallow clone."""
        path = self._fetcher.boundary
        return frozenset(Path(path).read_text().split()) if path else frozenset()

    @cached_property
    def _fetcher(self) -> Fetcher:
        here = self.root or Path(self._repo.git_dir)
        return Fetcher(self.scratch, here, self.ask, self._objects, self._environ, self._tell)

    @cached_property
    def remotes(self) -> tuple[str, ...]:
        """Their names: origin first, then that of the branch that is checked out."""
        branch = self.current_branch()
        mine = self.ask("config", "--get", f"branch.{branch}.remote") if branch else None
        names = self.run("remote").split()
        return tuple(sorted(names, key=lambda name: (name != "origin", name != mine, name)))

    def fetch_everything(self) -> Path | None:
        """Fetch all that the remotes have, with its whole history, beside this repository.

        The git directory that has their branches and tags as refs; None where not one remote could be asked.
        """
        answered = [remote for remote in self.remotes if self._fetcher.everything(remote)]
        if not answered:
            return None
        self._look_further()
        return self._fetcher.folder

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
        for remote in self.remotes:
            if ref.startswith(f"{remote}/"):
                return self._fetched_branch(remote, ref.removeprefix(f"{remote}/"))
        for remote in self.remotes:
            found = self.find(f"refs/remotes/{remote}/{ref}") or (
                self.is_shallow() and self._fetched_branch(remote, ref)
            )
            if found:
                return found
        return None

    def _fetched(self, commit: str) -> str | None:
        if not self.find(commit) and not any(self._fetcher.commit(remote, commit) for remote in self.remotes):
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
            self._git.set(GIT_SHALLOW_FILE=self._fetcher.boundary)

    @cached_property
    def _promised(self) -> tuple[str, ...]:
        """The remotes from which a partial clone gets what it has left out."""
        names = self.ask("config", "--get-regexp", "--name-only", r"^remote\..*\.promisor$") or ""
        return tuple(name.partition(".")[2].rpartition(".")[0] for name in names.splitlines())

    def _prefetch(self, blobs: Sequence[str]) -> None:
        """In a partial clone, have these files' contents in one go: git itself would fetch one after the other."""
        for remote in self._promised if blobs else ():
            self._fetcher.blobs(remote, blobs)

    def remote_refs(self, pattern: str) -> dict[str, str] | None:
        """The remote's refs of this pattern, each with its commit; None where the remote does not answer, {} without one."""
        for remote in self.remotes[:1]:
            return self._fetcher.listed(remote, pattern)
        return {}

    def obtain_all(self, commits: Iterable[str]) -> None:
        """Fetch those of the commits that are not here, in one go, with all of their history that the remote gives."""
        wanted = [commit for commit in commits if not self.find(commit)]
        for remote in self.remotes[:1] if wanted else ():
            self._fetcher.commits(remote, wanted)

    def is_cut_off(self, tip: str) -> bool:
        """Whether the history of a commit ends where a shallow clone was cut, and not where it began."""
        if not self.is_shallow():
            return False
        roots = self.run("rev-list", "--max-parents=0", tip, "--").split()
        return any(self.parents(root) for root in roots)

    def current_branch(self) -> str | None:
        """The branch that HEAD is on; None when detached."""
        return self.ask("symbolic-ref", "--quiet", "--short", "HEAD")

    def default_branch(self) -> str | None:
        """The ref of the branch that pull requests go to: the remote's default branch, else a local one.

        None in a repository that has no branch but the one that is checked out. Raises RepositoryError where there are
        several, and nothing tells which it is.
        """
        for remote in self.remotes:
            head = self.ask("symbolic-ref", "--quiet", f"refs/remotes/{remote}/HEAD")
            candidates = [head] if head else []
            candidates += [f"refs/remotes/{remote}/{name}" for name in USUAL]
            for candidate in candidates:
                if self.find(candidate):
                    return candidate.removeprefix("refs/remotes/")
        for remote in self.remotes:
            name = self._fetcher.default_branch(remote)
            if name:
                return f"{remote}/{name}"
        return self._local_default()

    def _local_default(self) -> str | None:
        local = self.run("for-each-ref", "--format=%(refname:short)", "refs/heads/").splitlines()
        configured = self.ask("config", "--get", "init.defaultBranch")
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
        return self.run("rev-parse", "--is-shallow-repository") == "true"

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor; None where there is none. A history that is too shallow to tell is fetched.

        Raises RepositoryError where it cannot be.
        """
        self.deepen_until(lambda: bool(self.ask("merge-base", one, other)))
        found = self.ask("merge-base", one, other)
        if not found and self.is_shallow():
            raise RepositoryError(
                f"this clone is too shallow to tell where {one[:10]} and {other[:10]} parted",
                "Fetch the whole history: `fetch-depth: 0` for actions/checkout, or `git fetch --unshallow`.",
            )
        return found.splitlines()[0] if found else None

    def deepen_until(self, enough: Callable[[], bool]) -> None:
        """In a shallow clone, fetch more and more of history until it is enough, or there is no more to be had."""
        for remote in self.remotes if self.is_shallow() and not enough() else ():
            for _ in self._fetcher.deepen(remote):
                self._look_further()
                if enough():
                    return

    def tree_of(self, commit: str) -> str:
        """The tree of a commit."""
        return self.run("rev-parse", "--verify", f"{commit}^{{tree}}")

    # --- trees and blobs

    def entries(self, tree: str, folders: Sequence[str] = ()) -> dict[str, Entry]:
        """Everything in a tree that is no folder, or in these folders of it, by its path from the repository's root."""
        output = self.run_bytes("ls-tree", "-r", "-z", "--full-tree", tree, "--", *folders)
        found = {}
        for record in output.split(b"\0")[:-1]:
            facts, _, path = record.partition(b"\t")
            mode, _, name = facts.decode().split(" ")
            found[path.decode("utf-8", "surrogateescape")] = Entry(mode, name)
        if not output.endswith(b"\0") and (output or (not folders and self.tree_of(tree) not in EMPTY_TREES)):
            raise RepositoryError(f"git did not list the whole tree {tree[:10]}", "Run this again.")
        return found

    def files(self, tree: str, folders: Sequence[str] = ()) -> dict[str, str]:
        """Every regular file of a tree, or of these folders in it: its path from the repository's root, and its blob."""
        return {path: one.name for path, one in self.entries(tree, folders).items() if one.mode in FILE_MODES}

    def read(self, blob: str) -> bytes:
        """The content of a blob. Raises RepositoryError where it is not here and cannot be fetched."""
        try:
            content = self._git.read(blob)
        except GitFailed as error:
            raise self._missing(blob, 1, error.message) if self._promised else error from None
        if content is None:
            raise self._missing(blob, 1)
        return content

    def read_all(self, blobs: Sequence[str], *, missing_ok: bool = False) -> dict[str, bytes]:
        """The contents of many blobs by one git: asking for one after the other waits for it each time.

        Raises RepositoryError where some are not here and cannot be fetched, unless `missing_ok`: then they are left out.
        """
        self._prefetch(blobs)
        fed = "".join(f"{blob}\n" for blob in blobs).encode()
        answer = self._git.call("cat-file", "--batch", "--buffer", fed=fed)
        if answer.status == 128 and self._promised:  # what a partial clone lacks, and its remote does not give
            raise self._missing("", len(blobs), answer.message)
        found = split_batch(answer.expect(0), blobs)
        missing = [blob for blob in blobs if blob not in found]
        if missing and not missing_ok:
            raise self._missing(missing[0], len(missing))
        return found

    def _missing(self, blob: str, count: int, message: str = "") -> RepositoryError:
        """What to say of contents that a partial clone has left out, or that are lost."""
        what = f"the file content {blob[:10]}" if blob else "the content of files"
        more = f" and {count - 1} more" if blob and count > 1 else ""
        reason = f" ({last_line(message)})" if message else ""
        if self._promised:
            return RepositoryError(
                f"this partial clone lacks {what}{more}, and the remote does not provide it{reason}",
                "Check that the remote can be reached, or clone without `--filter`.",
            )
        return RepositoryError(
            f"the repository lacks {what}{more}{reason}", "`git fsck` says what is damaged; make a new clone."
        )

    def export(self, tree: str, folder: Path, paths: Sequence[str] | None = None) -> None:
        """Write a tree's files below `folder`, as a checkout would: all, or those that are named."""
        env = {"GIT_INDEX_FILE": str(self.scratch / f"export-{folder.name}"), "GIT_WORK_TREE": str(folder)}
        self.run("read-tree", tree, env=env)
        prefix = f"--prefix={folder}/"
        if paths is None:
            self.run("checkout-index", "--all", "--force", "--quiet", prefix, env=env)
        for start in range(0, len(paths or ()), 200):  # a command line has a longest length
            self.run("checkout-index", "--force", "--quiet", prefix, "--", *(paths or ())[start : start + 200], env=env)
        absent = [path for path in (self.files(tree) if paths is None else paths) if not os.path.lexists(folder / path)]
        if absent:
            raise RepositoryError(
                f"git wrote {absent[0]} and {len(absent) - 1} other files of {tree[:10]} nowhere", "Run this again."
            )


def open_repository(path: Path, environ: Mapping[str, str], tell: Callable[[str], None] = lambda _: None) -> Repository:
    """The repository that `path` lies in; `tell` hears of what has to be fetched.

    Raises RepositoryError where there is none, or no git.
    """
    try:
        repo = Repo(path, search_parent_directories=True)
    except (InvalidGitRepositoryError, NoSuchPathError):
        raise RepositoryError(
            f"{path} is not in a git repository", "Run this inside the repository whose migrations you want checked."
        ) from None
    return Repository(repo, environ, tell)
