"""The worker and its session: what the project sees of the world, and how its failures are told."""

from __future__ import annotations

import venv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checker.replay.environment import passed_on, read_env_file, templates
from checker.replay.outcome import FailureKind, Pass
from checker.replay.plan import run_fresh
from checker.replay.runner import Session
from tests.replay.conftest import ENV, ENV_ASYNC, Project, TestServer

pytestmark = pytest.mark.postgres
Make = Callable[..., Project]


def fresh(project: Project, server: TestServer, **launch: Any) -> Pass:
    return run_fresh(project.plan(launch=project.launch(**launch)), server)


def test_a_session_takes_one_command_after_another_and_another_database(project: Make, server: TestServer) -> None:
    made = project("""
        a <- : CREATE TABLE a (id int) | DROP TABLE a
        b <- a: CREATE TABLE b (id int) | DROP TABLE b
    """)
    with Session(made.launch(), server.create_database()) as session:
        up = [(one.revision, one.direction) for one in session.upgrade()]
        down = [(one.revision, one.direction) for one in session.downgrade()]
        session.use(server.create_database())
        again = session.walk([("a", "upgrade"), ("b", "upgrade")], pause=False)
        assert [one.revision for one in again] == ["a", "b"]
        assert again.failure is None
    assert (up, down) == ([("a", "upgrade"), ("b", "upgrade")], [("b", "downgrade"), ("a", "downgrade")])
    assert session.foreign == []


def test_an_engine_that_outlives_a_command_connects_anew(project: Make, server: TestServer) -> None:
    env = "import app\n" + ENV.replace("engine = ", "engine = app.engine = app.engine or ")
    env = env.replace("pool.NullPool", "pool.QueuePool")
    made = project("a <- : CREATE TABLE a (id int)", env)
    (made.root / "app.py").write_text("engine = None\n")
    with Session(made.launch(), server.create_database()) as session:
        assert [one.failure for one in session.upgrade()] == [None]
        second = server.create_database()
        session.use(second)
        assert [one.failure for one in session.upgrade()] == [None]
    with server.connect(second) as connection:
        assert connection.execute("SELECT count(*) FROM a").fetchone() == (0,)


def test_megabytes_on_both_streams_and_a_question_stop_nothing(project: Make, server: TestServer) -> None:
    loud = "import sys ;; print('o' * 10**6) ;; print('e\\n' * 10**6, file=sys.stderr) ;; print('last words')"
    result = fresh(project(f"a <- : >> {loud} ;; input('go on?')"), server)
    assert result.failure is not None
    assert (result.failure.kind, result.failure.error) == (FailureKind.MIGRATION, "EOFError")


def test_a_dead_workers_last_words_are_kept(project: Make, server: TestServer) -> None:
    result = fresh(project("a <- : >> import os ;; print('last words', flush=True) ;; os._exit(3)"), server)
    assert result.failure is not None
    assert result.failure.kind is FailureKind.DIED
    assert "last words" in str(result.failure.details)


@pytest.mark.parametrize(
    ("line", "error", "missing"),
    [
        ("import os; os.environ['SECRET_KEY']", "KeyError", ("SECRET_KEY", "setting")),
        ("import app.settings", "ModuleNotFoundError", ("app", "module")),
        ("import sys; sys.exit(4)", "SystemExit", (None, None)),
        ("import os; os._exit(4)", "exit 4", (None, None)),
        ("import settings", "ValidationError", ("secret_key", "setting")),
        ("{}['SECRET_KEY']", "KeyError", (None, None)),
    ],
)
def test_what_env_py_lacks_is_named(
    project: Make, server: TestServer, line: str, error: str, missing: tuple[str | None, str | None]
) -> None:
    made = project("a <- : CREATE TABLE a (id int)", f"\n{line}\n")
    (made.root / "settings.py").write_text(
        "from pydantic import BaseModel\nclass S(BaseModel):\n    secret_key: str\n    port: int\nS(port=1)\n"
    )
    failure = fresh(made, server).failure
    assert failure is not None
    assert (failure.kind, failure.error) == (FailureKind.ENVIRONMENT, error)
    assert (failure.missing, failure.missing_kind) == missing
    if error != "exit 4":
        assert (failure.path, failure.line) == (str(made.root / "migrations" / "env.py"), 2)


def test_an_interpreter_without_alembic_is_named_as_what_is_missing(
    project: Make, server: TestServer, tmp_path: Path
) -> None:
    """Nothing that describes a failure may need what is missing. The project's own folder `alembic/` is not Alembic."""
    venv.create(tmp_path / "empty", with_pip=False)
    made = project("a <- : CREATE TABLE a (id int)")
    for name in ("alembic", "sqlalchemy"):
        (made.root / name).mkdir()
    launch = replace(made.launch(), python=tmp_path / "empty" / "bin" / "python")
    failure = run_fresh(made.plan(launch=launch), server).failure
    assert failure is not None
    assert (failure.kind, failure.error) == (FailureKind.ENVIRONMENT, "NotInstalledError")
    assert (failure.missing, failure.missing_kind) == ("sqlalchemy", "module")


@pytest.mark.parametrize(
    "body",
    [
        "def __str__(self): raise ValueError('no text')",
        "statement = 5\n    @property\n    def orig(self): raise ValueError('no cause')",
        "args = property(lambda self: 1 / 0)\n    __notes__ = 5",
    ],
)
@pytest.mark.parametrize("place", ["env.py", "script"])
def test_an_exception_that_cannot_be_described_is_still_told(
    project: Make, server: TestServer, body: str, place: str
) -> None:
    made = project(
        "a <- : >> import odd ;; raise odd.OddError('odd')",
        *(["import odd\nraise odd.OddError('odd')\n"] if place == "env.py" else []),
    )
    (made.root / "odd.py").write_text(f"class OddError(Exception):\n    {body}\n")
    failure = fresh(made, server).failure
    assert failure is not None
    assert failure.error == "OddError"
    assert failure.path == str(made.script("a") if place == "script" else made.root / "migrations" / "env.py")
    assert (failure.statement, failure.message) in ((None, "OddError"), ("5", "OddError"), (None, "odd"))


def test_scripts_are_loaded_when_alembic_loads_them(project: Make, server: TestServer) -> None:
    """When run_migrations asks for a revision: after env.py's imports, on which a project may depend."""
    made = project(
        "a <- : CREATE TABLE a (id int) | DROP TABLE a\nb <- a:", "import models\nmodels.ready = True\n" + ENV
    )
    (made.root / "models.py").write_text("ready = False\nloads = []\n")
    script = made.script("b")
    script.write_text(
        "import models\nassert models.ready\nmodels.loads.append(1)\nassert models.loads == [1]\n" + script.read_text()
    )
    with Session(made.launch(), server.create_database()) as session:
        assert [one.failure for one in (*session.upgrade(), *session.downgrade(), *session.upgrade())] == [None] * 6


def test_a_script_that_does_not_load_is_named(project: Make, server: TestServer) -> None:
    made = project("a <- : CREATE TABLE a (id int)")
    made.script("a").write_text("import nothing_like_it\n")
    failure = fresh(made, server).failure
    assert failure is not None
    assert (failure.kind, failure.missing) == (FailureKind.ENVIRONMENT, "nothing_like_it")
    assert (failure.path, failure.line) == (str(made.script("a")), 1)


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000", "asyncpg"])
def test_postgresqls_own_message_whatever_the_driver(project: Make, server: TestServer, driver: str) -> None:
    chain = """
        a <- : CREATE TABLE a (id int CONSTRAINT once UNIQUE)
        b <- a: INSERT INTO a VALUES (1), (1)
    """
    env = ENV_ASYNC if driver == "asyncpg" else ENV
    made = project(chain, env, url=f"postgresql+{driver}://nobody@nowhere/none")
    failure = fresh(made, server).failure
    assert failure is not None
    assert failure.message == (
        'duplicate key value violates unique constraint "once"\nDETAIL: Key (id)=(1) already exists.'
    )
    assert (failure.sqlstate, failure.statement) == ("23505", "INSERT INTO a VALUES (1), (1)")
    assert (failure.path, failure.line) == (str(made.script("b")), 7)


def test_only_what_the_script_sends_is_recorded_and_not_without_end(project: Make, server: TestServer) -> None:
    chain = """
        a <- : >> t = op.create_table("a", sa.Column("id", sa.Integer)) ;; op.bulk_insert(t, [{"id": 1}, {"id": 2}])
        b <- a: >> for n in range(2100): op.execute("SELECT 'alembic_version'")
    """
    first, second = fresh(project(chain), server).steps
    assert len(first.statements) == 2
    assert first.statements[1].endswith("-- 2 rows")
    assert len(second.statements) == 2001
    assert "only the first 2000" in second.statements[-1]


def test_the_project_sees_its_own_modules_and_environment_and_nothing_of_ours(
    project: Make, server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROD_DATABASE_URL", "postgresql://prod")
    env = "import os, sys, plan, protocol\nassert plan.OURS and protocol.OURS\n"
    env += "assert 'PROD_DATABASE_URL' not in os.environ\n"
    env += "assert os.environ['APP_DB'].endswith('/' + os.environ['PGDATABASE']), os.environ['APP_DB']\n"
    env += "assert os.environ['DATABASE_URL'].startswith('postgresql+psycopg://')\n"
    env += "assert sys.argv == ['alembic', 'upgrade', 'heads'] and os.getcwd() == os.path.dirname(plan.__file__)\n"
    env += "from alembic import context\nassert context.get_x_argument(as_dictionary=True) == {}\n"
    made = project("a <- : CREATE TABLE a (id int)", env + ENV)
    for name in ("plan", "protocol"):
        (made.root / f"{name}.py").write_text("OURS = True\n")
    result = fresh(made, server, env={"APP_DB": "db://{host}:{port}/{database}"})
    assert result.failure is None
    assert not list(made.root.rglob("__pycache__"))


def test_a_project_in_pyproject_toml(project: Make, server: TestServer) -> None:
    section = "context.config.get_section(context.config.config_ini_section)"
    env = "import os\n" + ENV.replace(section, '{"sqlalchemy.url": os.environ["DATABASE_URL"]}')
    made = project("a <- : CREATE TABLE a (id int)", env)
    toml = made.root / "pyproject.toml"
    toml.write_text('[tool.alembic]\nscript_location = "%(here)s/migrations"\nprepend_sys_path = ["."]\n')
    launch = replace(made.launch(), job=replace(made.job, config_file=None, toml_file=toml))
    assert run_fresh(made.plan(launch=launch), server).failure is None


def test_flask_migrate_has_its_application(project: Make, server: TestServer) -> None:
    made_from_ini = "engine_from_config(context.config.get_section(context.config.config_ini_section), "
    env = "from flask import current_app\nfrom sqlalchemy import create_engine\n"
    env += ENV.replace(made_from_ini, "create_engine(current_app.config['URL'], ")
    env += "\nimport sys\nassert sys.argv == ['flask', 'db', 'upgrade'] and context.config.cmd_opts is not None\n"
    made = project("a <- : CREATE TABLE a (id int)", env)
    (made.root / "wsgi.py").write_text(
        "import os\nfrom flask import Flask\ndef create_app():\n    app = Flask('shop')\n"
        "    app.config['URL'] = os.environ['DATABASE_URL']\n    return app\n"
    )
    assert fresh(made, server).failure is None


def test_an_env_file_and_the_environment() -> None:
    text = "# c\nexport A=1\n"
    text += "B='two words' # c\nC=\"x#y\"\nD=plain # c\nE=\n"
    text += "APP_DSN=postgresql+asyncpg://u:p@prod/db\nPGHOST=prod"
    assert read_env_file(text)["B"] == "two words"
    assert [read_env_file(text)[name] for name in "ACDE"] == ["1", "x#y", "plain", ""]
    made = templates(text, {"A": "mine"})
    assert (made["A"], made["PGHOST"]) == ("mine", "{host}")
    assert made["APP_DSN"] == "postgresql+asyncpg://{login}/{database}"
    assert "prod" not in "".join(made.values())
    seen = passed_on({"PATH": "/bin", "LC_ALL": "C", "GITHUB_TOKEN": "t", "PGSERVICE": "s", "PATHS": "x"})
    assert {"PATH", "LC_ALL"} <= set(seen)
    assert not {"GITHUB_TOKEN", "PGSERVICE", "PATHS"} & set(seen)
