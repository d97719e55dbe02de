"""What differs between two runs of the same code is no difference between two scripts."""

from __future__ import annotations

import datetime as dt

import pytest

from checker.checks.step_comparison import Outcome, compare_steps, only_reordered
from checker.replay.outcome import Step

NOON = dt.datetime(2026, 5, 4, 12, 0, tzinfo=dt.UTC).timestamp()


def step(*statements: str, values: tuple[str, ...] = (), seconds_later: float = 0) -> Step:
    bound = (values, *[()] * (len(statements) - 1))
    return Step("a", "upgrade", 0.5, statements, values=bound, began=NOON + seconds_later)


def compared(before: str, after: str, *again: str) -> Outcome:
    """Of one statement; a text behind `<-` is bound to it."""

    def made(text: str, later: float) -> Step:
        sql, _, value = text.partition(" <- ")
        return step(sql, values=(value,) if value else (), seconds_later=later)

    return compare_steps(made(before, 2), made(after, 0), [made(one, 1) for one in again])


NOW = "UPDATE t SET at = $1 <- datetime.datetime(2026, 5, 4, 12, 0, {})"


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ("SELECT 1", "SELECT 1", None),
        ("SELECT $1 <- 'f81d4fae'", "SELECT $1 <- '7dec11d0'", "SELECT $1 <- '00a0c91e'"),
        ("SELECT 'f81d4fae'", "SELECT '7dec11d0'", "SELECT '00a0c91e'"),
        ("SELECT tmp_12.x", "SELECT tmp_13.x", "SELECT tmp_14.x"),
        ("SELECT 0.25", "SELECT 1e-05", "SELECT 0.5"),
        # The clock read the same in both runs of the merge result.
        (NOW.format("2, 5"), NOW.format("0"), NOW.format("0")),
        (NOW.format("2, 5"), NOW.format("0"), None),
        ("SELECT '2026-05-04 12:00:02'", "SELECT '2026-05-04 12:00:00'", "SELECT '2026-05-04 12:00:00'"),
        ("SELECT 'at 2026-05-04T12:00:02Z'", "SELECT 'at 2026-05-04T12:00:01.250Z'", None),
        ("SELECT '2027-05-04 12:00:02'", "SELECT '2027-05-04 12:00:00'", None),
        ("SELECT '2026-05-05'", "SELECT '2026-05-04'", "SELECT '2026-05-04'"),
        (f"SELECT {NOON + 2:.0f}", f"SELECT {NOON:.0f}", f"SELECT {NOON:.0f}"),
        (f"SELECT $1 <- {NOON + 2:.3f}", f"SELECT $1 <- {NOON:.3f}", None),
        ("CREATE TABLE bak_20260504_120002 ()", "CREATE TABLE bak_20260504_120000 ()", None),
    ],
)
def test_values_of_a_clock_or_a_random_source_are_no_difference(before: str, after: str, again: str | None) -> None:
    assert compared(before, after, *filter(None, [again])) is Outcome.SAME


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SELECT 1", "SELECT 2"),
        ("SELECT $1 <- 'a'", "SELECT $1 <- 'b'"),
        ("ALTER TABLE t ADD a text", "ALTER TABLE t ADD a text NOT NULL"),
        ("SELECT '2024-05-04'", "SELECT '2024-05-05'"),
        ("SELECT '2026-05-04 12:00:00'", "SELECT '2026-05-04 15:00:00'"),
        ("SELECT 1500000000", "SELECT 1500000001"),
        ("VALUES ('2026-05-04 12:00:00', 'a')", "VALUES ('2026-05-04 12:00:01', 'b')"),
    ],
)
def test_anything_else_is_one_if_the_script_sends_it_twice(before: str, after: str) -> None:
    assert compared(before, after, after) is Outcome.OTHER
    assert compared(before, after) is Outcome.UNKNOWN


def test_a_difference_beside_a_moving_value_is_seen() -> None:
    assert compared("SELECT 'x1', 1", "SELECT 'x2', 2", "SELECT 'x3', 2") is Outcome.OTHER


OBJECTS = "SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class WHERE pg_catalog.pg_class.oid IN ($1)"


def test_queries_of_the_system_catalogs_are_no_difference() -> None:
    alter = "ALTER TABLE t DROP CONSTRAINT t_fkey"
    before, after = step(OBJECTS, alter, values=("16412",)), step(OBJECTS, alter, values=("16713",))
    fewer = [step(alter), step(alter)]
    assert compare_steps(before, after, [after, after]) is Outcome.SAME
    assert compare_steps(before, after, fewer) is Outcome.SAME
    assert only_reordered(before, after)
    other = step(OBJECTS, alter.replace("fkey", "key"), values=("16713",))
    assert compare_steps(before, other, [other]) is Outcome.OTHER


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("SELECT pg_catalog.setval('a', 1)", "SELECT pg_catalog.setval('a', 2)"),
        (
            "SELECT pg_catalog.set_config('a', relname, false) FROM pg_class",
            "SELECT set_config('b', relname, false) FROM pg_class",
        ),
        (
            "WITH o AS (DELETE FROM t RETURNING 1) SELECT 1 FROM pg_class",
            "WITH o AS (DELETE FROM u RETURNING 1) SELECT 1 FROM pg_class",
        ),
        ("SELECT f(1) FROM pgbench", "SELECT f(2) FROM pgbench"),
    ],
)
def test_a_query_that_changes_something_is_no_query_of_the_catalogs(before: str, after: str) -> None:
    assert compared(before, after, after) is Outcome.OTHER


def test_nothing_is_known_of_a_script_that_sends_another_number_of_statements_each_time() -> None:
    again = step("SELECT 1", "SELECT 2")
    assert compare_steps(step("SELECT 9"), step("SELECT 1"), [again]) is Outcome.UNKNOWN


def test_the_same_statements_in_another_order() -> None:
    assert only_reordered(step("SELECT 1", "SELECT 2"), step("SELECT 2", "SELECT 1"))
    assert not only_reordered(step("SELECT 1", "SELECT 2"), step("SELECT 2", "SELECT 2"))
