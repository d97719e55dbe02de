"""products

Revision ID: b7e2d1c6f302
Revises: a3d1c0b5e201
"""

import sqlalchemy as sa
from alembic import op

revision = "b7e2d1c6f302"
down_revision = "a3d1c0b5e201"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "products",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("price", sa.Numeric(10, 2), nullable=False),
    )
    op.execute("INSERT INTO products (name, price) VALUES ('Gift card', 25.00)")


def downgrade():
    op.drop_table("products")
