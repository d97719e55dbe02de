"""The little projects that show each check at work, and the demo's shop: real files in `examples/`.

A project is laid together from folders: `_project` is a small shop, `<ID>/base` what is merged (where it differs from
that), `<ID>/bad` and `<ID>/good` what a branch makes of it. A file called DELETED lists what a layer takes away. Where the
good branch would need another past than the bad one, `<ID>/bad-base` or `<ID>/good-base` is laid over the base.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from checker.gitpython import Actor, Repo

Variant = Literal["bad", "good"]
DELETED = "DELETED"
AUTHOR = Actor("A. Developer", "developer@example.org")


def folder() -> Path:
    """Where the examples lie: in the package once it is installed, beside it in a checkout."""
    package = Path(__file__).parent
    return next(path for path in (package / "_examples", package.parent / "examples") if path.is_dir())


def files(*layers: str) -> dict[str, bytes]:
    """The files of these folders of `examples/`, each laid over the one before; a folder that does not exist is empty."""
    found: dict[str, bytes] = {}
    for layer in layers:
        root = folder() / layer
        own = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        for gone in own.pop(DELETED, b"").decode().split():
            found.pop(gone, None)
        found |= {path: text for path, text in own.items() if "__pycache__" not in path}
    return found


def example(check_id: str, variant: Variant) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What is merged, and what the branch makes of it."""
    merged = ("_project", f"{check_id}/base", f"{check_id}/{variant}-base")
    return files(*merged), files(*merged, f"{check_id}/{variant}")


def commit(repository: Repo, tree: Mapping[str, bytes], message: str) -> str:
    """Make the work tree hold exactly these files, and commit them. Returns the commit."""
    prepare(repository, tree)
    return repository.index.commit(message, author=AUTHOR, committer=AUTHOR).hexsha


def prepare(repository: Repo, tree: Mapping[str, bytes]) -> None:
    """Make the work tree and the index hold exactly these files."""
    root = Path(repository.working_dir)
    kept = {root / path for path in tree}
    for path in root.rglob("*"):
        if path.is_file() and ".git" not in path.relative_to(root).parts and path not in kept:
            path.unlink()
    for name, text in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text)
    repository.git.add("--all")


def start_repository(root: Path, branch: str = "main") -> Repo:
    """An empty repository on that branch, whatever the user's own git configuration says of new ones."""
    repository = Repo.init(root, initial_branch=branch)
    with repository.config_writer() as config:
        config.set_value("commit", "gpgsign", "false")
        config.set_value("core", "autocrlf", "false")
    return repository
