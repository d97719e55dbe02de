"""PostgreSQL from the binaries that this machine has installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from checker.postgres.databases import DatabaseServer
from checker.postgres.guard import Guard
from checker.postgres.interface import ProviderAbsent, ProviderUnavailable, Request
from checker.postgres.local import account_for_server, inspect, start_cluster

PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian and Ubuntu keep it off the PATH
    "/usr/pgsql-*/bin",  # Red Hat, from PostgreSQL's own repository
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)


def start(request: Request, *, places: tuple[str, ...] = PLACES) -> DatabaseServer:
    """A server from the first folder of `binaries_folders` that can serve here, else ProviderUnavailable."""
    account = account_for_server()
    reasons = []
    for folder in binaries_folders(request.environ, places):
        try:
            with Guard() as guard:
                return start_cluster("machine", inspect(folder, account), request, guard)
        except ProviderUnavailable as error:
            reasons.append(str(error))
    if not reasons:
        raise ProviderAbsent("no folder on this machine has both initdb and postgres")
    raise ProviderUnavailable("; ".join(reasons))


def binaries_folders(environ: Mapping[str, str], places: tuple[str, ...]) -> list[Path]:
    """Folders that hold initdb and postgres: what the PATH names first, then the usual places, the newest first."""
    found = (folder for folder in _candidates(environ.get("PATH", ""), places) if _has_binaries(folder))
    return list(dict.fromkeys(folder.resolve() for folder in found))


def _candidates(path: str, places: tuple[str, ...]) -> Iterator[Path]:
    if initdb := shutil.which("initdb", path=path):
        yield Path(initdb).resolve().parent
    if pg_config := shutil.which("pg_config", path=path):
        done = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False, timeout=30)
        if done.returncode == 0:
            yield Path(done.stdout.strip())
    for place in places:
        yield from sorted(Path("/").glob(place.lstrip("/")), key=_version, reverse=True)


def _has_binaries(folder: Path) -> bool:
    return all((folder / program).is_file() for program in ("initdb", "postgres"))


def _version(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]
