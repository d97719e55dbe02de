"""What stops a run, each with the sentence that says what to do next.

A fault in the user's migrations is never an exception here: it is a Finding. These are for what keeps us from
judging at all, and `cli` turns every one of them into exit code 2.
"""

from __future__ import annotations

import errno
import tempfile


class CheckerError(Exception):
    """The run cannot go on, and the user can do something about it.

    `problem` is one sentence on what is wrong; `remedy` is one sentence on what to do.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class UsageError(CheckerError):
    """The command line asks for something that does not exist or does not fit together."""


class ConfigurationError(CheckerError):
    """The configuration file is not valid; `mistakes` holds one "FILE:LINE: sentence" for each mistake in it."""

    def __init__(self, problem: str, remedy: str, mistakes: tuple[str, ...] = ()) -> None:
        super().__init__(problem, remedy)
        self.mistakes = mistakes


class RepositoryError(CheckerError):
    """Git cannot answer: no repository, an unknown ref, a history too shallow."""


class ProjectError(CheckerError):
    """No Alembic environment where one was looked for."""


class PostgresUnavailable(CheckerError):
    """No throwaway PostgreSQL is to be had; `tried` holds one (provider, reason) for each that was asked."""

    def __init__(self, problem: str, remedy: str, tried: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(problem, remedy)
        self.tried = tried

    def __str__(self) -> str:
        reasons = "; ".join(f"{provider}: {reason}" for provider, reason in self.tried)
        return f"{self.problem} ({reasons})" if reasons else self.problem


_MACHINE_IS_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE}


def of_machine(error: OSError) -> CheckerError | None:
    """What to say where the machine has no room, no memory or no files left; None for any other error."""
    if error.errno == errno.ENOENT and str(error).startswith("[Errno 2] No usable temporary directory"):
        return CheckerError("no folder for temporary files can be written", "Name one in TMPDIR.")
    place = f" ({str(error.filename)[:100]})" if error.filename else ""
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return CheckerError(f"a file cannot be looked for: {error.strerror}{place}", "Correct the name that is given.")
    if error.errno not in _MACHINE_IS_FULL:
        return None
    return CheckerError(
        f"the machine has no room left: {error.strerror}{place}",
        f"Make room in {tempfile.gettempdir()}, or name another folder in TMPDIR.",
    )
