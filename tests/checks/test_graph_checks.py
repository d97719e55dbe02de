"""What the examples do not show of the graph checks: where each must keep silent, and whose fault it is."""

from __future__ import annotations

from typing import Any

import pytest

from checker.findings import Finding, Suggestion
from tests.gitrepo import VERSIONS, Checkout, chain, ids, only, project, script

LONG = "2026_11_22_a_long_name_for_a_revision"


def tree(**scripts: tuple[object, dict[str, Any]]) -> dict[str, bytes]:
    """A project of (down_revision, header) by revision."""
    return {
        **project(""),
        **{f"{VERSIONS}/{name}.py": script(name, down, **header) for name, (down, header) in scripts.items()},
    }


def test_old_bases_are_no_fault_of_this_change(checkout: Checkout) -> None:
    checkout.commit(project("a <- b; x; b + x <- m"))
    checkout.branch("branch")
    checkout.commit(project("a <- b; x; b + x <- m; m <- c"))
    assert [(one.id, one.introduced) for one in checkout.check().findings] == [("G206", False)]


def test_a_new_base_that_is_a_new_head_is_one_mistake(checkout: Checkout) -> None:
    checkout.commit(project("a <- b"))
    checkout.branch("branch")
    checkout.commit(project("a <- b; x"))
    assert ids(checkout.check()) == ["G201"]


def test_a_label_further_up_names_the_whole_chain(checkout: Checkout) -> None:
    checkout.commit(tree(a=(None, {})))
    checkout.branch("branch")
    checkout.commit(tree(a=(None, {}), x=(None, {}), y=("x", {"branch_labels": "other"})))
    assert ids(checkout.check()) == []


@pytest.mark.parametrize("dependency", ["a", "side", None, ("a", "side")])
def test_a_dependency_may_be_a_revision_or_a_label(checkout: Checkout, dependency: object) -> None:
    checkout.commit(tree(a=(None, {"branch_labels": ("side",)})))
    checkout.branch("branch")
    checkout.commit(tree(a=(None, {"branch_labels": ("side",)}), b=("a", {"depends_on": dependency})))
    assert ids(checkout.check()) == []


def test_a_missing_dependency_that_this_change_deletes_is_the_deletion(checkout: Checkout) -> None:
    merged = tree(a=(None, {}), b=("a", {}), c=("a", {"depends_on": "b", "branch_labels": "side"}))
    checkout.commit(merged)
    checkout.branch("branch")
    checkout.commit({path: text for path, text in merged.items() if not path.endswith("/b.py")})
    assert ids(checkout.check()) == ["H102"]


def test_scripts_without_an_env_may_depend_on_another_package(checkout: Checkout) -> None:
    merged = {
        f"app/alembic/{name}.py": script(name, down) for name, down in (("aaaa1111", None), ("bbbb2222", "aaaa1111"))
    }
    checkout.commit(merged)
    checkout.branch("branch")
    checkout.commit({**merged, "app/alembic/cccc3333.py": script("cccc3333", "bbbb2222", depends_on="dbdbc1b19cf2")})
    report = checkout.check()
    assert (report.projects[0].new, ids(report)) == (("cccc3333",), [])


@pytest.mark.parametrize(
    "widened",
    [
        {"migrations/env.py": b"from alembic import context\nversion_num = Column(String(255))\n"},
        {f"{VERSIONS}/{LONG}.py": script(LONG, "a")},
        {
            f"{VERSIONS}/w.py": script(
                "w", "a", "op.alter_column('alembic_version', 'version_num', type_=sa.String(99))"
            )
        },
    ],
    ids=["by env.py", "as a merged id shows", "by a script"],
)
def test_a_long_id_is_no_fault_where_the_column_is_wider(checkout: Checkout, widened: dict[str, bytes]) -> None:
    merged = {**tree(a=(None, {})), **widened}
    head = next((path[len(VERSIONS) + 1 : -3] for path in widened if path.startswith(VERSIONS)), "a")
    checkout.commit(merged)
    checkout.branch("branch")
    new = f"{LONG}_and_on"
    checkout.commit({**merged, f"{VERSIONS}/{new}.py": script(new, head)})
    report = checkout.check()
    assert (report.projects[0].new, ids(report)) == ((new,), [])


@pytest.mark.parametrize(
    ("docstring", "told"),
    [
        ("Revision ID: b\nRevises: a\n", 0),
        ("Revision ID: b\nRevises: what came before\n", 0),
        ("Revises: 'a'\n", 0),
        ("Revision ID: a\nRevises: a\n", 1),
        ("Revision ID: b\nRevises: 6a9f914f656c\n", 1),
        ("Revision ID: b\nRevises:\n", 1),
        ("Revision ID: a\nRevises: None\n", 2),
    ],
)
def test_docstring(checkout: Checkout, docstring: str, told: int) -> None:
    checkout.commit(project("a"))
    checkout.branch("branch")
    body = script("b", "a").replace(b"b does its work\n\nRevision ID: b\n", f"b does its work\n\n{docstring}".encode())
    checkout.commit({**project("a"), f"{VERSIONS}/b.py": body})
    assert ids(checkout.check()) == ["G210"] * told


def test_a_docstring_that_was_wrong_before_is_an_old_sin(checkout: Checkout) -> None:
    wrong = script("a").replace(b"Revision ID: a\n", b"Revision ID: 6a9f914f656c\n")
    checkout.commit({**project(""), f"{VERSIONS}/a.py": wrong})
    checkout.branch("branch")
    checkout.commit({**project(""), f"{VERSIONS}/a.py": wrong + b"# a comment\n"})
    assert {(one.id, one.introduced) for one in checkout.check().findings} == {("H105", True), ("G210", False)}


def test_a_label_that_is_an_id(checkout: Checkout) -> None:
    checkout.commit(tree(a=(None, {})))
    checkout.branch("branch")
    checkout.commit(tree(a=(None, {}), b=("a", {"branch_labels": "a"})))
    finding = only(checkout.check())
    assert (finding.id, finding.revision) == ("G211", "b")


def test_two_branches_with_one_label_are_not_two_heads_besides(checkout: Checkout) -> None:
    checkout.commit(tree(a=(None, {}), b=("a", {"branch_labels": "side"})))
    checkout.branch("branch")
    checkout.commit(tree(a=(None, {}), b=("a", {"branch_labels": "side"}), c=("a", {"branch_labels": "side"})))
    finding = only(checkout.check())
    assert (finding.id, finding.revision) == ("G211", "c")


# --- what `fix` would do, in the finding


def diverged(checkout: Checkout, own: dict[str, bytes], base: str = "main") -> list[Finding]:
    """What is said of a branch that brings these, while the base has gone on from a to b."""
    checkout.commit(project("a <- b"))
    checkout.branch("branch")
    checkout.commit({**project("a <- b"), **own})
    return [finding for finding in checkout.check(base=base).findings if finding.introduced]


OWN = f"{VERSIONS}/x.py"
DIVERGED = script("x", "a").replace(b"Revision ID: x", b"Revision ID: x\nRevises: a")


def test_a_diverged_branch_is_told_with_the_value_the_command_and_the_lines(checkout: Checkout) -> None:
    [finding] = diverged(checkout, {OWN: DIVERGED})
    assert finding.fix == f"set down_revision = 'b' in {OWN} (or: alembic-premerge fix --apply --base main)"
    lines = ("Revises: b", '"""', "from alembic import op", "", "revision = 'x'", "down_revision = 'b'")
    assert finding.suggestion == Suggestion(OWN, 4, 9, lines)
    [again] = checkout.check(base=None).findings
    assert str(again.fix).endswith("(or: alembic-premerge fix --apply)"), "main is what it takes by itself"


def test_of_two_diverged_lines_each_is_told_its_own_place(checkout: Checkout) -> None:
    first, second = diverged(checkout, chain("a <- x; a <- y"))
    assert (first.id, second.id) == ("G202", "G202")
    assert "set down_revision = 'b' in migrations/versions/x_.py" in str(first.fix)
    assert "set down_revision = 'x' in migrations/versions/y_.py" in str(second.fix)


@pytest.mark.parametrize(
    ("text", "fix", "suggested"),
    [
        (DIVERGED.replace(b"\n", b"\r\n"), True, False),
        (DIVERGED.replace(b"from alembic import op", b"# \n" * 20), True, False),
        (DIVERGED.replace(b"from alembic import op", "# \u202e".encode()), True, False),
        (DIVERGED.replace(b"from alembic import op", b"# ```\timport"), True, True),
        (DIVERGED.replace(b"down_revision = 'a'", b"P = 'a'\ndown_revision = P"), False, False),
    ],
    ids=["lost line endings", "too long", "unseen", "a fence", "not to be rewritten"],
)
def test_no_lines_are_suggested_where_that_would_not_be_what_fix_writes(
    text: bytes, fix: bool, suggested: bool, checkout: Checkout
) -> None:
    [finding] = diverged(checkout, {OWN: text})
    assert finding.id == "G202"
    assert ("alembic-premerge fix" in str(finding.fix), finding.suggestion is not None) == (fix, suggested)
    assert str(finding.fix).startswith("set down_revision = 'b' in ")


def test_a_twin_is_told_with_its_new_id(checkout: Checkout) -> None:
    twin = f"{VERSIONS}/zz_mine.py"
    [finding] = diverged(checkout, {twin: script("b", "b")})
    assert (finding.id, finding.path) == ("G204", twin)
    assert finding.suggestion is not None
    [fresh] = {line.partition(": ")[2] for line in finding.suggestion.replacement if "ID: " in line}
    assert finding.fix == (
        f"give {twin} an id of its own: revision = '{fresh}' (or: alembic-premerge fix --apply --base main)"
    )
    assert finding.suggestion.replacement[-1] == f"revision = '{fresh}'"


def test_a_twin_on_which_others_stand_is_more_than_a_change_of_one_file(checkout: Checkout) -> None:
    found = diverged(checkout, {f"{VERSIONS}/zz_mine.py": script("b", "a"), **chain("b <- y") | chain("a <- b")})
    [twin] = [finding for finding in found if finding.id == "G204"]
    assert ("alembic-premerge fix" in str(twin.fix), twin.suggestion) == (True, None)


@pytest.mark.parametrize(("path", "able"), [("README", True), (f"{VERSIONS}/c_.py", False)])
def test_no_command_is_named_where_merging_conflicts_in_a_script(path: str, able: bool, checkout: Checkout) -> None:
    checkout.commit({**project("a"), "README": b"1\n"})
    checkout.branch("branch")
    checkout.commit({**project("a"), "README": b"1\n", OWN: DIVERGED, path: b"revision = 'c'\ndown_revision = 'b'\n"})
    checkout.branch("main", "main")
    checkout.commit({**project("a <- b"), path: b"revision = 'c'\ndown_revision = 'b' # not so\n"})
    [finding] = [one for one in checkout.check(base="main", head="branch").findings if one.id == "G202"]
    assert ("alembic-premerge fix" in str(finding.fix), finding.suggestion is not None) == (able, able)


def test_heads_are_told_with_the_command_that_moves_or_merges(checkout: Checkout) -> None:
    [moved] = diverged(checkout, chain("x"))
    assert moved.fix == 'alembic merge -m "merge heads" b x (or: alembic-premerge fix --apply --base main)'
    checkout.branch("main", "main")
    checkout.commit(project("a <- b; a <- c"))
    checkout.branch("branch")
    checkout.commit({**project("a <- b; a <- c"), **chain("x")})
    [merged] = [finding for finding in checkout.check().findings if finding.introduced]
    assert str(merged.fix).endswith("(or: alembic-premerge fix --merge --apply --base main)")
