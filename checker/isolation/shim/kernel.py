"""What Linux offers to confine a process, called through the C library: the standard library has no names for it.

Every function raises OSError where the kernel refuses. Constants are those of the kernel's user-space headers
(prctl.h, sched.h, landlock.h, seccomp.h, capability.h), which never change once they are released.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import signal
import socket
import struct
from collections.abc import Iterable

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 1, 4, 22, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 36, 38, 47, 4
_SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1

# Landlock's three system calls have the same numbers on every architecture.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT, _LANDLOCK_VERSION = 444, 445, 446, 1
_RULE_PATH, _RULE_PORT = 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _MAKE_BLOCK, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 11, 1 << 14
_CONNECT_TCP = 1 << 1
_SCOPE_ABSTRACT_SOCKET, _SCOPE_SIGNAL = 1 << 0, 1 << 1

_C = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _prctl(option: int, *values: int) -> None:
    arguments = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
    _checked(_C.prctl(option, *arguments), f"prctl {option}")


def hide_from_processes() -> None:
    """Only root may read this process's memory, environment and descriptors."""
    _prctl(_PR_SET_DUMPABLE, 0)


def adopt_orphans() -> None:
    """Be the parent of every descendant whose own parent has ended."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Get this signal when `parent`, the process that forked this one, ends. A change of user takes this back."""
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it has ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name for new ones."""
    _checked(_C.unshare(flags), "unshare")


def enter(namespace: int, kind: int) -> None:
    """Go into the namespace behind a file descriptor."""
    _checked(_C.setns(namespace, kind), "setns")


def loopback_up() -> None:
    """Make 127.0.0.1 usable in a new network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16xH14x", fcntl.ioctl(one, _SIOCGIFFLAGS, request))[0]
        fcntl.ioctl(one, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def drop_capabilities() -> None:
    """Be root by name only: no capability, now or by running another program."""
    with contextlib.suppress(OSError):  # Linux before 4.3 has none
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    for capability in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError as error:
            if error.errno == errno.EINVAL:  # the kernel has no more of them
                break
            if error.errno != errno.EPERM:
                raise
    header = struct.pack("Ii", 0x20080522, 0)  # version 3, this process
    number = _SYS_CAPSET[platform.machine()]
    _checked(_C.syscall(number, header, bytes(24)), "capset")


def no_new_privileges() -> None:
    """No program that this process runs gets more rights than it has: sudo and the like do nothing."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def landlock_version() -> int:
    """The Landlock interface of this kernel; 0 where there is none."""
    return max(0, int(_C.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)))


def landlock(ports: Iterable[int] | None, hidden: Iterable[str], programs: Iterable[str] | None = None) -> None:
    """From here on (Linux 5.13) no process outside can be traced, nor its /proc entries be read; (6.7) TCP leads to
    `ports` only, where they are given; (6.12) no process outside gets a signal. Files below `hidden` can neither be
    read nor written. No program can be run but `programs`, where they are given.
    """
    version, hidden = landlock_version(), [os.path.realpath(path) for path in hidden]
    if not version:
        raise OSError(errno.ENOSYS, "this kernel has no Landlock")
    files = (_READ_FILE | _WRITE_FILE | (_TRUNCATE if version >= 3 else 0)) if hidden else _MAKE_BLOCK
    execute = 0 if programs is None else _EXECUTE
    network = _CONNECT_TCP if version >= 4 and ports is not None else 0
    scope = _SCOPE_ABSTRACT_SOCKET | _SCOPE_SIGNAL if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _checked(
        _C.syscall(
            _LANDLOCK_CREATE, struct.pack("QQQ", files | execute, network, scope)[:size], ctypes.c_size_t(size), 0
        ),
        "landlock_create_ruleset",
    )
    try:
        for port in ports or () if network else ():
            _rule(ruleset, _RULE_PORT, struct.pack("QQ", network, port))
        for path in _around(hidden) if hidden else ["/"]:
            _allow_files(ruleset, path, files)
        for path in programs or ():
            _allow_files(ruleset, path, execute)
        no_new_privileges()
        _checked(_C.syscall(_LANDLOCK_RESTRICT, ruleset, 0), "landlock_restrict_self")
    finally:
        os.close(ruleset)


def _rule(ruleset: int, kind: int, attribute: bytes) -> None:
    _checked(_C.syscall(_LANDLOCK_ADD, ruleset, kind, attribute, 0), "landlock_add_rule")


def _allow_files(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(OSError):  # gone meanwhile, or not for us anyway
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            _rule(ruleset, _RULE_PATH, struct.pack("=Qi", rights, place))
        finally:
            os.close(place)


def _around(hidden: list[str]) -> list[str]:
    """Everything there is but `hidden`, as few paths as possible: Landlock can allow a folder, and take nothing out."""
    found, folders = [], ["/"]
    while folders:
        folder = folders.pop()
        for entry in os.scandir(folder):
            if entry.is_symlink() or entry.path in hidden:  # what a link leads to is allowed where it really lies
                continue
            if any(one.startswith(entry.path + "/") for one in hidden):
                folders.append(entry.path)
            else:
                found.append(entry.path)
    return found


# --- seccomp: a program for the kernel's packet filter that looks at each system call

_ARCHITECTURES = {"x86_64": (0xC000003E, 41, 425), "aarch64": (0xC00000B7, 198, 425)}
"""The architecture's number, and those of the system calls socket and io_uring_setup."""
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000
_OTHER_ABI = 0x40000000  # x32's system calls


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def refuse_local_sockets() -> None:
    """No socket of the families AF_UNIX and AF_VSOCK can be opened: other servers of this machine listen there.

    socketpair() still serves, which asyncio needs. io_uring, which could open one past this, is refused as well.
    """
    architecture, opens, ring = _ARCHITECTURES[platform.machine()]
    refuse = _REFUSE | errno.EACCES
    steps = [
        (_LOAD, 0, 0, 4),  # the architecture
        (_EQUAL, 0, 7, architecture),
        (_LOAD, 0, 0, 0),  # the system call's number
        (_AT_LEAST, 5, 0, _OTHER_ABI),
        (_EQUAL, 4, 0, ring),
        (_EQUAL, 0, 4, opens),
        (_LOAD, 0, 0, 16),  # its first argument: the family
        (_EQUAL, 1, 0, socket.AF_UNIX),
        (_EQUAL, 0, 1, 40),  # AF_VSOCK
        (_RETURN, 0, 0, refuse),
        (_RETURN, 0, 0, _ALLOW),
    ]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(steps), ctypes.cast(buffer, ctypes.c_void_p))
    no_new_privileges()
    _checked(_C.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(2), ctypes.byref(program), 0, 0), "seccomp")
