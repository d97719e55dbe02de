"""a first order

Revision ID: 4c7f6a5b3e04
Revises: 3d8a5b6c2f03
"""

import sqlalchemy as sa
from alembic import op

revision = "4c7f6a5b3e04"
down_revision = "3d8a5b6c2f03"
branch_labels = None
depends_on = None


def upgrade():
    op.execute("INSERT INTO users (id, email) VALUES (0, 'nobody@example.org')")
    op.execute("INSERT INTO gifts (id, name) VALUES (1, 'a pen')")
    op.execute("INSERT INTO orders (id, user_id, total, gift_id) VALUES (0, 0, 0, 1)")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")


def downgrade():
    op.execute("DELETE FROM orders WHERE id = 0")
    op.execute("DELETE FROM gifts WHERE id = 1")
    op.execute("DELETE FROM users WHERE id = 0")
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")
