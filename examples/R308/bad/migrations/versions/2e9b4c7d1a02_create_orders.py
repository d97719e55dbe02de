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
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total", sa.Numeric(10, 2), nullable=False),
    )


def downgrade():
    op.drop_table("orders")
