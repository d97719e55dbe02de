"""customers

Revision ID: a3d1c0b5e201
Revises: 
"""

import sqlalchemy as sa
from alembic import op

revision = "a3d1c0b5e201"
down_revision = None
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "customers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(255), nullable=False, unique=True),
    )


def downgrade():
    op.drop_table("customers")
