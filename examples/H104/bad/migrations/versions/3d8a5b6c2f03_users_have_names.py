"""users have names

Revision ID: 3d8a5b6c2f03
Revises: 1f0c6d2b9a01
"""

import sqlalchemy as sa
from alembic import op

revision = "3d8a5b6c2f03"
down_revision = "1f0c6d2b9a01"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("name", sa.Text))


def downgrade():
    op.drop_column("users", "name")
