"""A second person approves imports"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "imports",
        sa.Column("needs_approval", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("rows", sa.Column("approval", sa.BigInteger(), nullable=True))
    op.add_column("rows", sa.Column("approved_body", sa.LargeBinary(), nullable=True))
    op.create_table(
        "approvals",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("import", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_by_kind", sa.Text(), server_default="name", nullable=False),
        sa.Column("asked_by_email", sa.Text(), nullable=True),
        sa.Column("asked_by_identity", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.Float(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("approvers", sa.Integer(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lapses_at", sa.Float(), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=True),
        sa.Column("told_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["import"], ["imports.number"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("approvals_of_import", "approvals", ["import", "id"])
    op.create_index("approvals_by_state", "approvals", ["state", "lapses_at"])
    op.create_table(
        "approval_decisions",
        sa.Column("approval", _BIG, autoincrement=False, nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("who_kind", sa.Text(), server_default="name", nullable=False),
        sa.Column("who_email", sa.Text(), nullable=True),
        sa.Column("who_identity", sa.Text(), nullable=True),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("approves", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["approval"], ["approvals.id"]),
        sa.PrimaryKeyConstraint("approval", "person"),
        sqlite_with_rowid=False,
    )
