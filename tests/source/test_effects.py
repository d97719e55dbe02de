"""What a script makes and takes away, read from its text."""

from __future__ import annotations

import pytest

from checker.source.effects import WayBack, does_something, makes, way_back
from checker.source.script import Script, read_script

HEADER = "from alembic import op\nimport sqlalchemy as sa\nrevision = 'a'\ndown_revision = None\n"


def script(up: str, down: str = "pass") -> Script:
    source = f"{HEADER}def upgrade():\n    {up}\ndef downgrade():\n    {down}\n"
    return read_script("a.py", "blob", source.encode())


@pytest.mark.parametrize(
    ("up", "made"),
    [
        ("op.create_table('orders', sa.Column('id', sa.Integer))", {"table orders"}),
        ("op.add_column('orders', sa.Column('total', sa.Integer))", {"column orders.total"}),
        ("op.create_index('ix_total', 'orders', ['total'])", {"index ix_total"}),
        (
            "with op.batch_alter_table('orders') as batch:\n        batch.add_column(sa.Column('total', sa.Integer))",
            {"column orders.total"},
        ),
        ("op.create_table(NAME)", set()),
        ("op.execute('CREATE TABLE orders ()')", set()),
    ],
)
def test_what_it_makes(up: str, made: set[str]) -> None:
    assert makes(script(up)) == made
    assert does_something(script(up))


@pytest.mark.parametrize(
    ("down", "way"),
    [
        ("op.drop_index('ix')", WayBack.THERE),
        ("op.drop_table('orders')", WayBack.LOSES),
        ("op.execute('ALTER TABLE orders drop column total')", WayBack.LOSES),
        ("pass", WayBack.EMPTY),
        ("raise NotImplementedError", WayBack.NONE),
    ],
)
def test_the_way_back(down: str, way: WayBack) -> None:
    assert way_back(script("op.create_table('orders')", down)) is way


def test_a_merge_and_what_is_no_python() -> None:
    merge, other = script("pass"), read_script("a.py", "blob", b"revision = 'a'\ndown_revision = None\n<<<<<<<")
    assert (does_something(merge), way_back(merge), makes(merge)) == (False, WayBack.THERE, frozenset())
    assert (does_something(other), makes(other)) == (True, frozenset())
