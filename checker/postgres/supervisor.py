"""Runs a temporary PostgreSQL for another process, and leaves nothing behind when that one is gone.

A script of its own, standard library only: `python -I supervisor.py`.

stdin:  one JSON object a line. {"folder": PATH}: remove it in the end. {"sweep": PLACE}: in the end, remove the owner's other
        folders there if the owner has been killed. {"last": [...]}: run this in the end, with null to take it back.
        {"argv": [...], "log": PATH, "cwd": PATH, "env": {...}, "user": ID or null, "group": ID or null}: start this at once.
stdout: one line for each program that has ended: its exit status.

When stdin closes, which it does however its owner ends (SIGKILL too), what still runs is stopped, the folders are
removed, and the script exits. PostgreSQL stops too when this script is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, __file__.removesuffix(str(Path("checker", "postgres", "supervisor.py"))))
from checker import temporary

_PR_SET_PDEATHSIG = 1
_C = ctypes.CDLL(None) if sys.platform == "linux" else None


class Charge:
    """What the owner has entrusted to this script."""

    def __init__(self) -> None:
        self._folders: list[Path] = []
        self._held: list[int | None] = []
        self._places: list[Path] = []
        self._running: list[subprocess.Popen[bytes]] = []
        self._last: list[str] | None = None

    def take(self, job: dict[str, Any]) -> None:
        """One line of stdin."""
        if "folder" in job:
            self._folders.append(Path(job["folder"]))
            self._held.append(temporary.hold(self._folders[-1].parent))
        elif "sweep" in job:
            self._places.append(Path(job["sweep"]))
        elif "last" in job:
            self._last = job["last"]
        else:
            self._running.append(_start(job))

    def end(self) -> None:
        """Stop and remove everything."""
        for process in self._running:
            _stop(process)
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        for descriptor in self._held:
            if descriptor is not None:
                os.close(descriptor)
        for place in self._places:
            temporary.sweep(place)
        if self._last:
            subprocess.run(self._last, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)


def main() -> None:
    """Guard the folders and what is started until the owner is gone."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    charge = Charge()
    try:
        for line in sys.stdin:
            charge.take(json.loads(line))
    finally:
        charge.end()


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _start(job: dict[str, Any]) -> subprocess.Popen[bytes]:
    another: dict[str, Any] = {}
    if job["user"] is not None:
        another = {"user": job["user"], "group": job["group"], "extra_groups": []}
    with Path(job["log"]).open("ab") as log:
        process = subprocess.Popen(
            job["argv"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=job["cwd"],
            env=job["env"],
            preexec_fn=partial(_stop_with_parent, os.getpid()) if _C else None,  # noqa: PLW1509 - it only asks the kernel
            **another,
        )
    threading.Thread(target=_report, args=(process,), daemon=True).start()
    return process


def _stop_with_parent(parent: int) -> None:
    """In the new process, after it has changed its user, which would take this back."""
    assert _C is not None
    _C.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGQUIT), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _report(process: subprocess.Popen[bytes]) -> None:
    status = process.wait()
    with contextlib.suppress(OSError):  # the owner has gone; main() is about to see it
        print(status, flush=True)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)  # PostgreSQL's immediate shutdown: the data is thrown away anyway
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
