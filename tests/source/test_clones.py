"""Clones as they come: shallow, partial, sparse, of others, in others; and what each GitHub event has compared in them.

Every fetch here is a real one, through git's own protocol.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker import cli, pipeline
from checker.errors import RepositoryError
from checker.findings import Report
from checker.settings import Settings
from tests.gitrepo import VERSIONS, Checkout, Silent, check, ids, project, script

SHOP = project("a <- b")


def git(where: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def edit(revision: str, down: str | None) -> dict[str, bytes]:
    return {f"{VERSIONS}/{revision}_.py": script(revision, down, "op.execute('SELECT 1')")}


def go_on(checkout: Checkout, branch: str) -> None:
    """Put 60 commits on a branch, by one process."""
    who = f"committer A. Developer <developer@example.org> 1700000000 +0000\ndata {len(branch)}\n{branch}\n"
    first = f"commit refs/heads/{branch}\n{who}from refs/heads/{branch}^0\n"
    stream = first + f"commit refs/heads/{branch}\n{who}" * 59
    subprocess.run(["git", "fast-import", "--quiet"], cwd=checkout.root, input=stream, text=True, check=True)


@pytest.fixture
def origin(checkout: Checkout) -> Checkout:
    """main and a branch parted long ago; the branch edits b, and a pull request would merge the two."""
    checkout.commit({**SHOP, "README": b""})
    checkout.branch("branch")
    go_on(checkout, "branch")
    checkout.commit({**SHOP, **edit("b", "a"), "README": b"done"})
    checkout.branch("main", "main")
    go_on(checkout, "main")
    checkout.commit({**project("a <- b <- c"), "README": b"", "NEWS": b"c"})
    checkout.branch("merge", "main")
    checkout.git("merge", "--quiet", "--no-ff", "-m", "merge", "branch")
    checkout.git("checkout", "--quiet", "main")
    return checkout


@pytest.fixture
def clone(origin: Checkout, tmp_path: Path) -> Callable[..., Path]:
    """A clone as actions/checkout makes it: one ref, detached, at some depth, and nothing else."""

    def make(ref: str = "merge", *options: str) -> Path:
        target = tmp_path / "clone"
        target.mkdir()
        git(target, "init", "--quiet", "--initial-branch=unborn")
        git(target, "remote", "add", "origin", f"file://{origin.root}")
        git(target, "fetch", "--quiet", "--no-tags", *options, "origin", origin.git("rev-parse", ref))
        git(target, "checkout", "--quiet", "--detach", "FETCH_HEAD")
        return target

    return make


class Listening(Silent):
    """Progress that is written down."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def tell(self, text: str) -> None:
        self.told.append(text)


def judge(root: Path, event: str = "", payload: Any = None, told: list[str] | None = None, **environ: str) -> Report:
    """What is said in that folder on that event."""
    file = root.parent / "event.json"
    file.write_text(json.dumps(payload or {}))
    variables = {
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_SHA": git(root, "rev-parse", "HEAD"),
    }
    progress = Listening([] if told is None else told)
    return pipeline.check(Settings(directory=root, replay=False), {**os.environ, **variables, **environ}, progress)


def state(root: Path) -> tuple[object, ...]:
    """All of a clone that a fetch could change."""
    folder = root / ".git"
    files = sorted(str(path) for path in folder.rglob("*"))
    shallow = (folder / "shallow").read_text() if (folder / "shallow").exists() else None
    return (
        files,
        shallow,
        git(root, "for-each-ref"),
        (folder / "FETCH_HEAD").read_text(),
        (folder / "config").read_text(),
    )


# --- events


@pytest.mark.parametrize("depth", [1, 2, 0])
def test_pull_request_at_any_depth(origin: Checkout, clone: Callable[..., Path], depth: int) -> None:
    root = clone("merge", *([f"--depth={depth}"] if depth else []))
    payload = {"pull_request": {"head": {"sha": origin.git("rev-parse", "branch")}}}
    before, told = state(root), list[str]()
    report = judge(root, "pull_request", payload, told, GITHUB_BASE_REF="main")
    assert (report.base.ref, report.base.commit) == ("origin/main", origin.git("rev-parse", "main"))
    assert ids(report) == ["H101"]
    # then a trailer is looked for that lets the edit pass
    first = {
        0: [],
        1: [f"fetching {str(report.base.commit)[:10]} from origin"],
        2: ["fetching 50 more commits from origin"],
    }
    assert told[:1] == first[depth]
    assert state(root) == before


@pytest.mark.parametrize("depth", [2, 0])
def test_a_branch_that_ends_with_a_merge_of_main_and_an_event_without_its_head(
    origin: Checkout, clone: Callable[..., Path], depth: int
) -> None:
    """As act makes it: the ref of a pull request's merge, on the branch's own commit."""
    origin.branch("updated", "branch")
    origin.git("merge", "--quiet", "--no-edit", "-X", "ours", "main")
    root = clone("updated", *([f"--depth={depth}"] if depth else []))
    variables = {"GITHUB_REF": "refs/pull/1/merge", "GITHUB_BASE_REF": "main"}
    for payload in ({}, {"pull_request": {"base": {"sha": origin.git("rev-parse", "main")}}}):
        report = judge(root, "pull_request", payload, None, **variables)
        assert (report.base.ref, ids(report)) == ("origin/main", ["H101"])


@pytest.mark.parametrize("by", ["base ref", "base sha"])
def test_pull_request_whose_head_is_checked_out(origin: Checkout, clone: Callable[..., Path], by: str) -> None:
    root = clone("branch", "--depth=1")
    head, base = origin.git("rev-parse", "branch"), origin.git("rev-parse", "main")
    payload = {"pull_request": {"head": {"sha": head}, "base": {"sha": base}}}
    before = state(root)
    variables = {"GITHUB_SHA": "1" * 40, "GITHUB_BASE_REF": "main" if by == "base ref" else ""}
    report = judge(root, "pull_request", payload, None, **variables)
    assert (report.base.commit, ids(report), report.projects[0].revisions) == (base, ["H101"], 3)
    assert state(root) == before


def test_pull_request_target_reads_the_head_and_runs_nothing(origin: Checkout, clone: Callable[..., Path]) -> None:
    root = clone("main", "--depth=1")
    head = origin.git("rev-parse", "branch")
    payload = {"pull_request": {"head": {"sha": head}, "base": {"sha": origin.git("rev-parse", "main"), "ref": "main"}}}
    report = judge(root, "pull_request_target", payload)
    assert (report.head.commit, ids(report)) == (head, ["H101"])


def test_merge_group(origin: Checkout, clone: Callable[..., Path]) -> None:
    root = clone("merge", "--depth=1")
    payload = {"merge_group": {"base_sha": origin.git("rev-parse", "main"), "base_ref": "refs/heads/main"}}
    report = judge(root, "merge_group", payload)
    assert (report.base.ref, ids(report)) == ("origin/main", ["H101"])


def test_push(origin: Checkout, clone: Callable[..., Path]) -> None:
    root = clone("branch", "--depth=1")
    report = judge(root, "push", {"before": origin.git("rev-parse", "branch~1")})
    assert ids(report) == ["H101"]
    assert judge(root, "push", {"before": origin.git("rev-parse", "branch")}).findings == ()


def test_a_forced_push_has_taken_away_what_it_left_out(origin: Checkout, clone: Callable[..., Path]) -> None:
    before = origin.git("rev-parse", "main")
    root = clone("main~1", "--depth=1")
    assert ids(judge(root, "push", {"before": before, "forced": True})) == ["H102"]


def test_the_push_of_a_new_branch_is_held_against_the_default_branch(
    origin: Checkout, clone: Callable[..., Path]
) -> None:
    root = clone("branch", "--depth=1")
    payload = {"before": "0" * 40, "repository": {"default_branch": "main"}}
    report = judge(root, "push", payload, GITHUB_REF="refs/heads/branch")
    assert (report.base.ref, ids(report)) == ("origin/main", ["H101"])


@pytest.mark.parametrize(("event", "ref"), [("schedule", "main"), ("workflow_dispatch", "main"), ("push", "main")])
def test_the_whole_tree(checkout: Checkout, event: str, ref: str) -> None:
    checkout.commit(project("a <- b; a <- c"))
    payload = {"repository": {"default_branch": "main"}, "before": "0" * 40}
    report = judge(checkout.root, event, payload, GITHUB_REF=f"refs/heads/{ref}")
    assert (report.verdict, [one.id for one in report.findings]) == ("fail", ["G201"])


def test_by_hand_on_another_branch_it_is_what_merging_would_do(origin: Checkout, clone: Callable[..., Path]) -> None:
    root = clone("branch")
    payload = {"repository": {"default_branch": "main"}}
    assert ids(judge(root, "workflow_dispatch", payload, GITHUB_REF="refs/heads/branch")) == ["H101"]


def test_another_repositorys_event_says_nothing_here(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.branch("branch")
    checkout.commit({**SHOP, **edit("b", "a")})
    for event in ("push", "schedule", "pull_request", "merge_group"):
        report = judge(
            checkout.root, event, {"before": "1" * 40, "merge_group": {"base_sha": "1" * 40}}, GITHUB_SHA="2" * 40
        )
        assert (report.base.ref, ids(report)) == ("main", ["H101"])


def test_what_the_user_names_wins_over_the_event(origin: Checkout, clone: Callable[..., Path]) -> None:
    root = clone("branch")
    settings = Settings(directory=root, base=origin.git("rev-parse", "branch"), replay=False)
    environ = {**os.environ, "GITHUB_EVENT_NAME": "push", "GITHUB_SHA": origin.git("rev-parse", "branch")}
    assert pipeline.check(settings, environ, Silent()).findings == ()


# --- too shallow


def test_the_merge_base_is_fetched(origin: Checkout, clone: Callable[..., Path]) -> None:
    root = clone("branch", "--depth=1")
    before, told = state(root), list[str]()
    report = judge(root, told=told)
    assert (report.base.ref, ids(report), report.projects[0].revisions) == ("origin/main", ["H101"], 3)
    assert [line.split(" from ")[0] for line in told[-2:]] == ["fetching 50 more commits", "fetching 200 more commits"]
    assert state(root) == before


def test_a_trailer_beyond_the_boundary_is_found(origin: Checkout, clone: Callable[..., Path]) -> None:
    origin.branch("branch", "branch~1")
    origin.commit({**SHOP, **edit("b", "a"), "README": b"done"}, "Mend b\n\nAllow-Migration-Edit: b because")
    go_on(origin, "branch")
    origin.branch("merge", "main")
    origin.git("merge", "--quiet", "--no-ff", "-m", "merge", "branch")
    root = clone("merge", "--depth=2")
    payload = {"pull_request": {"head": {"sha": origin.git("rev-parse", "branch")}}}
    before = state(root)
    report = judge(root, "pull_request", payload, GITHUB_BASE_REF="main")
    assert (report.verdict, ids(report)) == ("pass", ["H101"])
    assert state(root) == before


def test_unrelated_histories_are_only_so_once_all_is_fetched(origin: Checkout, clone: Callable[..., Path]) -> None:
    origin.git("checkout", "--quiet", "--orphan", "other")
    origin.commit({**SHOP, **edit("b", "a")})
    root = clone("other", "--depth=1")
    assert ids(check(root, base="origin/main")) == ["G208", "H101"]  # both sides brought each file


@pytest.mark.parametrize("remote", ["none", "gone"])
def test_without_a_way_to_the_remote_one_sentence_says_what_to_set(
    origin: Checkout, clone: Callable[..., Path], remote: str
) -> None:
    root = clone("merge", "--depth=1")
    git(root, "remote", "remove", "origin")
    if remote == "gone":
        git(root, "remote", "add", "origin", f"file://{root}/nowhere")
    for base in ("HEAD^1", origin.git("rev-parse", "main"), "origin/main"):
        with pytest.raises(RepositoryError) as error:
            check(root, base=base)
        assert "fetch-depth: 0" in error.value.remedy
    both = clone_of_two_tips(root, origin)
    with pytest.raises(RepositoryError) as error:
        check(both, base="main")
    assert "too shallow" in error.value.problem
    assert "fetch-depth: 0" in error.value.remedy


def clone_of_two_tips(near: Path, origin: Checkout) -> Path:
    target = near.parent / "two"
    git(near.parent, "clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{origin.root}", str(target))
    git(target, "checkout", "--quiet", "branch")
    git(target, "remote", "remove", "origin")
    git(target, "branch", "main", origin.git("rev-parse", "main")) if not git(
        target, "branch", "--list", "main"
    ) else None
    return target


def test_the_remotes_default_branch_is_asked_for(origin: Checkout, clone: Callable[..., Path]) -> None:
    origin.git("branch", "--move", "main", "stable")
    root = clone("branch")
    report = judge(root)
    assert (report.base.ref, ids(report)) == ("origin/stable", ["H101"])


def test_a_default_branch_that_nobody_can_tell_is_asked_of_the_user(checkout: Checkout) -> None:
    checkout.commit(SHOP)
    checkout.git("branch", "--move", "one")
    assert check(checkout.root).verdict == "pass"
    checkout.branch("two")
    with pytest.raises(RepositoryError) as error:
        check(checkout.root)
    assert "--base" in error.value.remedy


# --- other kinds of clones


def test_a_partial_clone_gets_its_scripts_in_one_go(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.commit(project(" <- ".join(f"r{number}" for number in range(20))))
    checkout.branch("branch")
    checkout.write(edit("r19", "r18"))
    checkout.git("commit", "--quiet", "--all", "-m", "edit")
    checkout.git("config", "uploadpack.allowFilter", "true")
    checkout.git("config", "uploadpack.allowAnySHA1InWant", "true")
    root, trace = tmp_path / "partial", tmp_path / "trace"
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", "--no-checkout", f"file://{checkout.root}", str(root))
    monkeypatch.setenv("GIT_TRACE", str(trace))
    report = check(root, base="origin/main", head="origin/branch")
    assert ids(report) == ["H101"]
    one_by_one = trace.read_text().count("fetch.negotiationAlgorithm=noop")
    assert one_by_one < 10, "the twenty scripts came one after the other"


def test_a_sparse_checkout_has_deleted_nothing(origin: Checkout, tmp_path: Path) -> None:
    root = tmp_path / "sparse"
    git(tmp_path, "clone", "--quiet", str(origin.root), str(root))
    git(root, "sparse-checkout", "set", "docs")
    assert not (root / VERSIONS).exists()
    report = check(root, base="origin/main")
    assert (report.verdict, report.findings) == ("pass", ())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_repository_of_another_user(origin: Checkout) -> None:
    origin.git("checkout", "--quiet", "branch")
    for path in [origin.root, *origin.root.rglob("*")]:
        os.chown(path, 4242, 4242)
    with pytest.raises(subprocess.CalledProcessError):
        git(origin.root, "status")
    assert ids(check(origin.root, base="main")) == ["H101"]


def test_a_submodule(origin: Checkout, tmp_path: Path) -> None:
    outer = Checkout(tmp_path / "outer")
    outer.commit({"README": b""})
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(origin.root), "inner")
    inner = outer.root / "inner"
    git(inner, "checkout", "--quiet", "branch")
    assert ids(check(inner, base="origin/main")) == ["H101"]
    outer.repo.close()


def test_contents_that_a_partial_clone_cannot_get_are_no_bug_of_ours(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With one script missing, which the process that reads objects asks for, and with many, asked for in one go."""
    checkout.git("config", "uploadpack.allowFilter", "true")
    for number, text in enumerate(("a", "a <- b <- c <- d")):
        checkout.commit(project(text))
        clone = tmp_path / f"clone{number}"
        checkout.git("clone", "--quiet", "--bare", "--filter=blob:none", f"file://{checkout.root}", str(clone))
        (clone / "config").write_text(
            (clone / "config").read_text().replace(str(checkout.root), str(tmp_path / "gone"))
        )
        monkeypatch.chdir(clone)
        assert cli.run(["check", "--no-replay", "--all", "--base", "main", "--head", "main"]) == 2
        said = capsys.readouterr().err
        assert "alembic-premerge: this partial clone lacks" in said
        assert "Check that the remote can be reached" in said
