"""Which Python, Alembic, SQLAlchemy and driver the worker runs on: a table, made by running it on each.

    python bench/matrix.py CACHE_FOLDER PYTHON...

For each interpreter that is named, and each pair of Alembic and SQLAlchemy that can be installed in it, a virtualenv is
made with uv in CACHE_FOLDER (once), and a small chain with one leaky downgrade is replayed with each driver. A cell says
"ok" where exactly that leak was found, and otherwise what happened. Exit 1 where any cell is not as it should be.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from checker.errors import CheckerError
from checker.postgres import start_server
from checker.postgres.interface import Server
from checker.replay.catalog import CatalogWatch, compare
from checker.replay.environment import passed_on, templates
from checker.replay.install import find_uv, interpreter_version
from checker.replay.outcome import Replay
from checker.replay.plan import Plan, replay_project
from checker.replay.protocol import Job
from checker.replay.runner import Launch
from checker.replay.stairway import RevisionNode
from checker.settings import PostgresSettings

ALEMBIC = ("alembic==1.10.*", "alembic")
SQLALCHEMY = ("sqlalchemy==1.4.*", "sqlalchemy==2.0.*", "sqlalchemy==2.1.*")
DRIVERS = ("psycopg2", "psycopg", "asyncpg", "pg8000")
PACKAGES = ("psycopg2-binary", "psycopg[binary]", "asyncpg", "pg8000", "greenlet")
UNKNOWN = {("sqlalchemy==1.4.*", "psycopg")}
"""SQLAlchemy 1.4 does not know psycopg 3."""

ENV = """
from alembic import context
from sqlalchemy import engine_from_config
engine = engine_from_config(context.config.get_section("alembic"))
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
ENV_ASYNC = """
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
def run(connection):
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
async def main():
    engine = create_async_engine(context.config.get_main_option("sqlalchemy.url"))
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()
asyncio.run(main())
"""
SCRIPT = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = {revision!r}, {down!r}
def upgrade():
    {up}
def downgrade():
    {down_body}
"""
CHAIN = (
    ("a1", None, 'op.create_table("a", sa.Column("m", sa.Enum("x", name="mood")))', 'op.drop_table("a")'),
    ("b1", "a1", 'op.add_column("a", sa.Column("n", sa.Integer))', 'op.drop_column("a", "n")'),
    ("c1", "b1", 'op.execute("INSERT INTO a (n) VALUES (1)")', 'op.execute("DELETE FROM a")'),
)


def main(cache: Path, pythons: list[Path]) -> int:
    """Print the table; the exit code."""
    good = True
    print("| Python | Alembic | SQLAlchemy |", " | ".join(DRIVERS), "|")
    print("|---|---|---|" + "---|" * len(DRIVERS))
    with start_server(PostgresSettings(provider="machine"), environ=os.environ, tell=print) as server:
        for python in pythons:
            for alembic in ALEMBIC:
                for sqlalchemy in SQLALCHEMY:
                    row, fine = replay_row(cache, python, alembic, sqlalchemy, server)
                    print(row, flush=True)
                    good = good and fine
    return 0 if good else 1


def replay_row(cache: Path, python: Path, alembic: str, sqlalchemy: str, server: Server) -> tuple[str, bool]:
    """One line of the table, and whether all of it is as it should be."""
    version = ".".join(map(str, interpreter_version(python)))
    made = environment(cache / f"{version}-{alembic}-{sqlalchemy}".replace("*", "x"), python, alembic, sqlalchemy)
    if made is None:
        return f"| {version} | {alembic} | {sqlalchemy} |" + " not installable |" * len(DRIVERS), True
    cells, versions = [], ("?", "?")
    for driver in DRIVERS:
        told, versions = replay_cell(made, driver, server)
        cells.append("unknown to it" if (sqlalchemy, driver) in UNKNOWN else told)
    fine = all(cell in ("ok", "unknown to it") for cell in cells)
    return f"| {version} | {versions[0]} | {versions[1]} | {' | '.join(cells)} |", fine


def environment(folder: Path, base: Path, alembic: str, sqlalchemy: str) -> Path | None:
    """The Python of a virtualenv with these; None where they cannot be installed together."""
    uv = find_uv(os.environ)
    if uv is None:
        raise CheckerError("there is no uv", "pip install uv")
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([uv, "venv", "-q", "--clear", "--python", base, folder], check=True)
        install: list[str | Path] = [uv, "pip", "install", "-q", "--python", python, alembic, sqlalchemy, *PACKAGES]
        if subprocess.run(install, check=False, capture_output=True).returncode:
            return None
        (folder / "ready").touch()
    return python


def replay_cell(python: Path, driver: str, server: Server) -> tuple[str, tuple[str, str]]:
    """What came of one driver, and the versions of Alembic and SQLAlchemy."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, driver)
        launch = Launch(
            python,
            Job(folder, folder / "migrations", folder / "alembic.ini"),
            passed_on(os.environ),
            templates("", {}),
        )
        nodes = tuple(RevisionNode(revision, (down,) if down else ()) for revision, down, *_ in CHAIN)
        replay = replay_project(Plan("matrix", launch, nodes), server, CatalogWatch, compare)
    question = "import alembic, sqlalchemy as s; print(alembic.__version__, s.__version__)"
    told = subprocess.run([python, "-c", question], capture_output=True, text=True, check=True).stdout.split()
    return judged(replay), (told[0], told[1])


def judged(replay: Replay) -> str:
    """ "ok" where the one leak was found and nothing else."""
    problems = list(faults(replay))
    leaks = [(one.revision, difference.identity) for one in replay.landings for difference in one.not_restored]
    if not problems and leaks != [("a1", "mood")]:
        problems.append(f"leaks: {leaks}")
    return "; ".join(problems)[:200].replace("\n", " ").replace("|", "/") or "ok"


def faults(replay: Replay) -> Iterator[str]:
    """Every failure of the replay, in a few words."""
    for one in replay.passes:
        if one.failure:
            yield f"{one.name}: {one.failure.error}: {one.failure.message}"
    for landing in replay.landings:
        for step in (landing.upgrade, landing.downgrade, landing.reupgrade):
            if step and step.failure:
                yield f"{step.direction} {step.revision}: {step.failure.message}"


def write(folder: Path, driver: str) -> None:
    """The project."""
    (folder / "migrations/versions").mkdir(parents=True)
    url = f"postgresql+{driver}://nobody@nowhere/none"
    (folder / "alembic.ini").write_text(f"[alembic]\nscript_location = migrations\nsqlalchemy.url = {url}\n")
    (folder / "migrations/env.py").write_text(ENV_ASYNC if driver == "asyncpg" else ENV)
    for revision, down, up, down_body in CHAIN:
        text = SCRIPT.format(revision=revision, down=down, up=up, down_body=down_body)
        (folder / f"migrations/versions/{revision}.py").write_text(text)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), [Path(one) for one in sys.argv[2:]]))
