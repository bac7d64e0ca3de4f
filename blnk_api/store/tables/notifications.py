"""Notifications, and each delivery."""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, Table, Text

from blnk_api.store.tables.base import BIG, metadata

notices = Table(
    "notices",  # notifications, written in the transaction of what they report
    metadata,
    Column("id", BIG, primary_key=True),
    Column("instance", Integer, ForeignKey("instances.id"), nullable=False),
    Column("import", Integer, ForeignKey("imports.number"), key="import_"),  # none: a test
    Column("kind", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("facts", Text, nullable=False),  # JSON: the state of the import
    Column("next_at", Float),  # when it needs attention; none: it is finished
    Index("notices_due", "next_at"),
    Index("notices_of_instance", "instance", "id"),
    Index("notices_of_import", "import_", "id"),
)

deliveries = Table(
    "deliveries",  # of a notification to one address; addresses are secrets, so only a hash of each is stored
    metadata,
    Column("notice", BIG, ForeignKey("notices.id"), primary_key=True, autoincrement=False),
    Column("address", Text, primary_key=True),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_at", Float),  # none: it is finished
    Column("sent_at", Float),
    Column("problem", Text),  # why the last try failed
    sqlite_with_rowid=False,
)
