"""Everything a user can set, as one frozen model, and the reading of the file it comes from.

None of it is needed: every value has a default that suits a repository with one `alembic.ini`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from checker.errors import ConfigurationError, UsageError
from checker.files import resolve_inside
from checker.findings import Severity
from checker.parsing import Unreadable, is_text, parse_toml, parse_yaml

FILE_NAMES = (".alembic-premerge.yml", ".alembic-premerge.yaml")
LONGEST_TIMEOUT = 7 * 24 * 3600
"""Operating systems refuse to wait much longer."""
MISTAKES_SHOWN = 50
PYPROJECT_TABLE = "alembic-premerge"
DATABASE_VARIABLE = "ALEMBIC_PREMERGE_DATABASE"
"""The environment variable with the URL of the database that `locate` is about.

Not the application's own variable: that one may be unset in this shell, or mean another database than this one.
"""

Level = Literal["error", "warning", "note", "off"]
ProviderName = Literal["auto", "container", "machine", "embedded"]


def _level(value: object) -> object:
    return "off" if value is False else value  # YAML 1.1 reads a bare `off` as false


def _text(value: object) -> object:
    # `stamp: 1234` and `PORT: 5432` are numbers to YAML and words to everyone else. A number that YAML has already
    # changed (0123 is octal, 1e5 a float) cannot be had back: booleans and floats stay wrong types and are reported.
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Word = Annotated[str, BeforeValidator(_text)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Bootstrap(_Model):
    """How a database comes to be where the chain does not start from nothing: SQL files or a command, then a stamp."""

    sql: tuple[str, ...] = ()
    command: str | None = None
    stamp: Word

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.sql) == bool(self.command):
            raise ValueError("give either sql or command")
        return self


class ProjectSettings(_Model):
    """One Alembic environment, and what its env.py needs to run. Paths are relative to the repository's root."""

    path: str
    script_location: str | None = None
    python: str | None = None
    install: str | None = None
    env: Mapping[str, Word] = Field(default_factory=dict)
    env_file: str | None = None
    flask_app: str | None = None
    x: Mapping[str, Word] = Field(default_factory=dict)
    heads: tuple[Word, ...] = ()
    irreversible_below: Word | None = None
    bootstrap: Bootstrap | None = None


class PostgresSettings(_Model):
    """Where the throwaway PostgreSQL comes from. `url` is a server on which databases may be made and dropped.

    There the migrations run as a new role that owns their databases and nothing else; with `privileged` as the URL's own.
    """

    provider: ProviderName = "auto"
    url: str | None = Field(default=None, repr=False)
    privileged: bool = False
    image: str = "postgres:17"
    extensions: tuple[str, ...] = ()
    init: tuple[str, ...] = ()


class Timeouts(_Model):
    """In seconds: the longest that one revision may run one way, and the longest for a whole project's replay."""

    step: Annotated[float, Field(gt=0, le=LONGEST_TIMEOUT)] = 60
    total: Annotated[float, Field(gt=0, le=LONGEST_TIMEOUT)] = 1800


class AllowEntry(_Model):
    """Lets one finding pass, with a reason; from the day after `until` on it no longer does."""

    check: Annotated[str, Field(pattern=r"^[A-Z]\d{3}$")]
    revision: Word
    reason: Annotated[str, Field(min_length=1, pattern=r"\S")]
    until: dt.date | None = None


class DeployedAt(_Model):
    """What revision an environment reports: written down, or read once from the database that `url_env` names."""

    revision: Word | None = None
    file: str | None = None
    url_env: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(value is not None for value in (self.revision, self.file, self.url_env)) != 1:
            raise ValueError("give exactly one of revision, file and url_env")
        return self


class Configuration(_Model):
    """The configuration file."""

    projects: tuple[ProjectSettings, ...] = ()
    postgres: PostgresSettings = PostgresSettings()
    locked: Literal["merged", "released"] = "merged"
    tags: Annotated[str, Field(min_length=1)] = "v*"
    timeouts: Timeouts = Timeouts()
    severity: Mapping[Annotated[str, Field(pattern=r"^[A-Z]\d{3}$")], Annotated[Level, BeforeValidator(_level)]] = (
        Field(default_factory=dict)
    )
    allow: tuple[AllowEntry, ...] = ()
    environments: Mapping[str, DeployedAt] = Field(default_factory=dict)
    _allow_places: tuple[tuple[str, int], ...] = PrivateAttr(default=())

    def allow_place(self, number: int) -> tuple[str, int]:
        """The file and the line of that `allow:` entry."""
        return self._allow_places[number] if number < len(self._allow_places) else (FILE_NAMES[0], 1)


def read_configuration(text: str, name: str) -> Configuration:
    """The configuration in `text`, the content of the file `name` (YAML, or a pyproject.toml).

    Raises ConfigurationError with every mistake at once, each with its line.
    """
    data, lines = _read_toml(text, name) if name.endswith(".toml") else _read_yaml(text, name)
    unusable = tuple(_unusable(data, (), lines, name))
    try:
        read = Configuration.model_validate({} if data is None else data)
    except ValidationError as error:
        raise _mistaken(name, (*unusable, *_mistakes(error, lines, name))) from None
    if unusable:
        raise _mistaken(name, unusable)
    read._allow_places = tuple((name, _line(("allow", number), lines)) for number in range(len(read.allow)))
    return read


Location = tuple[str | int, ...]


def _mistaken(name: str, mistakes: Sequence[str]) -> ConfigurationError:
    more = [f"{name}: and {len(mistakes) - MISTAKES_SHOWN} more"] if len(mistakes) > MISTAKES_SHOWN else []
    return ConfigurationError(
        f"{name} has {len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}",
        "Mend the lines above; docs/configuration.md lists every setting.",
        (*mistakes[:MISTAKES_SHOWN], *more),
    )


def _read_yaml(text: str, name: str) -> tuple[Any, dict[Location, int]]:
    try:
        data, root = parse_yaml(text)
    except Unreadable as error:
        raise _invalid(name, "YAML", error) from None
    lines: dict[Location, int] = {(): 1}
    duplicates = list(_index(root, (), lines, set())) if root is not None else []
    if duplicates:
        mistakes = tuple(f"{name}:{line}: {key} stands here a second time" for key, line in duplicates)
        raise ConfigurationError(f"{name} says something twice", "Keep one of the two.", mistakes)
    return data, lines


def _index(node: yaml.Node, at: Location, lines: dict[Location, int], seen: set[int]) -> Iterable[tuple[str, int]]:
    """Fill `lines` with the line of every key and entry; yield the keys that stand twice in one mapping.

    What an alias names is read once, where it is written: aliases of aliases would be without end.
    """
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = (*at, key.value if isinstance(key, yaml.ScalarNode) else "?")
            if place in lines:
                yield ".".join(map(str, place)), key.start_mark.line + 1
            lines[place] = key.start_mark.line + 1
            yield from _index(value, place, lines, seen)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            lines[(*at, number)] = value.start_mark.line + 1
            yield from _index(value, (*at, number), lines, seen)


def _invalid(name: str, language: str, error: Unreadable) -> ConfigurationError:
    if error.line is None:
        return ConfigurationError(f"{name} is not valid {language}: {error.reason}", "Correct that.")
    place = f"{name}:{error.line}: {error.reason}"
    return ConfigurationError(f"{name} is not valid {language}", f"Mend line {error.line}.", (place,))


def _unusable(value: Any, at: Location, lines: Mapping[Location, int], name: str) -> Iterable[str]:
    """The mistake of each text that can be no argument, name of a file or environment variable."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _unusable(str(key) if isinstance(key, str) else "", (*at, key), lines, name)
            yield from _unusable(one, (*at, key), lines, name)
    elif isinstance(value, list | tuple):
        for number, one in enumerate(value):
            yield from _unusable(one, (*at, number), lines, name)
    elif isinstance(value, str) and not is_text(value):
        yield f"{name}:{_line(at, lines)}: {'.'.join(map(ascii, at))}: has a NUL or half a character"


def _read_toml(text: str, name: str) -> tuple[Any, dict[Location, int]]:
    try:
        data = parse_toml(text)
    except Unreadable as error:
        raise _invalid(name, "TOML", error) from None
    tool = data.get("tool", {})
    table = tool.get(PYPROJECT_TABLE, {}) if isinstance(tool, dict) else {}
    # tomllib keeps no lines. A key's line is the first line that sets it below its table's header: enough to find it.
    lines: dict[Location, int] = {}
    section: Location = ()
    counts: dict[Location, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(
            r"\s*\[\[?\s*tool\s*\.\s*(?:alembic-premerge|\"alembic-premerge\")\s*+\.?([^\]]*)\]", line
        ):
            section = tuple(part.strip().strip('"') for part in header[1].split(".") if part.strip())
            if line.lstrip().startswith("[["):
                counts[section] = counts.get(section, -1) + 1
                section = (*section, counts[section])
            lines.setdefault(section, number)
        elif re.match(r"\s*\[", line):
            section = ("",)
        elif key := re.match(r"\s*(?:\"([^\"]+)\"|([\w-]+))\s*=", line):
            lines.setdefault((*section, key[1] or key[2]), number)
    return table, lines


def _mistakes(error: ValidationError, lines: Mapping[Location, int], name: str) -> Iterable[str]:
    found = []
    for mistake in error.errors(include_url=False, include_context=False):
        place = tuple(part for part in mistake["loc"] if part != "[key]")
        found.append((_line(place, lines), _sentence(place, mistake)))
    for line, sentence in sorted(found):
        yield f"{name}:{line}: {sentence}"


def _line(place: Location, lines: Mapping[Location, int]) -> int:
    """The line of a place, or of the nearest around it that has one."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _sentence(place: Location, mistake: Any) -> str:
    setting = ".".join(map(str, place)) or "the file"
    match mistake["type"]:
        case "extra_forbidden":
            return f"{setting}: there is no such setting"
        case "missing":
            return f"{setting}: is missing"
        case _:
            said = mistake["msg"].removeprefix("Value error, ")
            return f"{setting}: {said[:1].lower()}{said[1:]}"  # without the value, which may be a secret


def find_configuration(root: Path) -> Path | None:
    """The configuration file at the repository's root, if there is one."""
    for name in FILE_NAMES:
        if (root / name).is_file():
            return root / name
    pyproject = root / "pyproject.toml"
    if pyproject.is_file() and _OUR_TABLE.search(pyproject.read_bytes()):
        return pyproject
    return None


_OUR_TABLE = re.compile(rb"^[ \t]*\[+[ \t]*tool[ \t]*\.[ \t]*\"?alembic-premerge", re.M)


def load_configuration(root: Path, named: Path | None) -> Configuration:
    """The configuration from the file that the user names, else from the one at the root, else the defaults."""
    path = named or find_configuration(root)
    if path is None:
        return Configuration()
    written = Path(os.path.abspath(path))  # noqa: PTH100 - as it is called, before its links are followed
    if written.is_relative_to(root.absolute()):
        resolve_inside(root, str(written.relative_to(root.absolute())), "the configuration")
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", "Name a file that exists with --config."
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8 text", "Save it as UTF-8.") from None
    inside = path.resolve().is_relative_to(root.resolve())
    return read_configuration(text, path.resolve().relative_to(root.resolve()).as_posix() if inside else path.name)


@dataclasses.dataclass(frozen=True)
class Settings:
    """One run: what the command line or the action asks for, and the configuration below it."""

    directory: Path
    """Where the command was called; the repository is found from here."""
    base: str | None = None
    head: str | None = None
    """None is the work tree, uncommitted and untracked scripts included."""
    judge_all: bool = False
    replay: bool = True
    fail_on: Severity = Severity.ERROR
    projects: tuple[str, ...] = ()
    config: Path | None = None
    only: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    postgres: str | None = dataclasses.field(default=None, repr=False)
    """A provider's name, or the URL of a server."""
    postgres_image: str | None = None
    python: str | None = None
    today: dt.date = dataclasses.field(default_factory=dt.date.today)
    """By which an `allow:` entry has expired or not."""

    def postgres_settings(self, configured: PostgresSettings) -> PostgresSettings:
        """The configuration's, with what the command line says over it. Raises UsageError for neither name nor URL."""
        changes: dict[str, Any] = {}
        if self.postgres in get_args(ProviderName):
            changes["provider"] = self.postgres
        elif self.postgres and "://" in self.postgres:
            changes["url"] = self.postgres
        elif self.postgres:
            names = ", ".join(get_args(ProviderName))
            raise UsageError(
                f"--postgres {self.postgres} is neither a provider nor a URL", f"Give one of {names}, or postgresql://…"
            )
        if self.postgres_image:
            changes["image"] = self.postgres_image
        return configured.model_copy(update=changes)
