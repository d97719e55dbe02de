"""Fetching what a shallow or partial clone lacks, into a repository of our own beside the user's.

A fetch into the user's repository would move its shallow boundary, its FETCH_HEAD and its remote-tracking branches. Ours
borrows its objects, its boundary and what its configuration says of remotes and credentials.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from checker.source.git import TIMED_OUT, Answer, Git

# What of the user's own configuration a fetch needs: where to, by which way, and who we are.
_NEEDED = re.compile(
    r"(remote|http|https|credential|url|protocol|ssh)\..+|core\.sshcommand|extensions\.partialclone", re.I
)
_PROGRAMS = re.compile(r"remote\..+\.(uploadpack|receivepack|vcs)", re.I)
_STEPS = (50, 200, 1000)
_SECONDS, _SECONDS_TO_LIST = 600, 60
_NO = (1, 128, TIMED_OUT)
"""The statuses by which a fetch says that the remote refuses, is out of reach, or is too slow."""
_FEW = 1000
"""How many pull requests are fetched without being named."""


class Fetcher:
    """Fetches from the remotes of one repository. `objects` is what its objects are found by: git's variables for it."""

    def __init__(
        self,
        folder: Path,
        here: Path,
        ask: Callable[..., str | None],
        objects: Mapping[str, str],
        environ: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        self.folder = folder / "fetch.git"
        """Our own git directory."""
        self._ask = ask
        self._tell = tell
        self._git = Git(here)  # a remote's path may be relative
        self._git.set(**objects, GIT_TERMINAL_PROMPT="0")
        if not environ.get("GIT_ASKPASS"):
            self._git.set(GIT_ASKPASS="true")  # nobody is there to answer
        if not environ.get("GIT_SSH_COMMAND") and not ask("config", "--get", "core.sshCommand"):
            self._git.set(GIT_SSH_COMMAND="ssh -oBatchMode=yes")
        self._start()

    def _start(self) -> None:
        form = self._ask("rev-parse", "--show-object-format") or "sha1"
        init = ("init", "--quiet", "--bare", "--template=", f"--object-format={form}", str(self.folder))
        self._git.call(*init).expect(0)
        self._git.set(GIT_DIR=str(self.folder))
        self._git.configure(self._configuration())
        boundary = Path(self._ask("rev-parse", "--path-format=absolute", "--git-path", "shallow") or "")
        if boundary.is_file():
            shutil.copyfile(boundary, self.folder / "shallow")

    def _configuration(self) -> Iterator[tuple[str, str]]:
        """By environment and not by file: a token stays in memory."""
        listed = self._ask("config", "--list", "--includes", "--local", "-z") or ""
        for entry in listed.split("\0"):
            name, _, value = entry.partition("\n")
            if _NEEDED.fullmatch(name) and not _PROGRAMS.fullmatch(name):
                yield name, value

    @property
    def boundary(self) -> str:
        """The file that says where history is cut off; "" where it no longer is."""
        path = self.folder / "shallow"
        return str(path) if path.is_file() and path.stat().st_size else ""

    def commit(self, remote: str, sha: str) -> bool:
        """Fetch a commit by its id. Whether that went well."""
        self._tell(f"fetching {sha[:10]} from {remote}")
        return self._fetch(*self._depth(), remote, sha)

    def commits(self, remote: str, wants: Sequence[str]) -> bool:
        """Fetch many commits by their ids, with their history. Whether that went well."""
        self._tell(f"fetching {len(wants)} commits from {remote}")
        return self._fetch(remote, *wants)

    def listed(self, remote: str, pattern: str) -> dict[str, str] | None:
        """The remote's refs of this pattern and their commits; None where it does not answer."""
        self._tell(f"asking {remote} for {pattern}")
        answer = self._remote("ls-remote", "--", remote, pattern)
        if answer.status:
            return None
        lines = (line.partition("\t") for line in answer.text.splitlines())
        return {name: commit for commit, tab, name in lines if tab}

    def branch(self, remote: str, name: str) -> str | None:
        """The commit at the tip of a remote's branch, fetched; None where there is none, or no way to it."""
        self._tell(f"fetching {name} from {remote}")
        if not self._fetch(*self._depth(), remote, f"refs/heads/{name}"):
            return None
        return (self.folder / "FETCH_HEAD").read_text().split()[0]

    def default_branch(self, remote: str) -> str | None:
        """What the remote's HEAD is called; None where it does not say."""
        self._tell(f"asking {remote} for its default branch")
        answer = self._remote("ls-remote", "--symref", "--", remote, "HEAD")
        found = re.match(r"ref: refs/heads/(.+)\tHEAD", answer.text)
        return found[1] if found else None

    def deepen(self, remote: str) -> Iterator[None]:
        """Make history longer with each step until it is whole; ends early where the remote does not give it."""
        for step in (*_STEPS, None):
            wants = Path(self.boundary).read_text().split() if self.boundary else []
            if not wants:
                return
            self._tell(f"fetching {step} more commits from {remote}" if step else f"fetching all history from {remote}")
            if not self._fetch(f"--deepen={step}" if step else "--unshallow", remote, *wants):
                return
            yield

    def everything(self, remote: str) -> bool:
        """Fetch all branches and tags of a remote with their whole history, and its pull requests where they are few.

        Whether the remote could be asked.
        """
        self._tell(f"fetching all branches and tags of {remote}")
        refs = (f"+refs/heads/*:refs/remotes/{remote}/*", "+refs/tags/*:refs/tags/*")
        whole = ("--unshallow",) if self.boundary else ()
        if not self._fetch(*whole, remote, *refs):
            return False
        listed = self._remote("ls-remote", "--", remote, "refs/pull/*/head").text
        if listed and listed.count("\n") < _FEW:
            self._tell(f"fetching the pull requests of {remote}")
            self._fetch(remote, "+refs/pull/*/head:refs/pull/*/head")
        return True

    def blobs(self, remote: str, wants: Sequence[str]) -> bool:
        """Fetch these files' contents in one go."""
        return self._fetch("--filter=blob:none", "--stdin", remote, fed="".join(f"{want}\n" for want in wants).encode())

    def _depth(self) -> tuple[str, ...]:
        return ("--depth=1",) if self.boundary else ()

    def _fetch(self, *arguments: str, fed: bytes | None = None) -> bool:
        return self._remote("fetch", "--quiet", "--no-tags", *arguments, fed=fed).status == 0

    def _remote(self, *arguments: str, fed: bytes | None = None) -> Answer:
        """Ask a remote, which may say no (1), be out of reach (128) or take longer than we wait.

        Raises GitFailed where git ended otherwise: that is no answer of the remote's.
        """
        seconds = _SECONDS_TO_LIST if arguments[0] == "ls-remote" else _SECONDS
        return self._git.call(*arguments, fed=fed, seconds=seconds).expect(0, *_NO)
