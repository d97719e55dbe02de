"""loyalty tiers

Revision ID: e5b6a4f9c605
Revises: c9f3e2d7a403
"""

import sqlalchemy as sa
from alembic import op

revision = "e5b6a4f9c605"
down_revision = "c9f3e2d7a403"
branch_labels = None
depends_on = None

tier = sa.Enum("bronze", "silver", "gold", name="tier")


def upgrade():
    tier.create(op.get_bind())
    op.add_column("customers", sa.Column("tier", tier, server_default="bronze"))


def downgrade():
    op.drop_column("customers", "tier")
