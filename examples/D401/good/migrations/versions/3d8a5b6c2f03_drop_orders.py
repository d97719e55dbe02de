"""drop orders

Revision ID: 3d8a5b6c2f03
Revises: 2e9b4c7d1a02
"""

revision = "3d8a5b6c2f03"
down_revision = "2e9b4c7d1a02"
branch_labels = None
depends_on = None


def upgrade():
    op.drop_table("orders")


def downgrade():
    op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True))
