"""Starts a program that ends when we do, with everything that it has started; confined as far as this system can."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from checker.isolation import shim
from checker.isolation.layers import Confinement

_SECONDS_TO_END = 10.0


class Supervised:
    """A running program; `stdout` has its output and its errors. On Linux a small process of ours is its parent, which
    ends it when we are gone, and then all that it has started, whatever process group that is in.
    """

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path,
        environ: Mapping[str, str],
        pass_fds: Sequence[int] = (),
        confinement: Confinement | None = None,
    ) -> None:
        """Start it. Raises OSError where that is not possible."""
        if shutil.which(argv[0], path=environ.get("PATH", os.defpath)) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(argv[0]))
        supervised = sys.platform == "linux"
        lifeline: int | None = None
        self._lifeline: int | None = None
        if supervised:
            lifeline, self._lifeline = os.pipe()
        words = [str(word) for word in argv]
        descriptors = list(pass_fds)
        if lifeline is not None:
            confined = confinement or Confinement()
            descriptors += [lifeline, *confined.descriptors]
            task = ["supervise", str(lifeline), json.dumps(confined.layers()), "--"]
            words = [sys.executable, "-I", "-S", "-B", shim.FOLDER, *task, *words]
        try:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                env=dict(environ),
                cwd=cwd,
                start_new_session=True,  # Ctrl-C in the terminal is for us: we end it ourselves
            )
        except OSError:
            self._close_lifeline()
            raise
        finally:
            if lifeline is not None:
                os.close(lifeline)

    @property
    def stdout(self) -> IO[bytes]:
        """What it writes to its two output streams."""
        assert self.process.stdout is not None
        return self.process.stdout

    def kill(self) -> None:
        """End it and everything that it has started, at once. Idempotent."""
        if self._lifeline is not None:
            self._close_lifeline()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_SECONDS_TO_END)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _close_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
