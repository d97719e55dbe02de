"""Where a run begins: on Linux, as a process that has no secret in its arguments or environment.

A migration runs as a child process and could read in /proc what this process was started with. So the process replaces
itself once, with the rest of its environment and the passwords among its arguments in a file in memory that only it has,
and then makes itself unreadable for others (`kernel.hide_from_processes`). `os.environ` and `sys.argv` are as they were.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
from typing import NoReturn

INTERRUPTED = 130
VARIABLE = "ALEMBIC_PREMERGE_HANDED_OVER"
_RUNS_PROJECT_CODE = ("check", "locate", "demo", "action")
_AT_START = re.compile(
    r"PYTHON\w*|COVERAGE_\w+|PATH|HOME|LANG|LC_ALL|LC_CTYPE|TMPDIR|LD_LIBRARY_PATH|VIRTUAL_ENV|__PYVENV_LAUNCHER__"
)
"""What the interpreter itself, and a measurement of it, reads before any code of ours."""
_PASSWORD = re.compile(r"://[^/@:\s]*:[^/@\s]*@|[?&]password=")
_STAND_IN = "handed-over:"


def main() -> NoReturn:
    """The command line."""
    _begin("checker.cli", sys.argv[1:2])


def action() -> NoReturn:
    """A step of the GitHub Action."""
    _begin("checker.action", ["action"])


def _begin(module: str, command: list[str]) -> NoReturn:
    """Import and run it. Imports take a moment, in which Ctrl-C is as good as later."""
    try:
        shelter(command)
        importlib.import_module(module).main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("interrupted", file=sys.stderr)
    sys.exit(INTERRUPTED)


def shelter(command: list[str]) -> None:
    """Return in a process whose secrets the project's code cannot read, if this command runs any."""
    if sys.platform != "linux" or command[:1] not in [[one] for one in _RUNS_PROJECT_CODE]:
        return
    if (handed_over := os.environ.pop(VARIABLE, None)) is None:
        _start_again()
    _take_over(int(handed_over))


def _start_again() -> NoReturn:
    argv = sys.orig_argv[1:]
    secret = {f"{_STAND_IN}{place}": word for place, word in enumerate(argv) if _PASSWORD.search(word)}
    for name in secret:
        argv[int(name.removeprefix(_STAND_IN))] = name
    memory = os.memfd_create("alembic-premerge", 0)
    with open(memory, "wb", closefd=False) as file:
        file.write(json.dumps({"environ": dict(os.environ), "secret": secret}).encode())
    os.lseek(memory, 0, os.SEEK_SET)
    environ = {name: value for name, value in os.environ.items() if _AT_START.fullmatch(name)}
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *argv], {**environ, VARIABLE: str(memory)})  # noqa: S606


def _take_over(memory: int) -> None:
    from checker.isolation.shim import kernel

    with open(memory, "rb") as file:
        held = json.load(file)
    os.environ.update(held["environ"])
    sys.argv[:] = [held["secret"].get(word, word) for word in sys.argv]
    kernel.hide_from_processes()


if __name__ == "__main__":
    action()
