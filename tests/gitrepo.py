"""Real git repositories with Alembic projects in them, described in a few words.

`chain("a <- b <- c; b <- d; c + d <- m")` is the scripts of five revisions: what stands right of an arrow stands on
what is left of it, and `+` is a merge.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from git import Actor, Repo

from checker import pipeline
from checker.examples import commit, prepare, start_repository
from checker.findings import Finding, Report
from checker.settings import Settings

Files = Mapping[str, bytes]

ENV = b"from alembic import context\ncontext.configure(url='postgresql://')\n"
INI = b"[alembic]\nscript_location = migrations\n"
PROJECT: Files = {"alembic.ini": INI, "migrations/env.py": ENV}
VERSIONS = "migrations/versions"


def script(revision: object, down: object = None, upgrade: str | None = None, **header: object) -> bytes:
    """A revision script as `alembic revision` writes it."""
    lines = [f'"""{revision} does its work\n\nRevision ID: {revision}\n"""', "from alembic import op", ""]
    lines += [f"{name} = {value!r}" for name, value in {"revision": revision, "down_revision": down, **header}.items()]
    statement = upgrade or f"op.execute('CREATE TABLE t_{revision} (id int)')"
    lines += ["", "def upgrade():", f"    {statement}", "", "def downgrade():"]
    lines += [f"    op.execute('DROP TABLE t_{revision}')", ""]
    return "\n".join(lines).encode()


def parents(text: str) -> dict[str, tuple[str, ...]]:
    """Each revision of a chain in words, and what it stands on."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.replace(";", "\n").splitlines():
        names = [tuple(part.split()) for part in line.replace("+", " ").split("<-")]
        for lower, upper in zip([(), *names], names, strict=False):
            for name in upper:
                found[name] = found.get(name, ()) + lower
    return found


def chain(text: str, folder: str = VERSIONS) -> dict[str, bytes]:
    """The scripts of a chain in words, each in a file of its own."""
    return {
        f"{folder}/{name}_.py": script(name, down if len(down) > 1 else next(iter(down), None))
        for name, down in parents(text).items()
    }


def project(text: str) -> dict[str, bytes]:
    """A whole Alembic project with that chain."""
    return {**PROJECT, **chain(text)}


class Silent:
    """Progress that nobody waits for."""

    def tell(self, text: str) -> None:
        pass

    def step(self, project: str, name: str, done: int, total: int, revision: str) -> None:
        pass


class Checkout:
    """A repository with a work tree, on branch `main`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = start_repository(root)

    def commit(self, tree: Files, message: str = "work") -> str:
        """Make this the content of the current branch."""
        return commit(self.repo, tree, message)

    def land(self, tree: Files, hour: float, message: str = "work", author: str = "A. Developer") -> str:
        """As commit, so many hours after a day in March; the committer is always the same forge."""
        when = f"{int(1_772_000_000 + hour * 3600)} +0000"
        person, forge = Actor(author, "a@example.org"), Actor("Forge", "forge@example.org")
        prepare(self.repo, tree)
        return self.repo.index.commit(
            message, author=person, committer=forge, author_date=when, commit_date=when
        ).hexsha

    def write(self, files: Files) -> None:
        """Lay these over the work tree, and commit nothing."""
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(text)

    def branch(self, name: str, at: str = "HEAD") -> None:
        """Start a branch there and check it out."""
        self.repo.git.checkout("--quiet", "-B", name, at)

    def git(self, *arguments: str) -> str:
        return str(self.repo.git.execute(["git", *arguments]))

    def check(self, base: str | None = "main", head: str | None = None, **settings: object) -> Report:
        """What is said of merging the one into the other."""
        return check(self.root, base=base, head=head, **settings)


def check(directory: Path, **settings: object) -> Report:
    """What is said when it is called in that folder; without a replay, unless one is asked for."""
    chosen = Settings(directory=directory, **{"replay": False, **settings})  # type: ignore[arg-type]
    return pipeline.check(chosen, os.environ, Silent())


def ids(report: Report) -> list[str]:
    """The ids of what a report holds against this change."""
    return [finding.id for finding in report.findings if finding.introduced]


def only(report: Report) -> Finding:
    """The one finding there is."""
    assert len(report.findings) == 1, report.findings
    return report.findings[0]


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """An empty repository."""
    made = Checkout(tmp_path / "work")
    yield made
    made.repo.close()


@pytest.fixture(autouse=True, scope="session")
def git_of_our_own() -> Iterator[None]:
    """Neither the developer's git configuration nor a hook that the tests run in decides what they see."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("GIT_"):
                patch.delenv(name)
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "A. Developer")
            patch.setenv(f"GIT_{role}_EMAIL", "developer@example.org")
        yield


def bare_clone(checkout: Checkout, to: Path) -> Path:
    """The repository without a work tree, as a server has it."""
    clone: Repo = checkout.repo.clone(str(to), bare=True)
    clone.close()
    return to
