"""Imports the judged tree's modules, where the interpreter would import another copy of them.

A part of the worker, loaded by its path as `observer.py` is: standard library only, Python 3.9 and up. An editable install,
a `.pth` file or PYTHONPATH may lead to another checkout of the project, and a regular install to a copy of an earlier state.
The copy's counterpart in the judged tree is imported instead. A dependency is never replaced, whatever folders the tree has:
another copy counts as the project's own only if

- it lies in the user's work tree, and the judged tree has the same path; or
- it lies in a project whose name (pyproject.toml, setup.cfg, setup.py) a folder of the judged tree has; or
- it was installed from a distribution of such a name, or from a folder of the user's work tree.
"""

from __future__ import annotations

import importlib.machinery
import json
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from typing import Any, Optional

NEVER = frozenset("alembic sqlalchemy psycopg2 psycopg asyncpg pg8000 greenlet".split())
IGNORED = frozenset("node_modules venv env site-packages __pycache__".split())
METADATA = ("pyproject.toml", "setup.cfg", "setup.py")
LAYOUTS = ("", "src", "lib", "python")
NAMES = {
    "pyproject.toml": re.compile(r"^\[(?:project|tool\.poetry)\][^\[]*?^name\s*=\s*[\"']([^\"']+)", re.M | re.S),
    "setup.cfg": re.compile(r"^\[metadata\][^\[]*?^name\s*=\s*(\S+)", re.M | re.S),
    "setup.py": re.compile(r"\bname\s*=\s*[\"']([^\"']+)[\"']"),
}


class JudgedModules:
    """A finder for sys.meta_path, before all others."""

    def __init__(self, root: str, checkout: str, absent: Iterable[str]) -> None:
        """`root` is the judged tree, `checkout` the user's work tree. `absent` are paths that are tracked elsewhere and are
        not in the judged tree: a copy of them does not count as generated.
        """
        self._root, self._checkout = os.path.abspath(root), os.path.realpath(checkout)
        self._absent = frozenset(absent)
        self._sites = _sites()
        self._projects = dict(_projects(self._root))
        self._installed = dict(self._own_installed())
        self._served: dict[
            str, tuple[str, list[str]]
        ] = {}  # the tree's folder of a package, and those of the other copy
        self._asking = False
        self._looked_at: set[str] = set()

    def find_spec(self, name: str, path: Any = None, module: Any = None) -> Any:
        """Python's question to a finder: where a module comes from."""
        if "." in name:
            return self._generated(name, path) if name.partition(".")[0] in self._served else None
        if self._asking or name in _NOT_JUDGED:
            return None
        self._asking = True
        try:
            other = _ask_others(self, name)
        finally:
            self._asking = False
        return self._instead(name, other) if other is not None else None

    def _instead(self, name: str, other: Any) -> Any:
        """The tree's own module, where `other` is another copy of it; else None."""
        places = _places(other)
        if not places or self._in_tree(places[0]):  # of a namespace the first part wins
            return None
        copies = [place for place in places if not self._in_tree(place)]
        found = _find(name, [folder for place in copies for folder in self._counterparts(name, place)])
        if found is None or os.path.realpath(places[0]) in map(os.path.realpath, _places(found)):
            return None
        if found.origin is None and other.origin is not None:
            return None  # a plain folder is no package of this name while the other copy is a regular one
        if found.submodule_search_locations is not None and other.submodule_search_locations is not None:
            own = list(found.submodule_search_locations)
            if found.origin is None:  # a namespace: other distributions may have a part of it
                kept = [one for one in places if one not in own and self._is_kept(one)]
                found = importlib.machinery.ModuleSpec(name, None, is_package=True)
                found.submodule_search_locations = [*own, *kept]
            self._served[name] = (own[0], copies)
        return found

    def _in_tree(self, place: str) -> bool:
        """Whether it is a file of the judged tree, through links or not, and no installed package in a folder of it."""
        if self._is_installed(place):
            return False
        real = os.path.realpath(self._root)
        return any(_within(one, root) for one in (place, os.path.realpath(place)) for root in (self._root, real))

    def _is_installed(self, place: str) -> bool:
        return any(_within(os.path.realpath(place), site) for site in self._sites)

    def _is_kept(self, place: str) -> bool:
        """Whether a part of a namespace is no copy of the judged tree's."""
        return self._is_installed(place) or self._in_tree(place) or not any(True for _ in self._counterparts("", place))

    def _counterparts(self, name: str, place: str) -> Iterator[str]:
        """The folders of the judged tree that may have the module whose copy lies at `place`, if that is the project's own."""
        if self._is_installed(place):
            project = self._installed.get(name)
            if project is not None:
                yield from (os.path.join(project, layout) for layout in LAYOUTS)
            return
        folder = os.path.dirname(os.path.realpath(place))
        if _within(folder, self._checkout):
            yield os.path.join(self._root, os.path.relpath(folder, self._checkout))
        for above in _upwards(folder):
            declared = _declared(above)
            if declared:
                if declared in self._projects:
                    project = self._projects[declared]
                    yield os.path.join(project, os.path.relpath(folder, above))
                    yield from (os.path.join(project, layout) for layout in LAYOUTS)
                return

    def _own_installed(self) -> Iterator[tuple[str, str]]:
        """The top-level modules of installed distributions of the project's own, each with the project's folder."""
        for site in self._sites:
            for entry in _listed(site):
                if entry.endswith((".dist-info", ".egg-info")):
                    folder = self._project_of(os.path.join(site, entry))
                    if folder is not None:
                        yield from ((name, folder) for name in _top_level(os.path.join(site, entry)))

    def _project_of(self, info: str) -> Optional[str]:
        declared = self._projects.get(_normalised(re.split(r"-\d|\.(?:dist|egg)-info$", os.path.basename(info))[0]))
        if declared is not None:
            return declared
        try:
            url = str(json.loads(_text(os.path.join(info, "direct_url.json")))["url"])
        except (ValueError, KeyError, TypeError):
            return None
        place = os.path.realpath(re.sub(r"^file://", "", url))
        if not url.startswith("file://") or not os.path.isdir(place) or not _within(place, self._checkout):
            return None
        return os.path.normpath(os.path.join(self._root, os.path.relpath(place, self._checkout)))

    def _generated(self, name: str, path: Any) -> Any:
        """A submodule that only the other copy has, because it was generated or compiled there; None where the tree has it."""
        if importlib.machinery.PathFinder.find_spec(name, path) is not None:
            return None
        top, *parts = name.split(".")
        own, others = self._served[top]
        relative = os.path.relpath(os.path.join(own, *parts), self._root)
        if {f"{relative}.py", f"{relative}/__init__.py"} & self._absent:
            return None
        found = _find(name, [os.path.join(one, *parts[:-1]) for one in others])
        return found if found is not None and found.origin is not None else None

    def outside(self) -> list[dict[str, str]]:
        """The modules imported since the last call that are another copy of what the judged tree has: what could not be
        replaced.
        """
        found = []
        for name in sorted(set(sys.modules) - self._looked_at):
            self._looked_at.add(name)
            place, top = getattr(sys.modules.get(name), "__file__", None), name.partition(".")[0]
            if not isinstance(place, str) or top in _NOT_JUDGED:
                continue
            foreign = top not in self._installed and any(_within(place, site) for site in self._sites)
            own = self._copied(name, place) if not foreign and not self._in_tree(place) else None
            if own is not None:
                found.append({"name": name, "path": place, "expected": os.path.relpath(own, self._root)})
        return found

    def _copied(self, name: str, place: str) -> Optional[str]:
        """The judged tree's file of an imported module, where `place` is another copy of it."""
        top, *parts = name.split(".")
        package = os.path.basename(place).startswith("__init__.")
        start = os.path.dirname(place) if package else place
        for _ in parts:
            start = os.path.dirname(start)
        for folder in self._counterparts(top, start):
            own = os.path.join(folder, top, *parts)
            for path in (os.path.join(own, "__init__.py"), f"{own}.py"):
                if os.path.isfile(path) and os.path.realpath(path) != os.path.realpath(place):
                    return os.path.normpath(path)
        return None


_NOT_JUDGED = NEVER | {"__main__", *getattr(sys, "stdlib_module_names", sys.builtin_module_names)}


def install(job: Any) -> Optional[JudgedModules]:
    """Put the finder before all others, where the job says what is judged."""
    if not job.get("root"):
        return None
    finder = JudgedModules(job["root"], job.get("checkout") or job["root"], job.get("absent") or ())
    sys.meta_path.insert(0, finder)
    return finder


def _ask_others(finder: Any, name: str) -> Any:
    for one in list(sys.meta_path):
        find = getattr(one, "find_spec", None)
        spec = find(name, None) if find is not None and one is not finder else None
        if spec is not None:
            return spec
    return None


def _places(spec: Any) -> list[str]:
    """The folder of a package, the folders of a namespace, the file of a module; none of what is built in."""
    if spec.submodule_search_locations is not None:
        return [os.path.abspath(one) for one in spec.submodule_search_locations if os.path.isdir(one)]
    return [os.path.abspath(spec.origin)] if spec.has_location and spec.origin else []


def _find(name: str, folders: Iterable[str]) -> Any:
    """The module in these folders: a regular one before a namespace."""
    found = (importlib.machinery.PathFinder.find_spec(name, [os.path.normpath(one)]) for one in folders)
    specs = [one for one in found if one is not None]
    return next((one for one in specs if one.origin is not None), specs[0] if specs else None)


def _sites() -> list[str]:
    """The folders of installed packages, the user's own and those of a virtualenv's base included."""
    paths = [sysconfig.get_paths()[name] for name in ("purelib", "platlib")]
    more = [one for one in sys.path if os.path.basename(one.rstrip(os.sep)) in ("site-packages", "dist-packages")]
    return list(dict.fromkeys(os.path.realpath(one) for one in [*paths, *more]))


def _projects(root: str) -> Iterator[tuple[str, str]]:
    """The projects of a tree by their names, its root last: that wins over a member of the same name."""
    folders = [os.path.join(root, one) for one in _listed(root) if one not in IGNORED and not one.startswith(".")]
    below = [os.path.join(one, two) for one in folders for two in _listed(one) if two not in IGNORED]
    for folder in [*below, *folders, root]:
        declared = _declared(folder)
        if declared:
            yield declared, folder


def _declared(folder: str) -> Optional[str]:
    """The name of the project in a folder."""
    for file in METADATA:
        found = NAMES[file].search(_text(os.path.join(folder, file)))
        if found:
            return _normalised(found[1])
    return None


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _top_level(info: str) -> set[str]:
    """The top-level modules of an installed distribution."""
    lines = _text(os.path.join(info, "RECORD")).splitlines()
    files = [line.split(",")[0] for line in lines] or _text(os.path.join(info, "top_level.txt")).splitlines()
    return {re.split(r"[/.]", file.strip('"'))[0] for file in files if not file.startswith((".", "__"))}


def _upwards(folder: str) -> Iterator[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
