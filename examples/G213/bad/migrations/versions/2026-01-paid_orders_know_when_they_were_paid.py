"""orders know when they were paid

Revision ID: 2026-01-paid
Revises: 2e9b4c7d1a02
"""

import sqlalchemy as sa
from alembic import op

revision = "2026-01-paid"
down_revision = "2e9b4c7d1a02"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("paid_at", sa.DateTime(timezone=True)))


def downgrade():
    op.drop_column("orders", "paid_at")
