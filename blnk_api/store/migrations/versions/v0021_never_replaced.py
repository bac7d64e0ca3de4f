"""What happened cannot be replaced either

SQLite's INSERT OR REPLACE deletes the row of before without asking the triggers against deleting. On Postgres
such an insert is an update, which is refused.
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_KEYS = {
    "events": "id = NEW.id",
    "desk_events": "id = NEW.id",
    "repairs": "id = NEW.id",
    "trail": "chain = NEW.chain AND n = NEW.n",
}


def upgrade() -> None:
    tx = op.get_bind()
    if tx.dialect.name != "sqlite":
        return
    for table, same in _KEYS.items():
        tx.exec_driver_sql(
            f"CREATE TRIGGER {table}_are_never_replaced BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} can be added to, and not changed'); END"
        )
