"""What `locate` says of a revision: each thing that can have become of it, in real repositories."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker import cli
from checker.errors import UsageError
from checker.lost.answer import Kind, Located
from checker.lost.locating import Standing, resolve, similar, topmost, walk_down
from checker.lost.pasted import revisions_in
from checker.postgres import Server
from checker.reports.located import render
from checker.source.graph import Node, RevisionGraph
from tests.gitrepo import ENV, INI, PROJECT, VERSIONS, Checkout, chain, project, script
from tests.test_recovery import locate

HERE_ID, GONE_ID = "6a9f914f656c", "348cb0a93d53"


def one(root: Path, revision: str, **settings: Any) -> Located:
    (located,) = locate(root, revision, **settings)
    return located


def said(located: Located, *, verbose: bool = False) -> str:
    return render(located, verbose=verbose).plain


def path(revision: str) -> str:
    return f"{VERSIONS}/{revision}_.py"


# --- what became of it


def test_here(checkout: Checkout) -> None:
    came = checkout.commit(project("a <- b <- c"))
    located = one(checkout.root, "b")
    assert (located.kind, located.parents, located.children) == (Kind.HERE, ("a",), ("c",))
    assert [event.commit for event in located.events] == [came]
    assert "it is here" in said(located)


def test_here_in_a_chain_that_is_broken_above_it(checkout: Checkout) -> None:
    checkout.commit({**project("a <- b <- c"), path("d"): script("d", ("c", "nowhere"))})
    assert "the chain above it is broken at d" in said(one(checkout.root, "b"))
    checkout.commit(project("a <- b; a <- c"))
    assert "there are 2 heads (b, c)" in said(one(checkout.root, "a"))


def test_ahead_of_a_feature_branch_and_by_a_tag(checkout: Checkout) -> None:
    checkout.commit(project("a"))
    checkout.branch("feature")
    checkout.commit({**project("a"), "README": b""})
    checkout.branch("main", "main")
    checkout.commit(project("a <- b"))
    checkout.git("tag", "-a", "v1.0", "-m", "first")
    checkout.git("checkout", "--quiet", "feature")
    located = one(checkout.root, "b")
    assert located.kind is Kind.AHEAD
    assert located.remedies[0].commands[0] == "git checkout --detach main"
    checkout.git("checkout", "--quiet", "--detach", "main~1")
    assert one(checkout.root, "b").remedies[0].commands[0] == "git checkout --detach v1.0"


def test_it_came_back_later(checkout: Checkout) -> None:
    checkout.commit(project("a <- b"))
    checkout.commit(project("a"), "Revert (#2)")
    checkout.commit(project("a <- b"), "Again (#3)")
    checkout.git("checkout", "--quiet", "--detach", "HEAD~1")
    located = one(checkout.root, "b")
    assert located.kind is Kind.AHEAD
    assert [(event.what, event.pull_request) for event in located.events] == [("came", 3), ("went", 2), ("came", None)]
    assert "came back with another" not in said(located)
    checkout.git("checkout", "--quiet", "main")
    checkout.commit({**project("a"), path("b"): script("b", "a", "op.execute('SELECT 1')")})
    located = one(checkout.root, "b", head="main~2")
    assert "came back with another upgrade(): a database that ran it before has not run that" in said(located)


def test_pull_request_that_was_fetched(checkout: Checkout) -> None:
    checkout.commit(project("a"))
    checkout.branch("feature")
    checkout.commit(project("a <- b"))
    checkout.git("update-ref", "refs/pull/5/head", "feature")
    checkout.git("checkout", "--quiet", "main")
    checkout.git("branch", "--delete", "--force", "feature")
    located = one(checkout.root, "b")
    assert (located.kind, located.places[0].pull_request) == (Kind.UNMERGED_BRANCH, 5)
    assert "only pull request #5 has it" in said(located)
    assert located.remedies[0].commands[0] == "git checkout --detach refs/pull/5/head"


def test_only_the_reflog_or_the_stash_has_it(checkout: Checkout) -> None:
    checkout.commit(project("a"))
    lost = checkout.commit(project("a <- b"))
    checkout.git("reset", "--quiet", "--hard", "HEAD~1")
    located = one(checkout.root, "b")
    assert (located.kind, located.places) == (Kind.UNMERGED_BRANCH, ())
    assert located.remedies[0].commands[:2] == (
        f"git branch keep-b {lost[:10]}",
        f"git checkout {lost[:10]} -- {path('b')}",
    )
    assert "only the reflog" in said(located)
    checkout.write(chain("a <- s"))
    checkout.git("stash", "--include-untracked")
    located = one(checkout.root, "s")
    assert (located.kind, [place.ref for place in located.places]) == (Kind.UNMERGED_BRANCH, ["refs/stash"])
    assert "only in the stash" in said(located)
    checkout.git(*located.remedies[0].commands[0].split(" ")[1:])
    assert (checkout.root / path("s")).is_file()


def test_deleted_by_a_branch_and_landed_by_a_merge(checkout: Checkout) -> None:
    checkout.commit(project("a <- b"))
    checkout.branch("tidy")
    gone = checkout.commit({**project("a"), "README": b"tidy"})
    checkout.branch("main", "main")
    checkout.commit({**project("a <- b"), "NEWS": b""})
    checkout.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #8 from x/tidy", "tidy")
    went = one(checkout.root, "b").events[0]
    assert (went.what, went.commit, went.pull_request, went.in_merge) == ("went", gone, 8, False)
    assert went.landed == checkout.git("rev-parse", "HEAD")


@pytest.mark.parametrize("how", ["neither side", "one side"])
def test_deleted_by_the_merge_itself(checkout: Checkout, how: str) -> None:
    checkout.commit(project("a <- b" if how == "neither side" else "a"))
    checkout.branch("feature")
    checkout.commit({**project("a <- b"), "README": b""})
    checkout.branch("main", "main")
    checkout.commit({**project("a <- b" if how == "neither side" else "a"), "NEWS": b""})
    checkout.git("merge", "--quiet", "--no-ff", "--no-commit", "feature")
    checkout.git("rm", "--quiet", "--force", path("b"))
    checkout.git("commit", "--quiet", "-m", "merge")
    located = one(checkout.root, "b")
    went = located.events[0]
    assert (located.kind, went.what, went.in_merge) == (Kind.DELETED, "went", True)
    assert went.commit == checkout.git("rev-parse", "HEAD")
    assert "by the merge itself" in said(located)


def test_deleted_and_not_committed(checkout: Checkout) -> None:
    commit = checkout.commit(project("a <- b"))
    (checkout.root / path("b")).unlink()
    located = one(checkout.root, "b")
    assert (located.kind, located.uncommitted) == (Kind.DELETED, True)
    assert located.remedies[0].commands[0] == f"git checkout {commit[:10]} -- {path('b')}"
    assert one(checkout.root, "b", head="HEAD").kind is Kind.HERE


def test_renumbered_in_place_and_squashed_by_a_branch_of_two_commits(checkout: Checkout) -> None:
    checkout.commit(project("a <- b <- c"))
    checkout.branch("squash")
    checkout.commit(PROJECT)
    checkout.commit({**PROJECT, path("s"): script("s", None, "op.execute('SELECT 1')")})
    checkout.branch("main", "main")
    checkout.git("merge", "--quiet", "--no-ff", "-m", "merge", "squash")
    assert (one(checkout.root, "c").kind, one(checkout.root, "c").squashed_into) == (Kind.SQUASHED, ("s",))
    text = script("s", None, "op.execute('SELECT 1')").replace(b"revision = 's'", b"revision = 't'")
    checkout.commit({**PROJECT, path("s"): text})
    assert (one(checkout.root, "s").kind, one(checkout.root, "s").renamed) == (Kind.RENUMBERED, ("t",))


def test_the_same_id_in_two_services(checkout: Checkout) -> None:
    def service(name: str, text: str) -> dict[str, bytes]:
        folder = f"{name}/migrations"
        return {f"{name}/alembic.ini": INI, f"{folder}/env.py": ENV, **chain(text, f"{folder}/versions")}

    checkout.commit({**service("api", "a <- b"), **service("jobs", "x <- y")})
    checkout.commit({**service("api", "a"), **service("jobs", "x <- y")})
    located = one(checkout.root, "b")
    assert (located.project, located.nearest) == ("api", ("a",))
    assert (one(checkout.root, "y").kind, one(checkout.root, "y").project) == (Kind.HERE, "jobs")
    located = one(checkout.root, "y", projects=("api",))
    assert (located.kind, located.elsewhere) == (Kind.NEVER, ("jobs",))
    assert "another service's database" in said(located)


def test_never(checkout: Checkout) -> None:
    checkout.commit({**PROJECT, path(HERE_ID): script(HERE_ID)})
    located = one(checkout.root, "6a9f914f6566")
    assert (located.kind, located.similar) == (Kind.NEVER, (HERE_ID,))
    checkout.commit({**PROJECT, path(HERE_ID): script(HERE_ID), path("o"): script("6a9f00000000", HERE_ID)})
    with pytest.raises(UsageError, match="could be any of"):
        locate(checkout.root, "6a9f")
    assert one(checkout.root, "6a9f91").revision == HERE_ID


def test_a_part_of_an_id_that_is_gone_and_a_branch_label(checkout: Checkout) -> None:
    checkout.commit({**project("a"), path(GONE_ID): script(GONE_ID, "a", branch_labels=("shop",))})
    assert one(checkout.root, "shop").revision == GONE_ID
    checkout.commit(project("a"))
    assert (one(checkout.root, "348c").revision, one(checkout.root, "348c").kind) == (GONE_ID, Kind.DELETED)


# --- clones


def clone(checkout: Checkout, to: Path, *options: str) -> Path:
    subprocess.run(["git", "clone", "--quiet", *options, f"file://{checkout.root}", str(to)], check=True)
    return to


def test_a_shallow_clone_looks_further_and_changes_nothing(checkout: Checkout, tmp_path: Path) -> None:
    old = checkout.commit(project("a <- b"))
    checkout.commit(project("a"))
    checkout.branch("feature")
    checkout.commit(project("a <- f"))
    checkout.branch("main", "main")
    root = clone(checkout, tmp_path / "clone", "--depth=1")
    refs = subprocess.run(["git", "for-each-ref"], cwd=root, capture_output=True, check=True).stdout
    located = one(root, "b")
    assert (located.kind, located.events[-1].commit) == (Kind.DELETED, old)
    assert "git fetch --unshallow --tags origin" in located.remedies[0].commands[0]
    assert one(root, "f").kind is Kind.UNMERGED_BRANCH
    assert one(root, "a").events == ()  # where it seems to come is where this clone begins
    assert subprocess.run(["git", "for-each-ref"], cwd=root, capture_output=True, check=True).stdout == refs
    for line in located.remedies[0].commands[:2]:
        subprocess.run(["bash", "-c", line], cwd=root, check=True, capture_output=True)
    assert (root / path("b")).is_file()


def test_a_shallow_clone_whose_remote_does_not_answer(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit(project("a <- b"))
    checkout.commit(project("a"))
    root = clone(checkout, tmp_path / "clone", "--depth=1")
    subprocess.run(["git", "remote", "set-url", "origin", f"file://{tmp_path}/gone"], cwd=root, check=True)
    located = one(root, "b")
    assert located.kind is Kind.SHALLOW
    assert located.remedies[0].commands[0].startswith("git fetch --unshallow --tags origin")
    assert "could not be asked" in said(located)


# --- the command


@pytest.fixture
def shop(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    checkout.commit({**project("a"), path(GONE_ID): script(GONE_ID, "a")})
    checkout.commit(project("a"))
    monkeypatch.chdir(checkout.root)
    return checkout


def test_exit_status_and_json(shop: Checkout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["locate", "a", "--quiet"]) == 0
    file = tmp_path / "new" / "located.json"
    assert cli.run(["locate", GONE_ID, "a", "--report", f"json={file}", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert f"{GONE_ID}: it was deleted" in out
    assert err == ""
    written = json.loads(file.read_text("utf-8"))
    assert [(each["revision"], each["kind"]) for each in written["revisions"]] == [(GONE_ID, "deleted"), ("a", "here")]
    assert written["revisions"][0]["remedies"][0]["commands"][0].startswith("git checkout ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "no revision is asked for"),
        (["head"], "'head' is no revision id"),
        (["--message", "all is well"], "no revision id is in that message; looked for: Can't locate revision"),
        (
            ["--database", "mysql://me:s3cret@localhost/shop"],
            "cannot be read: the URL does not begin with postgresql://",
        ),
        (["--database", "postgresql://me:s3cret@localhost:1/shop"], "cannot be read"),
        (["a", "--report", "html=x"], "--report html=x is not json=FILE"),
        (["a", "--head", "nowhere"], "git knows no commit called 'nowhere'"),
        (["a", "--project", "nowhere"], "there is no Alembic environment there"),
    ],
)
def test_what_cannot_be_answered_is_2(
    shop: Checkout, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], said: str
) -> None:
    assert cli.run(["locate", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, said in err, "s3cret" in err) == ("", True, False)


def test_a_database_is_asked_and_its_password_never_shown(
    shop: Checkout, server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = server.create_database()
    with psycopg.connect(address.url()) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
    assert cli.run(["locate", "--database", address.url()]) == 2
    with psycopg.connect(address.url()) as connection:
        connection.execute(f"INSERT INTO alembic_version VALUES ('{GONE_ID}'), ('a')")
    url = address.url().replace("postgres@", "postgres:s3cret@").replace("postgres:@", "postgres:s3cret@")
    monkeypatch.setenv("ALEMBIC_PREMERGE_DATABASE", url)
    assert cli.run(["locate", "--verbose"]) == 1
    out, err = capsys.readouterr()
    assert f"{GONE_ID}: it was deleted" in out
    assert "a: it is here" in out
    assert address.database not in out + err
    assert "s3cret" not in out + err


def test_what_strangers_wrote_is_harmless(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    checkout.commit({**project("a"), path("b"): script("b", "a")})
    environ = {**os.environ, "GIT_AUTHOR_NAME": "\x1b[2J\u202eevil", "GIT_AUTHOR_EMAIL": "e@example.org"}
    (checkout.root / path("b")).unlink()
    subprocess.run(
        ["git", "commit", "--quiet", "--all", "-m", "::error::pwned\x1b[31m"],
        cwd=checkout.root,
        env=environ,
        check=True,
    )
    text = said(one(checkout.root, "b"))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u202eevil" in text


# --- messages

MESSAGES = [
    f"alembic.util.exc.CommandError: Can't locate revision identified by '{GONE_ID}'",
    f"ERROR [flask_migrate] Error: \x1b[1;31mCan't locate revision identified by '{GONE_ID}'\x1b[0m",
    f"FAILED: Can\u2019t locate revision identified by \u2018{GONE_ID}\u2019.",
    f"Konnte nicht: Can\u00b4t locate revision identified by \u201e{GONE_ID}\u201c",
    f"api-1  | FAILED: Can't locate revision\napi-1  |   identified by '{GONE_ID}'",
    f"> > Can't locate revision identified by\n> > '{GONE_ID}'",
    f'{{"message": "Can\\u0027t locate revision identified by \\u0027{GONE_ID}\\u0027"}}',
    f"echo 'Can\\'t locate revision identified by \\'{GONE_ID}\\''",
    f"ResolutionError: No such revision or branch '{GONE_ID}'; please ensure at least four characters are present",
    f"UserWarning: Revision {GONE_ID} referenced from {GONE_ID} -> abc (head), add is not present",
    f"  File \"alembic/script/revision.py\", line 234\n    down = map_[downrev]\nKeyError: '{GONE_ID}'",
    f"shop=# select * from alembic_version;\n version_num  \n--------------\n {GONE_ID}\n(1 row)\n",
    f"| version_num  |\n|--------------|\n| {GONE_ID} |\n",
    GONE_ID,
    f" '{GONE_ID}'.\n",
]


@pytest.mark.parametrize("message", MESSAGES)
def test_an_id_is_found_however_the_error_was_pasted(message: str) -> None:
    assert revisions_in(message) == (GONE_ID,)
    traceback = f"Traceback (most recent call last):\n  File \"x.py\", line 1\nKeyError: 'formatters'\n{message}\n"
    if message.strip(" '.\n") != GONE_ID:
        assert revisions_in(traceback)[:1] == (GONE_ID,)


@pytest.mark.parametrize("message", ["", "KeyError: 'DATABASE_URL'", "relation alembic_version does not exist", "a b"])
def test_no_id_is_made_up(message: str) -> None:
    assert revisions_in(message) == ()


def test_several_ids_in_one_message() -> None:
    text = f"Can't locate revision identified by '{GONE_ID}'\n\nCan't locate revision identified by 'ae10_users'\n" * 2
    assert revisions_in(text) == (GONE_ID, "ae10_users")


@given(st.text(), st.from_regex(r"[0-9a-z][0-9a-z_]{3,30}", fullmatch=True), st.text())
def test_whatever_stands_around_it(before: str, revision: str, after: str) -> None:
    message = f"{before}\nCan't locate revision identified by '{revision}'\n{after}"
    assert revision in revisions_in(message)


# --- graphs


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """A graph, and which of its revisions are there."""
    size = draw(st.integers(1, 12))
    parents = {
        str(number): tuple(str(one) for one in draw(st.sets(st.integers(0, number - 1), max_size=2))) if number else ()
        for number in range(size)
    }
    return parents, draw(st.sets(st.sampled_from(sorted(parents))))


@given(graphs())
def test_the_nearest_are_the_first_on_every_way_down(drawn: tuple[dict[str, tuple[str, ...]], set[str]]) -> None:
    parents, there = drawn
    top = str(len(parents) - 1)
    there = there - {top}
    nearest, missing = walk_down(top, there.__contains__, parents.__getitem__)
    assert set(nearest) <= there
    assert not set(missing) & there
    assert missing[0] == top
    ways = [[top]]
    while ways:
        way = ways.pop()
        if way[-1] in there:
            assert way[-1] in nearest
            assert set(way[:-1]) <= set(missing)
        else:
            ways += [[*way, parent] for parent in parents[way[-1]]]
    graph = RevisionGraph(Node(name, below) for name, below in parents.items())
    upper = topmost(nearest, graph)
    assert set(upper) <= set(nearest)
    assert all(one in upper or any(one in graph.ancestors([other]) for other in upper) for one in nearest)


@given(graphs())
def test_the_way_up_runs_what_never_ran_and_nothing_else(drawn: tuple[dict[str, tuple[str, ...]], set[str]]) -> None:
    parents, run = drawn
    graph = RevisionGraph(Node(name, below) for name, below in parents.items())
    at = Standing(graph, frozenset(run))
    assert set(at.lacking) == graph.ancestors(run) - run
    known: set[str] = set()
    for number, stretch in enumerate(at.stretches):
        new = (graph.ancestors(stretch.tops) | set(stretch.tops)) - known
        assert new & run == (new if stretch.ran else set())
        assert stretch.ran or number  # the first is a stamp
        known |= new
    assert known in (set(), graph.ancestors(run) | run)
    # no way up only where nothing at the bottom has run
    assert bool(known) == any(graph.ancestors([one]) <= run for one in run)


def test_what_is_checked_out_goes_before_what_ever_was() -> None:
    assert resolve("6a9f", [HERE_ID], [HERE_ID, "6a9f00000000"], {}).revision == HERE_ID
    assert resolve("6a9", [HERE_ID], [HERE_ID], {}).revision == "6a9"
    assert similar("6a9f914f656", [HERE_ID, GONE_ID]) == (HERE_ID,)
