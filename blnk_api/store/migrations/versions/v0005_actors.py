"""Events say what kind of actor did it: a name that somebody typed is not the app's own"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ONLY_THE_APP = (
    "late answer",
    "second balance",
    "made late",
    "looked up for the last time",
    "interrupted",
    "found",
    "absent",
    "receipt",
    "purged",
    "verified",
    "unreadable",
    "expired",
)


def upgrade() -> None:
    """An entry of before is the app's own only where no person could have made it. Anybody could call
    themselves the sender, and then resume an import."""
    op.add_column("events", sa.Column("who_kind", sa.Text(), server_default="name", nullable=False))
    events = sa.table(
        "events", *(sa.column(name, sa.Text()) for name in ("who", "who_kind", "what", "detail"))
    )
    by_itself = sa.or_(
        events.c.what.in_(_ONLY_THE_APP),
        sa.and_(events.c.what == "paused", events.c.detail.not_like('%"by":"person"%')),
    )
    op.execute(
        sa.update(events)
        .where(events.c.who.in_(("the sender", "the check")), by_itself)
        .values(who_kind="system")
    )
