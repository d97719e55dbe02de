"""Runs a throwaway PostgreSQL for another process, and leaves nothing behind when that one is gone.

A script of its own, standard library only: `python -I supervisor.py`.

stdin:  one JSON object a line. {"folder": PATH}: remove it in the end. {"last": [...]}: run this in the end, with null
        to take it back. {"argv": [...], "log": PATH, "cwd": PATH, "env": {...}, "user": ID or null, "group": ID or
        null}: start this at once.
stdout: one line for each program that has ended: its exit status.

When stdin closes, which it does however its owner ends (SIGKILL too), what still runs is stopped, the folders are
removed, and the script exits.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any


def main() -> None:
    """Guard the folders and what is started until the owner is gone."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    folders: list[str] = []
    running: list[subprocess.Popen[bytes]] = []
    last: list[str] | None = None
    try:
        for line in sys.stdin:
            job = json.loads(line)
            if "folder" in job:
                folders.append(job["folder"])
            elif "last" in job:
                last = job["last"]
            else:
                running.append(_start(job))
    finally:
        for process in running:
            _stop(process)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        if last:
            subprocess.run(last, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)


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
            **another,
        )
    threading.Thread(target=_report, args=(process,), daemon=True).start()
    return process


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
