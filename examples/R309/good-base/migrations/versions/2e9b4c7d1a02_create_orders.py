"""create orders

Revision ID: 2e9b4c7d1a02
Revises: 1f0c6d2b9a01
"""

import sqlalchemy as sa
from alembic import op

revision = "2e9b4c7d1a02"
down_revision = "1f0c6d2b9a01"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("legacy_orders", sa.Column("total", sa.Numeric(10, 2)))


def downgrade():
    op.drop_column("legacy_orders", "total")
