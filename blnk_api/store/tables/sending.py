"""Sending: attempts, later look-ups, rows that another import fixes; who is the sender, and whether it may
send."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from blnk_api.store.people import stored_actor
from blnk_api.store.tables.base import BIG, metadata

attempts = Table(
    "attempts",
    metadata,
    Column("row", BIG, ForeignKey("rows.id"), primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("claim", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("outcome", Text),
    Column("status", Integer),
    Column("message", Text),
    Column("balance_id", Text),
    Column("request_id", Text),  # by which Blnk finds its answer, if the answer contained one
    sqlite_with_rowid=False,
)

late_looks = Table(
    "late_looks",
    metadata,
    Column("row", BIG, ForeignKey("rows.id"), primary_key=True, autoincrement=False),
    Column("ref", Text, primary_key=True),  # under which it was sent: a row that is fixed gets a new one
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    Column("instance", Integer, nullable=False),
    Column("since", Float, nullable=False),  # when it was called not created
    Column("next_at", Float),  # none: it was looked up for the last time
    Column("looked_at", Float),  # the last look-up that was answered
    Index("late_looks_due", "instance", "next_at"),
    Index("late_looks_of_import", "import_", "next_at"),
    sqlite_with_rowid=False,
)

duplicate_looks = Table(
    "duplicate_looks",  # rows that another desk may have created at the same moment
    metadata,
    Column("row", BIG, ForeignKey("rows.id"), primary_key=True, autoincrement=False),
    Column("ref", Text, nullable=False),  # under which it was sent
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    Column("instance", Integer, nullable=False),
    Column("since", Float, nullable=False),  # when it was claimed
    Column("next_at", Float, nullable=False),
    Index("duplicate_looks_due", "instance", "next_at"),
    sqlite_with_rowid=False,
)

superseded = Table(
    "superseded",
    metadata,
    # One fix for each row: a second one finds it taken.
    Column("row", BIG, ForeignKey("rows.id"), primary_key=True, autoincrement=False),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),  # that fixes it
    Column("was", Text, nullable=False),  # the row's state before
    Index("superseded_by_import", "import_"),
    sqlite_with_rowid=False,
)

senders = Table(
    "senders",  # processes that send, or wait to
    metadata,
    Column("token", Text, primary_key=True),
    Column("owner", Text, nullable=False),  # which app or command line started it
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("since", Float, nullable=False),
    Column("beat_at", Float, nullable=False),
    Column("serves", Text, nullable=False),  # JSON: numbers of the instances that it sends to
    Column("reaches", Text),  # JSON: those that it could send to; only of a worker, which takes jobs
)

leases = Table(
    "leases",  # on Postgres, who may send to an instance; on SQLite a file lock says that
    metadata,
    Column("instance", Integer, primary_key=True, autoincrement=False),  # 0: what is done once for the desk
    Column("token", Text, nullable=False),  # its holder's; empty where it was released
    Column("seconds", Float, nullable=False),  # after the last beat, until another may take it over
    Column("since", Float, nullable=False),  # this and the next by the database's clock
    Column("beat_at", Float, nullable=False),
)

home = Table(
    "home",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one
    Column("place", Text, nullable=False),
    Column("since", Float, nullable=False),
)

stops = Table(
    "stops",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("instance", Integer, ForeignKey("instances.id")),  # none: the whole desk
    Column("stopped", Boolean, nullable=False),  # false: the stop was lifted
    *stored_actor.columns(),
    Column("at", Float, nullable=False),
    Column("reason", Text),  # what to do before it is lifted, if a restore stopped it
)
