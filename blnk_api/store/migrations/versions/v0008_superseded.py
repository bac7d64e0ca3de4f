"""Rows that were invalid or rejected can be fixed in an import of their own"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("imports", sa.Column("fixes", sa.Integer(), nullable=True))
    op.create_index("imports_by_fixed", "imports", ["fixes"])
    op.create_table(
        "superseded",
        sa.Column("row", _BIG, autoincrement=False, nullable=False),
        sa.Column("import", sa.Integer(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["import"], ["imports.number"]),
        sa.ForeignKeyConstraint(["row"], ["rows.id"]),
        sa.PrimaryKeyConstraint("row"),
        sqlite_with_rowid=False,
    )
    op.create_index("superseded_by_import", "superseded", ["import"])
