"""Runs one program, confined, and ends with it; whatever the program has started ends too."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
from typing import Any, NoReturn

from checker.isolation.shim import kernel


def supervise(lifeline: int, confinement: str, argv: list[str]) -> NoReturn:
    """Run `argv` until it ends or `lifeline` closes, and end as it did: with its exit status, or by its signal."""
    kernel.adopt_orphans()
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    parent, child = os.getpid(), os.fork()
    if child == 0:
        _become(argv, json.loads(confinement), parent, lifeline)
    _let_go_of_streams({lifeline, woken, wake})
    _end_as(_wait(child, lifeline, woken))


def become_confined(confinement: str, argv: list[str]) -> NoReturn:
    """Take every right away that is not needed, then be `argv`: signals for this process reach it."""
    parent = os.getppid()
    try:
        confine(json.loads(confinement))
        kernel.die_with_parent(parent, signal.SIGQUIT)  # PostgreSQL's immediate shutdown
        os.execv(argv[0], argv)
    except OSError as error:
        print(f"{argv[0]} could not be confined and started: {error.strerror or error}", file=sys.stderr, flush=True)
    os._exit(127)


def _become(argv: list[str], confinement: dict[str, Any], parent: int, lifeline: int) -> NoReturn:
    """In the child: take every right away that is not needed, then be the program."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(lifeline)
        confine(confinement)
        kernel.die_with_parent(parent)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which our Python ignores, and a program inherits
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"{argv[0]} could not be started: {error.strerror or error}", file=sys.stderr, flush=True)
    os._exit(127)


def confine(confinement: dict[str, Any]) -> None:
    """Apply the layers that the checker found to be possible here; their order matters."""
    for descriptor, kind in ((confinement["user_namespace"], kernel.CLONE_NEWUSER),
                             (confinement["network"], kernel.CLONE_NEWNET)):  # fmt: skip
        if descriptor is not None:
            kernel.enter(descriptor, kind)
            os.close(descriptor)
    if confinement["user"] is not None:
        os.setgroups([])
        os.setresgid(*[confinement["group"]] * 3)
        os.setresuid(*[confinement["user"]] * 3)
    elif os.geteuid() == 0 and confinement["drop_capabilities"]:
        kernel.drop_capabilities()
    kernel.no_new_privileges()
    if confinement["landlock"]:
        kernel.landlock(confinement["ports"], confinement["hidden"], confinement["programs"])
    if confinement["refuse_local_sockets"]:
        kernel.refuse_local_sockets()


def _let_go_of_streams(kept: set[int]) -> None:
    """Hold no end of the program's pipes: who reads them must see that they are closed."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))


def _wait(child: int, lifeline: int, woken: int) -> int:
    """The child's status, when it has ended or the lifeline has closed, and nothing of it runs any more."""
    poll = select.poll()
    poll.register(lifeline, select.POLLHUP | select.POLLIN)
    poll.register(woken, select.POLLIN)
    status = None
    while status is None:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if woken in ready:
            os.read(woken, 4096)
        status = _reap(child)
        if lifeline in ready:
            break
    return _end_all(child, status)


def _reap(child: int) -> int | None:
    """Take notice of all that has ended. The child's status, if it is among them."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            found = status if pid == child else found
    return found


def _end_all(child: int, status: int | None) -> int:
    """Kill the children until there is none: those of a killed one become ours, and are next."""
    while True:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            pid, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            return signal.SIGKILL if status is None else status
        status = ended if pid == child else status


def _children() -> list[int]:
    own, found = str(os.getpid()), []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                if file.read().rpartition(b")")[2].split()[1].decode() == own:
                    found.append(int(name))
    return found


def _end_as(status: int) -> NoReturn:
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if number:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the program may have left one; not the messenger
        signal.signal(number, signal.SIG_DFL) if number not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))
