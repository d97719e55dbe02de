"""orders

Revision ID: c9f3e2d7a403
Revises: b7e2d1c6f302
"""

import sqlalchemy as sa
from alembic import op

revision = "c9f3e2d7a403"
down_revision = "b7e2d1c6f302"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "orders",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("customer_id", sa.Integer, sa.ForeignKey("customers.id"), nullable=False),
    )


def downgrade():
    op.drop_table("orders")
