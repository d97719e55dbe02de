"""orders know when they were paid

Revision ID: 4c7f6a5b3e04
Revises: 3d8a5b6c2f03
"""

import sqlalchemy as sa
from alembic import op

revision = "4c7f6a5b3e04"
down_revision = "3d8a5b6c2f03"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("orders", sa.Column("paid_at", sa.DateTime))


def downgrade():
    op.drop_column("orders", "paid_at")
