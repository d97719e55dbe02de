"""The main job through real repositories: what is compared with what, and what becomes of the verdict."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from git import Repo

from checker.errors import ProjectError, RepositoryError
from checker.findings import Severity
from tests.gitrepo import ENV, INI, VERSIONS, Checkout, bare_clone, chain, check, ids, only, project, script

SHOP = project("a <- b")


def edited(revision: str, down: str | None) -> dict[str, bytes]:
    return {f"{VERSIONS}/{revision}_.py": script(revision, down, "op.execute('SELECT 1')")}


# --- what is compared


def test_work_tree_counts_uncommitted_and_untracked_scripts_but_not_ignored_ones(checkout: Checkout) -> None:
    checkout.commit({**SHOP, ".gitignore": b"ignored_.py\n"})
    checkout.write({**edited("b", "a"), f"{VERSIONS}/new_.py": script("new", "b"), f"{VERSIONS}/ignored_.py": b"("})
    report = checkout.check()
    assert (ids(report), report.head.commit) == (["H101"], None)
    assert report.projects[0].new == ("new",)
    assert only(report).path == f"{VERSIONS}/b_.py"


def test_a_clean_work_tree_is_its_commit(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.branch("branch")
    commit = checkout.commit(project("a <- b <- c"))
    report = checkout.check()
    assert (report.head.ref, report.head.commit, ids(report)) == ("branch", commit, [])


def test_two_commits_are_compared_whatever_the_work_tree_holds(checkout: Checkout) -> None:
    first = checkout.commit(SHOP)
    second = checkout.commit({**SHOP, **edited("b", "a")})
    checkout.commit(project("z"))
    checkout.write({f"{VERSIONS}/broken.py": b"("})
    report = checkout.check(first, second)
    assert (report.base.commit, report.head.commit, ids(report)) == (first, second, ["H101"])


def diverge(checkout: Checkout) -> None:
    """`main` has gone on to b; the branch was started before that and stands on a."""
    checkout.commit(project("a"))
    checkout.branch("branch")
    checkout.commit(project("a <- mine"))
    checkout.branch("main", "main")
    checkout.commit(project("a <- b"))
    checkout.branch("branch", "branch")


def test_a_base_that_went_on_is_merged_first(checkout: Checkout) -> None:
    diverge(checkout)
    finding = only(checkout.check())
    assert (finding.id, finding.revision, finding.line) == ("G202", "mine", 8)
    assert "'b'" in str(finding.fix)


@pytest.fixture
def old_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A git on PATH that knows no `merge-tree --write-tree`, as before 2.38."""
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        "#!/bin/sh\n"
        'case " $* " in *" merge-tree "*) echo "usage: git merge-tree" >&2; exit 129;; esac\n'
        f'exec {shutil.which("git")} "$@"\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.usefixtures("old_git")
def test_an_old_git_merges_file_by_file(checkout: Checkout) -> None:
    checkout.commit({**project("a <- gone"), f"{VERSIONS}/tool.sh": b"#!/bin/sh\n"})
    checkout.branch("branch")
    checkout.commit({**project("a <- gone <- mine"), f"{VERSIONS}/tool.sh": b"#!/bin/sh\n"})
    checkout.branch("main", "main")
    checkout.commit(project("a <- b"))
    checkout.branch("branch", "branch")
    report = checkout.check()
    # main took `gone` and brought b: both must have happened in the result, on which mine then hangs in the air.
    assert set(report.projects[0].heads) == {"b", "mine"}
    assert report.projects[0].revisions == 3
    assert ids(report) == ["G203"]


def conflict(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.branch("branch")
    checkout.commit({**SHOP, **edited("b", "a")})
    checkout.branch("main", "main")
    checkout.commit({**SHOP, f"{VERSIONS}/b_.py": script("b", "a", "op.execute('SELECT 2')")})
    checkout.branch("branch", "branch")


def test_textual_conflict_in_a_script(checkout: Checkout) -> None:
    conflict(checkout)
    report = checkout.check()
    assert "G208" in ids(report)
    assert {finding.path for finding in report.findings} == {f"{VERSIONS}/b_.py"}
    assert report.verdict == "fail"


@pytest.mark.usefixtures("old_git")
def test_textual_conflict_on_an_old_git(checkout: Checkout) -> None:
    conflict(checkout)
    assert "G208" in ids(checkout.check())


def test_textual_conflict_elsewhere_is_no_fault_of_the_migrations(checkout: Checkout) -> None:
    checkout.commit({**SHOP, "README": b"one"})
    checkout.branch("branch")
    checkout.commit({**project("a <- b <- c"), "README": b"two", "docs": b"a file"})
    checkout.branch("main", "main")
    checkout.commit({**SHOP, "README": b"three", "docs/page": b"a folder"})
    checkout.branch("branch", "branch")
    report = checkout.check()
    assert (report.verdict, report.findings, report.projects[0].new) == ("pass", (), ("c",))


def test_a_base_ahead_of_the_head_leaves_nothing_to_judge(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.branch("behind")
    checkout.branch("main", "main")
    checkout.commit(project("a <- b <- c"))
    checkout.branch("behind", "behind")
    report = checkout.check()
    assert (report.verdict, report.findings, report.projects) == ("pass", (), ())


def test_nothing_relevant_changed(checkout: Checkout) -> None:
    checkout.commit({**project("a <- b; a <- c"), "README": b"one"})
    checkout.branch("branch")
    checkout.commit({**project("a <- b; a <- c"), "README": b"two"})
    report = checkout.check()
    assert (report.verdict, report.findings, report.projects) == ("pass", (), ())


@pytest.mark.parametrize("local", ["main", "master", "trunk"])
def test_without_a_remote_the_base_is_the_local_default_branch(checkout: Checkout, local: str) -> None:
    checkout.commit(SHOP)
    checkout.git("branch", "--move", local)
    checkout.branch("branch")
    checkout.commit({**SHOP, **edited("b", "a")})
    report = check(checkout.root)
    assert (report.base.ref, ids(report)) == (local, ["H101"])


def test_with_a_remote_the_base_is_its_default_branch(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit(SHOP)
    checkout.git("branch", "--move", "stable")
    with Repo.clone_from(str(checkout.root), str(tmp_path / "clone")) as clone:
        clone.git.checkout("--quiet", "-b", "main")  # a local main must not be taken for it
        (tmp_path / "clone" / VERSIONS / "b_.py").unlink()
        report = check(tmp_path / "clone")
    assert (report.base.ref, ids(report)) == ("origin/stable", ["H102"])


def test_detached_head(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.git("checkout", "--quiet", "--detach")
    checkout.write(edited("b", "a"))
    report = check(checkout.root)
    assert (report.base.ref, report.head.ref, ids(report)) == ("main", "HEAD", ["H101"])


def test_linked_work_tree(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit(SHOP)
    checkout.git("worktree", "add", "--quiet", "-b", "linked", str(tmp_path / "linked"))
    (tmp_path / "linked" / VERSIONS / "b_.py").unlink()
    report = check(tmp_path / "linked" / "migrations", base="main")
    assert (report.head.ref, ids(report)) == ("linked", ["H102"])


def test_bare_repository_needs_a_head(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit(SHOP)
    checkout.branch("branch")
    checkout.commit({**SHOP, **edited("b", "a")})
    bare = bare_clone(checkout, tmp_path / "bare.git")
    assert ids(check(bare, base="main", head="branch")) == ["H101"]
    with pytest.raises(RepositoryError) as error:
        check(bare, base="main")
    assert "--head" in error.value.remedy


def test_a_bare_repository_is_configured_by_its_head(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit(project("a <- b"))
    checkout.branch("branch")
    tree = {**project("a <- b; a <- c"), ".alembic-premerge.yml": b"projects: [{path: ., heads: [b, c]}]\n"}
    checkout.commit(tree)
    assert ids(check(bare_clone(checkout, tmp_path / "bare.git"), base="main", head="branch")) == []


def test_unrelated_history(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.git("checkout", "--quiet", "--orphan", "other")
    checkout.commit({**SHOP, **chain("a <- other")})
    report = checkout.check()
    assert report.projects[0].revisions == 3
    assert set(report.projects[0].heads) == {"b", "other"}


def test_a_repository_without_a_commit_has_no_base(checkout: Checkout) -> None:
    checkout.write(SHOP)
    with pytest.raises(RepositoryError):
        check(checkout.root)


def test_a_ref_that_looks_like_an_option_is_only_unknown(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    with pytest.raises(RepositoryError):
        checkout.check("--help")


# --- environments that come, go and move


def test_new_environment(checkout: Checkout) -> None:
    checkout.commit({"README": b""})
    checkout.branch("branch")
    checkout.commit(project("a <- b; a <- c"))
    report = checkout.check()
    assert (ids(report), report.projects[0].new) == (["G201"], ("a", "b", "c"))


def test_removed_environment(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.branch("branch")
    checkout.commit({"README": b""})
    finding = only(checkout.check())
    assert (finding.id, finding.severity) == ("H102", Severity.WARNING)


def test_moved_folder_is_a_move_and_not_a_deletion(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.branch("branch")
    moved = {"alembic.ini": b"[alembic]\nscript_location = db\n", "db/env.py": ENV, **chain("a <- b", "db/versions")}
    checkout.commit(moved)
    report = checkout.check()
    assert (report.verdict, set(ids(report))) == ("pass", {"H106"})


def test_two_environments_are_judged_apart_and_only_where_something_changed(checkout: Checkout) -> None:
    def service(name: str, text: str) -> dict[str, bytes]:
        folder = f"{name}/migrations"
        own = chain(text, f"{folder}/versions")
        return {f"{name}/alembic.ini": INI, f"{folder}/env.py": ENV, **own}

    checkout.commit({**service("api", "a <- b"), **service("jobs", "a <- b")})
    checkout.branch("branch")
    checkout.commit({**service("api", "a <- b <- c; b <- d"), **service("jobs", "a <- b")})
    report = checkout.check()
    assert [(one.project, one.id) for one in report.findings] == [("api", "G201")]
    assert [one.path for one in report.projects] == ["api"]
    assert [one.path for one in checkout.check(judge_all=True).projects] == ["api", "jobs"]
    assert checkout.check(projects=("jobs",)).projects == ()
    with pytest.raises(ProjectError):
        checkout.check(projects=("nowhere",))


# --- the verdict


def test_existing_problems_are_notes_unless_all_is_judged(checkout: Checkout) -> None:
    checkout.commit(project("a <- b; a <- c"))
    checkout.branch("branch")
    checkout.commit(project("a <- b <- d; a <- c"))
    report = checkout.check()
    finding = only(report)
    assert (finding.id, finding.introduced, finding.severity, report.verdict) == ("G201", False, "note", "pass")
    everything = checkout.check(judge_all=True)
    assert (only(everything).severity, everything.verdict) == ("error", "fail")


def test_resolving_an_existing_problem_is_a_note_and_passes(checkout: Checkout) -> None:
    checkout.commit(project("a <- b; a <- c"))
    checkout.branch("branch")
    checkout.commit(project("a <- b; a <- c; b + c <- m"))
    report = checkout.check()
    assert (only(report).id, only(report).severity, report.verdict) == ("G201", "note", "pass")


def test_only_ignore_and_fail_on(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.branch("branch")
    checkout.commit({"README": b""})
    assert checkout.check().verdict == "pass"
    assert checkout.check(fail_on=Severity.WARNING).verdict == "fail"
    assert checkout.check(fail_on=Severity.WARNING, ignore=frozenset({"H102"})).findings == ()
    assert checkout.check(fail_on=Severity.WARNING, only=frozenset({"H101"})).findings == ()


def test_nothing_of_the_users_is_touched(checkout: Checkout) -> None:
    diverge(checkout)
    checkout.write({**edited("a", None), f"{VERSIONS}/untracked.py": script("untracked", "mine")})
    checkout.git("add", f"{VERSIONS}/a_.py")
    checkout.write({"migrations/env.py": ENV + b"# not staged\n"})

    def state() -> tuple[object, ...]:
        index = checkout.root / ".git" / "index"
        status = checkout.git("--no-optional-locks", "status", "--porcelain=v2", "--untracked-files=all")
        refs = checkout.git("for-each-ref"), (checkout.root / ".git" / "HEAD").read_text()
        files = sorted(str(path) for path in checkout.root.rglob("*"))
        return status, refs, checkout.git("count-objects", "-v"), index.stat().st_mtime_ns, index.read_bytes(), files

    before = state()
    assert set(ids(checkout.check())) == {"H101", "G202"}
    assert state() == before


def test_the_base_branch_itself_says_that_nothing_was_compared(checkout: Checkout) -> None:
    checkout.commit(project("a <- b; a <- c"))
    report = checkout.check()
    assert (report.verdict, report.projects) == ("pass", ())
    assert report.skipped[0].reason.startswith("main and main are the same commit")
    assert "`--all`" in report.skipped[0].reason
    assert "comparison" not in [one.what for one in checkout.check(judge_all=True).skipped]
    checkout.write({f"{VERSIONS}/d_.py": script("d", "c")})
    assert "comparison" not in [one.what for one in checkout.check().skipped]


@pytest.mark.parametrize("base", [None, "main", "HEAD"])
def test_a_repository_without_commits(checkout: Checkout, base: str | None) -> None:
    checkout.write(project("a"))
    with pytest.raises(RepositoryError, match="has no commits yet"):
        checkout.check(base=base)


@pytest.mark.parametrize("moved", [False, True])
def test_the_repair_of_two_scripts_with_one_id_is_a_warning(checkout: Checkout, moved: bool) -> None:
    """alphagov/notifications-api 2219dbf80bb7: 0177 had the id, and the down_revision, of 0176."""
    broken = {**project("a <- b"), f"{VERSIONS}/c_.py": script("b", "a", "op.execute('SELECT 1')")}
    checkout.commit(broken)
    checkout.branch("branch")
    own = script("c", "b", "op.execute('SELECT 1')").replace(b"t_c", b"t_b").replace(b"c does", b"b does")
    repaired = {**project("a <- b"), f"{VERSIONS}/{'d' if moved else 'c'}_.py": own}
    checkout.commit(repaired)
    finding = only(checkout.check())
    assert (finding.id, finding.severity, finding.revision, finding.introduced) == ("H107", "warning", "c", True)
    assert f"{VERSIONS}/c_.py had the same revision id as {VERSIONS}/b_.py" in finding.message
    assert checkout.check().verdict == "pass"


def test_an_empty_string_for_a_parent(checkout: Checkout) -> None:
    """Alembic 1.13 to 1.20 look for a revision of that name; older ones took it for None, and their projects have it merged."""
    broken = {f"{VERSIONS}/a_.py": script("a", "")}
    checkout.commit({"README": b""})
    checkout.branch("branch")
    checkout.commit({**project("a <- b"), **broken})
    report = checkout.check(replay=True)
    assert ids(report) == ["G203"]
    assert only(report).fix == "down_revision = None"
    checkout.branch("main")
    checkout.branch("another")
    checkout.commit({**project("a <- b <- c"), **broken})
    assert ids(checkout.check()) == []
