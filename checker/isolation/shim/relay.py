"""Carries connections out of a network namespace: from a listening socket inside to one address outside."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import NoReturn

CHUNK = 1 << 18


def relay(lifeline: int, listener: int, host: str, port: int) -> NoReturn:
    """Connect each client of `listener` with host:port (a host with a slash is a Unix socket's folder); until the
    lifeline closes.
    """
    inside = socket.socket(fileno=listener)
    threading.Thread(target=_serve, args=(inside, host, port), daemon=True).start()
    os.read(lifeline, 1)
    os._exit(0)


def _serve(inside: socket.socket, host: str, port: int) -> None:
    while True:
        client, _ = inside.accept()
        try:
            server = _connect(host, port)
        except OSError:
            client.close()
            continue
        for one, other in ((client, server), (server, client)):
            with contextlib.suppress(OSError):  # a Unix socket has no such option
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_carry, args=(one, other), daemon=True).start()


def _connect(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    one = socket.socket(socket.AF_UNIX)
    one.connect(f"{host}/.s.PGSQL.{port}")
    return one


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Each way is a thread of its own: with one for both, two ends that both write would wait for each other."""
    buffer = bytearray(CHUNK)
    with contextlib.suppress(OSError):
        while size := source.recv_into(buffer):
            target.sendall(memoryview(buffer)[:size])
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
