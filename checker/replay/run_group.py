"""Runs a program to its end, with everything that it starts; none of it outlives us, however we end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class CommandFailed(Exception):
    """A program that did not end well. `reason` is a few words, `output` what it wrote."""

    def __init__(self, reason: str, output: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output


def run_group(command: Sequence[str | Path], *, cwd: Path, environ: Mapping[str, str], seconds: float) -> None:
    """Run it in a process group of its own. Raises CommandFailed."""
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(f"{name} could not be started: {error.strerror}", "") from None
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(f"{name} took longer than {seconds:.0f} s", _text(late.output)) from None
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        raise CommandFailed(f"{name} ended with {process.returncode}", _text(output))


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace")
