"""Temporary folders: made in one place, gone when the run ends, removed by a later run where this one was killed.

A process has one run folder in each place (the system's temporary folder, /dev/shm), with all its other folders inside. It
holds a lock on the run folder, which the kernel gives up when the process ends, however that happens: a run folder of this
user without a lock belongs to nobody.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

if sys.platform != "win32":
    import fcntl

PREFIX = "alembic-premerge-run-"
"""With which the name of every run folder begins."""
MEMORY = Path("/dev/shm")  # noqa: S108 - private folders are made inside
_lock = threading.Lock()
_runs: dict[Path, _Run] = {}
"""This process's run folders, by the place that they are in."""
_swept: set[Path] = set()


@dataclass(frozen=True)
class _Run:
    """A run folder and the descriptor that holds its lock."""

    path: Path
    descriptor: int | None


def new_folder(purpose: str, place: Path | None = None) -> Path:
    """A private folder, which `remove` removes; if that never happens, this process's end or a later run does."""
    with _lock:
        return Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=_run_folder(place or Path(tempfile.gettempdir()))))


def remove(folder: Path) -> None:
    """Remove a folder that `new_folder` made. Idempotent."""
    shutil.rmtree(folder, ignore_errors=True)
    with _lock:
        for place, run in list(_runs.items()):
            with contextlib.suppress(OSError):  # it still has another folder inside
                if run.path == folder.parent:
                    run.path.rmdir()
                    _forget(place)


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A private folder for the length of a block."""
    folder = new_folder(purpose)
    try:
        yield folder
    finally:
        remove(folder)


def places() -> tuple[Path, ...]:
    """Where runs have their folders."""
    return tuple({Path(tempfile.gettempdir()): None, MEMORY: None})


def sweep(place: Path) -> None:
    """Remove the run folders of this user whose processes have ended. Those of other users are left alone."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(place):
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
                _remove_dead(Path(entry.path))


def hold(folder: Path) -> int | None:
    """Keep a run folder from being swept until the descriptor is closed, or this process ends; None for one without locks."""
    try:
        return _take(folder, shared=True)
    except OSError:
        return None


def has_owner(folder: Path) -> bool:
    """Whether the process that made this run folder still lives."""
    try:
        descriptor = _take(folder, shared=False)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is None


def _run_folder(place: Path) -> Path:
    run = _runs.get(place)
    if run and run.path.is_dir():
        return run.path
    for one in {*places(), place} - _swept:
        _swept.add(one)
        sweep(one)
    if run:  # somebody has removed it
        _forget(place)
    _runs[place] = _make(place)
    return _runs[place].path


def _make(place: Path) -> _Run:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        if sys.platform != "win32" and os.geteuid() == 0:
            path.chmod(0o711)  # PostgreSQL and the workers run as other accounts; they cannot list it
        try:
            return _Run(path, _take(path, shared=True))
        except FileNotFoundError:
            continue  # another run found it before it had its lock
        except OSError:
            return _Run(path, None)  # a file system without locks: nobody will take it for dead either


def _take(folder: Path, *, shared: bool) -> int | None:
    """A descriptor with the folder's lock; None where another process keeps us from the whole of it.

    Raises FileNotFoundError where the folder is gone, another OSError where nothing is known.
    """
    if sys.platform == "win32":
        raise OSError("no locks on folders")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), os.lstat(folder)):
            raise FileNotFoundError(folder)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _remove_dead(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if sys.platform == "win32" or folder.lstat().st_uid != os.geteuid():
            return
        descriptor = _take(folder, shared=False)
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _forget(place: Path) -> None:
    descriptor = _runs.pop(place).descriptor
    if descriptor is not None:
        os.close(descriptor)


@atexit.register
def _remove_all() -> None:
    for run in list(_runs.values()):
        shutil.rmtree(run.path, ignore_errors=True)
