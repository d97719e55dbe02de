"""Runs a program to its end, with everything that it starts; none of it outlives us, however we end."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from checker.isolation.supervised import Supervised


class CommandFailed(Exception):
    """A program that did not end well. `reason` is a few words, `output` what it wrote."""

    def __init__(self, reason: str, output: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output


def run_group(command: Sequence[str | Path], *, cwd: Path, environ: Mapping[str, str], seconds: float) -> None:
    """Run it, and end what it leaves running. Raises CommandFailed."""
    name = Path(command[0]).name
    try:
        running = Supervised(command, cwd=cwd, environ=environ)
    except OSError as error:
        raise CommandFailed(f"{name} could not be started: {error.strerror}", "") from None
    try:
        output, _ = running.process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as late:
        raise CommandFailed(f"{name} took longer than {seconds:.0f} s", _text(late.output)) from None
    finally:
        running.kill()
    if status := running.process.returncode:
        raise CommandFailed(f"{name} ended with {status}", _text(output))


def _text(output: bytes | None) -> str:
    return (output or b"").decode("utf-8", "replace")
