"""customers from the old shop

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
    old_shop = sa.create_engine("postgresql+psycopg://reader:secret@old-shop.example.org/shop")
    with old_shop.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
    op.add_column("users", sa.Column("old_id", sa.Integer))


def downgrade():
    op.drop_column("users", "old_id")
