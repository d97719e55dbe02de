"""measurements over time

Revision ID: 3d8a5b6c2f03
Revises: 2e9b4c7d1a02
"""

import sqlalchemy as sa
from alembic import op

revision = "3d8a5b6c2f03"
down_revision = "2e9b4c7d1a02"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("CREATE EXTENSION timescaledb")
    op.create_table("measurements", sa.Column("taken", sa.DateTime(timezone=True)), sa.Column("value", sa.Float))
    op.execute("SELECT create_hypertable('measurements', 'taken')")


def downgrade():
    op.drop_table("measurements")
    op.execute("DROP EXTENSION timescaledb")
