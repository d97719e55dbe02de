from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from checker.postgres.docker_probe import find_daemon
from checker.postgres.interface import ProviderUnavailable


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b"HTTP/1.0 500 No\r\n\r\n", "is not a Docker daemon"), (None, "timed out")],
)
def test_a_daemon_that_is_not_well_costs_two_seconds_at_most(tmp_path: Path, answer: bytes | None, reason: str) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        thread = threading.Thread(target=_answer, args=(listener, answer))
        thread.start()
        begun = time.monotonic()
        with pytest.raises(ProviderUnavailable, match=reason):
            find_daemon({"DOCKER_HOST": f"unix://{path}"})
        assert time.monotonic() - begun < 10
        thread.join()


def test_nobody_listens_at_the_port() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        host = f"tcp://127.0.0.1:{one.getsockname()[1]}"
        with pytest.raises(ProviderUnavailable, match="no Docker daemon answers at tcp"):
            find_daemon({"DOCKER_HOST": host})


def _answer(listener: socket.socket, answer: bytes | None) -> None:
    connection, _ = listener.accept()
    with connection:
        if answer is not None:
            connection.sendall(answer)
        while connection.recv(1024):
            pass
