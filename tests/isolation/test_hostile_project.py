"""A pull request whose migrations look for secrets and for other servers, checked by the command as it is installed."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from checker.postgres import Server
from tests.gitrepo import INI, Checkout, script
from tests.isolation.test_confinement import ROOT

pytestmark = [pytest.mark.postgres, pytest.mark.skipif(sys.platform != "linux", reason="confinement is Linux's")]

TOKEN = "ghs_planted0token0000000000000000000000"
ENV_PY = """
import json, os, socket
from alembic import context
from sqlalchemy import create_engine

def attempt(work):
    try:
        return repr(work())
    except OSError as error:
        return type(error).__name__

def seen():
    # its own entries are its own business: everything of the others
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("environ", "cmdline"):
            if int(pid) == os.getpid() and name == "environ":
                found.append(json.dumps(dict(os.environ)))
                continue
            try:
                found.append(open(f"/proc/{pid}/{name}", "rb").read().decode("utf-8", "replace"))
            except OSError:
                pass
    return "".join(found)

everything = seen()
report = {
    "token": os.environ["PLANTED"][::-1] in everything,
    "password": os.environ["PLANTED_PASSWORD"][::-1] in everything,
    "runner's file": attempt(lambda: open(os.environ["RUNNER_FILE"], "a").write("verdict<<x\\npass\\nx\\n")),
    "another server": attempt(lambda: socket.create_connection(("127.0.0.1", int(os.environ["OTHER"])), 5)),
}
if context.get_x_argument(as_dictionary=True).get("say"):
    raise RuntimeError("REPORT " + json.dumps(report))
with create_engine("postgresql+psycopg://").connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def run(
    checkout: Checkout, server: Server, tmp_path: Path, *, report: bool, env_py: str = ENV_PY
) -> tuple[int, str, Path]:
    """The exit code, all output, and the file of the runner's. Secrets are given to the project only backwards."""
    database = server.create_database()
    assert database.password
    folder = tmp_path / "_runner_file_commands"
    folder.mkdir()
    file = folder / "set_output_1"
    file.touch()
    with socket.create_server(("127.0.0.1", 0)) as other:
        env = {
            "PLANTED": TOKEN[::-1],
            "PLANTED_PASSWORD": database.password[::-1],
            "RUNNER_FILE": str(file),
            "OTHER": str(other.getsockname()[1]),
        }
        settings = {"path": ".", "env": env, "x": {"say": "1"} if report else {}}
        checkout.commit({"alembic.ini": INI, "migrations/versions/a_.py": script("a")}, "merged")
        checkout.write({"migrations/env.py": env_py.encode(), "migrations/versions/b_.py": script("b", "a")})
        checkout.write({".alembic-premerge.yml": json.dumps({"projects": [settings]}).encode()})
        secret = {"INPUT_TOKEN": TOKEN, "GITHUB_OUTPUT": str(file), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", "checker", "check", "--base", "main", "--postgres", database.url()],
            cwd=checkout.root,
            env={**os.environ, **secret},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=240,
        )
    return done.returncode, done.stdout, file


def test_a_migration_finds_no_secret_and_no_other_server(checkout: Checkout, server: Server, tmp_path: Path) -> None:
    code, output, file = run(checkout, server, tmp_path, report=True)
    assert code == 2, output
    found = json.loads(output.partition("REPORT ")[2].splitlines()[0])
    assert found == {
        "token": False,
        "password": False,
        "runner's file": "PermissionError",
        "another server": "PermissionError",
    }
    assert file.read_text() == ""
    assert TOKEN not in output


def test_a_refusal_that_the_project_handles_changes_nothing(checkout: Checkout, server: Server, tmp_path: Path) -> None:
    code, output, file = run(checkout, server, tmp_path, report=False)
    assert code == 0, output
    assert file.read_text() == ""


def test_a_project_that_needs_the_network_is_replayed_with_it(
    checkout: Checkout, server: Server, tmp_path: Path
) -> None:
    needs = 'import os, socket\nsocket.create_connection(("127.0.0.1", int(os.environ["OTHER"])), 5).close()\n'
    plain = "from alembic" + ENV_PY.partition("from alembic")[2].partition("def attempt")[0] + needs
    env_py = plain + ENV_PY[ENV_PY.index("with create_engine") :]
    code, output, _ = run(checkout, server, tmp_path, report=False, env_py=env_py)
    assert code == 0, output
    assert "once more with less isolation" in output
