"""A checkout's own configuration names programs for git to run: none of them runs, and what is judged stays the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from checker import pipeline
from checker.settings import Settings
from tests.gitrepo import Checkout, Silent, check, ids, project, script

ATTRIBUTES = b"*.py filter=evil merge=evil diff=evil\n*.txt filter=evil merge=evil\n"


def settings_that_run(program: str, hooks: Path) -> dict[str, str]:
    return {
        "core.fsmonitor": program,
        "core.hooksPath": str(hooks),
        "core.pager": program,
        "core.editor": program,
        "core.alternateRefsCommand": program,
        "core.gitProxy": program,
        "diff.external": program,
        "diff.evil.textconv": program,
        "diff.evil.command": program,
        "filter.evil.clean": f"{program}; cat",
        "filter.evil.smudge": f"{program}; cat",
        "filter.Evil Two.process": program,
        "filter.evil.required": "true",
        "merge.evil.driver": f"{program}; false",
        "remote.origin.uploadpack": f"{program}; git-upload-pack",
        "remote.evil.vcs": "evil",
    }


@pytest.fixture
def armed(checkout: Checkout, tmp_path: Path) -> tuple[Checkout, Path]:
    """A branch that diverged, with changes in the work tree, in a repository whose configuration runs a program wherever
    it can. The path is what that program writes.
    """
    base = {**project("a <- b"), ".gitattributes": ATTRIBUTES, "notes.txt": b"one\n" * 9}
    checkout.commit(base)
    checkout.branch("branch")
    checkout.commit({**base, **project("a <- b <- c"), "notes.txt": b"one\n" * 9 + b"branch\n"})
    checkout.branch("main", "main")
    checkout.commit({**base, **project("a <- b <- d"), "notes.txt": b"main\n" + b"one\n" * 9})
    checkout.branch("branch", "branch")
    checkout.write({"migrations/versions/e_.py": script("e", "c")})
    trace, hooks = tmp_path / "trace", tmp_path / "hooks"
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\necho ran >> {trace}\n")
    hooks.mkdir()
    for name in (
        "post-index-change",
        "reference-transaction",
        "post-checkout",
        "pre-auto-gc",
        "post-merge",
        "pre-commit",
    ):
        (hooks / name).write_text(program.read_text())
    for path in (program, *hooks.iterdir()):
        path.chmod(0o755)
    checkout.git("remote", "add", "origin", f"ext::{program}")
    for name, value in settings_that_run(str(program), hooks).items():
        subprocess.run(["git", "config", name, value], cwd=checkout.root, check=True)
    return checkout, trace


def test_no_program_of_the_checkout_s_configuration_is_run(armed: tuple[Checkout, Path]) -> None:
    checkout, trace = armed
    report = checkout.check()
    assert ids(report) == ["G202"]
    assert not report.skipped[0].wanted
    settings = Settings(directory=checkout.root, base="main", head="nowhere-at-all", replay=False)
    with pytest.raises(Exception, match="nowhere-at-all"):
        pipeline.check(settings, {"PATH": "/usr/bin:/bin"}, Silent())  # which asks the remote
    assert not trace.exists(), trace.read_text()


def test_they_would_run_without_that(armed: tuple[Checkout, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail."""
    checkout, trace = armed
    monkeypatch.setattr("checker.source.git.QUIET", ())
    monkeypatch.setattr("checker.source.git.Git.disarm", lambda _: None)
    check(checkout.root, base="main")
    assert trace.exists()
