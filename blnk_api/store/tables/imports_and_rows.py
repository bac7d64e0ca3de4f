"""Instances, imports and their rows in their current state. What happened to them is in `history`."""

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    FromClause,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    literal_column,
    text,
)

from blnk_api.store.people import stored_actor
from blnk_api.store.states import RowState
from blnk_api.store.tables.base import BIG, ONLY_ON, metadata

instances = Table(
    "instances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("base_url", Text, nullable=False),
    Column("instance_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("learned_per_minute", Float),  # what 429s taught us; none before the first
    Column("not_before", Float),  # no request before this time: Blnk's own Retry-After, or the breaker's
    Column("breaker", Text),  # JSON of the breaker, so that a restart does not forget an outage
    Column("settle_seconds", Float),  # how long a row in doubt settles, as the last sender had it
    Column("metadata_shown", Text),  # JSON list: the keys that identify balances here; none: not chosen
    Column("pages_read_at", Float),  # a page's last read from Blnk: then a tenth of the rate is reserved
    Index("one_instance", "base_url", "instance_id", "environment", unique=True),
)

imports = Table(
    "imports",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # file, form
    Column("instance", Integer, ForeignKey("instances.id"), nullable=False),
    Column("connection", Text, nullable=False),  # its name at upload, for display
    Column("file_name", Text, nullable=False, server_default=""),
    Column("file_path", Text),  # below the uploads folder
    Column("file_sha256", Text),
    Column("file_bytes", Integer),
    *stored_actor.columns(),
    Column("created_at", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("stage", Text),
    Column("stage_progress", Integer, nullable=False, server_default="0"),  # records read so far
    Column("check_token", Text),  # of the check that reads its file: what an earlier one writes is refused
    Column("problem", Text),  # why a file cannot be used
    Column("options", Text, nullable=False, server_default="{}"),  # reading options that a person chose
    Column("shape", Text),  # what was detected
    Column("mapping", Text),
    Column("version", Integer, nullable=False, server_default="1"),  # of the draft, for confirm
    Column("totals", Text, nullable=False, server_default="{}"),  # of the check: see rows.totals
    Column("accepted", Text, nullable=False, server_default="{}"),  # what a person accepted: see repairs
    Column("look_again", Text),  # JSON: the only rows to look up, because they were edited; none: all of them
    *stored_actor.columns("confirmed_by", optional=True),
    Column("confirmed_at", Float),
    Column("paused_by", Text),
    Column("paused_reason", Text),
    Column("created_from", Text),  # Blnk's created_at of the first 201: a bound for look-ups
    Column("ramp", Integer, nullable=False, server_default="0"),  # 0 canary, 1 then five, 2 all
    Column("has_sent", Boolean, nullable=False, server_default=text("false")),
    Column("finished_at", Float),
    Column("findings", Text),  # JSON of the last verification
    Column("purged_at", Float),  # when the file and the rows' contents were deleted
    Column("fixes", Integer),  # the number of the import whose rows it fixes
    Column("needs_approval", Boolean, nullable=False, server_default=text("false")),  # approval was requested
    Index("imports_by_state", "state"),
    Index("imports_by_file", "file_sha256"),
    Index("imports_by_fixed", "fixes"),
)

rows = Table(
    "rows",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    Column("instance", Integer, nullable=False),
    Column("number", Integer, nullable=False),  # the record's number in the spreadsheet, header = 1
    Column("part", Text, nullable=False, server_default=""),  # the currency, if a record makes several
    Column("state", Text, nullable=False),
    Column("cells", Text),  # JSON list: the record as typed
    Column("ledger_id", Text),
    Column("currency", Text),
    Column("body", LargeBinary),  # what is sent, to the byte
    Column("ref", Text),
    Column("claim", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("server_error", Integer),  # the 5xx that Blnk answered completely, and how often in a row
    Column("server_errors", Integer, nullable=False, server_default="0"),
    Column("waits_for_person", Boolean, nullable=False, server_default=text("false")),
    Column("balance_id", Text),
    Column("why", Text),  # a word that groups rows which were skipped for the same reason
    Column("message", Text),
    Column("problems", Text),  # JSON list of checking.Problem
    Column("flaws", Text),  # JSON list of file_shape.Flaw: as the file has them, before any edit
    Column("own_key", BigInteger),  # hash of the reference value
    Column("twin_key", BigInteger),  # hash of what rows are compared by, if their refs do not show it
    Column("changed_at", Float, nullable=False),
    Column("approval", BigInteger),  # which request for approval covers it: `approvals.id`
    Column("approved_body", LargeBinary),  # SHA-256 of the body for which approval was requested
    Index("rows_of_import", "import_", "id"),
    Index("rows_by_state", "import_", "state", "id"),
    Index("rows_by_number", "import_", "number"),
)

ROWS_PER_BLOCK = 100_000
BLOCK = rows.c.number.op("/", return_type=Integer())(literal_column(str(ROWS_PER_BLOCK)))
"""The part of its file that a row is in. Refs are hashes: in an index of a whole long file, each row that is
written would change another page. On SQLite they are indexed within a block. See `search.row_blocks`."""

Index("rows_by_ref", rows.c.import_, rows.c.ref, info={ONLY_ON: "postgresql"})
Index("rows_by_block_and_ref", rows.c.import_, BLOCK, rows.c.ref, info={ONLY_ON: "sqlite"})

# These are partial on Postgres too, by the migrations. To name its dialect here would load it for SQLite too.
for _name, _column in (
    ("rows_with_problems", "number"),
    ("rows_by_own_key", "own_key"),
    ("rows_by_twin_key", "twin_key"),
):
    _are_few = rows.c["problems" if _column == "number" else _column].is_not(None)
    Index(_name, rows.c.import_, rows.c[_column], sqlite_where=_are_few)

_HELD = text("state in ('SENDING', 'UNKNOWN', 'CREATED')")

Index(
    "one_row_holds_a_ref",
    rows.c.instance,
    rows.c.ref,
    unique=True,
    sqlite_where=_HELD,
)

_HAS_BALANCE = text("state = 'CREATED'")

Index(
    "one_row_holds_a_balance",
    rows.c.instance,
    rows.c.balance_id,
    unique=True,
    sqlite_where=_HAS_BALANCE,
)


def is_one_of(table: FromClause, states: Sequence[str]) -> ColumnElement[bool]:
    """A condition on `state` with its values written out: SQLite uses a partial index only if the query
    contains the index's own condition, letter by letter."""
    named: list[ColumnElement[str]] = [literal_column(f"'{RowState(one)}'") for one in states]
    return table.c.state == named[0] if len(named) == 1 else table.c.state.in_(named)


counts = Table(
    "counts",
    metadata,
    Column("import", Integer, ForeignKey("imports.number"), primary_key=True, key="import_"),
    Column("state", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    sqlite_with_rowid=False,
)
