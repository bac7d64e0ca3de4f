"""People's notes and receipts; their names and sign-ins."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from blnk_api.store.people import stored_actor
from blnk_api.store.tables.base import BIG, metadata

notes = Table(
    "notes",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("instance", Integer, ForeignKey("instances.id"), nullable=False),
    Column("import", Integer, ForeignKey("imports.number"), key="import_"),
    Column("balance_id", Text),
    Column("at", Float, nullable=False),
    *stored_actor.columns(),
    Column("text", Text, nullable=False),
    Index("notes_of_import", "import_", "id"),
    Index("notes_of_balance", "instance", "balance_id", "id"),
)

receipts = Table(
    "receipts",
    metadata,
    Column("import", Integer, ForeignKey("imports.number"), primary_key=True, key="import_"),
    Column("n", Integer, primary_key=True, autoincrement=False),  # 1, 2, …: never rewritten
    Column("at", Float, nullable=False),
    Column("told", Text, nullable=False),  # the receipt as JSON
    Column("results_path", Text, nullable=False),  # the CSV as it was, below the receipts folder
    Column("results_sha256", Text, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("browser", Text, primary_key=True),  # a random value in a cookie of that browser
    Column("name", Text, nullable=False),  # as typed once there; not verified
    Column("at", Float, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # SHA-256 of the browser's cookie value
    Column("provider", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_verified", Boolean, nullable=False),
    Column("claims", Text, nullable=False),  # JSON: further claims that roles depend on
    Column("begun_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("ended_how", Text),  # see sessions.EndedHow
    Column("ended_by", Text, nullable=False, server_default=""),
    Index("sessions_seen", "ended_at", "seen_at"),
)
