"""The pages are what the records and the examples make of them, and what README and docs name is there."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest
import typer
import yaml

from checker.cli import app
from checker.settings import Configuration, PostgresSettings, ProjectSettings, read_configuration

ROOT = Path(__file__).parents[2]
PROSE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]


def make_docs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_docs", ROOT / "docs" / "make.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    return make


def test_what_is_made_is_made_anew_when_its_source_changes() -> None:
    make = make_docs()
    there = {path.name: path.read_text("utf-8") for path in (ROOT / "docs" / "checks").iterdir()}
    assert there == make.pages(), "run `make docs`"
    assert make.SCHEMA.read_text("utf-8") == make.configuration_schema(), "run `make docs`"


def test_the_configurations_page_shows_every_setting_and_is_right() -> None:
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "configuration.md").read_text("utf-8"), re.S)
    assert text is not None
    configuration = read_configuration(text[1], ".alembic-premerge.yml")
    assert configuration.model_fields_set == set(Configuration.model_fields)
    unsaid = set(PostgresSettings.model_fields) - configuration.postgres.model_fields_set
    assert unsaid == {"url"}, "a server's URL is a secret, for --postgres and the environment"
    assert set(ProjectSettings.model_fields) == configuration.projects[0].model_fields_set
    # as an editor reads it, which goes by YAML 1.2: `off` and a date are words
    words = re.sub(r"\b(off|2027-01-31)\b", r"'\1'", text[1])
    jsonschema.validate(yaml.safe_load(words), configuration_schema())


def configuration_schema() -> dict[str, object]:
    schema: dict[str, object] = json.loads((ROOT / "checker" / "configuration.schema.json").read_text("utf-8"))
    return schema


def test_the_catalogs_table_has_a_row_for_each_case() -> None:
    assert (ROOT / "docs" / "catalog.md").read_text("utf-8") == make_docs().catalog(), "run `make docs`"


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
