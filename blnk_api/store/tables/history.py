"""What happened and who did it, never changed: events, edits, and the trail that links them."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from blnk_api.store.people import stored_actor
from blnk_api.store.tables.base import BIG, metadata

events = Table(
    "events",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    Column("row", BIG),
    Column("at", Float, nullable=False),
    *stored_actor.columns(),
    Column("what", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default="{}"),
    Column("form", Integer),  # see trail.hashes; none: from before the trail existed
    Index("events_of_import", "import_", "id"),
)

desk_events = Table(
    "desk_events",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("at", Float, nullable=False),
    *stored_actor.columns(),
    Column("what", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("form", Integer),
)

repairs = Table(
    "repairs",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    Column("number", Integer, nullable=False),  # the record's number in the spreadsheet
    Column("position", Integer),  # the column, from 0; none: the whole row, which is skipped or included
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    *stored_actor.columns(),
    Column("at", Float, nullable=False),
    Column("batch", Text, nullable=False, server_default=""),  # the act; "": from before the trail existed
    Column("salt", LargeBinary),  # none: `old` and `new` were purged
    Column("digest", Text),  # of salt, old and new; never deleted
    Column(
        "forgotten", Boolean, nullable=False, server_default=text("false")
    ),  # the file is now read differently
    Index("repairs_of_import", "import_", "id"),
)

trail = Table(
    "trail",  # events and edits in commit order: see trail.chain
    metadata,
    Column("chain", Integer, primary_key=True, autoincrement=False),  # number of the import; 0: the desk
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("event", BIG),  # of `events`, or of `desk_events`
    Column("edits", Text),  # a batch of `repairs`
    Column("link", Text, nullable=False),
    sqlite_with_rowid=False,
)

trail_heads = Table(
    "trail_heads",
    metadata,
    Column("chain", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False),
    Column("link", Text, nullable=False),
    sqlite_with_rowid=False,
)
