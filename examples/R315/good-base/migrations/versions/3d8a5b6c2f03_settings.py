"""settings

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
    op.create_table(
        "settings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False),
    )


def downgrade():
    op.drop_table("settings")
