"""Which layers of confinement this system offers, and which of them a program is given."""

from __future__ import annotations

import json
import os
import platform
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from checker.isolation import shim
from checker.isolation.network import Network, NoNamespace
from checker.temporary import temporary_folder

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Address = TypeVar("Address", bound=DataclassInstance)

SECCOMP_MACHINES = ("x86_64", "aarch64")
_LANDLOCK_WITH_TCP = 4
_LOADERS = ("lib/ld-*.so*", "lib64/ld-*.so*", "lib/*/ld-*.so*")
"""What the kernel starts a dynamically linked program with."""
RUNNER_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
RUNNER_FOLDER = "_runner_file_commands"
"""Where the runner keeps them, and nothing else."""


@dataclass(frozen=True)
class Confinement:
    """What is taken from a program before it starts; by default nothing.

    Descriptors are those of open namespaces. `ports`: the TCP ports that it may connect to, None for all. `hidden`:
    folders and files that it can neither read nor write.
    """

    network: int | None = None
    user_namespace: int | None = None
    user: int | None = None
    group: int | None = None
    drop_capabilities: bool = False
    landlock: bool = False
    ports: tuple[int, ...] | None = None
    hidden: tuple[str, ...] = ()
    refuse_local_sockets: bool = False
    programs: tuple[str, ...] | None = None
    """The programs that it may run, with what loads them; None for all."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that the program's parent needs."""
        return tuple(one for one in (self.network, self.user_namespace) if one is not None)

    def layers(self) -> Mapping[str, object]:
        """As the shim reads it."""
        return dict(vars(self))


@dataclass(frozen=True)
class Account:
    """A user without rights that a worker may run as where we are root, and a home for it."""

    user: int
    group: int
    home: Path


@dataclass(frozen=True)
class Isolation:
    """What keeps a worker from all but its own database, on this system. The default is nothing."""

    confinement: Confinement = Confinement()
    place: tuple[str, int] | None = None
    """Host and port at which a worker finds the server, where that is another place than ours."""
    account: Account | None = None
    missing: tuple[str, ...] = ()
    """The layers that this system does not offer, in words."""

    def seen(self, address: Address) -> Address:
        """An address as a worker has to know it."""
        return replace(address, host=self.place[0], port=self.place[1]) if self.place else address

    def relaxed(self) -> Isolation:
        """With the network and the files of our own account: for a project that will not run without them. What other
        processes hold, and what is hidden, stays out of reach.
        """
        kept = Confinement(landlock=self.confinement.landlock, hidden=self.confinement.hidden)
        return Isolation(
            kept, missing=(*self.missing, "the network and the account: the project would not run without")
        )

    def for_program(
        self, paths: Iterable[Path], environ: Mapping[str, str], private: Path | None
    ) -> tuple[Confinement, Mapping[str, str]]:
        """Confinement and environment of a program that has to read these files: under the other account if that can,
        which is then given the folder `private` of ours.
        """
        account = self.account
        if account is None or not all(_may_read(account, path, private) for path in paths):
            return self.confinement, environ
        if private:
            os.chown(private, account.user, account.group)
        confinement = replace(self.confinement, user=account.user, group=account.group)
        return confinement, {**environ, "HOME": str(account.home)}


NO_ISOLATION = Isolation()


@cache
def landlock_version() -> int:
    """The version of Landlock that this kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    from checker.isolation.shim import kernel

    return kernel.landlock_version()


def hidden_paths(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The files by which a step of a GitHub job sets outputs, variables and summaries, for the steps after it too."""
    paths = (environ.get(name) for name in RUNNER_FILES)
    folders = {Path(path).parent if Path(path).parent.name == RUNNER_FOLDER else Path(path) for path in paths if path}
    return tuple(sorted(map(str, folders)))


@contextmanager
def isolate(host: str, port: int, hidden: Iterable[str] = ()) -> Iterator[Isolation]:
    """The isolation that this system offers for workers whose one server is at host:port (a host with a slash is the
    folder of a Unix socket) and which can neither read nor write what is `hidden`. What is not offered is not raised
    but listed.
    """
    missing: list[str] = []
    with ExitStack() as stack:
        network = None
        try:
            network = stack.enter_context(Network())
        except NoNamespace as error:
            missing.append(f"a network namespace ({error})")
        place = ("127.0.0.1", network.lead(host, port)) if network else None
        account = stack.enter_context(_worker_account())
        descriptors = network.descriptors if network else ()
        confinement = _confinement(descriptors, host, place[1] if place else port, hidden, missing)
        yield Isolation(confinement, place, account, tuple(missing))


def confine_server(program: Path, user: int | None, group: int | None) -> Confinement | None:
    """What is taken from a PostgreSQL server of ours: a migration is its superuser. It runs no program but itself, and
    opens no connection. None where this kernel cannot do that.
    """
    if landlock_version() < _LANDLOCK_WITH_TCP or platform.machine() not in SECCOMP_MACHINES:
        return None
    loaders = (path for pattern in _LOADERS for path in Path("/").glob(pattern))
    programs = dict.fromkeys(os.path.realpath(one) for one in (program, *loaders))
    return Confinement(
        user=user, group=group, landlock=True, ports=(), refuse_local_sockets=True, programs=tuple(programs)
    )


def confined(argv: Sequence[str], confinement: Confinement) -> list[str]:
    """The command that confines itself and then is `argv`, as the same process."""
    layers = json.dumps(confinement.layers())
    return [sys.executable, "-I", "-S", "-B", shim.FOLDER, "confine", layers, "--", *argv]


def _confinement(
    namespaces: tuple[int, ...], host: str, port: int, hidden: Iterable[str], missing: list[str]
) -> Confinement:
    linux, machine, version = sys.platform == "linux", platform.machine(), landlock_version()
    by_socket = host.startswith("/") and not namespaces
    filtered = linux and machine in SECCOMP_MACHINES
    if not version:
        missing.append("Landlock (Linux 5.13)")
    elif version < 4 and not namespaces:
        missing.append("a limit on TCP connections (Linux 6.7)")
    if not filtered:
        missing.append(f"a filter of system calls (for {sys.platform} on {machine})")
    return Confinement(
        network=namespaces[0] if namespaces else None,
        user_namespace=namespaces[1] if len(namespaces) > 1 else None,
        drop_capabilities=filtered and os.geteuid() == 0,
        landlock=version > 0,
        ports=None if by_socket else (port,),
        hidden=tuple(one for one in hidden if version and Path(one).exists()),
        refuse_local_sockets=filtered and not by_socket,
    )


@contextmanager
def _worker_account() -> Iterator[Account | None]:
    """An account without rights, other than the one that our PostgreSQL runs as; None where we are not root."""
    if sys.platform != "linux" or os.geteuid() != 0:
        yield None
        return
    import pwd

    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    nobody = names.get("nobody") if "postgres" in names else None
    taken = {entry.pw_uid for entry in names.values()}
    number = nobody.pw_uid if nobody else next(one for one in range(64_000, 65_000) if one not in taken)
    with temporary_folder("home") as home:
        account = Account(number, nobody.pw_gid if nobody else number, home)
        os.chown(home, account.user, account.group)
        yield account


def _may_read(account: Account, path: Path, private: Path | None) -> bool:
    """Whether the account may go to a file and read it, by its own path and by that which its links lead to."""
    for place in {Path(os.path.abspath(path)), Path(os.path.realpath(path))}:  # noqa: PTH100
        try:
            allowed = _allows(account, place, 4, private) and (
                not place.is_dir() or _allows(account, place, 1, private)
            )
            if not allowed or not all(_allows(account, one, 1, private) for one in place.parents):
                return False
        except OSError:
            return False
    return True


def _allows(account: Account, path: Path, right: int, private: Path | None) -> bool:
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if path == private or status.st_uid == account.user:
        return bool(mode & (right << 6))
    return bool(mode & (right << 3 if status.st_gid == account.group else right))
