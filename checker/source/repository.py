"""What git says: one method for each question.

Nothing of the user's is touched: what has to be written to answer (the tree of the work tree, the result of a merge)
goes to an object folder of our own, with the repository's as its alternate. Every list is asked for with `-z`.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from git import Git, Repo
from git.exc import CommandError, GitCommandNotFound, InvalidGitRepositoryError, NoSuchPathError

from checker.errors import RepositoryError
from checker.source.fetching import Fetcher

USUAL = ("main", "master", "trunk", "develop")
FILE_MODES = frozenset({"100644", "100755"})


class Repository:
    """An open repository. A context manager: leaving it removes what was written to answer."""

    def __init__(self, repo: Repo, environ: Mapping[str, str], tell: Callable[[str], None]) -> None:
        self._repo = repo
        self._environ = environ
        self._tell = tell
        self._git: Git = repo.git
        self.scratch = Path(tempfile.mkdtemp(prefix="alembic-premerge-git-"))
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
        self._git.update_environment(
            GIT_DIR=str(repo.git_dir),
            **self._objects,
            GIT_OPTIONAL_LOCKS="0",
            GIT_TERMINAL_PROMPT="0",
            LC_ALL="C",
        )
        bare = self.ask("rev-parse", "--is-bare-repository") == "true"
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
        shutil.rmtree(self.scratch, ignore_errors=True)

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, fed: bytes | None = None) -> str:
        """What git answers, without its last newline; `fed` is its standard input. Raises CommandError where it says no."""
        output: str = self._execute(arguments, env, fed)
        return output

    def try_run(self, *arguments: str) -> tuple[int, str, str]:
        """git's exit status, what it answers and what it complains of."""
        status, output, message = self._execute(arguments, None, None, with_extended_output=True, with_exceptions=False)
        return status, str(output), str(message)

    def run_bytes(self, *arguments: str, fed: bytes | None = None) -> bytes:
        """As run, to the byte."""
        output: bytes = self._execute(arguments, None, fed, stdout_as_string=False, strip_newline_in_stdout=False)
        return output

    def _execute(
        self, arguments: Sequence[str], env: Mapping[str, str] | None, fed: bytes | None, **options: Any
    ) -> Any:
        with tempfile.TemporaryFile(dir=self.scratch) as file:
            file.write(fed or b"")
            file.seek(0)
            return self._git.execute(["git", *arguments], env=env and dict(env), istream=file, **options)

    def ask(self, *arguments: str) -> str | None:
        """As run, but None where git says no."""
        try:
            return self.run(*arguments)
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
        return self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")

    def parents(self, commit: str) -> tuple[str, ...]:
        """The parents' ids, as the commit itself says: a shallow clone does not have them, and knows them."""
        header = (self.ask("cat-file", "commit", commit) or "").partition("\n\n")[0]
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
        mine = self.ask("config", f"branch.{branch}.remote") if branch else None
        names = (self.ask("remote") or "").split()
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
            self._git.update_environment(GIT_SHALLOW_FILE=self._fetcher.boundary)

    @cached_property
    def _promised(self) -> tuple[str, ...]:
        """The remotes from which a partial clone gets what it has left out."""
        names = self.ask("config", "--get-regexp", "--name-only", r"^remote\..*\.promisor$") or ""
        return tuple(name.partition(".")[2].rpartition(".")[0] for name in names.splitlines())

    def _prefetch(self, blobs: Sequence[str]) -> None:
        """In a partial clone, have these files' contents in one go: git itself would fetch one after the other."""
        for remote in self._promised if blobs else ():
            self._fetcher.blobs(remote, blobs, self.scratch / "wanted")

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
        roots = (self.ask("rev-list", "--max-parents=0", tip, "--") or "").split()
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
        local = (self.ask("for-each-ref", "--format=%(refname:short)", "refs/heads/") or "").splitlines()
        configured = self.ask("config", "init.defaultBranch")
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
        return self.ask("rev-parse", "--is-shallow-repository") == "true"

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

    def files(self, tree: str, folders: Sequence[str] = ()) -> dict[str, str]:
        """Every regular file of a tree, or of these folders in it: its path from the repository's root, and its blob."""
        found = {}
        for record in self.run_bytes("ls-tree", "-r", "-z", "--full-tree", tree, "--", *folders).split(b"\0"):
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
        output = self.run_bytes("cat-file", "--batch", "--buffer", fed="".join(f"{blob}\n" for blob in blobs).encode())
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
        env = {"GIT_INDEX_FILE": str(self.scratch / f"export-{folder.name}"), "GIT_WORK_TREE": str(folder)}
        self.run("read-tree", tree, env=env)
        prefix = f"--prefix={folder}/"
        if paths is None:
            self.run("checkout-index", "--all", "--force", "--quiet", prefix, env=env)
            return
        for start in range(0, len(paths), 200):  # a command line has a longest length
            self.run("checkout-index", "--force", "--quiet", prefix, "--", *paths[start : start + 200], env=env)


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
        raise RepositoryError(f"git cannot read {path}: {last_line(error)}", "Mend what git says there.") from None


def last_line(error: CommandError) -> str:
    """The last of what git said when it failed."""
    lines = str(error.stderr).strip().strip("'").strip().splitlines()
    return lines[-1].strip() if lines else f"git ended with status {error.status}"
