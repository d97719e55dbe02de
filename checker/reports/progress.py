"""Progress for a person who waits: a bar for each pass on a terminal, a line for each stage in a log."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from checker.reports.escape import log, one_line


class TerminalProgress:
    """What the pipeline tells goes to stderr: stdout is the report alone. Passes tell from threads of their own."""

    def __init__(self, *, quiet: bool, no_color: bool) -> None:
        self._console = Console(stderr=True, quiet=quiet, no_color=no_color or None, highlight=False, soft_wrap=True)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[revision]}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=quiet or not self._console.is_terminal,
        )
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def tell(self, text: str) -> None:
        """A line of its own."""
        self._console.print(log(text), style="dim", markup=False)

    def step(self, project: str, name: str, done: int, total: int, revision: str) -> None:
        """Move the bar of that pass."""
        with self._lock:
            key = (project, name)
            if key not in self._tasks:
                label = name if project == "." else f"{project} {name}"
                self._tasks[key] = self._bars.add_task(one_line(label), total=total, revision="")
            self._bars.update(self._tasks[key], completed=done, total=total, revision=one_line(revision))
