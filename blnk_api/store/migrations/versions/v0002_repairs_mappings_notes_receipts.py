"""Repairs of drafts, saved mappings, notes and receipts"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("imports", sa.Column("accepted", sa.Text(), server_default="{}", nullable=False))
    op.add_column("imports", sa.Column("look_again", sa.Text(), nullable=True))
    op.add_column("imports", sa.Column("purged_at", sa.Float(), nullable=True))
    op.create_index("rows_by_number", "rows", ["import", "number"])
    op.create_table(
        "repairs",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("import", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("old", sa.Text(), nullable=False),
        sa.Column("new", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["import"], ["imports.number"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("repairs_of_import", "repairs", ["import", "id"])
    op.create_table(
        "mappings",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "name"),
    )
    op.create_table(
        "notes",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("instance", sa.Integer(), nullable=False),
        sa.Column("import", sa.Integer(), nullable=True),
        sa.Column("balance_id", sa.Text(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["import"], ["imports.number"]),
        sa.ForeignKeyConstraint(["instance"], ["instances.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notes_of_import", "notes", ["import", "id"])
    op.create_index("notes_of_balance", "notes", ["instance", "balance_id", "id"])
    op.create_table(
        "receipts",
        sa.Column("import", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("results_path", sa.Text(), nullable=False),
        sa.Column("results_sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["import"], ["imports.number"]),
        sa.PrimaryKeyConstraint("import", "n"),
    )
