"""The pages are what the records and the examples make of them, and what README and docs name is there."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from types import ModuleType

import pytest
import typer

from checker.cli import app

ROOT = Path(__file__).parents[2]
PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]


def make_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    return make


def test_the_catalogs_table_has_a_row_for_each_case() -> None:
    assert (ROOT / "docs" / "catalog.md").read_text("utf-8") == make_docs().catalog(), "run `make docs`"


def test_the_checks_pages_are_made_anew_when_a_record_changes() -> None:
    there = {path.name: path.read_text("utf-8") for path in (ROOT / "docs" / "checks").iterdir()}
    assert there == make_docs().pages(), "run `make docs`"


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_commands_in_the_prose_exist(page: Path) -> None:
    click_app = typer.main.get_command(app)
    commands = click_app.commands  # type: ignore[attr-defined]
    text = page.read_text("utf-8")
    for line in re.findall(
        r"alembic-premerge ((?:check|audit|replay|graph|locate|fix|explain|demo|plan)\b[^`\n#]*)", text
    ):
        name, *words = shlex.split(line.split("  ")[0])
        assert name in commands, line
        known = {
            option for parameter in commands[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, line
    for target in re.findall(r"^\$ make (\w+)", text, re.M):
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.M), target
