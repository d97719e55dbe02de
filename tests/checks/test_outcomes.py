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
from checker.examples import commit, start_repository
from checker.findings import PassReport, Report
from checker.postgres.interface import Server
from checker.replay.chain import NO_MODELS
from checker.reports.registry import FORMATS
from checker.settings import Settings
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

    def run(before: str, after: str, env: str = ENV, **settings: object) -> Report:
        root = tmp_path / f"work{next(numbers)}"
        with start_repository(root) as repository:
            commit(repository, files(before, env), "merged")
            repository.git.checkout("-b", "branch")
            commit(repository, files(after, env), "branch")
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
