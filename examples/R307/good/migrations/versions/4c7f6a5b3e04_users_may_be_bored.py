"""users may be bored

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
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE mood ADD VALUE 'bored'")


def downgrade():
    raise NotImplementedError("PostgreSQL cannot take a label out of an enum")
