"""users have a mood

Revision ID: 3d8a5b6c2f03
Revises: 2e9b4c7d1a02
"""

import sqlalchemy as sa
from alembic import op

revision = "3d8a5b6c2f03"
down_revision = "2e9b4c7d1a02"
branch_labels = None
depends_on = None

mood = sa.Enum("happy", "sad", name="mood")


def upgrade():
    mood.create(op.get_bind())
    op.add_column("users", sa.Column("mood", mood))


def downgrade():
    op.drop_column("users", "mood")
    mood.drop(op.get_bind())
