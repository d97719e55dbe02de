"""The demo: a small shop's repository with three real faults, and what `check` says of it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from checker.errors import UsageError
from checker.examples import commit, files, start_repository
from checker.findings import Report
from checker.pipeline import Progress, check
from checker.settings import Settings

BRANCH = "loyalty"


def make(wanted: Path | None) -> Path:
    """The shop's repository, its branch checked out. Raises UsageError where the folder is not empty."""
    if wanted and wanted.exists() and any(wanted.iterdir()):
        raise UsageError(f"{wanted} is not empty", "Name a folder that does not exist yet.")
    folder = wanted.resolve() if wanted else Path(tempfile.mkdtemp(prefix="alembic-premerge-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    repository = start_repository(folder)
    commit(repository, files("shop/first"), "A shop")
    repository.create_head(BRANCH)
    commit(repository, files("shop/first", "shop/main"), "Orders have a total")
    repository.heads[BRANCH].checkout()
    commit(repository, files("shop/first", "shop/branch"), "Loyal customers have a tier")
    repository.close()
    return folder


def run(folder: Path, postgres: str | None, environ: Mapping[str, str], progress: Progress) -> Report:
    """What `check` says of the shop."""
    return check(Settings(directory=folder, base="main", postgres=postgres), environ, progress)


def introduction(folder: Path) -> str:
    """What is to be seen, before it is."""
    return (
        f"A small shop's repository: {folder}\n"
        f"On its branch '{BRANCH}' somebody has edited a migration that is merged, has built on a revision on which main\n"
        "has built too, and has forgotten an enum type in a downgrade. Its tests are green. This is what\n"
        "`alembic-premerge check` says:"
    )


def farewell(folder: Path) -> str:
    """What to do next."""
    return (
        f"\nThe report is in {folder / 'report.json'}. Look around, mend it, and check again:\n"
        f"  cd {folder} && alembic-premerge check --base main\n"
        "Then in a repository of your own: alembic-premerge check\n"
    )
