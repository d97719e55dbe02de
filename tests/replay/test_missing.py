"""What a project lacks is named, all of it at once, whichever library it reads its settings with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from checker.replay.missing import with_all_that_is_missing
from checker.replay.outcome import Failure, FailureKind, Pass, Replay
from checker.replay.plan import run_fresh
from tests.replay.conftest import ENV, Project, TestServer

pytestmark = pytest.mark.postgres
Make = Callable[..., Project]

PYDANTIC = """
from pydantic import BaseModel, Field
from pydantic_settings import BaseSettings, SettingsConfigDict
class Mail(BaseModel):
    host: str
class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="shop_", env_nested_delimiter="__")
    secret_key: str
    region: str = Field(validation_alias="AWS_REGION")
    mail: Mail
    port: int = 1
Settings()
"""
PYDANTIC_1 = """
from pydantic.v1 import BaseSettings, Field
class Settings(BaseSettings):
    secret_key: str
    token: str = Field(env="shop_token")
    class Config:
        env_prefix = "app_"
Settings()
"""
LIBRARIES = {
    "os.environ": ("import os\nos.environ['FIRST']\nint(os.environ['SECOND'])\n", "FIRST, SECOND"),
    "its own error": (
        "import os\nif not os.getenv('SECRET_KEY'):\n    raise RuntimeError('SECRET_KEY must be set')\nos.environ['OTHER']",
        "SECRET_KEY, OTHER",
    ),
    "decouple": (
        "from decouple import AutoConfig\nconfig = AutoConfig('.')\nconfig('FIRST')\nconfig('SECOND', cast=int)",
        "FIRST, SECOND",
    ),
    "environs": ("from environs import Env\nenv = Env()\nenv.str('FIRST')\nenv.int('SECOND')", "FIRST, SECOND"),
    "pydantic": (PYDANTIC, "SHOP_SECRET_KEY, AWS_REGION, SHOP_MAIL"),
    "pydantic 1": (PYDANTIC_1, "APP_SECRET_KEY, SHOP_TOKEN"),
}


def lack(made: Project, server: TestServer, **more: Any) -> Failure:
    """The failure of a project that would not load, as a run would tell it."""
    launch = made.launch(**more)
    fresh = run_fresh(made.plan(launch=launch), server)
    replay = Replay("app", server.provider, server.version, (fresh, Pass("stairway", 0, "not run")))
    failure = with_all_that_is_missing(replay, launch, server, made.root, made.root).passes[0].failure
    assert failure is not None
    assert failure.kind is FailureKind.ENVIRONMENT
    return failure


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_setting_that_is_missing_is_told_at_once(project: Make, server: TestServer, library: str) -> None:
    code, names = LIBRARIES[library]
    made = project("a <- : CREATE TABLE a (id int)", "import settings\n" + ENV)
    (made.root / "settings.py").write_text(code)
    before = server.databases()
    failure = lack(made, server)
    assert (failure.missing, failure.missing_kind) == (names, "setting")
    assert server.databases() == before
    given = dict.fromkeys(names.split(", "), "1") | ({"SHOP_MAIL": '{"host": "h"}'} if library == "pydantic" else {})
    assert run_fresh(made.plan(launch=made.launch(env=given)), server).failure is None


@pytest.mark.parametrize(
    ("url", "error"), [("os.getenv('SHOP_DSN', 'sqlite:///x.db')", "Foreign"), ("os.getenv('SHOP_DSN')", "Argument")]
)
def test_the_variable_that_the_url_is_read_from_is_named(
    project: Make, server: TestServer, url: str, error: str
) -> None:
    env = "import os, sqlalchemy\nos.getenv('SHOP_REGION')\n"
    env += f"sqlalchemy.create_engine({url}).connect()\n"
    failure = lack(project("a <- : CREATE TABLE a (id int)", env), server)
    assert (failure.missing, failure.missing_kind) == ("SHOP_DSN", "database")
    assert failure.error.startswith(error)
    assert "SHOP_REGION" in str(failure.details)


def test_a_driver_is_no_module_like_another(project: Make, server: TestServer) -> None:
    hidden = "import sys\nsys.modules['psycopg2'] = None\nimport psycopg2\n"
    failure = lack(project("a <- : CREATE TABLE a (id int)", hidden), server)
    assert (failure.missing, failure.missing_kind) == ("psycopg2", "driver")


def test_annotations_that_only_a_newer_python_reads(project: Make, server: TestServer) -> None:
    made = project("a <- : CREATE TABLE a (id int)", "import models\n")
    (made.root / "models.py").write_text("class A:\n    b: list[B]\nclass B:\n    a: A\n")
    failure = lack(made, server)
    assert failure.missing_kind == "python"
    assert str(failure.missing).startswith(">=3.14 (this was 3.")
    (made.root / "models.py").write_text("class A:\n    b = B\nclass B:\n    a: A\n")
    assert lack(made, server).missing_kind is None


def test_a_python_that_the_project_does_not_ask_for_is_said(project: Make, server: TestServer) -> None:
    made = project("a <- : CREATE TABLE a (id int)", "import nothing\n1/0\n")
    (made.root / "pyproject.toml").write_text('[project]\nname = "x"\nrequires-python = ">=3.99"\n')
    assert lack(made, server).missing_kind == "module"
    (made.root / "nothing.py").touch()
    failure = lack(made, server)
    assert (failure.error, failure.missing_kind) == ("ZeroDivisionError", "python")
    assert str(failure.missing).startswith(">=3.99 (this was 3.")


def test_of_hundreds_of_variables_the_last_are_told(project: Make, server: TestServer) -> None:
    env = "import os\nfor number in range(300): os.getenv(f'VARIABLE_{number}')\n"
    made = project("a <- : |", env + "1 / 0\n" + ENV)
    details = lack(made, server).details or ""
    assert "VARIABLE_299 (and 280 before these)" in details
    assert "VARIABLE_279," not in details
    (made.root / "migrations" / "env.py").write_text(env + "import no_such_module\n" + ENV)
    assert "VARIABLE" not in (lack(made, server).details or "")
