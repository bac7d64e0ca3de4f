"""Late looks at rows that were called not created after a byte of them had left"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("instances", sa.Column("settle_seconds", sa.Float(), nullable=True))
    op.create_table(
        "late_looks",
        sa.Column("row", _BIG, autoincrement=False, nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("import", sa.Integer(), nullable=False),
        sa.Column("instance", sa.Integer(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.Column("looked_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["import"], ["imports.number"]),
        sa.ForeignKeyConstraint(["row"], ["rows.id"]),
        sa.PrimaryKeyConstraint("row", "ref"),
        sqlite_with_rowid=False,
    )
    op.create_index("late_looks_due", "late_looks", ["instance", "next_at"])
    op.create_index("late_looks_of_import", "late_looks", ["import", "next_at"])
    op.execute(
        # Rows of earlier versions that may have left a balance behind: nobody has looked at them since.
        'INSERT INTO late_looks ("row", ref, "import", instance, since, next_at) '
        'SELECT rows.id, rows.ref, rows."import", rows.instance, rows.changed_at, rows.changed_at '
        "FROM rows WHERE rows.ref IS NOT NULL AND rows.state IN ('READY', 'REFUSED', 'UNKNOWN') "
        "AND (rows.state <> 'UNKNOWN' OR rows.waits_for_person) "
        'AND EXISTS (SELECT 1 FROM attempts WHERE attempts."row" = rows.id '
        "AND (attempts.outcome IS NULL OR attempts.outcome = 'unknown'))"
    )
