"""What a project needs is found by running it: what is proposed is given to it, verbatim, and it migrates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from checker.replay.environment import templates
from checker.replay.missing import with_all_that_is_missing
from checker.replay.outcome import Failure, Pass, Proposal, Replay
from checker.replay.plan import run_fresh
from tests.replay.conftest import ENV, ENV_ASYNC, Project, TestServer

pytestmark = pytest.mark.postgres
Make = Callable[..., Project]

CHAIN = "a <- : CREATE TABLE a (id int)"
SET_URL = """
import settings
from alembic import context
context.config.set_main_option("sqlalchemy.url", settings.URL.replace("%", "%%"))
"""
FERNET = "cHJlbWVyZ2UtcHJlbWVyZ2UtcHJlbWVyZ2UtcHJlbTE="

CREDENTIALS = """
import base64, os
from urllib.parse import quote
if len(base64.urlsafe_b64decode(os.environ["SHOP_ENCRYPTION_KEY"])) != 32:
    raise ValueError("the key must have 32 bytes")
USER, PASSWORD = os.environ["DATABASE_CREDENTIALS"].split(":")
PLACE = os.environ["DATABASE_HOSTNAME"] + ":" + os.environ["DATABASE_PORT"]
URL = f"postgresql+psycopg://{USER}:{quote(PASSWORD)}@{PLACE}/shop"
"""
KIND_OF_DATABASE = """
import os
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    PRODUCTION: bool
    BASE_URL: str = "http://localhost:8080"
    DB_ENGINE: str = "sqlite"
class Postgres(BaseSettings):
    POSTGRES_SERVER: str = "postgres"
    POSTGRES_USER: str = "shop"
if Settings().DB_ENGINE == "postgres":
    URL = f"postgresql+psycopg://{Postgres().POSTGRES_USER}:x@{Postgres().POSTGRES_SERVER}/shop"
else:
    URL = "sqlite:////nowhere/shop.db"
"""
FACTORY_OF_DEFAULT = """
from pydantic import Field
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    LLM_API_BASE: str = "https://llm.example.com"
    DATABASE_REPLICA_STRING: str | None = None
    DATABASE_STRING: str = Field(default_factory=lambda: "sqlite:////nowhere/shop.db")
URL = Settings().DATABASE_STRING
"""
ASYNC_ONLY = """
import os
URL = os.getenv("SHOP_STORE", "sqlite+aiosqlite:////nowhere/shop.db")
int(os.getenv("SHOP_DB_POOL_SIZE", 20))
if not URL.startswith(("sqlite", "postgresql+asyncpg:")):
    raise ValueError("an asynchronous driver is needed")
URL = URL.replace("+asyncpg", "+psycopg").replace("+aiosqlite", "")
"""
TYPED = """
from typing import Literal
from pydantic import AnyHttpUrl, PostgresDsn, SecretStr
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    workers: int
    site: AnyHttpUrl
    origins: list[AnyHttpUrl]
    stage: Literal["dev", "prod"]
    token: SecretStr
    store: PostgresDsn
settings = Settings()
URL = str(settings.store)
"""
ODD_NAMES = """
import os
A, B, C = os.environ["SHOP_A"], os.environ["SHOP_B"], os.environ["SHOP_C"]
URL = f"postgresql+psycopg://{A}:{B}@{C}/shop"
"""
NO_NUMBER = """
import os
LIMIT = int(os.getenv("SHOP_RETRY_LIMIT") or os.getenv("SHOP_DATABASE_PORT"))
URL = "postgresql+psycopg://nobody@nowhere/none"
"""
PROJECTS = {
    "a login in one variable, and a key": (
        CREDENTIALS,
        {
            "SHOP_ENCRYPTION_KEY": FERNET,
            "DATABASE_CREDENTIALS": "{user}:{password}",
            "DATABASE_HOSTNAME": "{host}",
            "DATABASE_PORT": "{port}",
        },
    ),
    "the kind of database": (KIND_OF_DATABASE, {"PRODUCTION": "true", "DB_ENGINE": "postgres"}),
    "a field of pydantic's": (FACTORY_OF_DEFAULT, {"DATABASE_STRING": "{url}"}),
    "another driver": (ASYNC_ONLY, {"SHOP_STORE": "postgresql+asyncpg://{login}/{database}"}),
    "types": (
        TYPED,
        {
            "WORKERS": "1",
            "SITE": "https://example.com",
            "ORIGINS": '["https://example.com"]',
            "STAGE": "dev",
            "TOKEN": "1",
            "STORE": "{url}",
        },
    ),
    "names that say nothing": (ODD_NAMES, {"SHOP_A": "{user}", "SHOP_B": "{password}", "SHOP_C": "{host}"}),
    "a default that is none": (NO_NUMBER, {"SHOP_DATABASE_PORT": "{port}"}),
}


def proposed(made: Project, server: TestServer, **more: Any) -> tuple[Failure, Proposal]:
    launch = made.launch(**more)
    fresh = run_fresh(made.plan(launch=launch), server)
    replay = Replay("app", server.provider, server.version, (fresh, Pass("stairway", 0, "not run")))
    failure = with_all_that_is_missing(replay, launch, server, made.root, made.root).passes[0].failure
    assert failure is not None
    assert failure.proposal is not None
    return failure, failure.proposal


@pytest.mark.parametrize("name", PROJECTS)
def test_with_what_is_proposed_the_project_migrates(project: Make, server: TestServer, name: str) -> None:
    settings, wanted = PROJECTS[name]
    made = project(CHAIN, SET_URL + ENV)
    (made.root / "settings.py").write_text(settings)
    _, proposal = proposed(made, server)
    assert (dict(proposal.env), proposal.then) == (wanted, None)
    assert run_fresh(made.plan(launch=made.launch(env=dict(proposal.env))), server).failure is None


def test_an_example_file_that_defines_what_is_missing_is_proposed_as_env_file(
    project: Make, server: TestServer
) -> None:
    """SERVERS needs a value that nobody could guess; the first file lacks SHOP_TOKEN."""
    made = project(CHAIN, SET_URL + ENV)
    (made.root / "settings.py").write_text(
        "import os\nos.environ['SHOP_TOKEN']\nassert os.environ.get('SERVERS') == 'a=1;b=2', 'bad list'\n"
        "URL = os.environ['SHOP_STORE']\n"
    )
    (made.root / "example.env").write_text("OTHER=1\n")
    text = "SHOP_TOKEN=x\nSERVERS='a=1;b=2'\nSHOP_STORE=postgresql://me@production/shop\n"
    (made.root / ".env.example").write_text(text)
    failure, proposal = proposed(made, server)
    assert (failure.missing, proposal) == ("SHOP_TOKEN", Proposal(required=("SHOP_TOKEN",), env_file=".env.example"))
    launch = replace(made.launch(), templates=templates(text, {}))
    assert run_fresh(made.plan(launch=launch), server).failure is None


def test_a_variable_is_found_that_the_error_names_without_its_prefix(project: Make, server: TestServer) -> None:
    made = project(CHAIN, "import settings\n" + ENV)
    (made.root / "settings.py").write_text(
        "import os\nif not os.environ.get('SHOP_SECRET_KEY'):\n    raise KeyError('parameter shop.SECRET_KEY not found')\n"
    )
    failure, proposal = proposed(made, server)
    assert (failure.missing, dict(proposal.env), proposal.then) == ("SHOP_SECRET_KEY", {"SHOP_SECRET_KEY": "1"}, None)


def test_what_no_setting_can_supply_is_said_beside_what_it_can(project: Make, server: TestServer) -> None:
    made = project(CHAIN, "import settings\n" + ENV_ASYNC)
    (made.root / "settings.py").write_text("import os\nos.environ['SHOP_TOKEN']\nimport no_such_module\n")
    failure, proposal = proposed(made, server)
    assert (failure.missing, dict(proposal.env)) == ("SHOP_TOKEN", {"SHOP_TOKEN": "1"})
    assert proposal.then == "ModuleNotFoundError: No module named 'no_such_module'"


def test_a_real_login_is_given_to_no_variable_while_it_is_looked_for(project: Make, server: TestServer) -> None:
    """Values that are recognised in a connection hold no password: env.py may write them anywhere."""
    env = "import os\nfrom pathlib import Path\nseen = Path(__file__).with_name('seen')\n"
    env += "value = os.getenv('SHOP_DSN', 'sqlite:///nowhere.db')\nseen.open('a').write(value + '\\n')\n"
    made = project(
        CHAIN, env + ENV.replace("engine =", "import sqlalchemy\nengine = sqlalchemy.create_engine(value)\n_ =")
    )
    _, proposal = proposed(made, server)
    assert dict(proposal.env) == {"SHOP_DSN": "{url}"}
    assert "postgresql+psycopg2://pm:pm@pm0x:5432/pm" in (made.root / "migrations/seen").read_text().replace(
        "+psycopg:", "+psycopg2:"
    )
