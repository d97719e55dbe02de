"""order totals

Revision ID: d1a4f3e8b504
Revises: c9f3e2d7a403
"""

import sqlalchemy as sa
from alembic import op

revision = "d1a4f3e8b504"
down_revision = "c9f3e2d7a403"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("total", sa.Numeric(10, 2)))


def downgrade():
    op.drop_column("orders", "total")
