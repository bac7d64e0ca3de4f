"""Why sending was stopped, where no person did it"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stops", sa.Column("reason", sa.Text()))
