"""What people are told of imports, and which address has taken it"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("instance", sa.Integer(), nullable=False),
        sa.Column("import", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["instance"], ["instances.id"]),
        sa.ForeignKeyConstraint(["import"], ["imports.number"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("notices_due", "notices", ["next_at"])
    op.create_index("notices_of_instance", "notices", ["instance", "id"])
    op.create_index("notices_of_import", "notices", ["import", "id"])
    op.create_table(
        "deliveries",
        sa.Column("notice", _BIG, autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_at", sa.Float(), nullable=True),
        sa.Column("sent_at", sa.Float(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["notice"], ["notices.id"]),
        sa.PrimaryKeyConstraint("notice", "address"),
        sqlite_with_rowid=False,
    )
