"""Flask-Migrate and Flask-SQLAlchemy themselves, with the env.py that `flask db init` writes, from the pipeline on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checker.findings import Report
from checker.postgres import Server
from checker.replay.flask import find_application
from tests.gitrepo import Checkout, only

pytestmark = pytest.mark.postgres

APP = """
import os, sys
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
db = SQLAlchemy()
def create_app():
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("DATABASE_URL", "postgresql+psycopg://")
    assert sys.argv[1:3] in (["db", "upgrade"], ["db", "init"]) and sys.argv[0].endswith("flask"), sys.argv
    db.init_app(app)
    Migrate(app, db, directory="db/migrations")
    return app
"""
SCRIPT = """
from alembic import op
revision = "a1"
down_revision = None
def upgrade():
    op.execute("CREATE TABLE a (id int)")
def downgrade():
    op.execute("DROP TABLE a")
"""


@pytest.fixture
def shop(checkout: Checkout) -> Checkout:
    """A Flask project in `api/`, its migrations where its own directory option says."""
    folder = checkout.root / "api"
    folder.mkdir()
    (folder / "shop.py").write_text(APP)
    program = Path(sys.executable).with_name("flask")
    environ = {**os.environ, "FLASK_APP": "shop:create_app"}
    subprocess.run([program, "db", "init"], cwd=folder, env=environ, check=True, capture_output=True)
    (folder / "db/migrations/versions/a1_first.py").write_text(SCRIPT)
    checkout.commit(files(checkout.root), "shop")
    return checkout


def files(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found if "__pycache__" not in path.parts}


def check(shop: Checkout, server: Server) -> Report:
    return shop.check(judge_all=True, replay=True, postgres=server.create_database().url())


def test_the_message_leads_to_the_line_and_the_line_to_a_replay(shop: Checkout, server: Server) -> None:
    shop.write({"api/a_long_name.py": b"def create_app():\n    pass\n"})
    lost = only(check(shop, server))
    assert lost.id == "R313"
    assert "Flask does not find the application" in lost.message
    line = "{path: api/db/migrations, flask_app: shop:create_app}"
    assert str(lost.fix) == f"add to .alembic-premerge.yml: projects: [{line}]"
    shop.write({".alembic-premerge.yml": f"projects: [{line}]\n".encode()})
    report = check(shop, server)
    assert [finding for finding in report.findings if finding.severity == "error"] == []
    assert [(one.name, one.outcome) for one in report.replay[0].passes][:2] == [
        ("fresh", "passed"), ("stairway", "passed"),
    ]  # fmt: skip
    assert [step.statements for step in report.replay[0].steps] == [1]


def test_where_there_is_one_application_it_is_that(shop: Checkout, server: Server) -> None:
    assert check(shop, server).replay[0].passes[0].outcome == "passed"


def test_flaskenv_says_which_application(shop: Checkout, server: Server) -> None:
    shop.write({"api/.flaskenv": b"FLASK_APP=shop:create_app\n", "api/a.py": b"def create_app():\n    pass\n"})
    assert check(shop, server).replay[0].passes[0].outcome == "passed"


def test_the_app_module_of_a_package_is_the_application_though_it_only_imports_it(tmp_path: Path) -> None:
    """mwdb-core: FLASK_APP is mwdb/app.py, and its migrations lie in a package below."""
    migrations = tmp_path / "mwdb/model/migrations"
    for folder in (migrations, tmp_path / "mwdb/core"):
        folder.mkdir(parents=True)
    for name in ("mwdb", "mwdb/model", "mwdb/core"):
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "mwdb/core/app.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    (tmp_path / "mwdb/app.py").write_text("from mwdb.core.app import api, app\n")
    folders = [migrations, migrations.parent, tmp_path / "mwdb", tmp_path]
    assert find_application(folders, None) == (tmp_path, "mwdb.app")


def test_an_error_inside_of_the_application_is_unhidden(shop: Checkout, server: Server) -> None:
    shop.write({"api/.flaskenv": b"FLASK_APP=shop:create_app\n", "api/shop.py": b"import os\nimport nothing_like_it\n"})
    broken = only(check(shop, server))
    assert "the module nothing_like_it is not installed" in broken.message
    assert (broken.path, broken.line) == ("api/shop.py", 2)


def test_a_factory_in_a_package_is_found_and_needs_no_database_of_its_own(checkout: Checkout, server: Server) -> None:
    """The migrations lie inside of the package, and from there nothing of it can be imported."""
    package = checkout.root / "shop"
    lines = [line for line in APP.splitlines() if "DATABASE_URL" not in line]
    setting = "    app.config.setdefault('SQLALCHEMY_DATABASE_URI', 'sqlite:///:memory:')\n    assert"
    app = "\n".join(lines).replace("    assert", setting)
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "factory.py").write_text(app.replace("db/migrations", "shop/migrations"))
    program, environ = Path(sys.executable).with_name("flask"), {**os.environ, "FLASK_APP": "shop.factory:create_app"}
    subprocess.run([program, "db", "init"], cwd=checkout.root, env=environ, check=True, capture_output=True)
    (package / "manage.py").write_text(
        "from shop.factory import create_app\nfrom os import nothing\napp = create_app()\n"
    )
    (package / "other.py").write_text("def create_app():\n    pass\n")
    (package / "migrations/versions/a1_first.py").write_text(SCRIPT)
    checkout.commit(files(checkout.root), "shop")
    fix = str(only(check(checkout, server)).fix)
    assert fix.endswith("projects: [{path: shop/migrations, flask_app: shop.factory:create_app}]")
    checkout.write({".alembic-premerge.yml": fix.partition(": ")[2].encode()})
    report = check(checkout, server)
    assert [one.outcome for one in report.replay[0].passes][:2] == ["passed"] * 2


def test_an_application_that_upgrades_itself_when_it_is_made(shop: Checkout, server: Server) -> None:
    """Plain `flask db upgrade` passes: the application's own upgrade has run everything. Here both are to be seen."""
    own = """    with app.app_context():
        upgrade()
        db.session.execute(db.text("SELECT * FROM a"))
    return app"""
    upgrades = APP.replace("import Migrate", "import Migrate, upgrade").replace("    return app", own)
    shop.write({"api/shop.py": upgrades.encode()})
    report = check(shop, server)
    assert report.findings == ()
    assert [(one.name, one.outcome) for one in report.replay[0].passes][:2] == [
        ("fresh", "passed"), ("stairway", "passed"),
    ]  # fmt: skip
    assert [step.statements for step in report.replay[0].steps] == [1]


def test_the_tables_that_an_application_creates_when_it_is_made_are_no_drift(shop: Checkout, server: Server) -> None:
    """CTFd's plugins have chains of their own, which run when the application is made."""
    model = """
class A(db.Model):
    __tablename__ = "a"
    id = db.Column(db.Integer)
    __mapper_args__ = {"primary_key": [id]}
class Plugin(db.Model):
    id = db.Column(db.Integer, primary_key=True)
def create_app():"""
    made = APP.replace("\ndef create_app():", model).replace(
        "    return app",
        "    with app.app_context():\n        Plugin.__table__.create(db.engine, checkfirst=True)\n    return app",
    )
    shop.write({"api/shop.py": made.encode()})
    report = check(shop, server)
    assert report.findings == ()
    assert {one.outcome for one in report.replay[0].passes if one.name != "deploy"} == {"passed"}
