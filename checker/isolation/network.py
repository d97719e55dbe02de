"""A network namespace in which one server answers and nothing else does."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from types import TracebackType
from typing import Self

from checker.isolation import shim

_SECONDS = 10.0


class NoNamespace(Exception):
    """This system does not let us have a network namespace; the text says why."""


class Network:
    """An open network namespace. A context manager: leaving it ends the relays; the namespace goes with its last process.

    `descriptors`: of the network namespace and, where one had to be made for it, of the user namespace.
    """

    def __init__(self) -> None:
        """Make it. Raises NoNamespace."""
        if sys.platform != "linux":
            raise NoNamespace(f"{sys.platform} has no network namespaces")
        self._relays: list[tuple[subprocess.Popen[bytes], int]] = []
        self._owner, theirs = socket.socketpair()
        self._owner.settimeout(_SECONDS)
        self.descriptors: tuple[int, ...] = ()
        with theirs:
            self._holder = _start("network", str(theirs.fileno()), pass_fds=[theirs.fileno()])
        self.descriptors = self._answer()

    def lead(self, host: str, port: int) -> int:
        """Let 127.0.0.1 answer in the namespace as `host` does outside; the port that it answers on, `port` itself if it
        may be.
        """
        inside = port if port >= 1024 else port + 40_000
        self._owner.sendall(f"127.0.0.1 {inside}".encode())
        (listener,) = self._answer()
        lifeline, ours = os.pipe()
        try:
            process = _start("relay", str(lifeline), str(listener), host, str(port), pass_fds=[lifeline, listener])
        finally:
            os.close(lifeline)
            os.close(listener)
        self._relays.append((process, ours))
        return inside

    def close(self) -> None:
        """End the relays. Idempotent."""
        self._owner.close()
        for process, lifeline in self._relays:
            os.close(lifeline)
            process.wait()
        self._relays.clear()
        self._holder.wait()
        for descriptor in self.descriptors:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.descriptors = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self) -> tuple[int, ...]:
        try:
            text, descriptors, _, _ = socket.recv_fds(self._owner, 4096, 4)
        except OSError as error:
            text, descriptors = str(error).encode(), []
        if text != b"ready":
            self.close()
            raise NoNamespace(text.decode("utf-8", "replace").removeprefix("error ") or "the namespace's owner ended")
        return tuple(descriptors)


def _start(task: str, *arguments: str, pass_fds: list[int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", shim.FOLDER, task, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=pass_fds,
        cwd="/",
        env={},
        start_new_session=True,
    )
