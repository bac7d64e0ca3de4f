"""Which metadata tells the balances of an instance apart is chosen once"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("instances", sa.Column("metadata_shown", sa.Text(), nullable=True))
