"""`fix` in real repositories: what it shows, what it writes, what it leaves alone, and what it ends with."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from checker import cli, fixing
from checker.errors import CheckerError
from checker.mending import Rewrite
from tests.gitrepo import INI, PROJECT, VERSIONS, Checkout, chain, ids, parents, project, script

MERGED = project("a <- b <- c")
OWN = f"{VERSIONS}/x_.py"
TEMPLATE = b'''"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

"""
from alembic import op
${imports if imports else ""}

# house style
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
'''


def stale(revision: str = "x", down: object = "a") -> bytes:
    """A script as a developer has it, with a docstring that names its parent."""
    text = script(revision, down)
    return text.replace(f"Revision ID: {revision}\n".encode(), f"Revision ID: {revision}\nRevises: {down}\n".encode())


@pytest.fixture
def shop(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A branch that parted from main at revision a, which has gone on since; the command is called in its folder."""
    checkout.commit(project("a"))
    checkout.branch("branch")
    checkout.branch("main")
    checkout.commit(MERGED)
    checkout.branch("branch", "branch")
    monkeypatch.chdir(checkout.root)
    return checkout


def fix(*arguments: str) -> int:
    return cli.run(["fix", "--base", "main", *arguments])


def state(checkout: Checkout) -> dict[str, tuple[bytes, int]]:
    """Every file of the work tree and of git's own folder, but for what git only caches."""
    return {
        path.relative_to(checkout.root).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for path in checkout.root.rglob("*")
        if path.is_file()
    }


def down(checkout: Checkout, path: str) -> str:
    found = [line for line in (checkout.root / path).read_text("latin-1").splitlines() if "down_revision" in line]
    return found[0].partition("= ")[2]


def test_it_shows_what_it_would_do_and_writes_nothing(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write({OWN: stale()})
    before = state(shop)
    assert fix() == 1
    out, err = capsys.readouterr()
    for line in (f"--- a/{OWN}", "-Revises: a", "+Revises: c", "-down_revision = 'a'", "+down_revision = 'c'"):
        assert line in out.splitlines()
    assert "1 file would change. This writes that: alembic-premerge fix --apply --base main\n" in out
    assert "note: c is not on this branch yet: merge or rebase onto main before you run alembic here\n" in out
    assert (err, "\x1b" in out) == ("", False)
    assert state(shop) == before


@pytest.mark.parametrize("kind", ["committed", "staged", "changed", "untracked"])
def test_it_writes_what_it_showed_wherever_git_has_the_script(
    kind: str, shop: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {**project("a"), OWN: stale()}
    if kind == "committed":
        shop.commit(files)
    elif kind == "changed":
        shop.commit({**files, OWN: stale("old")})
    shop.write(files)
    if kind == "staged":
        shop.git("add", "--all")
    before = state(shop)
    assert shop.check().verdict == "fail"
    assert fix("--apply") == 0
    assert "done: 1 file changed, and the check finds the chain sound.\n" in capsys.readouterr().out
    assert state(shop) == {**before, OWN: (stale(down="c"), before[OWN][1])}
    assert shop.check().verdict == "pass"
    assert fix("--apply") == 0
    assert capsys.readouterr().out == "nothing to mend against main\n"
    assert fix("--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_line_endings_that_git_changes_stay_as_they_are_on_disk(shop: Checkout) -> None:
    shop.git("config", "core.autocrlf", "true")
    source = stale().replace(b"\n", b"\r\n")
    shop.write({OWN: source})
    shop.git("add", OWN)
    assert shop.git("cat-file", "-p", f":{OWN}").encode() == stale().rstrip(b"\n"), "git has it without them"
    assert fix("--apply") == 0
    assert (shop.root / OWN).read_bytes() == stale(down="c").replace(b"\n", b"\r\n")


def test_latin_1_a_mode_and_a_list_of_parents(shop: Checkout) -> None:
    text = stale(down=("a", "w")).replace(b'"""x does', b'# coding: latin-1\n"""\xe9 x does')
    shop.write({**chain("a <- w"), OWN: text})
    (shop.root / OWN).chmod(0o750)
    assert fix("--apply") == 0
    assert (shop.root / OWN).read_bytes() == text.replace(b"('a', 'w')", b"('c', 'w')")
    assert stat.S_IMODE((shop.root / OWN).stat().st_mode) == 0o750


def test_what_cannot_be_rewritten_is_told_and_is_1(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    text = stale().replace(b"down_revision = 'a'", b"PREV = 'a'\ndown_revision = PREV")
    shop.write({OWN: text, **chain("a <- y")})
    assert fix("--apply") == 1
    out = capsys.readouterr().out
    assert f"cannot be mended by rewriting: {OWN}:10 cannot be rewritten: it says PREV where a string would be. " in out
    assert "It should say: down_revision = 'c'\n  mend: change that by hand" in out
    assert out.endswith("nothing was changed\n")
    assert (shop.root / OWN).read_bytes() == text
    assert fix("--apply", "--quiet") == 1


def test_something_mended_and_something_left_is_1(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write({OWN: stale(), f"{VERSIONS}/y_.py": script("y", "gone")})
    assert fix("--apply") == 1
    out = capsys.readouterr().out
    assert "cannot be mended by rewriting: G203: " in out
    assert out.endswith("1 file changed; what is named above is left to do by hand.\n")
    assert down(shop, OWN) == "'c'"


def test_a_merge_revision_in_the_projects_own_style(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    ini = INI + b"file_template = %%(year)d_%%(slug)s-%%(rev)s\n"
    merged = {**MERGED, "migrations/script.py.mako": TEMPLATE, "alembic.ini": ini}
    shop.branch("main", "main")
    shop.commit(merged)
    shop.branch("branch", "branch")
    shop.write({OWN: stale(), "migrations/script.py.mako": b"<% raise SystemExit(7) %>"})
    assert fix("--merge") == 1
    assert "alembic-premerge fix --apply --base main --merge\n" in capsys.readouterr().out
    assert fix("--merge", "--apply") == 0
    [made] = (shop.root / VERSIONS).glob("*_merge_heads-*.py")
    revision = made.stem.rpartition("-")[2]
    assert len(revision) == 12
    text = made.read_text("utf-8")
    for line in (
        "# house style",
        "Revises: c, x",
        f"revision = '{revision}'",
        "down_revision = ('c', 'x')",
        "    pass",
    ):
        assert line in text.splitlines()
    assert (shop.root / OWN).read_bytes() == stale()
    assert stat.S_IMODE(made.stat().st_mode) == stat.S_IMODE((shop.root / OWN).stat().st_mode)
    assert fix("--merge", "--apply") == 0
    assert fix() == 0
    assert "G201" not in ids(shop.check())


@pytest.mark.parametrize("template", [None, b"${no_such_function()}", b"<% raise SystemExit %>", b"% if", b"no script"])
def test_a_merge_revision_where_the_template_is_of_no_use(template: bytes | None, shop: Checkout) -> None:
    shop.branch("main", "main")
    shop.commit({**MERGED, **({"migrations/script.py.mako": template} if template else {})})
    shop.branch("branch", "branch")
    shop.write({OWN: stale().replace(b"upgrade()", b"upgrade(engine_name='x')")})
    assert fix("--merge", "--apply") == 0
    [made] = (shop.root / VERSIONS).glob("*_merge_heads.py")
    assert "def upgrade(engine_name='x'):\n    pass\n" in made.read_text("utf-8")
    assert "down_revision = ('c', 'x')\n" in made.read_text("utf-8")


def test_a_twin_is_renumbered_and_its_file_renamed(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write({f"{VERSIONS}/b_mine.py": stale("b"), f"{VERSIONS}/y_.py": script("y", "b")})
    before = shop.git("status", "--porcelain")
    assert fix("--apply") == 0
    out = capsys.readouterr().out
    assert f"rename from {VERSIONS}/b_mine.py\n" in out
    [made] = (shop.root / VERSIONS).glob("*_mine.py")
    fresh = made.stem.removesuffix("_mine")
    assert made.read_bytes() == stale("b", "c").replace(b"'b'", f"'{fresh}'".encode()).replace(
        b"ID: b", f"ID: {fresh}".encode()
    )
    assert down(shop, f"{VERSIONS}/y_.py") == repr(fresh)
    assert f"y_.py names b, and follows to {fresh}: {VERSIONS}/b_.py is not on this branch" in out
    assert before.replace("b_mine", f"{fresh}_mine") == shop.git("status", "--porcelain")
    assert shop.check().verdict == "pass"


def test_a_textual_conflict_is_2_and_nothing_is_written(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write({f"{VERSIONS}/b_.py": stale("b"), OWN: stale()})
    before = state(shop)
    assert fix("--apply") == 2
    assert f"merging main conflicts in {VERSIONS}/b_.py" in capsys.readouterr().err
    assert state(shop) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--base", "nowhere"], "git knows no commit called 'nowhere'"),
        (["--config", "nowhere.yml"], "nowhere.yml cannot be read"),
        (["--project", "nowhere"], "project nowhere: there is no Alembic environment there"),
        (["--head", "main"], "No such option"),
    ],
)
def test_what_keeps_it_from_working_is_2(
    arguments: list[str], said: str, shop: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fix(*arguments) == 2
    out, err = capsys.readouterr()
    assert (out, said in err) == ("", True)


def test_a_bare_repository_has_nothing_to_write_to(
    shop: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.repo.clone(str(tmp_path / "bare"), bare=True).close()
    monkeypatch.chdir(tmp_path / "bare")
    assert fix() == 2
    assert "has no work tree" in capsys.readouterr().err


def test_only_the_project_that_is_named(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    def both(text: str) -> dict[str, bytes]:
        made = chain(text, "migrations/versions")
        return {f"{name}/{path}": content for name in ("api", "jobs") for path, content in {**PROJECT, **made}.items()}

    checkout.commit(both("a <- b"))
    checkout.branch("branch")
    checkout.commit(both("a <- b; a <- x"))
    monkeypatch.chdir(checkout.root)
    assert fix("--project", "api", "--apply") == 0
    assert (down(checkout, f"api/{OWN}"), down(checkout, f"jobs/{OWN}")) == ("'b'", "'a'")
    assert fix() == 1
    assert fix("--apply") == 0
    assert down(checkout, f"jobs/{OWN}") == "'b'"


def test_expected_heads_come_from_the_configuration(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {".alembic-premerge.yml": b"projects: [{path: ., heads: [m2, r2]}]\n"}
    base = "m <- m1 <- m2; r <- r1 <- r2"
    checkout.commit({**project(base), **settings})
    checkout.branch("branch")
    checkout.commit({**project(f"{base}; m1 <- x; r1 <- y"), **settings})
    monkeypatch.chdir(checkout.root)
    assert fix("--apply") == 1, "heads by their ids are to be named anew"
    assert (down(checkout, OWN), down(checkout, f"{VERSIONS}/y_.py")) == ("'m2'", "'r2'")


def test_a_script_that_lies_elsewhere_after_the_merge(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    moved = {path.replace("migrations/", "db/"): text for path, text in MERGED.items()}
    shop.commit({**project("a"), OWN: stale()})
    shop.branch("main", "main")
    shop.commit({**moved, "alembic.ini": b"[alembic]\nscript_location = db\n"})
    shop.branch("branch", "branch")
    before = state(shop)
    assert fix("--apply") == 2
    assert "merging main conflicts in db/versions/x_.py" in capsys.readouterr().err
    shop.git("config", "merge.directoryRenames", "true")
    assert fix("--apply") == 1
    assert "is not in the work tree (merging main would put it there: merge or rebase first)" in capsys.readouterr().out
    assert {path: state(shop)[path] for path in before if path != ".git/config"} == {
        path: before[path] for path in before if path != ".git/config"
    }


def test_a_script_that_git_takes_for_unchanged_and_is_not_is_let_alone(
    shop: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.commit({**project("a"), OWN: stale()})
    shop.git("update-index", "--assume-unchanged", OWN)
    shop.write({OWN: stale("other")})
    assert fix("--apply") == 1
    assert f"{OWN} on disk is not what git would commit" in capsys.readouterr().out
    assert (shop.root / OWN).read_bytes() == stale("other")


def test_a_script_that_changes_while_it_is_looked_at_is_not_written(shop: Checkout) -> None:
    shop.write({OWN: stale(), f"{VERSIONS}/y_.py": b"y"})
    before = state(shop)
    changes = [Rewrite(f"{VERSIONS}/y_.py", b"y", b"Y"), Rewrite(OWN, b"something else", b"X")]
    with pytest.raises(CheckerError, match=r"x_\.py changed meanwhile, so nothing was written"):
        fixing.write(shop.root, changes)
    assert state(shop) == before
    with pytest.raises(CheckerError, match=r"x_\.py changed meanwhile"):
        fixing.write(shop.root, [Rewrite(OWN, stale(), b"X", f"{VERSIONS}/y_.py")])
    assert state(shop) == before


def test_where_a_file_cannot_be_written_none_is(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write(
        {OWN: stale(), f"{VERSIONS}/y_.py": stale("y"), f"{VERSIONS}/y_.py.alembic-premerge-new": b"a stranger's"}
    )
    before = state(shop)
    assert fix("--apply") == 2
    assert "y_.py.alembic-premerge-new cannot be written: File exists" in capsys.readouterr().err
    assert state(shop) == before


def test_what_is_written_is_judged_once_more(
    shop: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.write({OWN: stale()})
    monkeypatch.setattr(fixing, "write", lambda *_: None)
    assert fix("--apply") == 2
    out, err = capsys.readouterr()
    assert "done" not in out
    assert f"what was written did not mend it: {OWN} would change again" in err


def test_a_strangers_script_cannot_move_the_cursor(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write({OWN: stale().replace(b"from alembic", "# \u202e\x1b[31m \nfrom alembic".encode())})
    assert fix() == 1
    out = capsys.readouterr().out
    assert ("\x1b" in out, "\u202e" in out, "\\u202e\\x1b[31m" in out) == (False, False, True)


def test_alembic_itself_finds_one_head(shop: Checkout) -> None:
    shop.write({**chain("a <- x <- z; a <- y"), f"{VERSIONS}/b_mine.py": stale("b")})
    assert fix("--apply") == 0
    shop.git("add", "--all")
    shop.git("commit", "--quiet", "-m", "mended")
    shop.git("merge", "--quiet", "--no-edit", "main")
    heads = subprocess.run(
        [sys.executable, "-m", "alembic", "heads"], cwd=shop.root, capture_output=True, text=True, check=True
    )
    assert [line.split()[1] for line in heads.stdout.splitlines()] == ["(head)"], heads.stdout
    assert len(parents("a <- b <- c")) == 3


def test_a_twin_gets_its_id_where_the_bases_own_heads_are_left(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.commit(project("a <- b; a <- c"))
    checkout.branch("branch")
    checkout.write({f"{VERSIONS}/n.py": script("b", "a")})
    monkeypatch.chdir(checkout.root)
    assert cli.run(["fix", "--apply", "--base", "main"]) == 1
    out, _ = capsys.readouterr()
    assert "the base itself has the heads b, c" in out
    assert b"revision = 'b'" not in (checkout.root / VERSIONS / "n.py").read_bytes()
