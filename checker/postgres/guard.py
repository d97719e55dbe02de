"""Our end of the supervisor: folders and programs that go when we go, however that happens."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Self

from checker import temporary
from checker.postgres import supervisor

_SECONDS_TO_STOP = 30
_ENVIRONMENT = (
    *("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "XDG_RUNTIME_DIR"),
    *("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONFIG", "DOCKER_CONTEXT"),
)
"""What the supervisor needs. It has no secret in its environment, which other processes of this account can read."""


@dataclass(frozen=True)
class Account:
    """Whom a program runs as, where that is not ourselves."""

    user: int
    group: int


class Guard:
    """Owns temporary folders and running programs through a small process that outlives us.

    That process holds the other end of a pipe of ours: when the pipe closes, by close() or by our death, it stops the
    programs and removes the folders. As a context manager it closes only when the block fails.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd="/",
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            start_new_session=True,  # Ctrl-C in the terminal is for us: PostgreSQL goes when the work has ended
        )
        self._statuses: Queue[int] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._folders: list[Path] = []
        for place in temporary.places():
            self._send({"sweep": str(place)})

    def new_folder(self, place: Path, account: Account | None) -> Path:
        """A private temporary folder, `account`'s where there is one."""
        folder = temporary.new_folder("postgres", place)
        self._folders.append(folder)
        self._send({"folder": str(folder)})
        if account:
            os.chown(folder, account.user, account.group)
        return folder

    def run(self, argv: list[str], log: Path, cwd: Path, env: Mapping[str, str], account: Account | None) -> None:
        """Start a program; what it writes is appended to `log`."""
        self._send(
            {
                "argv": argv,
                "log": str(log),
                "cwd": str(cwd),
                "env": dict(env),
                "user": account.user if account else None,
                "group": account.group if account else None,
            }
        )

    def run_last(self, argv: list[str] | None) -> None:
        """What to run when all else has stopped; None takes it back."""
        self._send({"last": argv})

    def exited(self, seconds: float) -> int | None:
        """The exit status of a program that has ended and was not asked for yet; None when none does in that time."""
        try:
            return self._statuses.get(timeout=seconds)
        except Empty:
            return None

    def close(self) -> None:
        """Stop the programs and remove the folders. Idempotent."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        for folder in self._folders:
            temporary.remove(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.close()

    def _send(self, message: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        print(json.dumps(message), file=self._process.stdin, flush=True)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._statuses.put(int(line))
