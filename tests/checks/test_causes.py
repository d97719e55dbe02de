"""What follows from a changed merged script: R306, R308 and R315, allowed with it, and undone with the command they print."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

import pytest

from checker.findings import Finding, Report
from checker.postgres import Server
from tests.checks.test_changed_behaviour import ENV, INI
from tests.gitrepo import Checkout, script

pytestmark = pytest.mark.postgres
VERSIONS = "migrations/versions"
CONFIG = ".alembic-premerge.yml"
A = {f"{VERSIONS}/a_.py": script("a", None, "op.execute('CREATE TABLE t_a (id int)')")}
B = {f"{VERSIONS}/b_.py": script("b", "a", "op.execute('CREATE TABLE t_b (id int)')")}
A_EDITED = {f"{VERSIONS}/a_.py": script("a", None, "op.execute('CREATE TABLE t_a (id int, name text)')")}
B_EDITED = {f"{VERSIONS}/b_.py": script("b", "a", "op.execute('CREATE TABLE t_b (id int, name text)')")}
COPIES = {
    f"{VERSIONS}/b_.py": script(
        "b",
        "a",
        "import sqlalchemy as sa; "
        "names = [one['name'] for one in sa.inspect(op.get_bind()).get_columns('t_a')]; "
        "op.execute('CREATE TABLE t_b AS SELECT ' + ', '.join(names) + ' FROM t_a')",
    )
}
HELPER = "op.execute('CREATE TABLE t_b (id int' + __import__('words').WORD + ')')"
IMPORTS = {f"{VERSIONS}/b_.py": script("b", "a", HELPER)}
PROJECT = {"alembic.ini": INI, "migrations/env.py": ENV}
TRAILER = "Edit it\n\nAllow-Migration-Edit: {} it never left my laptop"

Files = Mapping[str, bytes]


def judged(checkout: Checkout, server: Server, *trees: Files, message: str = "work") -> Report:
    """Of a branch that makes the second tree of the first; both with the same project around them."""
    merged, branch = trees
    checkout.commit({**PROJECT, **merged})
    checkout.branch("branch")
    checkout.commit({**PROJECT, **branch}, message)
    return checkout.check(replay=True, postgres=server.create_database().url())


def allowed(report: Report) -> dict[str, bool]:
    return {one.id: one.allowed is not None for one in report.findings if one.introduced}


def found(report: Report, check: str) -> Finding:
    return next(one for one in report.findings if one.id == check)


@pytest.mark.parametrize(
    ("above", "seen"), [(B, {"H101", "R308"}), (COPIES, {"H101", "R308", "R315"})], ids=["catalog", "statements"]
)
def test_what_follows_from_an_allowed_edit_is_allowed(
    checkout: Checkout, server: Server, above: Files, seen: set[str]
) -> None:
    report = judged(checkout, server, {**A, **above}, {**A_EDITED, **above}, message=TRAILER.format("a"))
    assert allowed(report) == dict.fromkeys(seen, True)
    assert report.verdict == "pass"
    assert found(report, "R308").allowed == found(report, "H101").allowed


def test_what_follows_from_another_edit_too_is_not(checkout: Checkout, server: Server) -> None:
    report = judged(checkout, server, {**A, **B}, {**A_EDITED, **B_EDITED}, message=TRAILER.format("a"))
    assert report.verdict == "fail"
    assert found(report, "R308").allowed is None


def test_what_may_follow_from_other_code_names_the_entry_that_allows_it(checkout: Checkout, server: Server) -> None:
    merged = {**A, **IMPORTS, "words.py": b"WORD = ''"}
    branch = {**A_EDITED, **IMPORTS, "words.py": b"WORD = ', word text'"}
    report = judged(checkout, server, merged, branch, message=TRAILER.format("a"))
    assert allowed(report) == {"H101": True, "R308": False, "R315": False}
    entries = [(found(report, check).details or "").rpartition("`allow:`: ")[2] for check in ("R308", "R315")]
    assert all(entries)
    lines = "".join(f"- {entry}\n" for entry in entries).replace("…", "wanted")
    checkout.commit({**PROJECT, **branch, CONFIG: f"allow:\n{lines}".encode()}, TRAILER.format("a"))
    report = checkout.check(replay=True, postgres=server.create_database().url())
    assert allowed(report) == {"H101": True, "R308": True, "R315": True}
    assert report.verdict == "pass"


def test_until_a_release_has_the_edited_revision_what_follows_only_warns(checkout: Checkout, server: Server) -> None:
    config = {CONFIG: b"locked: released\n"}
    checkout.commit(PROJECT)
    checkout.git("tag", "v1")
    report = judged(checkout, server, {**A, **B, **config}, {**A_EDITED, **B, **config})
    assert [(one.id, one.severity) for one in report.findings] == [("H101", "warning"), ("R308", "warning")]


# ---------------------------------------------------------------- the commands that undo them

MODELS = b"""
import sqlalchemy as sa
metadata = sa.MetaData()
sa.Table("t_a", metadata, sa.Column("id", sa.Integer)%s)
"""
NAME, SIZE = b', sa.Column("name", sa.Text)', b', sa.Column("size", sa.Integer)'
MODEL_ENV = ENV.replace(
    b"connection=connection", b"connection=connection, target_metadata=__import__('models').metadata"
)


def with_models(*columns: bytes) -> dict[str, bytes]:
    return {"models.py": MODELS % b"".join(columns), "migrations/env.py": MODEL_ENV}


def run(checkout: Checkout, command: str) -> None:
    subprocess.run(command, shell=True, cwd=checkout.root, check=True, capture_output=True)


def check_again(checkout: Checkout, server: Server) -> Report:
    return checkout.check(replay=True, postgres=server.create_database().url())


def test_putting_the_script_back_is_all_that_it_takes(checkout: Checkout, server: Server) -> None:
    merged = {**A, **B, **with_models()}
    report = judged(checkout, server, merged, {**merged, **A_EDITED})
    assert {found(report, one).fix for one in ("R306", "R308")} == {"git checkout main -- migrations/versions/a_.py"}
    run(checkout, str(found(report, "R308").fix))
    assert check_again(checkout, server).findings == ()


def test_a_new_revision_makes_what_the_models_need_once_the_script_is_back(checkout: Checkout, server: Server) -> None:
    model = with_models(NAME)
    report = judged(checkout, server, {**A, **B, **with_models()}, {**A_EDITED, **B, **model})
    fix = str(found(report, "R308").fix)
    command, _, then = fix.partition("; then write what the models need as a new revision: ")
    assert then == 'alembic revision --autogenerate -m "…"'
    run(checkout, command)
    new = script("n", "b", "op.execute('ALTER TABLE t_a ADD name text')").replace(
        b"DROP TABLE t_n", b"ALTER TABLE t_a DROP name"
    )
    checkout.write({f"{VERSIONS}/n_.py": new})
    assert [one for one in check_again(checkout, server).findings if one.introduced] == []


def test_what_no_edit_has_to_do_with_needs_a_new_revision(checkout: Checkout, server: Server) -> None:
    merged, branch = {**A, **B, **with_models()}, {**A_EDITED, **B, **with_models(NAME, SIZE)}
    assert found(judged(checkout, server, merged, branch), "R306").fix == 'alembic revision --autogenerate -m "…"'
    both = {**A_EDITED, **B, **with_models(SIZE)}
    checkout.commit({**PROJECT, **both})
    restore = 'git checkout main -- migrations/versions/a_.py; then alembic revision --autogenerate -m "…"'
    assert found(check_again(checkout, server), "R306").fix == restore
