"""Whoever did something is recorded with what is known of them: a name, an account, or a person who signed in"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_HAVE_NO_KIND = (
    ("imports", "who"),
    ("imports", "confirmed_by"),
    ("repairs", "who"),
    ("mappings", "who"),
    ("notes", "who"),
    ("stops", "who"),
)


def upgrade() -> None:
    """What was written before stays someone's who gave a name; only events know the app itself."""
    for table, prefix in _HAVE_NO_KIND:
        op.add_column(table, sa.Column(f"{prefix}_kind", sa.Text(), server_default="name", nullable=False))
    for table, prefix in (*_HAVE_NO_KIND, ("events", "who")):
        op.add_column(table, sa.Column(f"{prefix}_email", sa.Text(), nullable=True))
        op.add_column(table, sa.Column(f"{prefix}_identity", sa.Text(), nullable=True))
