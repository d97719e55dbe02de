"""Running git. An answer is taken only from a git that ended as that question lets it end: one that died says nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO

from checker.errors import RepositoryError

COMMAND = "git"
LONGEST = 600.0
"""Seconds that any call may take; it is then killed."""
PROTOCOLS = "file:http:https:ssh"
"""How a remote may be reached: `ext::` runs a program that the address names, and `git://` one that core.gitProxy names."""
# What a checkout's own configuration could have git run. It is not the user's: whatever ran in the job before could write it.
QUIET: tuple[tuple[str, str], ...] = (
    ("core.fsmonitor", "false"),
    ("core.hooksPath", os.devnull),
    ("core.alternateRefsCommand", "true"),
    ("diff.external", ""),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
)
"""Set for every call."""
_RUNS_PROGRAMS = (
    (re.compile(r"filter\..+\.(clean|smudge|process)"), ""),
    (re.compile(r"filter\..+\.required"), "false"),
    (re.compile(r"diff\..+\.(textconv|command)"), ""),
    (re.compile(r"merge\..+\.driver"), "git merge-file --quiet %A %O %B"),  # as git itself merges a text
    (re.compile(r"remote\..+\.(uploadpack|receivepack)"), "git-upload-pack"),
    (re.compile(r"remote\..+\.vcs"), ""),
)
"""Settings that have any name in the middle, each with a harmless value."""
SILENCE = 600.0
"""For how many seconds an object is waited for: a partial clone may have to fetch it."""
TIMED_OUT = 124
"""The status of a git that took longer than it was given, as that of timeout(1)."""


class GitFailed(RepositoryError):
    """A git process ended in a way that is no answer: by a signal, or with a status that the question does not have."""

    def __init__(self, command: str, status: int, message: str) -> None:
        self.status = status
        self.message = last_line(message)
        said = f": {self.message}" if self.message else ""
        super().__init__(
            f"`git {command}` {_ended(status)}{said}",
            "Run this again. If it fails the same way, `git fsck` says whether the repository is intact.",
        )


@dataclass(frozen=True)
class Answer:
    """What a git process left behind. The status is negative where a signal ended it."""

    command: str
    status: int
    output: bytes
    message: str

    @property
    def text(self) -> str:
        """The output without its last newline."""
        return self.output.decode("utf-8", "surrogateescape").removesuffix("\n")

    def expect(self, *statuses: int) -> Answer:
        """Itself. Raises GitFailed where it ended with another status than these."""
        if self.status not in statuses:
            raise GitFailed(self.command, self.status, self.message)
        return self


class Git:
    """git in one folder, with variables of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environ = {"LC_ALL": "C", "LANGUAGE": "C", "GIT_ALLOW_PROTOCOL": PROTOCOLS, "GIT_PAGER": "cat"}
        self._settings = list(QUIET)
        self._reader: ObjectReader | None = None

    def configure(self, settings: Iterable[tuple[str, str]]) -> None:
        """Give every git from now on these settings, before those of any file."""
        self._settings += settings
        self.close()

    def disarm(self) -> None:
        """Replace what the repository's own configuration would have git run. The user's own is the user's."""
        listed = self.call("config", "--list", "--name-only", "--show-scope", "--includes", "-z").expect(0).text
        words = listed.split("\0")
        names = {name for scope, name in zip(words[::2], words[1::2], strict=False) if scope in ("local", "worktree")}
        self.configure((name, safe) for name in sorted(names) for kind, safe in _RUNS_PROGRAMS if kind.fullmatch(name))

    def set(self, **environ: str) -> None:
        """Give every git from now on these variables."""
        self._environ |= environ
        self.close()  # a reader that runs already would not see them

    def call(
        self,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        fed: bytes | None = None,
        seconds: float = LONGEST,
    ) -> Answer:
        """Run git to its end; `fed` is its standard input. After so many `seconds` it is killed, with all that it started."""
        process = self._start(arguments, env or {})
        try:
            output, message = process.communicate(fed or b"", seconds)
        except subprocess.TimeoutExpired:
            _kill(process)
            process.communicate()
            return Answer(_command(arguments), TIMED_OUT, b"", f"it took longer than {seconds:.0f} s")
        except BaseException:
            _kill(process)
            raise
        return Answer(_command(arguments), process.returncode, output, message.decode("utf-8", "replace"))

    def _start(self, arguments: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [COMMAND, *arguments],
                cwd=self._folder,
                env={**self._variables(), **env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that what it starts can be ended with it
            )
        except FileNotFoundError:
            raise RepositoryError("there is no git on this machine", "Install git.") from None
        except OSError as error:
            raise RepositoryError(f"git cannot be run: {error.strerror}", "Check the git on the PATH.") from None

    def _variables(self) -> dict[str, str]:
        """git's whole environment, with the settings after those that the user's environment has."""
        start = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
        given = {"GIT_CONFIG_COUNT": str(start + len(self._settings))}
        for number, (key, value) in enumerate(self._settings, start):
            given |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return {**os.environ, **self._environ, **given}

    def read(self, name: str) -> bytes | None:
        """The content of an object; None where the repository does not have it. One process answers for many."""
        self._reader = self._reader or ObjectReader(self._folder, self._variables())
        return self._reader.read(name)

    def close(self) -> None:
        """End the process that reads objects."""
        if self._reader:
            self._reader.close()
            self._reader = None


class ObjectReader:
    """A `git cat-file --batch` that stays: asking a new process for each object takes longer than reading it."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        # What it complains of goes to a file: nobody empties a pipe while it answers.
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed with this object)
        self._process = subprocess.Popen(
            [COMMAND, "cat-file", "--batch"],
            cwd=folder,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            start_new_session=True,
        )

    def read(self, name: str) -> bytes | None:
        """The content; None where it is not there. Raises GitFailed where the process ended before the whole answer."""
        clock = Timer(SILENCE, _kill, [self._process])
        clock.start()
        try:
            return self._read(name)
        finally:
            clock.cancel()

    def _read(self, name: str) -> bytes | None:
        asked, answered = self._pipes()
        try:
            asked.write(f"{name}\n".encode())
            asked.flush()
        except BrokenPipeError:
            raise self._failure() from None
        size = content_size(answered.readline())
        if size is None:
            return None
        content = answered.read(size + 1) if size >= 0 else b""
        if not content or len(content) != size + 1:
            raise self._failure()
        return content[:-1]

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdin
        assert self._process.stdout
        return self._process.stdin, self._process.stdout

    def _failure(self) -> GitFailed:
        self.close()
        return GitFailed("cat-file --batch", self._process.returncode, self._message)

    def close(self) -> None:
        """End the process."""
        if self._complaints.closed:
            return
        for pipe in self._pipes():
            try:
                pipe.close()
            except BrokenPipeError:
                continue
        self._process.wait()
        self._complaints.seek(0)
        self._message = self._complaints.read().decode("utf-8", "replace")
        self._complaints.close()


def content_size(header: bytes) -> int | None:
    """How many bytes follow a header of cat-file --batch; None where the object is missing, -1 where it is no header."""
    words = header.split()
    if header.endswith(b"\n") and words[1:] == [b"missing"]:
        return None
    whole = header.endswith(b"\n") and len(words) == 3 and words[2].isdigit()
    return int(words[2]) if whole else -1


def split_batch(answer: Answer, names: Collection[str]) -> dict[str, bytes]:
    """The objects in the output of cat-file --batch that are there, by name. Raises GitFailed where an answer is missing."""
    found, output, at = dict[str, bytes](), answer.output, 0
    for name in names:
        end = output.find(b"\n", at) + 1
        size = content_size(output[at:end]) if end else -1
        if size is None:
            at = end
            continue
        if size < 0 or len(output) <= end + size:
            raise GitFailed(answer.command, answer.status, "its output was cut short")
        found[name] = output[end : end + size]
        at = end + size + 1
    return found


def _kill(process: subprocess.Popen[bytes]) -> None:
    """With the helpers that a fetch starts where it has a session of its own: they hold its pipes open."""
    try:
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        process.kill()


def _command(arguments: Sequence[str]) -> str:
    """What was asked, in a word: an option's value or a commit says nothing to a reader."""
    options = iter(arguments)
    for word in options:
        if word == "-c":
            next(options, None)
        elif not word.startswith("-"):
            return word
    return "?"


def _ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by the signal {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by the signal {-status}"


def last_line(message: str) -> str:
    """The last of what git said."""
    lines = message.strip().splitlines()
    return lines[-1].strip() if lines else ""
