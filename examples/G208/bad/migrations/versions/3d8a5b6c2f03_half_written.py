"""orders know when they were paid"""

from alembic import op

revision = "3d8a5b6c2f03"
down_revision = "2e9b4c7d1a02"


def upgrade():
<<<<<<< HEAD
    op.execute("ALTER TABLE orders ADD COLUMN paid_at timestamptz")
=======
    op.execute("ALTER TABLE orders ADD COLUMN paid_on date")
>>>>>>> feature
