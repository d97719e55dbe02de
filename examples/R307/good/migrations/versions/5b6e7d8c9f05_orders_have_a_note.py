"""orders have a note

Revision ID: 5b6e7d8c9f05
Revises: 4c7f6a5b3e04
"""

import sqlalchemy as sa
from alembic import op

revision = "5b6e7d8c9f05"
down_revision = "4c7f6a5b3e04"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("note", sa.Text))


def downgrade():
    op.drop_column("orders", "note")
