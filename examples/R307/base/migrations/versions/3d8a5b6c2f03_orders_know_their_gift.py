"""orders know their gift

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
    op.create_table("gifts", sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text))
    op.add_column("orders", sa.Column("gift_id", sa.Integer))
    op.create_foreign_key("fk_orders_gift", "orders", "gifts", ["gift_id"], ["id"], deferrable=True, initially="DEFERRED")


def downgrade():
    op.drop_constraint("fk_orders_gift", "orders", type_="foreignkey")
    op.drop_column("orders", "gift_id")
    op.drop_table("gifts")
