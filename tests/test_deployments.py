"""What the user's environments have run, from a word, a file and a real database that is only read."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from checker import pipeline
from checker.findings import Report
from checker.postgres import Server
from checker.postgres.interface import Address
from checker.settings import Settings
from tests.gitrepo import ENV, INI, VERSIONS, Checkout, Silent, chain, ids, only, project, script

SHOP = project("a <- b <- c")
CONFIG = ".alembic-premerge.yml"


def stands(revision: str) -> dict[str, bytes]:
    return {CONFIG: f"environments: {{production: {{revision: {revision}}}}}".encode()}


def from_url() -> dict[str, bytes]:
    return {CONFIG: b"environments: {production: {url_env: PROD_URL}}"}


def edit(revision: str, down: str | None) -> dict[str, bytes]:
    return {f"{VERSIONS}/{revision}_.py": script(revision, down, "op.execute('SELECT 1')")}


@pytest.fixture
def shop(checkout: Checkout) -> Checkout:
    checkout.commit({**SHOP, **from_url()})
    checkout.branch("branch")
    return checkout


def check(root: Path, **environ: str) -> Report:
    settings = Settings(directory=root, base="main", replay=False)
    return pipeline.check(settings, {**os.environ, **environ}, Silent())


@pytest.mark.parametrize(("deployed", "found"), [("a", ["H101"]), ("b", ["D402", "H101"]), ("c", ["D402", "H101"])])
def test_an_edit_concerns_who_stands_on_it_or_above(shop: Checkout, deployed: str, found: list[str]) -> None:
    shop.commit({**SHOP, **edit("b", "a"), **stands(deployed)})
    report = shop.check()
    assert ids(report) == found
    assert all("production" in one.message for one in report.findings if one.id == "D402")


def test_each_revision_is_told_once_with_all_that_have_run_it(shop: Checkout) -> None:
    config = {CONFIG: b"environments: {staging: {revision: c}, production: {revision: b}, qa: {revision: a}}"}
    shop.commit({**SHOP, **edit("b", "a"), **config})
    message = next(one.message for one in shop.check().findings if one.id == "D402")
    assert message.startswith("production and staging have already run b")


def test_a_deletion_of_what_is_deployed_is_d401_alone(shop: Checkout) -> None:
    shop.commit({**project("a <- b"), **stands("c")})
    assert ids(shop.check()) == ["D401", "H102"]


def test_what_the_base_lacks_too_is_not_this_changes_doing(shop: Checkout) -> None:
    shop.commit({**project("a <- b <- c <- d"), **stands("elsewhere")})
    finding = only(shop.check())
    assert (finding.id, finding.introduced, shop.check().verdict) == ("D401", False, "pass")
    assert finding.fix == "alembic-premerge locate elsewhere"
    assert shop.check(judge_all=True).verdict == "fail"


def test_a_new_revision_that_is_already_deployed_is_fine(shop: Checkout) -> None:
    shop.commit({**project("a <- b <- c <- d"), **stands("d")})
    assert shop.check().findings == ()


def test_an_inserted_and_a_renumbered_revision(shop: Checkout) -> None:
    shop.commit({**project("a <- new <- b <- c"), **stands("b")})
    assert set(ids(shop.check())) == {"H104", "D402"}
    text = SHOP[f"{VERSIONS}/c_.py"].replace(b"revision = 'c'", b"revision = 'd'")
    shop.commit({**project("a <- b"), f"{VERSIONS}/c_.py": text, **stands("c")})
    assert {"H107", "D401", "D402"} <= set(ids(shop.check()))


def test_an_environment_is_held_against_the_project_that_has_its_revision(checkout: Checkout) -> None:
    def service(name: str, text: str) -> dict[str, bytes]:
        folder = f"{name}/migrations"
        return {f"{name}/alembic.ini": INI, f"{folder}/env.py": ENV, **chain(text, f"{folder}/versions")}

    checkout.commit({**service("api", "a <- b"), **service("jobs", "x <- y")})
    checkout.branch("branch")
    checkout.commit({**service("api", "a <- b <- c"), **service("jobs", "x <- y"), **stands("y")})
    assert checkout.check().findings == ()
    checkout.commit({**service("api", "a <- b <- c"), **service("jobs", "x <- y <- z"), **stands("gone")})
    assert [(one.project, one.id) for one in checkout.check().findings] == [("api", "D401")]


@pytest.mark.parametrize("committed", [True, False])
def test_a_file_says_it(shop: Checkout, committed: bool) -> None:
    file = {"deploy/revision": b"# as of today\nc (head)\n"}
    config = {
        CONFIG: b"environments: {production: {file: deploy/revision}}",
        ".gitignore": b"deploy\n" * (not committed),
    }
    shop.commit({**SHOP, **edit("b", "a"), **config, **(file if committed else {})})
    shop.write(file)
    assert "D402" in ids(shop.check())


# --- a database


@pytest.fixture
def production(server: Server) -> Address:
    """A database on c; its second schema has a table of its own."""
    address = server.create_database()
    with psycopg.connect(address.url()) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('c')")
        connection.execute("CREATE SCHEMA other; CREATE TABLE other.alembic_version AS SELECT 'nowhere' AS version_num")
    return address


def test_a_database_says_it(shop: Checkout, production: Address) -> None:
    shop.commit({**SHOP, **edit("b", "a"), **from_url()})
    for driver in ("postgresql", "postgresql+asyncpg"):
        url = production.url().replace("postgresql", driver, 1)
        report = check(shop.root, PROD_URL=url)
        found = [one.id for one in report.findings]
        assert (found, report.skipped[:-1]) == (["D402", "H101"], ())  # what `other` says is not ours


def test_every_schema_and_every_row_counts_where_the_search_path_has_none(shop: Checkout, production: Address) -> None:
    with psycopg.connect(production.url()) as connection:
        connection.execute("DROP TABLE alembic_version")
        connection.execute("INSERT INTO other.alembic_version VALUES ('b')")
    shop.commit({**SHOP, **edit("b", "a"), **from_url()})
    report = check(shop.root, PROD_URL=production.url())
    assert {(one.id, one.introduced) for one in report.findings} == {("D402", True), ("H101", True), ("D401", False)}


def test_it_is_only_read(shop: Checkout, production: Address) -> None:
    with psycopg.connect(production.url()) as connection:  # a version table that writes when it is read
        connection.execute("CREATE TABLE trace (what text); DROP TABLE alembic_version")
        connection.execute(
            "CREATE FUNCTION write() RETURNS text LANGUAGE sql AS $$ INSERT INTO trace VALUES ('read') RETURNING 'c' $$"
        )
        connection.execute("CREATE VIEW alembic_version AS SELECT write() AS version_num")
    shop.commit({**SHOP, **edit("b", "a"), **from_url()})
    report = check(shop.root, PROD_URL=production.url())
    assert "read-only transaction" in report.skipped[0].reason
    with psycopg.connect(production.url()) as connection:
        assert connection.execute("SELECT * FROM trace").fetchall() == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "PROD_URL is not set"),
        ("postgresql://me:s3cret@localhost:1/shop", "refused"),
        ("postgresql://me:s3cret@localhost:1/shop?no=such", "libpq"),
        ("mysql://me:s3cret@localhost/shop", "postgresql://"),
    ],
)
def test_what_does_not_answer_is_never_green_and_never_shown(shop: Checkout, url: str, reason: str) -> None:
    shop.commit({**project("a <- b <- c <- d"), **from_url()})
    report = check(shop.root, PROD_URL=url)
    assert (report.verdict, report.findings, report.skipped[0].wanted) == ("inconclusive", (), True)
    assert reason in report.skipped[0].reason
    assert "s3cret" not in repr(report)


def test_a_database_without_a_version_table_says_nothing(shop: Checkout, server: Server) -> None:
    shop.commit({**project("a <- b <- c <- d"), **from_url()})
    report = check(shop.root, PROD_URL=server.create_database().url())
    assert report.verdict == "inconclusive"
    assert "alembic_version" in report.skipped[0].reason


def test_nobody_is_asked_where_no_migration_changed(shop: Checkout) -> None:
    shop.commit({**SHOP, **from_url()})
    assert check(shop.root).verdict == "pass"


def test_only_the_base_may_name_a_variable(shop: Checkout, production: Address) -> None:
    """A pull request that names one would have any secret of the job sent somewhere as a URL."""
    config = b"environments: {production: {url_env: GITHUB_TOKEN}}"
    shop.commit({**SHOP, **edit("b", "a"), CONFIG: config})
    report = check(shop.root, GITHUB_TOKEN=production.url())
    assert [(one.what, one.wanted) for one in report.skipped][:1] == [("environment production", False)]
    assert "GITHUB_TOKEN is not yet in the base's configuration" in report.skipped[0].reason
    assert ids(report) == ["H101"]
