"""Every kind of object: a downgrade that forgets it is told so, in words; one that does not is told nothing."""

from __future__ import annotations

import pytest

from checker.replay.catalog import CatalogWatch, compare, describe, read_catalog
from tests.replay.catalog_cases import CASES, UNTOLD, Case
from tests.replay.conftest import Connect

pytestmark = pytest.mark.postgres


def test_what_the_server_keeps_among_a_columns_options_is_nobodys_change(connect: Connect) -> None:
    """PostgreSQL 17.12 counts there what becomes of a column (seen in its catalog): another number in every database."""
    migrations = connect()
    migrations.execute("CREATE TABLE public.t (id int); ALTER TABLE public.t ALTER id SET (n_distinct = 5)")
    before = read_catalog(migrations)

    def told(options: str) -> list[str]:
        set_them = "UPDATE pg_attribute SET attoptions = %s WHERE attrelid = 'public.t'::regclass AND attnum > 0"
        migrations.execute(set_them, [options])
        return [describe(one) for one in compare(before, read_catalog(migrations))]

    assert told("{pg_attver=22370072,n_distinct=5}") == []
    assert len(told("{pg_attver=22370073}")) == 1


@pytest.mark.parametrize("case", [*CASES, *UNTOLD], ids=lambda case: case.name.replace(" ", "-"))
def test_a_leak_is_told_and_a_clean_downgrade_is_not(case: Case, connect: Connect) -> None:
    migrations = connect()
    if migrations.info.server_version // 10000 < case.since:
        pytest.skip(f"PostgreSQL {case.since} and later")
    watch, plain = CatalogWatch(connect()), connect()

    def run(script: str) -> None:
        migrations.execute(script.encode())
        assert watch.read() == read_catalog(plain)

    run(case.setup)
    before = watch.read()
    run(case.up)
    run(case.clean)
    assert compare(before, watch.read()) == ()
    run(case.up)
    run(case.leaky)
    told = [describe(one) for one in compare(before, watch.read())]
    assert len(told) == len(case.leak), told
    for words, said in zip(case.leak, told, strict=True):
        assert said.startswith(words) if words.endswith("(") else said == words
