"""A git that dies says nothing: whichever call of a check is killed, no finding is lost without a word."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.errors import CheckerError, RepositoryError
from checker.source.merging import _merge_by_file
from checker.source.repository import open_repository
from tests.gitrepo import VERSIONS, Checkout, check, ids, project, script

# Every call is counted; the one that DIES names is killed before it does anything, or after half of its answer.
WRAPPER = """#!/bin/sh
echo "$*" >> "$CALLS"
[ "$(wc -l < "$CALLS")" -eq "$DIES" ] || exec {git} "$@"
[ "$HOW" = nothing ] && exit 0
[ "$HOW" = silent ] && exec sleep 60
exec 4<&0
[ "$HOW" = half ] && {{ {git} "$@" <&4 & echo $! > "$CALLS.pid"; }} | head -c 30
[ "$HOW" = half ] && kill -KILL "$(cat "$CALLS.pid")" $$
kill -KILL $$
"""
CONFIG = {".alembic-premerge.yml": b"locked: released\n"}
SHOP = {**project("a <- b"), **CONFIG}


class DyingGit:
    """A `git` on the PATH, of which one call is killed."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._calls, self._patch = folder / "calls", patch
        (folder / "bin").mkdir()
        (folder / "bin" / "git").write_text(WRAPPER.format(git=shutil.which("git")))
        (folder / "bin" / "git").chmod(0o755)
        patch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("CALLS", str(self._calls))

    def run(self, dies: int, how: str, work: Callable[[], list[str]]) -> list[str] | CheckerError:
        """What the work comes to while that call dies; 0 for none."""
        self._patch.setenv("DIES", str(dies))
        self._patch.setenv("HOW", how)
        self._calls.write_text("")
        try:
            return work()
        except CheckerError as error:
            return error

    @property
    def calls(self) -> list[str]:
        """The command lines of the last work."""
        return self._calls.read_text("utf-8").splitlines()


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DyingGit:
    return DyingGit(tmp_path, monkeypatch)


def diverged(checkout: Checkout, tmp_path: Path) -> Path:
    """A released script is edited on a branch, while the base went on; one more edit is not committed."""
    checkout.commit(SHOP)
    checkout.repo.create_tag("v1")
    checkout.branch("branch")
    checkout.commit({**SHOP, f"{VERSIONS}/b_.py": script("b", "a", "pass")})
    checkout.branch("main", "main")
    checkout.commit({**SHOP, f"{VERSIONS}/c_.py": script("c", "b")})
    checkout.git("checkout", "--quiet", "branch")
    checkout.write({f"{VERSIONS}/d_.py": script("d", "b")})
    return checkout.root


def shallow(checkout: Checkout, tmp_path: Path) -> Path:
    """The same in a clone that has to fetch what it compares."""
    diverged(checkout, tmp_path)
    checkout.commit({**SHOP, f"{VERSIONS}/b_.py": script("b", "a", "pass"), f"{VERSIONS}/d_.py": script("d", "b")})
    clone = tmp_path / "clone"
    checkout.git("clone", "--quiet", "--depth=1", "--branch=branch", f"file://{checkout.root}", str(clone))
    return clone


@pytest.mark.parametrize(("made", "how"), [(diverged, "killed"), (shallow, "half")])
def test_no_finding_is_lost_with_a_git(
    checkout: Checkout, tmp_path: Path, git: DyingGit, made: Callable[[Checkout, Path], Path], how: str
) -> None:
    where = made(checkout, tmp_path)
    base = "main" if made is diverged else "origin/main"

    def work() -> list[str]:
        return sorted(ids(check(where, base=base)))

    whole = git.run(0, how, work)
    assert whole == ["G202", "H101"]
    calls = git.calls
    ends = {number: git.run(number, how, work) for number in range(1, len(calls) + 1)}
    lost = [calls[number - 1] for number, end in ends.items() if not isinstance(end, CheckerError) and end != whole]
    assert not lost
    said = {end.problem for end in ends.values() if isinstance(end, CheckerError)}
    assert any("SIGKILL" in one for one in said)


@pytest.mark.parametrize("written", ["read-tree", "update-index", "checkout-index"])
def test_a_git_that_writes_nothing_is_no_merge_and_no_checkout(
    checkout: Checkout, tmp_path: Path, git: DyingGit, written: str
) -> None:
    """What git was asked to write is looked at: that a process ends with 0 is not enough."""
    where = diverged(checkout, tmp_path)
    with open_repository(where, os.environ) as repository:
        base, head = repository.resolve("main"), repository.resolve("branch")
        common = repository.merge_base(base, head)

        def work() -> list[str]:
            tree = _merge_by_file(repository, common, base, head)
            with tempfile.TemporaryDirectory() as folder:
                repository.export(tree, Path(folder))
                return sorted(one.name for one in Path(folder).rglob("versions/*.py"))

        assert git.run(0, "nothing", work) == ["a_.py", "b_.py", "c_.py"]
        number = next(number for number, call in enumerate(git.calls, 1) if call.startswith(written))
        assert isinstance(git.run(number, "nothing", work), RepositoryError)


def test_a_git_that_no_longer_answers_is_not_waited_for(
    checkout: Checkout, git: DyingGit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.source.git.SILENCE", 0.2)
    checkout.commit(SHOP)
    with open_repository(checkout.root, os.environ) as repository:
        blob = repository.files("HEAD")["alembic.ini"]
        end = git.run(1, "silent", lambda: [repository.read(blob).decode()])
        assert isinstance(end, RepositoryError)
        assert "SIGKILL" in end.problem
