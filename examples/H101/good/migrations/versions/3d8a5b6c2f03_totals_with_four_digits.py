"""totals with four digits

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
    op.alter_column("orders", "total", type_=sa.Numeric(12, 4))


def downgrade():
    op.alter_column("orders", "total", type_=sa.Numeric(10, 2))
