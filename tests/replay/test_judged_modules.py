"""Which copy of the project's modules is imported: the judged tree's, whatever is installed. Real virtualenvs."""

from __future__ import annotations

import json
import sysconfig
import venv
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from checker.findings import Report, Severity
from checker.replay.environment import templates
from checker.replay.runner import Launch, Session
from tests.gitrepo import Checkout, checkout
from tests.replay.conftest import Project, TestServer, write_project

__all__ = ["checkout"]
pytestmark = pytest.mark.postgres

FINDER = """
import sys
from importlib.machinery import PathFinder
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return PathFinder.find_spec(name, [{folder!r}]) if name == {name!r} else None
def install():
    sys.meta_path.append(Finder)
"""


@dataclass(frozen=True)
class Virtualenv:
    """One that has our own packages, and what the test installs."""

    root: Path

    @property
    def python(self) -> Path:
        return self.root / "bin" / "python"

    @property
    def packages(self) -> Path:
        return next((self.root / "lib").glob("python3*")) / "site-packages"

    def distribution(self, name: str, files: dict[str, str], url: str | None = None) -> None:
        """As pip installs it."""
        info = f"{name}-1.0.dist-info"
        names = [*files, f"{info}/METADATA"]
        write(
            self.packages,
            {
                **files,
                f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
                f"{info}/RECORD": "".join(f"{one},,\n" for one in names),
                **({f"{info}/direct_url.json": json.dumps({"url": url, "dir_info": {}})} if url else {}),
            },
        )

    def editable_by_path(self, folder: Path) -> None:
        self.distribution("shop", {"__editable__.shop-1.0.pth": f"{folder}\n"}, folder.as_uri())

    def editable_by_finder(self, folder: Path) -> None:
        files = {
            "__editable__.shop-1.0.pth": "import __editable___shop_finder; __editable___shop_finder.install()\n",
            "__editable___shop_finder.py": FINDER.format(folder=str(folder), name="shop"),
        }
        self.distribution("shop", files, folder.as_uri())


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture
def virtualenv(tmp_path: Path) -> Virtualenv:
    venv.create(tmp_path / "venv", symlinks=True)
    made = Virtualenv(tmp_path / "venv")
    (made.packages / "ours.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return made


METADATA = {"pyproject.toml": '[build-system]\nrequires = []\n[project]\nname = "Shop"\nversion = "1.0"\n'}


def copy(place: str, package: str = "shop") -> dict[str, str]:
    """A package whose modules say where they belong."""
    texts = {"__init__.py": f"PLACE = {place!r}\n", "models.py": f"PLACE = {place!r}\n"}
    return {f"{package}/{name}": text for name, text in texts.items()}


def judged(tmp_path: Path, files: dict[str, str], imports: str = "shop.models", told: str = "PLACE") -> Project:
    """A project whose env.py says what it imported. Its folder is not searched first: no prepend_sys_path."""
    env = f"import {imports} as found\nraise RuntimeError(repr(found.{told}))\n"
    made = write_project(tmp_path / "judged", "a <- : SELECT 1", env)
    ini = made.root / "alembic.ini"
    ini.write_text(ini.read_text().replace("prepend_sys_path = .\n", ""))
    write(made.root, files)
    return made


def told(project: Project, virtualenv: Virtualenv, server: TestServer, checkout: Path) -> str:
    """What env.py said of its import."""
    job = replace(project.job, root=project.root, checkout=checkout)
    launch = replace(project.launch(), python=virtualenv.python, job=job)
    return told_by(launch, server)


def told_by(launch: Launch, server: TestServer) -> str:
    with Session(launch, server.create_database()) as session:
        run = session.upgrade()
        assert run.step() is None
    assert run.failure is not None
    return run.failure.message


@pytest.mark.parametrize("layout", ["", "src/"])
@pytest.mark.parametrize("how", ["editable_by_path", "editable_by_finder", "copied"])
@pytest.mark.parametrize("ours", [True, False])
def test_the_judged_tree_comes_before_an_installed_copy(
    virtualenv: Virtualenv, server: TestServer, tmp_path: Path, layout: str, how: str, ours: bool
) -> None:
    """Of the user's work tree, or of another checkout that is known by the project's name."""
    other = tmp_path / "other"
    write(other, {**METADATA, **{f"{layout}{name}": text for name, text in copy("other").items()}})
    files = {**METADATA, **{f"{layout}{name}": text for name, text in copy("judged").items()}}
    if how == "copied":
        virtualenv.distribution("Shop", copy("other"))
    else:
        getattr(virtualenv, how)(other / layout)
    project = judged(tmp_path, files)
    assert told(project, virtualenv, server, other if ours else project.root) == "'judged'"


def test_only_the_judged_part_of_a_namespace_is_replaced(
    virtualenv: Virtualenv, server: TestServer, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    write(other, {**METADATA, **copy("other", "corp/shop")})
    virtualenv.editable_by_path(other)
    virtualenv.distribution("corp-tools", copy("dependency", "corp/tools"))
    files = {**METADATA, **copy("judged", "corp/shop")}
    assert told(judged(tmp_path, files, "corp.shop.models"), virtualenv, server, other) == "'judged'"
    tools = judged(tmp_path / "second", files, "corp.tools.models")
    assert told(tools, virtualenv, server, other) == "'dependency'"


def test_no_folder_of_the_tree_replaces_a_dependency(
    virtualenv: Virtualenv, server: TestServer, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    write(elsewhere, {"pyproject.toml": '[project]\nname = "helpers"\n', **copy("editable dependency", "helpers")})
    virtualenv.distribution("tools", copy("dependency", "tools"))
    (virtualenv.packages / "helpers.pth").write_text(f"{elsewhere}\n")
    files = {**METADATA, **copy("judged", "tools"), **copy("judged", "helpers"), **copy("judged", "json")}
    for number, (name, attribute, expected) in enumerate(
        (
            ("tools.models", "PLACE", "'dependency'"),
            ("helpers.models", "PLACE", "'editable dependency'"),
            ("json", "loads('1')", "1"),
        )
    ):
        project = judged(tmp_path / str(number), files, name, attribute)
        assert told(project, virtualenv, server, project.root) == expected


def test_a_generated_module_comes_from_the_copy_and_one_that_was_deleted_does_not(
    virtualenv: Virtualenv, server: TestServer, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    generated = {"shop/sub/__init__.py": "", "shop/sub/_version.py": "PLACE = 'generated'\n"}
    write(other, {**METADATA, **copy("other"), **generated})
    virtualenv.editable_by_path(other)
    files = {**METADATA, **copy("judged"), "shop/sub/__init__.py": ""}
    project = judged(tmp_path, files, "shop.sub._version")
    assert told(project, virtualenv, server, other) == "'generated'"
    job = replace(project.job, root=project.root, checkout=other, absent=("shop/sub/_version.py",))
    launch = Launch(virtualenv.python, job, project.launch().environ, templates("", {}))
    assert told_by(launch, server) == "No module named 'shop.sub._version'"


# --- the whole check, of two commits of which neither is on disk

ENV_PY = """
from alembic import context
from sqlalchemy import engine_from_config
from shop.models import metadata
engine = engine_from_config(context.config.get_section("alembic"))
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        context.run_migrations()
"""


def shop(columns: str) -> dict[str, bytes]:
    """The models and the chain of a shop whose table has these columns, in a src layout."""
    names = columns.split()
    models = "\n".join(
        (
            "import sqlalchemy as sa",
            "metadata = sa.MetaData()",
            f"sa.Table('orders', metadata, *(sa.Column(name, sa.Integer) for name in {names}))",
        )
    )
    files = {
        **METADATA,
        "alembic.ini": "[alembic]\nscript_location = migrations\nsqlalchemy.url = postgresql+psycopg://\n",
        "migrations/env.py": ENV_PY,
        "src/shop/__init__.py": "",
        "src/shop/models.py": models,
    }
    for number, name in enumerate(names):
        sql = f"ALTER TABLE orders ADD {name} int" if number else f"CREATE TABLE orders ({name} int)"
        back = f"ALTER TABLE orders DROP {name}" if number else "DROP TABLE orders"
        files[f"migrations/versions/{name}_.py"] = "\n".join(
            (
                "from alembic import op",
                f"revision, down_revision = 'r_{name}', {f'r_{names[number - 1]}' if number else None!r}",
                f"def upgrade():\n    op.execute('{sql}')",
                f"def downgrade():\n    op.execute('{back}')\n",
            )
        )
    return {name: text.encode() for name, text in files.items()}


def judge_two_commits(checkout: Checkout, virtualenv: Virtualenv, server: TestServer, on_disk: str) -> Report:
    base = checkout.commit(shop("a"))
    head = checkout.commit(shop("a b"))
    checkout.commit(shop(on_disk))
    virtualenv.editable_by_path(checkout.root / "src")
    url = server.create_database().url()
    return checkout.check(base, head, replay=True, postgres=url, python=str(virtualenv.python))


def test_models_of_an_editable_checkout_are_no_drift_of_another_commit(
    checkout: Checkout, virtualenv: Virtualenv, server: TestServer
) -> None:
    report = judge_two_commits(checkout, virtualenv, server, "a b c d")
    assert (report.findings, report.replay[0].outside) == ((), ())
    assert {one.name: one.outcome for one in report.replay[0].passes}["drift"] == "passed"


def test_what_another_copy_shows_is_a_warning_that_names_both(
    checkout: Checkout, virtualenv: Virtualenv, server: TestServer
) -> None:
    """Python imports the copy before anything of ours runs: it cannot be replaced."""
    (virtualenv.packages / "zz_early.pth").write_text("import shop.models\n")
    report = judge_two_commits(checkout, virtualenv, server, "a")
    copied = str(checkout.root / "src/shop/models.py")
    outside = {one.module: (one.path, one.expected) for one in report.replay[0].outside}
    assert outside["shop.models"] == (copied, "src/shop/models.py")
    (drift,) = [one for one in report.findings if one.id == "R306"]
    assert drift.severity is Severity.WARNING
    assert f"shop.models from {copied} instead of src/shop/models.py" in drift.message
    assert any(copied in one.reason for one in report.skipped)
    assert report.verdict == "pass"
