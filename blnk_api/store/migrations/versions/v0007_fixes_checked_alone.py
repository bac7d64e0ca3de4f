"""Rows keep what a fix of one of them can be checked by, without the file and the other rows"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rows of before have neither keys nor flaws, and drafts no facts: their whole file is checked once more
    before a fix in them can be checked alone."""
    op.add_column("rows", sa.Column("flaws", sa.Text()))
    op.add_column("rows", sa.Column("own_key", sa.BigInteger()))
    op.add_column("rows", sa.Column("twin_key", sa.BigInteger()))
    for name, column, filled in (
        ("rows_with_problems", "number", "problems"),
        ("rows_by_own_key", "own_key", "own_key"),
        ("rows_by_twin_key", "twin_key", "twin_key"),
    ):
        are_few = sa.text(f"{filled} IS NOT NULL")
        op.create_index(name, "rows", ["import", column], sqlite_where=are_few, postgresql_where=are_few)
    op.create_table(
        "known_in_blnk",
        sa.Column("import", sa.Integer(), sa.ForeignKey("imports.number"), primary_key=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("known", sa.Text(), nullable=False),
    )
