"""What a project says of its own dependencies, read from the files in which it says it; nothing is run or installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from checker.parsing import LOCK_BYTES, Unreadable, parse_json, parse_toml, table_at

Table = Mapping[str, Any]
_REQUIREMENTS = tuple(
    f"requirements{name}"
    for name in (".txt", "/main.txt", "/base.txt", "/default.txt", "/production.txt", "/prod.txt", "/requirements.txt")
)
_READ = ("uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml", "setup.py", "setup.cfg", ".python-version")
_NAME = re.compile(r"\s*([A-Za-z0-9][\w.-]*)")


@dataclass(frozen=True)
class Recipe:
    """How to make a virtualenv in which the project's env.py loads."""

    folder: Path
    """Where the files lie, and where a command of the user's is run."""
    source: str
    """The file that it comes from, as a user knows it; the command, where there is one."""
    requirements: tuple[str, ...] = ()
    """Lines for `pip install`, those of files (`-r …`) included."""
    constraints: tuple[str, ...] = ()
    """name==version of all that a lock file pins."""
    optional: tuple[str, ...] = ()
    """Lines of extras and dependency groups."""
    everything: bool = False
    """Whether those are wanted too: where Alembic or the driver is not among the rest."""
    sync: bool = False
    """Whether `uv sync` does it: there is a uv.lock."""
    command: str | None = None
    files: tuple[Path, ...] = ()
    """All whose content decides what comes out."""
    python: str | None = None
    """The Python versions that the project asks for: a specifier."""
    preferred: str | None = None
    """The one that its .python-version names, as "3.12"."""

    @property
    def names(self) -> tuple[str, ...]:
        """The distributions that must be there, whatever the platform."""
        found = []
        for line in self.requirements:
            if line.startswith("-r "):
                found += _names_in(Path(line[3:]))
            elif ";" not in line and (name := _NAME.match(line)):
                found.append(name[1])
        return tuple(dict.fromkeys(found))


def find_recipe(folders: Iterable[Path], install: str | None = None) -> Recipe | None:
    """What the nearest of `folders` with dependencies says, or the command `install`; None where nothing says any.

    `folders` are the project's own and those above it, to the repository's root.
    """
    folders = tuple(folders)
    python = required_python(folders)
    preferred = next(filter(None, map(_pinned_python, folders)), None)
    if install:
        files = [folder / name for folder in folders for name in (*_READ, *_REQUIREMENTS)]
        return Recipe(folders[0], install, command=install, files=_there(files), python=python, preferred=preferred)
    for number, folder in enumerate(folders):
        if recipe := _of_folder(folder, folders[number:]):
            return replace(recipe, files=_there(recipe.files), python=python, preferred=preferred)
    return None


def _of_folder(folder: Path, upward: tuple[Path, ...]) -> Recipe | None:
    pyproject = _toml(folder / "pyproject.toml")
    project, poetry = table_at(pyproject, "project"), table_at(pyproject, "tool", "poetry", "dependencies")
    if project and (lock := next((above / "uv.lock" for above in upward if (above / "uv.lock").is_file()), None)):
        roots = _strings(project.get("dependencies"))
        return Recipe(
            folder,
            "uv.lock",
            roots,
            _pins(_toml(lock)),
            _optional(pyproject),
            sync=True,
            files=(lock, folder / "pyproject.toml", lock.with_name("pyproject.toml")),
        )
    if poetry and (folder / "poetry.lock").is_file():
        pins = _pins(_toml(folder / "poetry.lock"))
        return _from_poetry(folder, "poetry.lock", pyproject, pins)
    if (folder / "Pipfile.lock").is_file():
        lines = tuple(_pipfile(folder / "Pipfile.lock"))
        return Recipe(folder, "Pipfile.lock", lines, files=(folder / "Pipfile.lock",))
    if found := next((folder / name for name in _REQUIREMENTS if (folder / name).is_file()), None):
        name = found.relative_to(folder).as_posix()
        return Recipe(folder, name, (f"-r {found}",), files=(found, *_included(found)))
    if lines := _strings(project.get("dependencies")):
        file = folder / "pyproject.toml"
        return Recipe(folder, "pyproject.toml", lines, optional=_optional(pyproject), files=(file,))
    return _from_poetry(folder, "pyproject.toml", pyproject, ()) if poetry else None


def _from_poetry(folder: Path, source: str, pyproject: Table, pins: tuple[str, ...]) -> Recipe:
    poetry = table_at(pyproject, "tool", "poetry")
    lines = tuple(_poetry_lines(table_at(poetry, "dependencies"), pinned=bool(pins)))
    lines += _strings(table_at(pyproject, "project").get("dependencies"))
    groups = [table_at(poetry, "group", name, "dependencies") for name in table_at(poetry, "group")]
    groups += [table_at(poetry, "dev-dependencies")]
    optional = tuple(line for group in groups for line in _poetry_lines(group, pinned=bool(pins)))
    files = (folder / "pyproject.toml", folder / "poetry.lock")
    return Recipe(folder, source, lines, pins, (*optional, *_optional(pyproject)), files=files)


def _optional(pyproject: Table) -> tuple[str, ...]:
    """The lines of all extras and groups; a group's reference to another group is that group's own affair."""
    tables = (table_at(pyproject, "project", "optional-dependencies"), table_at(pyproject, "dependency-groups"))
    lines = [line for table in tables for stated in table.values() for line in _strings(stated)]
    own = str(table_at(pyproject, "project").get("name", "")).lower()
    return tuple(line for line in lines if not (own and line.lower().startswith(f"{own}[")))


def _poetry_lines(dependencies: Table, *, pinned: bool) -> Iterator[str]:
    for name, stated in dependencies.items():
        one = stated if isinstance(stated, dict) else {"version": stated}
        if name == "python" or isinstance(stated, list) or one.get("optional") or "path" in one:
            continue
        extras = _extras(one)
        if "git" in one:
            at = one.get("rev") or one.get("tag") or one.get("branch")
            yield f"{name}{extras} @ git+{one['git']}" + (f"@{at}" if at else "")
        elif "url" in one:
            yield f"{name}{extras} @ {one['url']}"
        else:
            yield f"{name}{extras}" + ("" if pinned else _pep440(str(one.get("version", "*"))))


def _pep440(version: str) -> str:
    """Poetry's `^1.2` and `~1.2` as pip reads them."""
    if version == "*":
        return ""
    parts = []
    for part in version.split(","):
        text = part.strip()
        numbers = [int(number) for number in re.findall(r"\d{1,9}", text)][:3]
        if text.startswith("^") and numbers:
            first = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
            top = ".".join(map(str, [*numbers[:first], numbers[first] + 1]))
            parts.append(f">={text[1:]},<{top}")
        elif text.startswith("~") and not text.startswith("~=") and numbers:
            top = f"{numbers[0]}.{numbers[1] + 1}" if len(numbers) > 1 else str(numbers[0] + 1)
            parts.append(f">={text[1:]},<{top}")
        else:
            parts.append(text if text[:1] in "<>=!~" else f"=={text}")
    return ",".join(parts)


def _pins(lock: Table) -> tuple[str, ...]:
    """What a uv.lock or poetry.lock pins. What it has in two versions (for two platforms, say) is left open."""
    versions: dict[str, set[str]] = {}
    packages = lock.get("package")
    for package in packages if isinstance(packages, list) else ():
        source, name, version = table_at(package, "source"), package.get("name"), package.get("version")
        # What no index has (a git repository, a folder) cannot be pinned by its version.
        indexed = not source or "registry" in source or source.get("type") == "legacy"
        if indexed and isinstance(name, str) and isinstance(version, str):
            versions.setdefault(name, set()).add(version)
    return tuple(f"{name}=={min(found)}" for name, found in sorted(versions.items()) if len(found) == 1)


def _pipfile(path: Path) -> Iterator[str]:
    try:
        default = table_at(parse_json(path.read_bytes(), LOCK_BYTES), "default")
    except (OSError, Unreadable):
        return
    for name in default:
        one = table_at(default, name)
        extras = _extras(one)
        if "version" in one:
            yield f"{name}{extras}{one['version']}" + (f" ; {one['markers']}" if one.get("markers") else "")
        elif "git" in one:
            yield f"{name}{extras} @ git+{one['git']}@{one.get('ref', 'HEAD')}"


def _included(path: Path, options: str = "-r|-c|--requirement|--constraint") -> list[Path]:
    """The files that a requirements file names, those that they name included; each once, whatever they name each other."""
    found, waiting = dict.fromkeys([path]), [path]
    while waiting:
        one = waiting.pop()
        names = (re.match(rf"(?:{options})[ =]\s*(\S+)", line) for line in _lines(one))
        new = [other for name in names if name and (other := one.parent / name[1]) not in found]
        found |= dict.fromkeys(new)
        waiting += [other for other in new if _is_file(other)]
    return list(found)[1:]


def _names_in(path: Path) -> list[str]:
    """Enough to tell the project's Python from one that happens to have Alembic."""
    lines = (line for one in (path, *_included(path, "-r|--requirement")) for line in _lines(one))
    found = [_NAME.match(line.partition(" #")[0]) for line in lines if ";" not in line and not line.startswith("-")]
    return [name[1] for name in found if name]


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8", "replace")
    except (OSError, ValueError):  # ValueError: a NUL in its name
        return []
    text = text.replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def required_python(folders: Iterable[Path]) -> str | None:
    """The Python versions that the nearest pyproject.toml with an opinion asks for."""
    for folder in folders:
        pyproject = _toml(folder / "pyproject.toml")
        stated = table_at(pyproject, "project").get("requires-python")
        stated = stated or table_at(pyproject, "tool", "poetry", "dependencies").get("python")
        if isinstance(stated, str):
            return stated
    return None


def _pinned_python(folder: Path) -> str | None:
    # Any patch level does: who asks for 3.12.4 can live with 3.12.7.
    found = re.match(r"(?:cpython-?)?(\d+\.\d+)", next(iter(_lines(folder / ".python-version")), ""))
    return found[1] if found else None


def _toml(path: Path) -> Table:
    try:
        return parse_toml(path.read_bytes(), LOCK_BYTES)
    except (OSError, Unreadable):
        return {}


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _extras(package: Table) -> str:
    names = _strings(package.get("extras"))
    return f"[{','.join(names)}]" if names else ""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or has a NUL
        return False


def _there(files: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(path for path in files if _is_file(path)))
