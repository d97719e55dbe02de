"""An edit is proved harmless or shown, by a real replay of a real repository; and what R308 to R315 say of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from checker import pipeline
from checker.checks.live_code import reads_rows, same_live_code
from checker.examples import commit, example, start_repository
from checker.findings import Finding, Report, Severity
from checker.postgres.interface import Server
from checker.settings import Settings
from checker.source.script import read_script

pytestmark = pytest.mark.postgres
Check = Callable[[Mapping[str, bytes], Mapping[str, bytes]], Report]
ORDERS = "migrations/versions/2e9b4c7d1a02_create_orders.py"
CREATE = '    op.create_table(\n        "orders",'


class Silent:
    def tell(self, text: str) -> None:
        pass

    def step(self, project: str, name: str, done: int, total: int, revision: str) -> None:
        pass


@pytest.fixture
def check(tmp_path: Path, server: Server) -> Check:
    """The report on a branch, with a replay on the session's server."""
    address = server.create_database()

    def run(merged: Mapping[str, bytes], branch: Mapping[str, bytes]) -> Report:
        repository = start_repository(tmp_path)
        commit(repository, merged, "merged")
        repository.git.checkout("-b", "branch")
        commit(repository, branch, "branch")
        settings = Settings(directory=tmp_path, base="main", postgres=address.url())
        report = pipeline.check(settings, os.environ, Silent())
        repository.close()
        return report

    return run


def edited(check: Check, before: str, after: str) -> Finding:
    """The H101 of an edit: `before` and `after` are put ahead of the statement that creates the table."""
    merged, _ = example("H101", "good")
    sources = [merged[ORDERS].decode().replace(CREATE, f"{text}{CREATE}") for text in (before, after)]
    assert sources[0] != sources[1]
    report = check({**merged, ORDERS: sources[0].encode()}, {**merged, ORDERS: sources[1].encode()})
    return next(one for one in report.findings if one.id == "H101")


SEED = '    op.get_bind().execute(sa.text("INSERT INTO users (id, email) VALUES (:id, :email)"), {})\n'
HARMLESS = {
    "a guard for offline mode": ("", '    if op.get_context().as_sql:\n        op.execute("SELECT 1")\n'),
    "another dialect": ("", '    if op.get_bind().dialect.name == "mysql":\n        op.execute("SELECT 1")\n'),
    "an inspector, which asks by oid": (
        '    sa.inspect(op.get_bind()).get_indexes("users")\n',
        '    table = "users"\n    sa.inspect(op.get_bind()).get_indexes(table)\n',
    ),
    "the order of a set": (
        "    for word in set('abcdefghij'):\n        op.execute(f\"COMMENT ON TABLE users IS '{word}'\")\n",
        "    words = set('abcdefghij')\n    for word in words:\n        op.execute(f\"COMMENT ON TABLE users IS '{word}'\")\n",
    ),
    "a value that is new each time": (
        "    import uuid\n" + SEED.replace("{}", '{"id": 1, "email": str(uuid.uuid4())}'),
        "    import uuid\n    number = 1\n" + SEED.replace("{}", '{"id": number, "email": str(uuid.uuid4())}'),
    ),
}
HARMFUL = {
    "another value": (
        SEED.replace("{}", '{"id": 1, "email": "a"}'),
        SEED.replace("{}", '{"id": 1, "email": "b"}'),
        "-  -- with 'a', 1",
    ),
    "another statement": ("", '    op.execute("CREATE INDEX by_email ON users (email)")\n', "+CREATE INDEX by_email"),
    "what is done with each row": (
        '    for row in op.get_bind().execute(sa.text("SELECT id FROM users")):\n        op.execute(f"SELECT {row.id}")\n',
        '    for row in op.get_bind().execute(sa.text("SELECT id FROM users")):\n        op.execute(f"SELECT -{row.id}")\n',
        "it looks at rows, and a replay has none",
    ),
}


@pytest.mark.parametrize(("before", "after"), HARMLESS.values(), ids=HARMLESS)
def test_the_same_statements_prove_an_edit_harmless(check: Check, before: str, after: str) -> None:
    finding = edited(check, before, after)
    assert finding.severity is Severity.NOTE
    assert "proved harmless on PostgreSQL" in finding.message


@pytest.mark.parametrize(("before", "after", "told"), HARMFUL.values(), ids=HARMFUL)
def test_anything_else_is_shown(check: Check, before: str, after: str, told: str) -> None:
    finding = edited(check, before, after)
    assert finding.severity is Severity.ERROR
    assert told in (finding.details or "")


EXAMPLES = {"R306": {"R306"}, "R308": {"H101", "R308"}, "R312": {"R312"}, "R314": {"R314"}, "R315": {"R308", "R315"}}


@pytest.mark.parametrize(("check_id", "found"), EXAMPLES.items(), ids=EXAMPLES)
def test_the_bad_example_shows_its_check(check: Check, check_id: str, found: set[str]) -> None:
    report = check(*example(check_id, "bad"))
    assert {one.id for one in report.findings} == found
    assert all(one.introduced for one in report.findings)


@pytest.mark.parametrize("check_id", EXAMPLES)
def test_the_good_example_is_silent(check: Check, check_id: str) -> None:
    report = check(*example(check_id, "good"))
    assert (report.findings, report.verdict) == ((), "pass")


def test_models_that_are_far_ahead_are_told_in_short_and_shown_in_full(check: Check) -> None:
    merged, branch = example("R306", "bad")
    columns = ", ".join(f'Column("a_rather_long_name_{number}", Integer)' for number in range(30))
    models = branch["models.py"] + f'\nTable("wide", metadata, {columns})\n'.encode()
    finding = next(one for one in check(merged, {**branch, "models.py": models}).findings if one.id == "R306")
    assert "op.create_table('wide', …)" in finding.message
    assert "a_rather_long_name" not in finding.message
    assert "a_rather_long_name_29" in (finding.details or "")


def test_the_default_of_a_setting_that_is_not_given_is_no_second_database(check: Check) -> None:
    merged, branch = example("R301", "good")
    asks = b'import os\nfrom sqlalchemy import create_engine\ncreate_engine(os.getenv("MY_STORE", "sqlite:///a.db")).connect()\n'
    env = {"migrations/env.py": asks + merged["migrations/env.py"]}
    assert [one.id for one in check({**merged, **env}, {**branch, **env}).findings] == ["R313"]


@pytest.mark.parametrize("check_id", ["H102", "H107"])
def test_alembics_own_words_prove_that_a_revision_is_gone(check: Check, check_id: str) -> None:
    report = check(*example(check_id, "bad"))
    assert [one.id for one in report.findings] == [check_id]
    assert "stops with: Can't locate revision identified by '2e9b4c7d1a02'" in (report.findings[0].details or "")


@pytest.mark.parametrize(
    ("before", "after", "alike"),
    [
        ("f()", "if not context.is_offline_mode():\n        f()\n    else:\n        g()", True),
        ("f()", "if op.get_bind().dialect.name in ('postgresql', 'sqlite'):\n        f()", True),
        ("f()", "if is_pg(op.get_bind()):\n        f()\n    else:\n        g()", True),
        ("f()", "if op.get_bind().dialect.name != 'mysql' and x:\n        f()", False),
        ("f()", "if not context.is_offline_mode():\n        g()", False),
        ("f()", "if context.is_offline_mode():\n        f()", False),
    ],
)
def test_only_what_runs_online_on_postgresql_counts(before: str, after: str, alike: bool) -> None:
    helper = "def is_pg(conn):\n    return conn.dialect.name == 'postgresql'\n" if "is_pg" in after else ""
    scripts = [
        read_script("a.py", "blob", f"revision = 'a'\n{more}def upgrade():\n    {text}\n".encode())
        for text, more in ((before, ""), (after, helper))
    ]
    assert same_live_code(*scripts) is alike


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("op.execute('UPDATE a SET b = 1')", False),
        ("rows = conn.execute(sa.text('SELECT 1'))", True),
        ("session.query(User).update({})", True),
    ],
)
def test_what_looks_at_rows(code: str, reads: bool) -> None:
    assert reads_rows(read_script("a.py", "blob", f"def upgrade():\n    {code}\n".encode())) is reads
