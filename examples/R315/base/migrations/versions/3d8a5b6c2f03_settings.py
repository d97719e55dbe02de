"""settings

Revision ID: 3d8a5b6c2f03
Revises: 2e9b4c7d1a02
"""

from alembic import op

from models import settings

revision = "3d8a5b6c2f03"
down_revision = "2e9b4c7d1a02"
branch_labels = None
depends_on = None


def upgrade():
    settings.create(op.get_bind())


def downgrade():
    settings.drop(op.get_bind())
