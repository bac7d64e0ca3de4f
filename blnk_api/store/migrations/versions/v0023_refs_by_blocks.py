"""SQLite indexes refs within blocks of a file"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("rows_by_ref", "rows")
        op.create_index("rows_by_block_and_ref", "rows", ["import", sa.text("number / 100000"), "ref"])
