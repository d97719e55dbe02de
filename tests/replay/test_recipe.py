"""What a project's own files say of its dependencies, file by file as real projects have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.replay.python_version import allows
from checker.replay.recipe import Recipe, find_recipe

POETRY = """
[tool.poetry.dependencies]
python = ">=3.11,<3.14"
alembic = "^1.13"
psycopg2-binary = {version = "~2.9", extras = ["c"]}
ours = {path = "../ours"}
forked = {git = "https://example.org/forked.git", rev = "abc"}
slow = {version = "*", optional = true}
[tool.poetry.group.dev.dependencies]
pytest = "^8"
"""
LOCK = """
[[package]]
name = "alembic"
version = "1.13.1"
[[package]]
name = "numpy"
version = "1.0"
[[package]]
name = "numpy"
version = "2.0"
[[package]]
name = "forked"
version = "9"
source = {type = "git", url = "https://example.org/forked.git"}
"""
UV_LOCK = """
[[package]]
name = "shop"
version = "0.1"
source = {editable = "."}
[[package]]
name = "alembic"
version = "1.13.1"
source = {registry = "https://example.org/simple"}
"""
PROJECT = """
[project]
name = "shop"
requires-python = ">=3.12"
dependencies = ["alembic>=1", "psycopg[binary]", "tomli; python_version < '3.11'"]
[project.optional-dependencies]
all = ["shop[pg]"]
pg = ["asyncpg"]
[dependency-groups]
dev = ["pytest", {include-group = "docs"}]
docs = ["sphinx"]
"""


def recipe(tmp_path: Path, files: dict[str, str], *folders: str) -> Recipe | None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return find_recipe([tmp_path / folder for folder in (*folders, ".")])


def test_poetry_with_a_lock_and_without(tmp_path: Path) -> None:
    made = recipe(tmp_path, {"pyproject.toml": POETRY, "poetry.lock": LOCK})
    assert made is not None
    assert (made.source, made.python) == ("poetry.lock", ">=3.11,<3.14")
    assert made.requirements == ("alembic", "psycopg2-binary[c]", "forked @ git+https://example.org/forked.git@abc")
    assert made.constraints == ("alembic==1.13.1",)
    assert made.optional == ("pytest",)
    (tmp_path / "poetry.lock").unlink()
    loose = recipe(tmp_path, {})
    assert loose is not None
    assert loose.requirements[:2] == ("alembic>=1.13,<2", "psycopg2-binary[c]>=2.9,<2.10")


def test_a_uv_workspaces_lock_lies_above_its_member(tmp_path: Path) -> None:
    files = {"uv.lock": UV_LOCK, "pyproject.toml": "[tool.uv.workspace]", "api/pyproject.toml": PROJECT}
    made = recipe(tmp_path, {**files, "api/.python-version": "3.12.4"}, "api")
    assert made is not None
    assert (made.folder, made.sync, made.source) == (tmp_path / "api", True, "uv.lock")
    assert (made.constraints, made.python, made.preferred) == (("alembic==1.13.1",), ">=3.12", "3.12")
    assert made.names == ("alembic", "psycopg")
    assert made.optional == ("asyncpg", "pytest", "sphinx")
    assert {path.name for path in made.files} == {"uv.lock", "pyproject.toml"}


def test_requirements_name_what_other_files_have(tmp_path: Path) -> None:
    files = {
        "requirements/main.txt": "# all\n-r base.txt\n-c pins.txt\n--index-url https://example.org\n"
        "alembic==1.13.1 \\\n  --hash=sha256:1\n",
        "requirements/pins.txt": "elsewhere==1\n",
        "requirements/base.txt": "psycopg2 >= 2.9  # driver\nwin32; sys_platform == 'win32'\n",
    }
    made = recipe(tmp_path, files, "api")
    assert made is not None
    assert made.requirements == (f"-r {tmp_path / 'requirements/main.txt'}",)
    assert made.names == ("alembic", "psycopg2")
    assert len(made.files) == 3


def test_a_pipfile_lock(tmp_path: Path) -> None:
    lock = '{"default": {"alembic": {"version": "==1.13"}, "x": {"version": "==1", "markers": "os_name == \'nt\'"}}}'
    made = recipe(tmp_path, {"Pipfile.lock": lock})
    assert made is not None
    assert made.requirements == ("alembic==1.13", "x==1 ; os_name == 'nt'")


def test_settings_of_a_linter_are_no_dependencies(tmp_path: Path) -> None:
    assert recipe(tmp_path, {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}) is None


@pytest.mark.parametrize(
    ("specifier", "inside", "outside"),
    [
        (">=3.11,<3.13", (3, 12, 9), (3, 13, 0)),
        ("^3.9", (3, 13, 0), (3, 8, 9)),
        ("~3.11", (3, 11, 2), (3, 12, 0)),
        ("~=3.11", (3, 13, 0), (3, 10, 1)),
        ("==3.12.*", (3, 12, 4), (3, 11, 4)),
        ("3.12", (3, 12, 4), (3, 13, 0)),
        ("!=3.12.1,>3.10", (3, 12, 2), (3, 12, 1)),
        (">=3.8 <3.10 || ^3.12", (3, 12, 0), (3, 11, 0)),
    ],
)
def test_which_pythons_a_project_allows(specifier: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    assert allows(specifier, inside)
    assert not allows(specifier, outside)
