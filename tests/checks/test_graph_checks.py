"""What the examples do not show of the graph checks: where each must keep silent, and whose fault it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gitrepo import VERSIONS, Checkout, ids, only, project, script

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
