"""Where a tree keeps its Alembic environments.

Found without being told: every `*.ini` with an Alembic section, every `[tool.alembic]`, Flask-Migrate's ini (which names
no script_location: it is its own folder), and every folder with an env.py and revision scripts that nothing names.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from checker.errors import ProjectError
from checker.parsing import Ini, Unreadable, interpolate, is_text, parse_ini, parse_toml, table_at
from checker.settings import ProjectSettings
from checker.source.script import is_script_name
from checker.source.tree import Tree, join, upward, version_folders

# Stands for the repository's root where `%(here)s` makes a location absolute. No `%` in it: configparser would take that
# for an interpolation of its own and give up on the whole value. No separator of version_locations either.
_ROOT = "/<repository>"
_SPLIT = {"space": r"\s+", "newline": r"\n", "os": ":", ":": ":", ";": ";"}


@dataclass(frozen=True)
class Environment:
    """One Alembic environment. Paths are relative to the repository's root, with "." for the root itself."""

    path: str
    """The folder of the ini, or the script location where no ini names it: what reports call the project."""
    script_location: str
    version_locations: tuple[str, ...]
    working_directory: str
    """Where `alembic` is run, so that the script location is found and env.py imports what it needs."""
    config_file: str | None = None
    """The ini or pyproject.toml."""
    section: str = "alembic"
    recursive: bool = False
    settings: ProjectSettings | None = None
    """What the user's configuration says of it; None where it was found without."""

    def holds(self, path: str) -> bool:
        """Whether Alembic would load this file as one of the environment's scripts."""
        folder = posixpath.dirname(path)
        for location in self.version_locations:
            inside = folder == location or (self.recursive and folder.startswith(location + "/"))
            if inside and is_script_name(path) and "__pycache__" not in path:
                return True
        return False

    def concerns(self, path: str) -> bool:
        """Whether a change to this file is a change to the environment: its scripts, env.py, templates or its ini."""
        return path == self.config_file or _is_below(path, self.script_location) or self.holds(path)

    def is_hidden_by(self, path: str) -> bool:
        """Whether scripts lie behind a symbolic link or a submodule at this path, or are one."""
        folders = (self.script_location, *self.version_locations)
        return self.holds(path) or any(folder == path or folder.startswith(f"{path}/") for folder in folders)


@dataclass(frozen=True)
class _Found:
    """What one section of one file says, before its location is looked up in the tree."""

    config_file: str
    section: str
    script_location: str
    version_locations: tuple[str, ...]
    recursive: bool


def no_environment() -> ProjectError:
    """What to say where a tree has none."""
    return ProjectError(
        "no Alembic environment was found: no ini with an [alembic] section, no [tool.alembic], no env.py with scripts",
        "Name its folder with --project, or its script_location in .alembic-premerge.yml.",
    )


def find_environments(tree: Tree, wanted: Sequence[ProjectSettings] = ()) -> tuple[Environment, ...]:
    """The environments that the configuration names, else all that are there.

    Raises ProjectError where a named one does not exist.
    """
    found = _distinct([*_from_files(tree), *_from_folders(tree)]) or _distinct(_without_env(tree))
    if not wanted:
        return _named_apart(found)
    return _named_apart([_choose(project, found, tree) for project in wanted])


def _choose(project: ProjectSettings, found: Sequence[Environment], tree: Tree) -> Environment:
    path = posixpath.normpath(project.path)
    if project.script_location:
        location = posixpath.normpath(project.script_location)
        if location not in tree.folders:
            raise ProjectError(
                f"project {path}: there is no folder {location}", "Correct its script_location in the configuration."
            )
        here = next(one for one in [*found, *_environments(tree, location)] if one.script_location == location)
        folder = path if path in tree.folders else posixpath.dirname(path) or "."
        return replace(here, path=folder, working_directory=folder, settings=project)
    exact = [one for one in found if path in (one.path, one.config_file, one.script_location)]
    if len(exact) > 1:
        names = ", ".join(one.script_location for one in exact)
        raise ProjectError(
            f"project {path} holds several Alembic environments ({names})", "Give each its script_location."
        )
    if not exact:
        there = ", ".join(sorted({one.path for one in found})) or "none at all"
        raise ProjectError(
            f"project {path}: there is no Alembic environment there (found: {there})",
            "Correct its path, or give its script_location.",
        )
    return replace(exact[0], settings=project)


def _named_apart(environments: Sequence[Environment]) -> tuple[Environment, ...]:
    """With a path for each that no other has: two sections of one ini are told apart by their script locations, and
    two chains of one script location by where their scripts lie."""
    apart = _apart(environments, lambda one: one.script_location)
    apart = _apart(apart, lambda one: posixpath.commonpath(one.version_locations))
    return tuple(sorted(apart, key=lambda one: one.path))


def _apart(environments: Sequence[Environment], better: Callable[[Environment], str]) -> list[Environment]:
    paths = [one.path for one in environments]
    return [one if paths.count(one.path) == 1 else replace(one, path=better(one)) for one in environments]


def _distinct(environments: Iterable[Environment]) -> list[Environment]:
    """Each environment once: what loads the same scripts, or only some of them, is the same environment; and what lies
    unused beside an env.py whose version_locations an ini names is none besides."""
    kept: list[Environment] = []
    for one in environments:
        folders = set(one.version_locations)
        if any(folders <= set(other.version_locations) for other in kept):
            continue
        named = {other.script_location for other in kept if other.config_file}
        if one.config_file or one.script_location not in named:
            kept.append(one)
    return kept


# --- from ini files and pyproject.toml


def _from_files(tree: Tree) -> Iterator[Environment]:
    inis = sorted(
        tree.named(".ini"), key=lambda path: (posixpath.basename(path) != "alembic.ini", path.count("/"), path)
    )
    for path in inis:
        yield from _located(tree, _read_ini(path, tree))
    for path in tree.named("pyproject.toml"):
        if posixpath.basename(path) == "pyproject.toml":
            yield from _located(tree, _read_pyproject(path, tree))


def _located(tree: Tree, stated: Iterable[_Found]) -> Iterator[Environment]:
    for one in stated:
        place = _locate(one.script_location, one.config_file, tree, needs="env.py")
        if place is None:
            continue
        location, working_directory = place
        places = (_versions_folder(text, one.config_file, tree, working_directory) for text in one.version_locations)
        versions = tuple(dict.fromkeys(folder for folder in places if folder))
        stated_here = bool(versions) or one.recursive
        default = (join(location, "versions"),)
        for folders in [versions or default] if stated_here else version_folders(location, tree):
            yield Environment(
                path=posixpath.dirname(one.config_file) or ".",
                script_location=location,
                version_locations=folders,
                working_directory=working_directory,
                config_file=one.config_file,
                section=one.section,
                recursive=one.recursive,
            )


def _versions_folder(text: str, config_file: str, tree: Tree, working_directory: str) -> str | None:
    """Where a version location is, or would be: Alembic takes one that does not exist for an empty one."""
    place = _locate(text, config_file, tree, base=working_directory)
    if place:
        return place[0]
    if text.startswith(_ROOT):
        return posixpath.normpath("." + text.removeprefix(_ROOT))
    return None if posixpath.isabs(text) or ":" in text else join(working_directory, text)


def _read_ini(path: str, tree: Tree) -> Iterator[_Found]:
    text = tree.read(path).decode("utf-8", "replace")
    if "alembic" not in text and "script_location" not in text:
        return
    try:
        ini = parse_ini(text, {"here": _here(path)})
    except Unreadable:
        return
    for section in ini.sections:
        if section != "alembic" and "script_location" not in ini.own(section):
            continue
        option = _ini_options(ini, section)
        location = option("script_location") or (_here(path) if section == "alembic" else None)
        if location:
            yield _Found(path, section, location, _split(option), option("recursive_version_locations") == "true")


def _ini_options(ini: Ini, section: str) -> Callable[[str], str | None]:
    def option(name: str) -> str | None:
        value = ini.get(section, name)
        return value if value is not None and is_text(value) else None

    return option


def _split(option: Callable[[str], str | None]) -> tuple[str, ...]:
    """version_locations as Alembic splits it: by path_separator, else by spaces and commas."""
    text = option("version_locations") or ""
    separator = option("path_separator") or option("version_path_separator")
    pattern = _SPLIT.get(separator or "", r"[,\s]+")
    return tuple(part.strip() for part in re.split(pattern, text.strip()) if part.strip())


def _read_pyproject(path: str, tree: Tree) -> Iterator[_Found]:
    source = tree.read(path)
    if b"alembic" not in source:
        return
    try:
        table = table_at(parse_toml(source), "tool", "alembic")
    except Unreadable:
        return
    location = table.get("script_location")
    if isinstance(location, str) and is_text(location):
        values = {"here": _here(path)}
        stated = table.get("version_locations")
        yield _Found(
            path,
            "alembic",
            _interpolate(location, values),
            tuple(_interpolate(one, values) for one in _texts(stated)),
            table.get("recursive_version_locations") is True,
        )


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str) and is_text(one)] if isinstance(value, list) else []


def _interpolate(text: str, values: Mapping[str, str]) -> str:
    try:
        return interpolate(text, values)
    except Unreadable:
        return text


# --- a location in the tree


def _here(path: str) -> str:
    return posixpath.normpath(posixpath.join(_ROOT, posixpath.dirname(path)))


def _is_below(path: str, folder: str) -> bool:
    return folder == "." or path.startswith(folder + "/")


def _locate(
    text: str, config_file: str, tree: Tree, needs: str = "", base: str | None = None
) -> tuple[str, str] | None:
    """(the folder in the tree that a location means, the working directory from which it is found).

    A relative location is relative to where `alembic` is run: the ini's folder, or one above it (keep's ini names its
    location from the root). A `package:path` location is looked for where a package of that name could be imported.
    """
    folder = posixpath.dirname(config_file) or "."
    if text.startswith(_ROOT):
        place = posixpath.normpath("." + text.removeprefix(_ROOT))
        return (place, folder) if _is_there(place, needs, tree) else None
    if posixpath.isabs(text):
        return None
    package, colon, inside = text.partition(":")
    relative = posixpath.join(package.replace(".", "/"), inside.replace(":", "/")) if colon else text
    for start in ([base] if base else []) + upward(folder):
        for source in (start, join(start, "src"), join(start, "lib")) if colon else (start,):
            place = join(source, relative)
            if _is_there(place, needs, tree):
                return place, start
    return None


def _is_there(place: str, needs: str, tree: Tree) -> bool:
    return join(place, needs) in tree.files if needs else place in tree.folders


# --- folders that nothing names


def _from_folders(tree: Tree) -> Iterator[Environment]:
    for env in tree.named("env.py"):
        location = posixpath.dirname(env) or "."
        if posixpath.basename(env) == "env.py" and join(location, "versions") in tree.folders:
            for environment in _environments(tree, location):
                scripts = (path for path in tree.files if environment.holds(path))
                if b"alembic" in tree.read(env) and any(b"down_revision" in tree.read(path) for path in scripts):
                    yield environment


def _without_env(tree: Tree) -> Iterator[Environment]:
    """A package's own scripts, which other projects load: nothing but a folder with revision scripts."""
    folders = {posixpath.dirname(path) or "." for path in tree.files if is_script_name(path)}
    for folder in sorted(folder for folder in folders if _is_script_folder(folder)):
        if _holds_revisions(folder, tree):
            yield _environment(folder, (folder,))


def _is_script_folder(folder: str) -> bool:
    """Whether scripts of an environment without an env.py lie in folders of this name (Flask-Alembic: other packages load
    them)."""
    endings = ("migration", "migrations", "versions")
    words = (part for part in folder.split("/") if re.fullmatch(r"\w+", part))
    return any("alembic" in word or word.endswith(endings) or word == "revisions" for word in words)


def _holds_revisions(folder: str, tree: Tree) -> bool:
    scripts = (path for path in sorted(tree.files) if posixpath.dirname(path) == folder and is_script_name(path))
    return any("down_revision" in tree.script(path).lines for path in scripts)


def _environments(tree: Tree, location: str) -> list[Environment]:
    if join(location, "versions") not in tree.folders and _holds_revisions(location, tree):
        return [_environment(location, (location,))]
    return [_environment(location, folders) for folders in version_folders(location, tree)]


def _environment(location: str, versions: tuple[str, ...]) -> Environment:
    return Environment(path=location, script_location=location, version_locations=versions, working_directory=".")
