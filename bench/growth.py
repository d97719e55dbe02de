"""How the replay grows: a chain of 1,000 generated revisions against one of 100, every pass and comparison included.

    python bench/growth.py [--small 100] [--large 1000] [--times 11]

Both are measured in one run, the small one before and after the large one. What counts is CPU time (user and system, of
the checker, the workers and PostgreSQL), since a machine with other work to do says little by its clock; the clock's
ratio is shown as well. Exit status 1 where the large chain takes more than `--times` times what the small one takes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ENV = """
from alembic import context
from sqlalchemy import MetaData, Table, Column, Integer, engine_from_config, pool
metadata = MetaData()
Table("t0", metadata, Column("id", Integer, primary_key=True))
engine = engine_from_config(context.config.get_section("alembic"), poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
SCRIPT = '''"""Revision {number}

Revision ID: {revision}
Revises: {below}
"""
from alembic import op
import sqlalchemy as sa

revision = "{revision}"
down_revision = {below!r}


def upgrade():
{up}


def downgrade():
{down}
'''
# What a mature chain consists of: of ten revisions three make a table, the others change one.
KINDS = (
    (
        'op.create_table("t{n}", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(40)))\n'
        '    op.create_index("ix_t{n}_name", "t{n}", ["name"])',
        'op.drop_table("t{n}")',
    ),
    ('op.add_column("t{t}", sa.Column("c{n}", sa.Integer))', 'op.drop_column("t{t}", "c{n}")'),
    (
        'op.add_column("t{t}", sa.Column("m{n}", sa.Enum("a", "b", name="mood{n}")))'.replace(
            "op.add", 'sa.Enum("a", "b", name="mood{n}").create(op.get_bind())\n    op.add'
        ),
        'op.drop_column("t{t}", "m{n}")\n    op.execute("DROP TYPE mood{n}")',
    ),
    ('op.execute("CREATE VIEW v{n} AS SELECT id FROM t{t}")', 'op.execute("DROP VIEW v{n}")'),
    ('op.create_check_constraint("ck{n}", "t{t}", "id > 0")', 'op.drop_constraint("ck{n}", "t{t}")'),
    ('op.create_index("ix{n}", "t{t}", ["id", "name"])', 'op.drop_index("ix{n}")'),
    (
        'op.create_table("t{n}", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text),\n'
        '        sa.Column("up", sa.Integer, sa.ForeignKey("t{t}.id")))',
        'op.drop_table("t{n}")',
    ),
    (
        "op.execute(\"CREATE FUNCTION f{n}() RETURNS int LANGUAGE sql AS 'SELECT {n}'\")",
        'op.execute("DROP FUNCTION f{n}()")',
    ),
    ("op.execute(\"UPDATE t{t} SET name = '{n}'\")", "pass"),
    ('op.create_unique_constraint("uq{n}", "t{t}", ["id", "name"])', 'op.drop_constraint("uq{n}", "t{t}")'),
)
TABLES = (0, 6)


@dataclass(frozen=True)
class Cost:
    """What one check of a chain took, in seconds."""

    cpu: float
    wall: float
    passes: dict[str, float]


def table_below(number: int) -> int:
    """A table that stands by then: the newest third of them gets most of the changes, as in life."""
    made = [one for one in range(max(0, number - 30), number) if one % 10 in TABLES]
    return made[number % len(made)] if made else 0


def write(root: Path, revisions: int) -> None:
    """A git repository with a chain of that many revisions, and a branch that adds one: so every pass has work."""
    versions = root / "migrations" / "versions"
    versions.mkdir(parents=True)
    (root / "alembic.ini").write_text("[alembic]\nscript_location = migrations\nsqlalchemy.url = postgresql://x/y\n")
    (root / "migrations" / "env.py").write_text(ENV)
    for number in range(revisions):
        if number == revisions - 1:
            _git(root, "init", "-q", "-b", "main")
            _git(root, "add", "-A")
            _git(root, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "chain")
        up, down = (text.format(n=number, t=table_below(number)) for text in KINDS[number % len(KINDS)])
        below = f"r{number - 1:05}" if number else None
        (versions / f"r{number:05}.py").write_text(
            SCRIPT.format(number=number, revision=f"r{number:05}", below=below, up=f"    {up}", down=f"    {down}")
        )


def _git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True)


def measure(revisions: int) -> Cost:
    """Check a chain of that many in a process of its own. Raises AssertionError where the check finds a fault."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "app", revisions)
        report = root / "report.json"
        options = ["--all", "--base", "main", "--python", sys.executable, "--postgres", "embedded"]
        argv = [sys.executable, "-m", "checker", "check", *options, "--quiet", "--report", f"json={report}"]
        started = time.monotonic()
        process = subprocess.Popen(
            [*argv, "--ignore", "R306", "--ignore", "R305"],
            cwd=root / "app",
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )
        # All that it starts it also waits for, PostgreSQL too: their times are in its own.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - started
        found = json.loads(report.read_text("utf-8"))
    assert process.returncode == 0, found["findings"]
    passes = {one["name"]: one["seconds"] for one in found["replay"][0]["passes"] if one["outcome"] != "not run"}
    assert set(passes) == {"fresh", "stairway", "deploy", "downgrade", "drift"}, passes
    return Cost(used.ru_utime + used.ru_stime, wall, passes)


def main() -> int:
    """Measure, tell, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", type=int, default=100)
    parser.add_argument("--large", type=int, default=1000)
    parser.add_argument("--times", type=float, default=11.0)
    wanted = parser.parse_args()
    costs = [(number, measure(number)) for number in (wanted.small, wanted.large, wanted.small)]
    for number, cost in costs:
        passes = ", ".join(f"{name} {seconds:.1f}" for name, seconds in cost.passes.items())
        print(f"{number:5} revisions: CPU {cost.cpu:.1f} s, clock {cost.wall:.1f} s ({passes})")
    small = (costs[0][1].cpu + costs[2][1].cpu) / 2
    ratio = costs[1][1].cpu / small
    clock = costs[1][1].wall * 2 / (costs[0][1].wall + costs[2][1].wall)
    print(
        f"{wanted.large} take {ratio:.1f} times what {wanted.small} take, of CPU time; {clock:.1f} times by the clock"
    )
    return ratio > wanted.times


if __name__ == "__main__":
    sys.exit(main())
