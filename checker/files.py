"""Files that the configuration names. The author of a pull request writes the configuration too, so no name in it may
lead out of the repository: to a file of the machine's, whose content a message or a migration could then show.
"""

from __future__ import annotations

from pathlib import Path

from checker.errors import ConfigurationError


def resolve_inside(root: Path, name: str, setting: str, *also: Path) -> Path:
    """The file `name` of the repository at `root`. Raises ConfigurationError where it is absolute, or where a link or `..`
    leads out of the repository. `also`: the work tree, where `root` is a copy that has links into it.
    """
    roots = [one.resolve() for one in (root, *also)]
    try:
        path = (root / name).resolve()
    except (OSError, RuntimeError, ValueError):  # links that lead to each other: RuntimeError before Python 3.13
        raise ConfigurationError(
            f"{setting} names a file that cannot be found", "Give a path relative to the repository's root."
        ) from None
    if Path(name).is_absolute() or not any(path.is_relative_to(one) for one in roots):
        raise ConfigurationError(
            f"{setting} names a file outside of the repository", "Give a path relative to the repository's root."
        )
    if any(path.is_relative_to(one / ".git") for one in roots):
        raise ConfigurationError(f"{setting} names a file of git's own", "Name a file of the work tree.")
    return path


def read_inside(root: Path, name: str, setting: str, *also: Path) -> str:
    """Its content. Raises ConfigurationError as above, and for a file that cannot be read as UTF-8 text."""
    path = resolve_inside(root, name, setting, *also)
    try:
        return path.read_text("utf-8")
    except OSError as error:
        problem = f"{setting} names {name}, which cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        problem = f"{setting} names {name}, which is not UTF-8 text"
    raise ConfigurationError(problem, "Name a text file of the repository, relative to its root.")
