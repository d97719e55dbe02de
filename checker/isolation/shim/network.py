"""Makes a network namespace in which nothing answers but what is put there, and hands out its descriptors."""

from __future__ import annotations

import os
import socket

from checker.isolation.shim import kernel


def serve_namespace(descriptor: int) -> None:
    """Over the socket `descriptor`: one answer with the namespaces' descriptors (network, and user where one had to be
    made for it), or an error as text. Then for each HOST PORT that is sent: a listening socket inside. Ends with it.
    """
    with socket.socket(fileno=descriptor) as owner:
        try:
            kinds = _leave()
        except OSError as error:
            owner.sendall(f"error {error}".encode())
            return
        descriptors = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in kinds]
        socket.send_fds(owner, [b"ready"], descriptors)
        while request := owner.recv(4096):
            host, port = request.decode().split()
            with socket.create_server((host, int(port))) as listener:
                socket.send_fds(owner, [b"ready"], [listener.fileno()])


def _leave() -> list[str]:
    """Go into a new network namespace; without rights by way of a user namespace, in which we are whom we were."""
    if os.geteuid() == 0:
        kernel.unshare(kernel.CLONE_NEWNET)
        kernel.loopback_up()
        return ["net"]
    user, group = os.geteuid(), os.getegid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    kernel.loopback_up()
    return ["net", "user"]
