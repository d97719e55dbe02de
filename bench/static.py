"""What the static stage costs, as ratios in one run.

    python bench/static.py REPOSITORY ...

For each repository (a git directory will do) the newest commit that touched its migrations is checked with `check
--no-replay`, beside `alembic heads` on the same tree: with a hook that answers every import that is missing, since a
project's dependencies are not here. Then chains that grow tenfold. Times are the processes' own (user and system), the
median of several turns taken in alternation: a busy machine does not decide them.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from checker.examples import commit, start_repository
from checker.source.repository import open_repository
from checker.source.snapshot import SnapshotReader

TURNS = 5
STUBBED = """
import importlib.abc, importlib.machinery, sys

class Stub:
    def __init__(self, *a, **k): pass
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return Stub()
    def __call__(self, *a, **k): return Stub()
    def __iter__(self): return iter(())
    def __getitem__(self, key): return Stub()
    def __mro_entries__(self, bases): return (object,)
    def __or__(self, other): return Stub()

class Module(type(sys)):
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return Stub()

class Missing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec): return Module(spec.name)
    def exec_module(self, module): pass

sys.meta_path.append(Missing())
from alembic.config import main
main(argv=["-c", sys.argv[1], "heads"], prog="alembic")
"""


def cost(command: Sequence[str], cwd: Path) -> tuple[float, float]:
    """(seconds of the process and its children, seconds on the clock)."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    after, elapsed = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - started
    if done.returncode not in (0, 1) or (command[1] == "-c" and done.returncode):
        raise SystemExit(done.stdout + done.stderr)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, elapsed


def in_turn(*commands: Callable[[], tuple[float, float]]) -> list[tuple[float, float]]:
    """The median cost of each, none of them first every time."""
    taken = [[command() for command in commands] for _ in range(TURNS)]
    return [tuple(statistics.median(part) for part in zip(*column, strict=True)) for column in zip(*taken, strict=True)]  # type: ignore[misc]


def check(repository: Path, base: str, head: str) -> tuple[float, float]:
    options = ["--no-replay", "--quiet", "--base", base, "--head", head]
    return cost([sys.executable, "-m", "checker", "check", *options], repository)


def beside_alembic(path: Path) -> None:
    """One repository: ours, and `alembic heads`."""
    with open_repository(path, os.environ) as repository, tempfile.TemporaryDirectory() as folder:
        reader = SnapshotReader(repository)
        tree = repository.tree_of("HEAD")
        environment = max(reader.environments(tree), key=lambda one: len(reader.snapshot(tree, one).scripts))
        below = environment.script_location
        command = [
            "git",
            f"--git-dir={path}",
            "log",
            "-1",
            "--format=%H",
            "--no-merges",
            "--",
            *environment.version_locations,
        ]
        head = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        snapshot = reader.snapshot(repository.tree_of(head), environment)
        files = [one for one in reader.files(repository.tree_of(head)) if one.startswith(below + "/")]
        repository.export(repository.tree_of(head), Path(folder), files)
        ini = Path(folder, "bench.ini")
        locations = " ".join(str(Path(folder, one)) for one in environment.version_locations)
        ini.write_text(f"[alembic]\nscript_location = {Path(folder, below)}\nversion_locations = {locations}\n")
        heads = [sys.executable, "-c", STUBBED, str(ini)]
        ours, theirs = in_turn(lambda: check(path, f"{head}^1", head), lambda: cost(heads, Path(folder)))
    print(
        f"{path.parent.name}: {len(snapshot.scripts)} scripts: check {ours[0]:.2f} s ({ours[1]:.2f} s on the clock), "
        f"alembic heads {theirs[0]:.2f} s ({theirs[1]:.2f}): ratio {ours[0] / theirs[0]:.2f}"
    )


def chain(count: int) -> dict[str, bytes]:
    """A project of so many scripts, each of about the usual length."""
    body = "\n".join(
        f"    op.add_column('t', sa.Column('c{number}', sa.String(255), nullable=True))" for number in range(12)
    )
    text = "revision = {0!r}\ndown_revision = {1!r}\nimport sqlalchemy as sa\nfrom alembic import op\n\n"
    text += "def upgrade():\n" + body + "\n\n\ndef downgrade():\n    op.drop_table('t')\n"
    scripts = {
        f"migrations/versions/r{number}.py": text.format(f"r{number}", f"r{number - 1}" if number else None).encode()
        for number in range(count)
    }
    return {"migrations/env.py": b"from alembic import context\n", **scripts}


def growth(small: int, times: int) -> None:
    """The cost of ten times the scripts."""
    with tempfile.TemporaryDirectory() as folder:
        checks = []
        for count in (small, small * times):
            root = Path(folder, str(count))
            repository = start_repository(root)
            base, head = commit(repository, chain(count), "base"), commit(repository, chain(count + 1), "head")
            repository.close()
            checks.append(lambda root=root, base=base, head=head: check(root, base, head))
        (less, _), (more, _) = in_turn(*checks)
    print(
        f"{small} scripts {less:.2f} s, {small * times} scripts {more:.2f} s: ratio {more / less:.2f} for {times} times"
    )


def main() -> None:
    """All of it."""
    for path in sys.argv[1:]:
        beside_alembic(Path(path).resolve())
    growth(200, 10)


if __name__ == "__main__":
    main()
