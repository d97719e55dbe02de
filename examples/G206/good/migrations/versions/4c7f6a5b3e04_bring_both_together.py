"""bring both together

Revision ID: 4c7f6a5b3e04
Revises: 2e9b4c7d1a02, 3d8a5b6c2f03
"""

revision = "4c7f6a5b3e04"
down_revision = ("2e9b4c7d1a02", "3d8a5b6c2f03")
branch_labels = None
depends_on = None


def upgrade():
    pass


def downgrade():
    pass
