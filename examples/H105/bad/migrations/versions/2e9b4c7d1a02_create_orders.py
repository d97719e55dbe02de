"""create the orders table

Revision ID: 2e9b4c7d1a02
Revises: 1f0c6d2b9a01
"""

from typing import Optional

from alembic import op
import sqlalchemy as sa


revision: str = '2e9b4c7d1a02'
down_revision: Optional[str] = '1f0c6d2b9a01'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Orders belong to users."""
    op.create_table(
        'orders', sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('user_id', sa.Integer, sa.ForeignKey('users.id'), nullable=False),
        sa.Column('total', sa.Numeric(10, 2), nullable=False),  # in euros
    )


def downgrade() -> None:
    op.drop_table('orders')
