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
from checker.source.links import Place
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
    """The folders of its scripts, where they really are: no link leads to them."""
    working_directory: str
    """Where `alembic` is run, so that the script location is found and env.py imports what it needs."""
    config_file: str | None = None
    """The ini or pyproject.toml."""
    section: str = "alembic"
    recursive: bool = False
    settings: ProjectSettings | None = None
    """What the user's configuration says of it; None where it was found without."""
    linked_scripts: tuple[str, ...] = ()
    """The scripts, where they really are, to which symbolic links in the version locations lead."""
    reached: tuple[str, ...] = ()
    """The symbolic links that lead to it, and the files and folders outside of its own to which they lead."""
    hidden: str | None = None
    """Why scripts of it cannot be read, if so: a link that cannot be followed, or a submodule."""

    @property
    def places(self) -> tuple[str, ...]:
        """The folders and files in which git finds its scripts."""
        return (*self.version_locations, *self.linked_scripts)

    def without_links(self) -> Environment:
        """The same for another tree, which need not have the links of this one."""
        return replace(self, linked_scripts=(), hidden=None) if self.linked_scripts or self.hidden else self

    def holds(self, path: str) -> bool:
        """Whether Alembic would load this file as one of the environment's scripts."""
        if path in self.linked_scripts:
            return True
        folder = posixpath.dirname(path)
        for location in self.version_locations:
            inside = folder == location or (self.recursive and folder.startswith(location + "/"))
            if inside and is_script_name(path) and "__pycache__" not in path:
                return True
        return False

    def concerns(self, path: str) -> bool:
        """Whether a change to this file is a change to the environment: its scripts, env.py, templates or its ini."""
        if path == self.config_file or _is_below(path, self.script_location) or self.holds(path):
            return True
        return any(path == one or path.startswith(f"{one}/") for one in self.reached)


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


def refuse_hidden(environment: Environment) -> None:
    """Raises ProjectError where some of its scripts cannot be read: what is not read is not judged."""
    if environment.hidden:
        raise ProjectError(
            f"the scripts of {environment.path} cannot be judged: {environment.hidden}",
            "Put the revision scripts into the repository, or link to where the repository has them.",
        )


def find_environments(tree: Tree, wanted: Sequence[ProjectSettings] = ()) -> tuple[Environment, ...]:
    """The environments that the configuration names, else all that are there.

    Raises ProjectError where a named one does not exist.
    """
    found = _distinct(with_links_followed([*_from_files(tree), *_from_folders(tree)], tree), tree)
    found = found or _distinct(with_links_followed(_without_env(tree), tree), tree)
    if not wanted:
        return _named_apart(found)
    return _named_apart([_choose(project, found, tree) for project in wanted])


def _choose(project: ProjectSettings, found: Sequence[Environment], tree: Tree) -> Environment:
    path = posixpath.normpath(project.path)
    if project.script_location:
        location = posixpath.normpath(project.script_location)
        if not tree.has_folder(location) and not tree.real(location).problem:
            raise ProjectError(
                f"project {path}: there is no folder {location}", "Correct its script_location in the configuration."
            )
        there = with_links_followed(_environments(tree, location), tree)
        here = next(one for one in [*found, *there] if one.script_location == location)
        folder = path if tree.has_folder(path) else posixpath.dirname(path) or "."
        return replace(here, path=folder, working_directory=folder, settings=project)
    real = tree.real(path).path
    exact = [one for one in found if {path, real} & {one.path, one.config_file, one.script_location}]
    if len(exact) > 1:
        names = ", ".join(one.script_location for one in exact)
        raise ProjectError(
            f"project {path} holds several Alembic environments ({names})", "Give each its script_location."
        )
    if not exact:
        known = ", ".join(sorted({one.path for one in found})) or "none at all"
        raise ProjectError(
            f"project {path}: there is no Alembic environment there (found: {known})",
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


def _distinct(environments: Iterable[Environment], tree: Tree) -> list[Environment]:
    """Each environment once: what loads the same scripts, or only some of them, is the same environment; and what lies
    unused beside an env.py whose version_locations an ini names is none besides."""
    kept: list[Environment] = []
    # Where an environment is itself comes before where a link of its ini or its folder is.
    for one in sorted(environments, key=lambda one: (one.config_file is None, bool(one.reached))):
        folders = set(one.version_locations)
        if any(folders <= set(other.version_locations) for other in kept):
            continue
        named = {tree.real(other.script_location).path for other in kept if other.config_file}
        if one.config_file or tree.real(one.script_location).path not in named:
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
        place = _locate(one.script_location, one.config_file, tree, needs="env.py") or _hidden(one, tree)
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
    starts = ([base] if base else []) + upward(folder)
    return next((one for one in _candidates(text, starts) if _is_there(one[0], needs, tree)), None)


def _candidates(text: str, starts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(the folder that a location may mean, the folder from which it would be found)."""
    package, colon, inside = text.partition(":")
    relative = posixpath.join(package.replace(".", "/"), inside.replace(":", "/")) if colon else text
    for start in starts:
        for source in (start, join(start, "src"), join(start, "lib")) if colon else (start,):
            yield join(source, relative), start


def _hidden(one: _Found, tree: Tree) -> tuple[str, str] | None:
    """As _locate, for a script location in a submodule, or behind a link that cannot be followed: it is there unseen."""
    folder = posixpath.dirname(one.config_file) or "."
    text = one.script_location
    if tree.paths.plain or (posixpath.isabs(text) and not text.startswith(_ROOT)):
        return None
    places = _candidates(text, upward(folder))
    if text.startswith(_ROOT):
        places = iter([(posixpath.normpath("." + text.removeprefix(_ROOT)), folder)])
    return next((place for place in places if tree.real(join(place[0], "env.py")).problem), None)


def _is_there(place: str, needs: str, tree: Tree) -> bool:
    return tree.has_file(join(place, needs)) if needs else tree.has_folder(place)


# --- folders that nothing names


def _from_folders(tree: Tree) -> Iterator[Environment]:
    for env in tree.named("env.py"):
        location = posixpath.dirname(env) or "."
        versions = join(location, "versions")
        if posixpath.basename(env) != "env.py" or not (tree.has_folder(versions) or tree.real(versions).problem):
            continue
        for environment in with_links_followed(_environments(tree, location), tree):
            scripts = (path for path in tree.files if environment.holds(path))
            seen = environment.hidden or any(b"down_revision" in tree.read(path) for path in scripts)
            if b"alembic" in tree.read(env) and seen:
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
    versions = join(location, "versions")
    unversioned = not tree.has_folder(versions) and not tree.real(versions).problem
    if unversioned and _holds_revisions(tree.real(location).path, tree):
        return [_environment(location, (location,))]
    return [_environment(location, folders) for folders in version_folders(location, tree)]


def _environment(location: str, versions: tuple[str, ...]) -> Environment:
    return Environment(path=location, script_location=location, version_locations=versions, working_directory=".")


# --- links


def with_links_followed(environments: Iterable[Environment], tree: Tree) -> list[Environment]:
    """The environments with the real places of their scripts, and what hides some of them."""
    return [one if tree.paths.plain else _followed(one, tree) for one in environments]


def _followed(one: Environment, tree: Tree) -> Environment:
    ways = [tree.real(one.script_location), tree.real(join(one.script_location, "env.py"))]
    ways += [tree.real(one.config_file)] if one.config_file else []
    locations = [tree.real(folder) for folder in one.version_locations]
    usual = tree.real(join(one.script_location, "versions"))  # version_folders names the folders to which it leads
    ways += [usual] if any(usual.path == place.path or _is_below(place.path, usual.path) for place in locations) else []
    real = replace(one, version_locations=tuple(dict.fromkeys(place.path for place in locations)))
    links = [link for folder in real.version_locations for link in tree.paths.inside(folder, below=one.recursive)]
    linked = {link: tree.real(link) for link in links if "__pycache__" not in link}
    scripts = {place.path for link, place in linked.items() if _is_linked_script(link, place, tree)}
    reached = {
        path for place in (*ways, *locations) if place.links or place.problem for path in (*place.links, place.path)
    }
    reached |= {path for link, place in linked.items() if is_script_name(link) for path in (*place.links, place.path)}
    problems = [place.problem for place in (ways[1], *locations)]
    problems += [_linked_problem(link, place, real, tree) for link, place in linked.items()]
    problems += [f"{path} is a submodule" for path in tree.paths.submodules if one.recursive and _lies_in(path, real)]
    return replace(
        real,
        linked_scripts=tuple(sorted({*one.linked_scripts, *(path for path in scripts if not real.holds(path))})),
        reached=tuple(sorted({*one.reached, *reached})),
        hidden=one.hidden or next(filter(None, problems), None),
    )


def _lies_in(path: str, environment: Environment) -> bool:
    return any(_is_below(path, folder) for folder in environment.version_locations)


def _is_linked_script(link: str, place: Place, tree: Tree) -> bool:
    """Whether Alembic loads a script through this link in a version location: it follows none to a folder."""
    names = is_script_name(link) and is_script_name(place.path)
    return place.problem is None and names and place.path in tree.files


def _linked_problem(link: str, place: Place, environment: Environment, tree: Tree) -> str | None:
    """Why it is not known what Alembic loads through this link in a version location, if so."""
    names = is_script_name(link), is_script_name(place.path)
    if place.problem and any(names):
        return place.problem
    if names[0] == names[1] or place.path not in tree.files or environment.holds(place.path):
        return None
    # Up to Alembic 1.8 the name of the link counts, later that of the file.
    return f"{link} is a symbolic link to {place.path}, which only some versions of Alembic take for a script"
