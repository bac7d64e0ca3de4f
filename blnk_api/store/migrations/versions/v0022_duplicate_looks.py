"""Rows that are looked up once more because another desk may have created them at the same moment"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "duplicate_looks",
        sa.Column("row", _BIG, autoincrement=False, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("import", sa.Integer(), nullable=False),
        sa.Column("instance", sa.Integer(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["import"], ["imports.number"]),
        sa.ForeignKeyConstraint(["row"], ["rows.id"]),
        sa.PrimaryKeyConstraint("row"),
        sqlite_with_rowid=False,
    )
    op.create_index("duplicate_looks_due", "duplicate_looks", ["instance", "next_at"])
