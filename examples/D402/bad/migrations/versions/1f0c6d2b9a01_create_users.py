"""create users

Revision ID: 1f0c6d2b9a01
Revises: 
"""

import sqlalchemy as sa
from alembic import op

revision = "1f0c6d2b9a01"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(255), nullable=True),
    )


def downgrade():
    op.drop_table("users")
