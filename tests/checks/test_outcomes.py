"""What a report says of each pass, and when a replay that failed makes a run red: by real replays of real repositories."""

from __future__ import annotations

import html
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from checker import pipeline
from checker.allowances import refuse_unknown_checks
from checker.checks.faults import count
from checker.errors import ConfigurationError
from checker.examples import commit, start_repository
from checker.findings import PassReport, Report
from checker.postgres.interface import Server
from checker.replay.chain import NO_MODELS
from checker.reports.registry import FORMATS
from checker.settings import Settings, read_configuration
from tests.gitrepo import Silent
from tests.replay.conftest import ENV, write_project

pytestmark = pytest.mark.postgres
Check = Callable[..., Report]

GOOD = "a <- : CREATE TABLE a (id int) | DROP TABLE a"


@pytest.fixture
def check(tmp_path: Path, server: Server) -> Iterator[Check]:
    """The report on a branch that makes `after` of the chain `before`, both as `write_project` reads them."""
    address = server.create_database()
    numbers = itertools.count()

    def files(chain: str, env: str) -> dict[str, bytes]:
        root = write_project(tmp_path / f"files{next(numbers)}", chain, env).root
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def run(before: str, after: str, env: str = ENV, after_env: str | None = None, **settings: object) -> Report:
        root = tmp_path / f"work{next(numbers)}"
        with start_repository(root) as repository:
            commit(repository, files(before, env), "merged")
            repository.git.checkout("-b", "branch")
            commit(repository, files(after, after_env or env), "branch")
        chosen = Settings(directory=root, base="main", postgres=address.url(), **settings)  # type: ignore[arg-type]
        return pipeline.check(chosen, os.environ, Silent())

    yield run
    server.drop_database(address)


def passes(report: Report) -> dict[str, PassReport]:
    [replay] = report.replay
    return {one.name: one for one in replay.passes}


# ---------------------------------------------------------------- what is said of a pass


def test_every_outcome_but_passed_has_a_reason_and_says_whose_fault_it_is(check: Check) -> None:
    merged = f"{GOOD}\n b <- a: CREATE TABLE b (id int) | DROP TABLE nothing"
    told = passes(check(merged, f"{merged}\n c <- b: CREATE TABLE c (id int) | DROP TABLE c"))
    assert {name: (one.outcome, one.introduced) for name, one in told.items()} == {
        "fresh": ("passed", None),
        "stairway": ("failed", False),
        "deploy": ("passed", None),
        "downgrade": ("failed", False),
        "drift": ("not run", None),
    }
    assert told["stairway"].reason == 'downgrade() of b failed: ProgrammingError: table "nothing" does not exist'
    assert told["drift"].reason == NO_MODELS
    assert told["fresh"].reason is None


def test_models_that_were_not_imported_are_no_comparison_that_passed(check: Check) -> None:
    empty = ENV.replace(
        "context.configure(", "import sqlalchemy; context.configure(target_metadata=sqlalchemy.MetaData(), "
    )
    report = check(GOOD, f"{GOOD}\n b <- a: CREATE TABLE b (id int) | DROP TABLE b", env=empty)
    assert (report.verdict, passes(report)["drift"].outcome, passes(report)["drift"].reason) == (
        "pass",
        "not run",
        NO_MODELS,
    )
    cases = {case.get("name"): case for case in ET.fromstring(FORMATS["junit"](report)).iter("testcase")}
    for name in ("drift pass", "R306 model-drift"):
        (skipped,) = cases[name]
        assert (skipped.tag, skipped.attrib["message"].endswith(NO_MODELS)) == ("skipped", True)
    for name in ("html", "markdown"):
        assert NO_MODELS.partition(" in ")[2] in html.unescape(FORMATS[name](report)), name


def test_a_pass_that_the_change_breaks_says_so(check: Check) -> None:
    told = passes(check(GOOD, f"{GOOD}\n b <- a: SELECT * FROM nothing |"))
    assert (told["fresh"].outcome, told["fresh"].introduced) == ("failed", True)
    assert told["fresh"].reason == 'upgrade() of b failed: ProgrammingError: relation "nothing" does not exist'
    assert (told["drift"].outcome, told["drift"].reason) == ("not run", "the fresh pass failed")


def test_what_is_not_run_because_env_py_does_not_load_says_so(check: Check) -> None:
    told = passes(check(GOOD, f"{GOOD}\n b <- a: |", env="import app.gone"))
    assert told["fresh"].introduced is True
    assert {one.reason for one in told.values() if one.outcome == "not run"} == {
        "the project's environment could not be loaded"
    }


def test_every_other_cause_of_r308_is_named_with_its_revision(check: Check) -> None:
    def chain(kind: str) -> str:
        return f"a <- : CREATE TABLE a (id {kind}) | DROP TABLE a\n b <- a: CREATE TABLE b (id {kind}) | DROP TABLE b"

    [finding] = [one for one in check(chain("int"), chain("bigint")).findings if one.id == "R308"]
    assert [one.message for one in finding.related] == ["the edit (H101) of b"]


# ---------------------------------------------------------------- what a failed pass does to the verdict

B = "b <- a: CREATE TABLE b (id int) | DROP TABLE b"
BAD_DOWN = "b <- a: CREATE TABLE b (id int) | DROP TABLE nothing"
BAD_UP = "b <- a: SELECT * FROM nothing |"
LEAKY = "b <- a: CREATE TABLE b (id int); CREATE TABLE b2 (id int) | DROP TABLE b"
DIES = "b <- a: CREATE TABLE b (id int) | >> import os ;; os._exit(3)"
C = "c <- b: CREATE TABLE c (id int) | DROP TABLE c"
NEW_ONLY = ENV.replace(
    "with engine", "import sqlalchemy\nif not sqlalchemy.inspect(engine).has_table('a'):\n  with engine"
)
ONE_ENUM = '>> op.create_table("{0}", sa.Column("m", sa.Enum("x", name="mood")))'
TWICE = f"a <- : {ONE_ENUM.format('a')} | DROP TABLE a; DROP TYPE mood\n b <- a: {ONE_ENUM.format('b')} | DROP TABLE b"
"""One run creates the type once, and two runs create it twice: the upgrade of b fails for a database at a."""


@pytest.mark.parametrize(
    ("merged", "new", "filters", "verdict", "introduced"),
    [
        # all is well
        (GOOD, B, {}, "pass", set()),
        # a complete pass with a fault that a finding reports: a filter of the user's hides it, and that is green
        (GOOD, BAD_DOWN, {}, "fail", {"R302"}),
        (GOOD, BAD_DOWN, {"only": {"R303"}}, "pass", set()),
        (GOOD, BAD_DOWN, {"ignore": {"R302"}}, "pass", set()),
        (GOOD, LEAKY, {"only": {"R302"}}, "pass", set()),
        (GOOD, LEAKY, {"ignore": {"H105"}}, "fail", {"R303"}),
        # what kept other checks from being made is never hidden
        (GOOD, BAD_UP, {}, "fail", {"R301"}),
        (GOOD, BAD_UP, {"only": {"R302"}}, "inconclusive", {"R316"}),
        (GOOD, BAD_UP, {"ignore": {"R301"}}, "inconclusive", {"R316"}),
        (GOOD, DIES, {}, "fail", {"R311"}),
        (GOOD, DIES, {"ignore": {"R311"}}, "inconclusive", {"R316"}),
        (GOOD, DIES, {"only": {"R302"}}, "inconclusive", {"R316"}),
        # existing problems are notes
        (f"{GOOD}\n{BAD_DOWN}", C, {}, "pass", set()),
        (f"{GOOD}\n{BAD_DOWN}", C, {"only": {"R303"}}, "pass", set()),
        (f"{GOOD}\n{LEAKY}", C, {"ignore": {"R303"}}, "pass", set()),
        (TWICE, C, {}, "pass", set()),
        (TWICE, C, {"only": {"R302"}}, "pass", set()),
        # but a new revision that no way leads to is not verified
        (f"{GOOD}\n{BAD_UP}", C, {}, "inconclusive", {"R309"}),
        (f"{GOOD}\n{BAD_UP}", C, {"ignore": {"R309"}}, "inconclusive", {"R316"}),
        (f"{GOOD}\n{BAD_UP}", C, {"only": {"R302"}}, "inconclusive", {"R316"}),
    ],
)
def test_a_failed_pass_is_never_green_by_mistake_and_never_red_for_what_is_old(
    check: Check, merged: str, new: str, filters: dict[str, set[str]], verdict: str, introduced: set[str]
) -> None:
    report = check(merged, f"{merged}\n{new}", **{name: frozenset(ids) for name, ids in filters.items()})
    assert ({one.id for one in report.findings if one.introduced}, report.verdict) == (introduced, verdict)


def test_a_pass_that_fails_and_that_nothing_reports_is_red_whatever_the_filters(check: Check) -> None:
    """The env.py of the branch migrates new databases alone: only the deployment shows that, and no revision failed."""
    for filters in ({}, {"only": frozenset({"R302"})}, {"ignore": frozenset({"R306", "R316"})}):
        report = check(GOOD, f"{GOOD}\n{B}", after_env=NEW_ONLY.replace("\n    ", "\n      "), **filters)
        assert report.verdict == "inconclusive"
        told = [one.message for one in report.findings if one.id == "R316"]
        assert "the pass deploy failed: NotMigrated: env.py ended without running any migrations" in told


def test_what_one_run_passes_is_said_so(check: Check) -> None:
    report = check(TWICE, f"{TWICE}\n{C}")
    [finding] = [one for one in report.findings if one.id == "R301"]
    assert (finding.introduced, finding.severity.value) == (False, "note")
    assert "(for a database at a; it passes in one run from nothing)" in finding.message
    new = check("r <- : |", f"r <- : |\n{TWICE.replace('a <- ', 'a <- r')}")
    [finding] = [one for one in new.findings if one.id == "R301"]
    assert (finding.introduced, finding.severity.value) == (True, "warning")  # no database is at a yet


def test_a_merged_revision_that_the_change_breaks_from_outside_is_the_changes_fault(check: Check) -> None:
    """Its script did not change; what it reads did."""
    read = "pathlib.Path(__file__).parents[1].joinpath('env.py').read_text()"
    uses = f"b <- a: >> import pathlib ;; op.execute({read}.split('SQL: ')[1]) |"
    good, bad = (f"{ENV}\n# SQL: {sql}" for sql in ("SELECT 1", "SELECT * FROM nothing"))
    merged = f"{GOOD}\n{uses}"
    report = check(merged, f"{merged}\n{C}", env=good, after_env=bad)
    [finding] = [one for one in report.findings if one.id == "R301"]
    assert (finding.revision, finding.introduced, report.verdict) == ("b", True, "fail")
    without_new = check(merged, merged, env=good, after_env=bad)
    assert {one.id for one in without_new.findings if one.introduced} >= {"R301"}
    assert passes(without_new)["deploy"].reason == "the base has the same scripts"


def test_the_configuration_cannot_turn_off_what_could_not_be_verified() -> None:
    text = "severity: {R316: 'off'}\nallow: [{check: R316, revision: a1b2, reason: why not}]\n"
    with pytest.raises(ConfigurationError, match="turns off a check that cannot be turned off") as refused:
        refuse_unknown_checks(read_configuration(text, ".alembic-premerge.yml"))
    assert len(refused.value.mistakes) == 2


@pytest.mark.parametrize(
    ("revisions", "told"),
    [
        (["c"], "c above it was"),
        (["c", "d"], "c and d above it were"),
        (list("cdefg"), "5 revisions (first: c) above it were"),
    ],
)
def test_how_many_revisions_were_not_verified_and_which_is_the_first(revisions: list[str], told: str) -> None:
    assert count(revisions, " above it") == told
