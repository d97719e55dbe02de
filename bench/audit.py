"""What `audit` costs beside `git log --raw` over the same paths, as ratios in one run.

    python bench/audit.py [REPOSITORY ...]

First a history that is made here: 10,000 commits, of which one in twenty touches the migrations: 466 revisions land, 33
merged ones are edited and one is deleted. Then those of the repositories that are named (a git directory will do), of which
many have hundreds of edits: each is two versions to be parsed, and that, not git, is what those cost.

Times are the processes' own (user and system) and, in brackets, the clock's: medians of turns taken in alternation. The start
is that of `audit --help`, with all the modules that `audit` loads.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from checker.source.repository import open_repository
from checker.source.snapshot import SnapshotReader

TURNS = 7
COMMITS = 10_000
LIMIT = 1.5
START = "import checker.auditing, checker.reports.terminal; from checker import cli; cli.run(['audit', '--help'])"
BODY = "\n".join(
    f"    op.add_column('t', sa.Column('c{number}', sa.String(255), nullable=True))" for number in range(12)
)


def cost(command: Sequence[str], cwd: Path) -> tuple[float, float]:
    """(seconds of the process and its children, seconds on the clock)."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    after, elapsed = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    if done.returncode not in (0, 1) or "Traceback" in done.stderr:
        raise SystemExit(done.stderr)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, elapsed


def in_turn(*commands: Callable[[], tuple[float, float]]) -> list[tuple[float, float]]:
    """The median cost of each, none of them first every time."""
    taken = [[command() for command in commands] for _ in range(TURNS)]
    return [tuple(statistics.median(part) for part in zip(*column, strict=True)) for column in zip(*taken, strict=True)]  # type: ignore[misc]


def compare(path: Path) -> float:
    """The ratio for one repository."""
    with open_repository(path, os.environ) as repository:
        reader = SnapshotReader(repository)
        tip = repository.resolve(repository.default_branch() or "HEAD")
        environments = reader.environments(repository.tree_of(tip))
        folders = [folder for one in environments for folder in one.version_locations]
        commits = repository.run("rev-list", "--count", tip)
    start, audit, log = in_turn(
        lambda: cost([sys.executable, "-c", START], path),
        lambda: cost([sys.executable, "-m", "checker", "audit"], path),
        lambda: cost(["git", "log", "--raw", tip, "--", *folders], path),
    )
    name = path.parent.name if path.name == "repo" else path.name
    print(f"{name}: {commits} commits: audit {_both(audit)}, start {_both(start)}, git log --raw {_both(log)}")
    ratios = [
        ((ours - begin) / theirs, ours / (begin + theirs))
        for ours, begin, theirs in zip(audit, start, log, strict=True)
    ]
    for what, (beyond, together) in zip(("own time", "clock"), ratios, strict=True):
        print(f"  {what}: beyond the start {beyond:.2f} times the log; {together:.2f} times the log and the start")
    return ratios[1][1]


def _both(seconds: tuple[float, float]) -> str:
    return f"{seconds[0]:.2f} s ({seconds[1]:.2f})"


def script(revision: str, down: object, edit: str = "") -> str:
    """A revision script of about the usual length."""
    return (
        f'"""{revision} does its work\n\nRevision ID: {revision}\nRevises: {down}\n"""\nimport sqlalchemy as sa\n'
        f"from alembic import op\n\nrevision = {revision!r}\ndown_revision = {down!r}\n\n\ndef upgrade():\n{BODY}\n{edit}\n\n"
        "def downgrade():\n    op.drop_table('t')\n"
    )


def history() -> Iterator[tuple[str, str | None]]:
    """(path, its new text, or None where it goes) of each commit."""
    head: object = None
    yield "alembic.ini", "[alembic]\nscript_location = migrations\n"
    yield "migrations/env.py", "from alembic import context\n"
    number = 0
    for commit in range(COMMITS - 2):
        if commit % 20:
            yield f"src/module_{commit % 500}.py", f"x = {commit}\n"
            continue
        number += 1
        revision, path = f"r{number:04}", "migrations/versions/r{0:04}.py"
        if number % 15 == 0:
            yield (
                path.format(number - 3),
                script(f"r{number - 3:04}", f"r{number - 4:04}", "    op.execute('SELECT 1')"),
            )
        elif number == 300:
            yield path.format(7), None
        else:
            yield path.format(number), script(revision, head)
            head = revision
            continue
        yield path.format(number), script(revision, head)
        head = revision


def make(root: Path) -> None:
    """The history as a repository, by one `git fast-import`."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(root)], check=True)
    lines = []
    for number, (path, text) in enumerate(history()):
        lines.append(
            f"commit refs/heads/main\ncommitter A <a@example.org> {1_700_000_000 + number * 3600} +0000\ndata 4\nwork\n"
        )
        change = f"D {path}\n" if text is None else f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n"
        lines.append(change)
    subprocess.run(["git", "-C", str(root), "fast-import", "--quiet"], input="".join(lines), text=True, check=True)
    subprocess.run(["git", "-C", str(root), "repack", "-adq"], check=True)


def main() -> None:
    """All of it; a ratio above the limit of the history that is made here ends with 1."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "made")
        make(made)
        ratio = compare(made)
    for path in sys.argv[1:]:
        compare(Path(path).resolve())
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
