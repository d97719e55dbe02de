"""GitPython, imported without running git: it calls git once as it is imported, and raises ImportError where that fails.

What is wrong with git is reported where it is used, in our own words.
"""

from __future__ import annotations

import os

_HELD = {name: os.environ.get(name) for name in ("GIT_PYTHON_REFRESH", "GIT_PYTHON_GIT_EXECUTABLE")}
# GitPython passes over a program that cannot be started, and not over one that fails.
os.environ.update(GIT_PYTHON_REFRESH="quiet", GIT_PYTHON_GIT_EXECUTABLE=os.devnull)
try:
    from git import Actor, Git, Repo
    from git.exc import InvalidGitRepositoryError, NoSuchPathError
finally:
    for name, value in _HELD.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value

Git.GIT_PYTHON_GIT_EXECUTABLE = _HELD["GIT_PYTHON_GIT_EXECUTABLE"] or "git"

__all__ = ["Actor", "InvalidGitRepositoryError", "NoSuchPathError", "Repo"]
