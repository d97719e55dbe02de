"""The configuration file: what it means, and every mistake in it told with its line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from checker.errors import ConfigurationError, UsageError
from checker.settings import (
    AllowEntry,
    Configuration,
    PostgresSettings,
    Settings,
    load_configuration,
    read_configuration,
)

YML = ".alembic-premerge.yml"

FULL_YAML = """\
projects:
  - path: api
    env: {DB_PORT: 5432}
    heads: [main, reporting]
    bootstrap: {sql: [db/schema.sql], stamp: 42}
severity: {H105: off, R305: error}
timeouts: {step: 1.5}
allow:
  - {check: H101, revision: 6a9f914f656c, reason: never ran anywhere, until: 2027-01-31}
environments: {production: {revision: 6a9f914f656c}}
"""
FULL_TOML = """\
[tool.other]
path = 1

[tool.alembic-premerge]
severity = {H105 = "off", R305 = "error"}
timeouts = {step = 1.5}

[[tool.alembic-premerge.projects]]
path = "api"
env = {DB_PORT = 5432}
heads = ["main", "reporting"]
bootstrap = {sql = ["db/schema.sql"], stamp = 42}

[[tool.alembic-premerge.allow]]
check = "H101"
revision = "6a9f914f656c"
reason = "never ran anywhere"
until = 2027-01-31

[tool.alembic-premerge.environments]
production = {revision = "6a9f914f656c"}
"""


def test_yaml_and_pyproject_say_the_same() -> None:
    read = read_configuration(FULL_YAML, YML)
    in_toml = read_configuration(FULL_TOML, "pyproject.toml")
    assert read.model_dump() == in_toml.model_dump()
    assert (read.allow_place(0), in_toml.allow_place(0)) == ((YML, 9), ("pyproject.toml", 14))
    project = read.projects[0]
    assert (project.env, project.heads) == ({"DB_PORT": "5432"}, ("main", "reporting"))
    assert project.bootstrap is not None
    assert project.bootstrap.stamp == "42"
    assert read.severity == {"H105": "off", "R305": "error"}
    assert read.allow == (
        AllowEntry(check="H101", revision="6a9f914f656c", reason="never ran anywhere", until=dt.date(2027, 1, 31)),
    )


@pytest.mark.parametrize(("text", "name"), [("", YML), ("# nothing\n", YML), ("[tool.black]\n", "pyproject.toml")])
def test_nothing_said_is_the_defaults(text: str, name: str) -> None:
    assert read_configuration(text, name) == Configuration()


def mistakes(text: str, name: str = YML) -> list[str]:
    """What is said of each mistake, after the file's name."""
    with pytest.raises(ConfigurationError) as error:
        read_configuration(text, name)
    assert all(mistake.startswith(f"{name}:") for mistake in error.value.mistakes)
    return [mistake.removeprefix(f"{name}:") for mistake in error.value.mistakes]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\nlokked: merged", 2, "lokked: there is no such setting"),
        ("projects:\n- path: a\n  pyhton: x", 3, "projects.0.pyhton: there is no such setting"),
        ("projects:\n- python: x", 2, "projects.0.path: is missing"),
        ("projects: api", 1, "projects: "),
        ("timeouts:\n  step: never", 2, "timeouts.step: "),
        ("timeouts:\n  total: 0", 2, "timeouts.total: input should be greater than 0"),
        ("locked: sometimes", 1, "locked: input should be 'merged' or 'released'"),
        ("postgres:\n  provider: cloud", 2, "postgres.provider: "),
        ("severity:\n  H101: fatal", 2, "severity.H101: "),
        ("severity:\n  edited: error", 2, "severity.edited: "),
        ("allow:\n- {check: H101, revision: a}", 2, "allow.0.reason: is missing"),
        ("allow:\n- {check: H101, revision: a, reason: ' '}", 2, "allow.0.reason: "),
        ("allow:\n- {check: H101, revision: 1e5, reason: x, until: soon}", 2, "allow.0.until: "),
        ("allow:\n- {check: H101, revision: 0.5, reason: x}", 2, "allow.0.revision: "),
        ("environments:\n  live: {}", 2, "environments.live: give exactly one of revision, file and url_env"),
        ("projects:\n- path: a\n  bootstrap: {stamp: a}", 3, "projects.0.bootstrap: give either sql or command"),
        ("a: 1\nlocked: merged\nlocked: released", 3, "locked stands here a second time"),
        ("timeouts: {step: 1,\n  step: 2}", 2, "timeouts.step stands here a second time"),
        ("a: [1,\nb: }", 2, ""),
        ("- a list", 1, "the file: "),
        ("a word", 1, "the file: "),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, said: str) -> None:
    told = mistakes(text)
    assert len(told) == 1
    assert told[0].startswith(f"{line}: {said}")


def test_all_mistakes_are_told_in_the_order_of_their_lines() -> None:
    text = "timeouts:\n  step: never\n  total: -1\nprojects:\n- path: [a]\nwhat: 1\nallow:\n- {}\n"
    assert [told.split(": ")[:2] for told in mistakes(text)] == [
        ["2", "timeouts.step"],
        ["3", "timeouts.total"],
        ["5", "projects.0.path"],
        ["6", "what"],
        ["8", "allow.0.check"],
        ["8", "allow.0.reason"],
        ["8", "allow.0.revision"],
    ]


def test_pyproject_mistakes_have_lines_too() -> None:
    text = '[tool.alembic-premerge]\nlokked = 1\n\n[tool.alembic-premerge.timeouts]\nstep = "never"\n'
    text += '\n[[tool.alembic-premerge.projects]]\npath = "a"\n[[tool.alembic-premerge.projects]]\nenvs = 1\n'
    told = mistakes(text, "pyproject.toml")
    assert [one.partition(": ")[0] for one in told] == ["2", "5", "9", "10"]
    assert "there is no such setting" in told[0]


def test_invalid_toml_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"pyproject.toml is not valid TOML: "):
        read_configuration("[tool", "pyproject.toml")


def test_a_table_that_is_none_is_told() -> None:
    assert mistakes("[tool]\nalembic-premerge = 3", "pyproject.toml")[0].startswith("1: the file: ")
    assert read_configuration("tool = 1", "pyproject.toml") == Configuration()


@pytest.mark.parametrize("text", ["? [a, b]\n: 1", "{[a]: 1}", "1: 2", "&a [*a]", "<<: {a: 1}", "\x00"])
def test_odd_yaml_is_a_configuration_error_and_no_crash(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_configuration(text, YML)


def test_aliases_of_aliases_take_no_time() -> None:
    """A fork may write what it likes: nine aliases of nine, sixteen times over, are more than any memory holds."""
    laughs = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 17)]
    with pytest.raises(ConfigurationError, match="more than 20,000 values once its aliases are expanded"):
        read_configuration("\n".join(laughs), YML)


def test_the_file_at_the_root_is_found_and_a_named_one_wins(tmp_path: Path) -> None:
    assert load_configuration(tmp_path, None) == Configuration()
    (tmp_path / "pyproject.toml").write_text("[tool.alembic-premerge]\nlocked = 'released'\n")
    assert load_configuration(tmp_path, None).locked == "released"
    (tmp_path / YML).write_text("locked: merged\ntags: r*\n")
    assert load_configuration(tmp_path, None).tags == "r*"
    (tmp_path / "other.yml").write_text("tags: o*\n")
    assert load_configuration(tmp_path, tmp_path / "other.yml").tags == "o*"
    (tmp_path / YML).write_bytes(b"tags: \xff\n")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load_configuration(tmp_path, None)


def test_postgres_on_the_command_line_wins() -> None:
    configured = PostgresSettings(provider="embedded", image="a", extensions=("vector",))

    def asked(postgres: str | None, image: str | None = None) -> PostgresSettings:
        return Settings(Path(), postgres=postgres, postgres_image=image).postgres_settings(configured)

    assert asked(None) == configured
    assert asked("container", "b") == PostgresSettings(provider="container", image="b", extensions=("vector",))
    assert asked("postgresql://h/d").url == "postgresql://h/d"
    assert "h/d" not in repr(asked("postgresql://u:secret@h/d"))
    with pytest.raises(UsageError, match="neither a provider nor a URL"):
        asked("docker")
