"""Scripts behind symbolic links and submodules: followed where git has them, and never passed over in silence."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.auditing import audit
from checker.errors import ProjectError
from checker.replay.workspace import open_workspace
from checker.settings import Settings
from checker.source.repository import open_repository
from checker.source.snapshot import SnapshotReader
from tests.gitrepo import ENV, INI, VERSIONS, Checkout, Silent, chain, ids, only, project, script

HEADS = "a <- b; a <- c"


def shared(text: str = HEADS, folder: str = "shared") -> dict[str, bytes]:
    return chain(text, folder)


def link(checkout: Checkout, path: str, target: str) -> None:
    place = checkout.root / path
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def commit(checkout: Checkout) -> None:
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "--message=links")


def submodule(checkout: Checkout, path: str) -> None:
    shutil.rmtree(checkout.root / path, ignore_errors=True)
    checkout.git("add", "--all")
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{checkout.repo.head.commit.hexsha},{path}")
    checkout.git("commit", "--quiet", "--message=submodule")


def _script(checkout: Checkout) -> None:
    link(checkout, f"{VERSIONS}/c_.py", "../../shared/c_.py")


def _chain_of_links(checkout: Checkout) -> None:
    link(checkout, f"{VERSIONS}/c_.py", "../one")
    link(checkout, "migrations/one", "../two/c_.py")
    link(checkout, "two", "shared/../shared")


def _versions(checkout: Checkout) -> None:
    link(checkout, VERSIONS, "../shared")


def _environment(checkout: Checkout) -> None:
    checkout.write({"all/env.py": ENV, **shared(folder="all/versions")})
    link(checkout, "migrations", "all")


def _env_and_ini(checkout: Checkout) -> None:
    checkout.write({"config/alembic.ini": INI, "config/env.py": ENV, f"{VERSIONS}/c_.py": script("c", "a")})
    link(checkout, "alembic.ini", "config/alembic.ini")
    link(checkout, "migrations/env.py", "../config/env.py")


@pytest.mark.parametrize("how", [_script, _chain_of_links, _versions, _environment, _env_and_ini])
@pytest.mark.parametrize("ini", [True, False])
def test_links_to_scripts_are_followed(checkout: Checkout, how: Callable[[Checkout], None], ini: bool) -> None:
    before = project("a <- b")
    checkout.commit(before if ini else {path: text for path, text in before.items() if path != "alembic.ini"})
    checkout.branch("branch")
    checkout.write(shared())
    how(checkout)
    if not ini:
        (checkout.root / "alembic.ini").unlink(missing_ok=True)
    commit(checkout)
    report = checkout.check(head="branch")
    assert "G201" in ids(report) or "G202" in ids(report), report.findings
    assert [one.revisions for one in report.projects] == [3]
    assert report.projects[0].heads == ("b", "c")


def test_a_file_that_is_linked_twice_is_one_script(checkout: Checkout) -> None:
    checkout.commit(project("a"))
    checkout.branch("branch")
    checkout.write(shared("a <- b"))
    for name in ("b_.py", "again_.py"):
        link(checkout, f"{VERSIONS}/{name}", "../../shared/b_.py")
    link(checkout, f"{VERSIONS}/latest.py", "a_.py")
    commit(checkout)
    report = checkout.check(head="branch")
    assert (ids(report), report.projects[0].revisions) == ([], 2)


def test_an_environment_is_where_its_files_are_and_not_where_links_to_them_are(checkout: Checkout) -> None:
    """thoth-station/storages has alembic.ini and alembic at its root as links into its package."""
    checkout.commit({f"package/data/{path}": text for path, text in project("a").items()})
    link(checkout, "alembic.ini", "package/data/alembic.ini")
    link(checkout, "migrations", "package/data/migrations")
    commit(checkout)
    checkout.branch("branch")
    checkout.write({f"package/data/{path}": text for path, text in project("a <- b").items()})
    commit(checkout)
    (found,) = checkout.check(head="branch").projects
    assert (found.path, found.script_location, found.revisions) == ("package/data", "package/data/migrations", 2)


def test_an_edit_of_the_file_behind_a_link_is_an_edit_of_the_script(checkout: Checkout) -> None:
    checkout.commit({**project("a <- b"), **shared("a <- b")})
    link(checkout, f"{VERSIONS}/b_.py", "../../shared/b_.py")
    commit(checkout)
    checkout.branch("branch")
    checkout.write({"shared/b_.py": script("b", "a", "op.execute('SELECT 1')")})
    commit(checkout)
    finding = only(checkout.check(head="branch"))
    assert (finding.id, finding.path) == ("H101", "shared/b_.py")
    assert "-- shared/b_.py" in str(finding.fix)


def _out(checkout: Checkout) -> None:
    link(checkout, f"{VERSIONS}/c_.py", "../../../shared/c_.py")


def _absolute(checkout: Checkout) -> None:
    link(checkout, VERSIONS, str(checkout.root / "shared"))


def _loop(checkout: Checkout) -> None:
    link(checkout, VERSIONS, "versions")


def _nowhere(checkout: Checkout) -> None:
    link(checkout, VERSIONS, "../generated")


def _in_a_submodule(checkout: Checkout) -> None:
    link(checkout, f"{VERSIONS}/c_.py", "../../vendor/c_.py")
    submodule(checkout, "vendor")


def _versions_submodule(checkout: Checkout) -> None:
    submodule(checkout, VERSIONS)


def _another_name(checkout: Checkout) -> None:
    checkout.write({"shared/c": script("c", "a")})
    link(checkout, f"{VERSIONS}/c_.py", "../../shared/c")


def _beside(checkout: Checkout) -> None:
    checkout.write({"other/alembic.ini": INI.replace(b"migrations", b"vendor/migrations")})
    submodule(checkout, "other/vendor")


@pytest.mark.parametrize(
    "how", [_out, _absolute, _loop, _nowhere, _in_a_submodule, _versions_submodule, _another_name, _beside]
)
def test_what_cannot_be_followed_is_never_green(checkout: Checkout, how: Callable[[Checkout], None]) -> None:
    checkout.commit({**project("a <- b"), **shared()})
    checkout.branch("branch")
    how(checkout)
    if not checkout.git("ls-files", "--stage").count("160000"):
        commit(checkout)
    with pytest.raises(ProjectError, match=r"cannot be judged: .* is a (submodule|symbolic link)"):
        checkout.check(head="branch")


def test_links_that_lead_to_no_script_are_nobodys_concern(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit(project("a <- b"))
    checkout.branch("branch")
    checkout.write(chain("a <- b <- c"))
    for path, target in {
        f"{VERSIONS}/README": "../../../elsewhere",
        f"{VERSIONS}/latest": "c_.py",
        f"{VERSIONS}/.#c_.py": "somebody@host.1234",
        f"{VERSIONS}/archive": "/nowhere/archive",
        "README.md": "/nowhere",
        "self": ".",
        "app/loop": "loop",
        "app/models.py": "../missing.py",
        "other/migrations": "../migrations",
    }.items():
        link(checkout, path, target)
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{checkout.repo.head.commit.hexsha},vendor")
    commit(checkout)
    report = checkout.check(head="branch")
    assert (report.verdict, ids(report), [one.revisions for one in report.projects]) == ("pass", [], [3])
    assert checkout.check(head="branch", judge_all=True).verdict == "pass"


@pytest.mark.parametrize("how", [_script, _versions])
@pytest.mark.parametrize("checked_out", [True, False])
def test_a_replay_runs_what_links_lead_to(
    checkout: Checkout, how: Callable[[Checkout], None], checked_out: bool
) -> None:
    from tests.replay.conftest import ENV as RUNS

    checkout.commit({**project("a <- b"), "migrations/env.py": RUNS.encode()})
    checkout.branch("branch")
    checkout.write(shared("a <- b <- c"))
    checkout.write({"shared/c_.py": script("c", "b", "op.execute('SELECT nowhere')")})
    how(checkout)
    commit(checkout)
    if not checked_out:
        checkout.git("checkout", "--quiet", "main")
    report = checkout.check(head="branch", replay=True)
    failed = [one for one in report.findings if one.id == "R301"]
    assert [(one.revision, one.path, one.line) for one in failed] == [("c", "shared/c_.py", 11)], report.findings
    assert not [one for one in report.findings if one.id not in ("R301", "H106")], report.findings


@pytest.mark.parametrize("before", ["link", "folder"])
def test_a_laid_over_work_tree_has_links_to_what_is_judged(checkout: Checkout, before: str) -> None:
    """The user's own tree has another content, or another kind, at the place to which the link leads."""
    checkout.commit({**project("a"), "shared/a_.py": script("a"), "shared/old_.py": b"", "lib/models.py": b"old"})
    link(checkout, "app/lib", "../lib")
    commit(checkout)
    if before == "link":
        _versions(checkout)
        commit(checkout)
    checkout.branch("judged")
    _versions(checkout)
    checkout.write({"shared/a_.py": script("a", None, "op.execute('SELECT 1')")})
    (checkout.root / "shared/old_.py").unlink()
    checkout.write({"lib/models.py": b"new"})
    commit(checkout)
    checkout.git("checkout", "--quiet", "main")
    checkout.write({"migrations/ignored.txt": b"", ".gitignore": b"ignored.txt"})
    with open_repository(checkout.root, os.environ) as repository:
        reader = SnapshotReader(repository)
        trees = {name: repository.tree_of(name) for name in ("main", "judged")}
        for tree, user in (("judged", "main"), ("main", "main")):
            (environment,) = reader.environments(trees[tree])
            place = open_workspace(
                repository, environment, trees[tree], work_tree=trees[user], surroundings=trees["judged"]
            )
            with place as workspace:
                versions = workspace.path(VERSIONS)
                assert versions.resolve().is_relative_to(workspace.root.resolve())
                assert (b"SELECT 1" in (versions / "a_.py").read_bytes()) == (tree == "judged")
                assert (versions / "old_.py").exists() == (tree == "main" and before == "link")
                assert workspace.path("migrations/ignored.txt").exists()
                assert workspace.path("app/lib/models.py").read_bytes() == b"new"


def test_an_audit_of_scripts_that_cannot_be_read_is_refused(checkout: Checkout) -> None:
    checkout.commit(project("a <- b"))
    _nowhere(checkout)
    commit(checkout)
    with pytest.raises(ProjectError, match="cannot be judged"):
        audit(Settings(directory=checkout.root), os.environ, Silent())


def test_a_conflict_in_a_link_to_scripts_is_never_green(checkout: Checkout) -> None:
    checkout.commit({**project("a"), **shared(), **shared("a <- d", "other")})
    _versions(checkout)
    commit(checkout)
    for branch, target in (("branch", "../other"), ("main", "../third")):
        checkout.branch(branch, "main")
        checkout.write(shared("a <- e", "third"))
        link(checkout, VERSIONS, target)
        commit(checkout)
    with pytest.raises(ProjectError, match="conflicts in the symbolic link"):
        checkout.check(head="branch")
