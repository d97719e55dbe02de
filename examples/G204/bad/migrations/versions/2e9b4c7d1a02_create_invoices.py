"""create invoices

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
    op.create_table("invoices", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("invoices")
