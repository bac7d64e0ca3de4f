"""Each instance has a sender of its own, which holds a lease on it

On Postgres, programs that know only the lock of one sender for all claim nothing from here on: what they would
write when they claim is refused until they notice that the schema is a later one, and end.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION refuse_claims_without_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('balance_desk.knows_leases', true), '') = '' THEN
        RAISE EXCEPTION 'a later version of Balance Desk sends from this database';
    END IF;
    RETURN NULL;
END $$
"""
_ASK = """
CREATE TRIGGER claims_know_leases BEFORE INSERT ON attempts
FOR EACH STATEMENT EXECUTE FUNCTION refuse_claims_without_lease()
"""


def upgrade() -> None:
    op.drop_table("sender")
    op.create_table(
        "senders",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("beat_at", sa.Float(), nullable=False),
        sa.Column("serves", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("token"),
    )
    op.create_table(
        "leases",
        sa.Column("instance", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("beat_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("instance"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE)
        op.execute(_ASK)
