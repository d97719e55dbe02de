"""Where a Flask-Migrate project's `flask db` is run, and which application it finds there."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from pathlib import Path

from checker.replay.environment import read_env_file

_FOUND_BY_FLASK = ("wsgi.py", "app.py")
_FACTORY = re.compile(
    r"^def (create_app|make_app)\s*\(|^(app|application)[ \t]*(?::[^=\n]+)?=[ \t]*[\w.]*Flask\(", re.MULTILINE
)
_HAS_APPLICATION = re.compile(r"^from .*\bimport\b.*\b(app|application|create_app|make_app)\b", re.MULTILINE)
_SIZE, _DEPTH, _TRIED = 200_000, 4, 12
_IGNORED = {"tests", "test", "migrations", "node_modules", "site-packages", "docs", "examples"}


def uses_flask(script_location: Path) -> bool:
    """Whether its env.py asks Flask for the application, as Flask-Migrate's does."""
    return asks_flask(_text(script_location / "env.py").encode())


def asks_flask(env: bytes) -> bool:
    """Whether this is the source of such an env.py."""
    return b"current_app" in env


def find_application(folders: Sequence[Path], app: str | None) -> tuple[Path, str | None]:
    """(where `flask db` is run, what FLASK_APP is there; None where Flask finds it by itself, or nobody knows).

    `folders` are the script folder and those above it. Flask-Migrate's ini lies in the script folder itself, and nobody
    calls `flask db` there: the nearest folder from which Flask finds `app` is meant (without one: `wsgi.py`, `app.py`, or
    what .flaskenv names), else the nearest that has an application at all.
    """
    outside = [folder for folder in folders if not (folder / "__init__.py").is_file()] or folders
    for folder in outside:  # inside of a package nothing of the package itself can be imported
        if any((folder / name).is_file() for name in _entry_points(app)):
            return folder, app
        if app is None and (named := _from_flaskenv(folder)):
            return folder, named
    for folder in outside:
        if folder == folders[0]:
            continue
        if found := applications(folder):
            return folder, app or (found[0] if len(found) == 1 else None)
    if app is None and (packaged := _in_a_package(folders)):
        return packaged
    return folders[0].parent, app


def _in_a_package(folders: Sequence[Path]) -> tuple[Path, str] | None:
    """The `app.py` or `wsgi.py` of the nearest package with one: it imports its application as often as it makes it."""
    for number, folder in enumerate(folders):
        name = next((one for one in _FOUND_BY_FLASK if _HAS_APPLICATION.search(_text(folder / one))), None)
        if name and (folder / "__init__.py").is_file():
            above = next((one for one in folders[number:] if not (one / "__init__.py").is_file()), None)
            if above:
                return above, ".".join((*folder.relative_to(above).parts, name.removesuffix(".py")))
    return None


def _from_flaskenv(folder: Path) -> str | None:
    """FLASK_APP as the folder's .flaskenv has it, which `flask` itself reads."""
    return read_env_file(_text(folder / ".flaskenv")).get("FLASK_APP")


def applications(folder: Path) -> tuple[str, ...]:
    """What FLASK_APP could be, seen from `folder`: modules with a factory or an application, the shortest name first."""
    found = []
    for path in (*folder.glob("*.py"), *folder.glob("*/*.py"), *folder.glob("src/*/*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if parts[0] in ("tests", "test", "migrations") or any(part.startswith(".") for part in parts):
            continue
        if path.stat().st_size < _SIZE and (one := _FACTORY.search(_text(path))):
            module = ".".join(part for part in parts if part != "__init__")
            found += [f"{module}:{one[1] or one[2]}"] if module else []
    return tuple(sorted(found, key=lambda name: (name.count("."), len(name), name)))


def possible_applications(folder: Path) -> tuple[str, ...]:
    """What FLASK_APP could be, and is worth to be tried: also what only calls a factory, or makes an application under
    another name, deeper in the tree."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        if len(parts) > _DEPTH or _IGNORED & set(parts) or any(part.startswith(".") for part in parts):
            continue
        text = _text(path) if path.stat().st_size < _SIZE else ""
        module = ".".join(part for part in parts if part != "__init__")
        found += [(len(parts), f"{module}:{name}") for name in _made_in(text) if module]
    return tuple(dict.fromkeys((*applications(folder), *(name for _, name in sorted(found)))))[:_TRIED]


def _made_in(text: str) -> list[str]:
    """The functions that make a Flask application and can be called without arguments, and the applications."""
    if "Flask" not in text and "create_app" not in text and "make_app" not in text:
        return []
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return []
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef) and _calls(node, {"Flask", "APIFlask"}):
            optional = len(node.args.defaults)
            found += [node.name] if len(node.args.args) <= optional else []
        elif isinstance(node, ast.Assign) and _calls(node, {"Flask", "APIFlask", "create_app", "make_app"}):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return found


def _calls(node: ast.AST, names: set[str]) -> bool:
    calls = (one.func for one in ast.walk(node) if isinstance(one, ast.Call))
    return any((getattr(func, "id", None) or getattr(func, "attr", None)) in names for func in calls)


def _entry_points(app: str | None) -> tuple[str, ...]:
    if app is None:
        return _FOUND_BY_FLASK
    module = app.partition(":")[0].removesuffix(".py").replace(".", "/")
    return (f"{module}.py", f"{module}/__init__.py")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
