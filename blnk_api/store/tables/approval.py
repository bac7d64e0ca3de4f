"""Requests for approval by a second person, and the decisions."""

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, Table, Text

from blnk_api.store.people import stored_actor
from blnk_api.store.tables.base import BIG, metadata

approvals = Table(
    "approvals",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    *stored_actor.columns("asked_by"),
    Column("asked_at", Float, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("digest", Text, nullable=False),  # of the rows' ids and bodies: see approvals.requests
    Column("approvers", Integer, nullable=False),  # how many people must approve it
    Column("days", Integer, nullable=False),  # how long it waits, and is then valid
    Column("state", Text, nullable=False),  # see approvals.requests.RequestState
    Column("lapses_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("told_at", Float),  # when people were notified that it is about to lapse
    Index("approvals_of_import", "import_", "id"),
    Index("approvals_by_state", "state", "lapses_at"),
)

approval_decisions = Table(
    "approval_decisions",
    metadata,
    Column("approval", BIG, ForeignKey("approvals.id"), primary_key=True, autoincrement=False),
    Column("person", Text, primary_key=True),  # issuer and subject, as JSON: each decides once
    *stored_actor.columns(),
    Column("at", Float, nullable=False),
    Column("approves", Boolean, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
