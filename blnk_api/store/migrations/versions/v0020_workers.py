"""Workers on several machines say what they could send to, and a check of a file makes an earlier one void"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("senders", sa.Column("reaches", sa.Text(), nullable=True))
    op.add_column("imports", sa.Column("check_token", sa.Text(), nullable=True))
