"""The store's tables. A change here comes with a numbered migration in `migrations/versions`.

Times are seconds since 1970, UTC. JSON is kept as text or bytes made by orjson: the bulk paths write a
million of them, and a body is sent exactly as it was stored.
"""

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
    MetaData,
    Table,
    Text,
    literal_column,
    text,
)

from blnk_api.store.people import stored_actor
from blnk_api.store.states import RowState

metadata = MetaData()

_BIG = BigInteger().with_variant(Integer, "sqlite")

instances = Table(
    "instances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("base_url", Text, nullable=False),
    Column("instance_id", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("learned_per_minute", Float),  # what 429s taught us; none when never told
    Column("not_before", Float),  # no request before this moment: Blnk's own Retry-After, or the breaker's
    Column("breaker", Text),  # JSON of the breaker, so that a restart does not forget an outage
    Column("settle_seconds", Float),  # how long a row in doubt settles, as the last sender had it
    Column("metadata_shown", Text),  # JSON list: the keys that tell balances apart here; none: not chosen
    Column("pages_read_at", Float),  # when a page last asked Blnk something: a tenth is kept for pages then
    Index("one_instance", "base_url", "instance_id", "environment", unique=True),
)

imports = Table(
    "imports",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # file, form
    Column("instance", Integer, ForeignKey("instances.id"), nullable=False),
    Column("connection", Text, nullable=False),  # its name at upload, for people
    Column("file_name", Text, nullable=False, server_default=""),
    Column("file_path", Text),  # below the uploads folder
    Column("file_sha256", Text),
    Column("file_bytes", Integer),
    *stored_actor.columns(),
    Column("created_at", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("stage", Text),
    Column("stage_progress", Integer, nullable=False, server_default="0"),  # records read so far
    Column("problem", Text),  # why a file cannot be used
    Column("options", Text, nullable=False, server_default="{}"),  # reading options a person chose
    Column("shape", Text),  # what was detected
    Column("mapping", Text),
    Column("version", Integer, nullable=False, server_default="1"),  # of the draft, for confirm
    Column("totals", Text, nullable=False, server_default="{}"),  # of the check: see rows.totals
    Column("accepted", Text, nullable=False, server_default="{}"),  # what a person took in: see repairs
    Column("look_again", Text),  # JSON: rows a repair changed, the only ones to look up; none: all of them
    *stored_actor.columns("confirmed_by", optional=True),
    Column("confirmed_at", Float),
    Column("paused_by", Text),
    Column("paused_reason", Text),
    Column("created_from", Text),  # Blnk's created_at of the first 201: bounds the looks
    Column("ramp", Integer, nullable=False, server_default="0"),  # 0 canary, 1 then five, 2 all
    Column("has_sent", Boolean, nullable=False, server_default=text("false")),
    Column("finished_at", Float),
    Column("findings", Text),  # JSON of the last verification
    Column("purged_at", Float),  # when the file and the rows' contents were deleted
    Column("fixes", Integer),  # the number of the import of which it fixes rows
    Column("needs_approval", Boolean, nullable=False, server_default=text("false")),  # it was asked for
    Index("imports_by_state", "state"),
    Index("imports_by_file", "file_sha256"),
    Index("imports_by_fixed", "fixes"),
)

rows = Table(
    "rows",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    Column("instance", Integer, nullable=False),
    Column("number", Integer, nullable=False),  # the record's number in the spreadsheet, header = 1
    Column("part", Text, nullable=False, server_default=""),  # the currency, where a record makes several
    Column("state", Text, nullable=False),
    Column("cells", Text),  # JSON list: the record as typed
    Column("ledger_id", Text),
    Column("currency", Text),
    Column("body", LargeBinary),  # what is sent, to the byte
    Column("ref", Text),
    Column("claim", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("server_error", Integer),  # the 5xx that Blnk answered whole, and how often in a row
    Column("server_errors", Integer, nullable=False, server_default="0"),
    Column("waits_for_person", Boolean, nullable=False, server_default=text("false")),
    Column("balance_id", Text),
    Column("why", Text),  # a word that groups rows which were left out for the same reason
    Column("message", Text),
    Column("problems", Text),  # JSON list of checking.Problem
    Column("flaws", Text),  # JSON list of file_shape.Flaw: as the file has them, before any edit
    Column("own_key", BigInteger),  # hash of the person's own unique key
    Column("twin_key", BigInteger),  # hash of what rows are compared by, where their refs do not tell it
    Column("changed_at", Float, nullable=False),
    Column("approval", BigInteger),  # which request for approval covers it: `approvals.id`
    Column("approved_body", LargeBinary),  # SHA-256 of the body that it was asked for
    Index("rows_of_import", "import_", "id"),
    Index("rows_by_state", "import_", "state", "id"),
    Index("rows_by_ref", "import_", "ref"),
    Index("rows_by_number", "import_", "number"),
)

for _name, _column in (
    ("rows_with_problems", "number"),
    ("rows_by_own_key", "own_key"),
    ("rows_by_twin_key", "twin_key"),
):
    _are_few = rows.c["problems" if _column == "number" else _column].is_not(None)
    Index(_name, rows.c.import_, rows.c[_column], sqlite_where=_are_few, postgresql_where=_are_few)

_HELD = text("state in ('SENDING', 'UNKNOWN', 'CREATED')")
Index(
    "one_row_holds_a_ref",
    rows.c.instance,
    rows.c.ref,
    unique=True,
    sqlite_where=_HELD,
    postgresql_where=_HELD,
)
_HAS_BALANCE = text("state = 'CREATED'")
Index(
    "one_row_holds_a_balance",
    rows.c.instance,
    rows.c.balance_id,
    unique=True,
    sqlite_where=_HAS_BALANCE,
    postgresql_where=_HAS_BALANCE,
)


def is_one_of(table: FromClause, states: Sequence[str]) -> ColumnElement[bool]:
    """A condition on `state` with its values written out: SQLite uses a partial index only when the
    index's own condition stands in the query, letter by letter."""
    named: list[ColumnElement[str]] = [literal_column(f"'{RowState(one)}'") for one in states]
    return table.c.state == named[0] if len(named) == 1 else table.c.state.in_(named)


attempts = Table(
    "attempts",
    metadata,
    Column("row", _BIG, ForeignKey("rows.id"), primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("claim", Text, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("outcome", Text),
    Column("status", Integer),
    Column("message", Text),
    Column("balance_id", Text),
    Column("request_id", Text),  # by which Blnk finds its answer, where the answer named one
    sqlite_with_rowid=False,
)

late_looks = Table(
    "late_looks",
    metadata,
    Column("row", _BIG, ForeignKey("rows.id"), primary_key=True, autoincrement=False),
    Column("ref", Text, primary_key=True),  # under which it was sent: a row that is fixed gets another one
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    Column("instance", Integer, nullable=False),
    Column("since", Float, nullable=False),  # when it was called not created
    Column("next_at", Float),  # none: it was looked up for the last time
    Column("looked_at", Float),  # the last look that was answered
    Index("late_looks_due", "instance", "next_at"),
    Index("late_looks_of_import", "import_", "next_at"),
    sqlite_with_rowid=False,
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    *stored_actor.columns("asked_by"),
    Column("asked_at", Float, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("digest", Text, nullable=False),  # over the rows' ids and bodies: see approvals.requests
    Column("approvers", Integer, nullable=False),  # how many people have to approve it
    Column("days", Integer, nullable=False),  # how long it waits, and then holds
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
    Column("approval", _BIG, ForeignKey("approvals.id"), primary_key=True, autoincrement=False),
    Column("person", Text, primary_key=True),  # issuer and subject, as JSON: each decides once
    *stored_actor.columns(),
    Column("at", Float, nullable=False),
    Column("approves", Boolean, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

superseded = Table(
    "superseded",
    metadata,
    # One fix for each row: whoever comes second finds it taken.
    Column("row", _BIG, ForeignKey("rows.id"), primary_key=True, autoincrement=False),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),  # that fixes it
    Column("was", Text, nullable=False),  # the row's state before
    Index("superseded_by_import", "import_"),
    sqlite_with_rowid=False,
)

counts = Table(
    "counts",
    metadata,
    Column("import", Integer, ForeignKey("imports.number"), primary_key=True, key="import_"),
    Column("state", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    Column("row", _BIG),
    Column("at", Float, nullable=False),
    *stored_actor.columns(),
    Column("what", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default="{}"),
    Column("form", Integer),  # see trail.hashes; none: from before there was a trail
    Index("events_of_import", "import_", "id"),
)

repairs = Table(
    "repairs",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("import", Integer, ForeignKey("imports.number"), nullable=False, key="import_"),
    Column("number", Integer, nullable=False),  # the record's number in the spreadsheet
    Column("position", Integer),  # the column, from 0; none: the whole row, which is left out or taken in
    Column("old", Text, nullable=False),
    Column("new", Text, nullable=False),
    *stored_actor.columns(),
    Column("at", Float, nullable=False),
    Column("batch", Text, nullable=False, server_default=""),  # the act; "": from before there was a trail
    Column("salt", LargeBinary),  # none: `old` and `new` were purged
    Column("digest", Text),  # of salt, old and new: it stays
    Column("forgotten", Boolean, nullable=False, server_default=text("false")),  # the file is read otherwise
    Index("repairs_of_import", "import_", "id"),
)

trail = Table(
    "trail",  # events and edits in the order in which they were committed: see trail.chain
    metadata,
    Column("chain", Integer, primary_key=True, autoincrement=False),  # number of the import; 0: the desk
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("event", _BIG),  # of `events`, or of `desk_events`
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

known_in_blnk = Table(
    "known_in_blnk",  # what the last check of a whole file found of it in Blnk, while it is a draft
    metadata,
    Column("import", Integer, ForeignKey("imports.number"), primary_key=True, key="import_"),
    Column("at", Float, nullable=False),
    Column("known", Text, nullable=False),  # JSON of rechecking.LastCheck
)

mappings = Table(
    "mappings",
    metadata,
    Column("fingerprint", Text, primary_key=True),  # of the headers: see mapping.fingerprint
    Column("name", Text, primary_key=True),
    Column("mapping", Text, nullable=False),
    *stored_actor.columns(),
    Column("at", Float, nullable=False),
)

notes = Table(
    "notes",
    metadata,
    Column("id", _BIG, primary_key=True),
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
    Column("results_path", Text, nullable=False),  # the CSV as it stood, below the receipts folder
    Column("results_sha256", Text, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("connection_key", Text, primary_key=True),
    Column("descends_from", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", Float, nullable=False),
)

sender = Table(
    "sender",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1: there is one sender
    Column("token", Text, nullable=False),
    Column("owner", Text, nullable=False),  # which app or command line started it
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("since", Float, nullable=False),
    Column("beat_at", Float, nullable=False),
    Column("serves", Text, nullable=False),  # JSON: numbers of the instances it has credentials for
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
    Column("id", _BIG, primary_key=True),
    Column("instance", Integer, ForeignKey("instances.id")),  # none: the whole desk
    Column("stopped", Boolean, nullable=False),  # false: lifted again
    *stored_actor.columns(),
    Column("at", Float, nullable=False),
    Column("reason", Text),  # what to do before it is lifted, where a restore stopped it
)

notices = Table(
    "notices",  # what people are to be told, written in the transaction of what it tells of
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("instance", Integer, ForeignKey("instances.id"), nullable=False),
    Column("import", Integer, ForeignKey("imports.number"), key="import_"),  # none: a test
    Column("kind", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("facts", Text, nullable=False),  # JSON: how the import stood
    Column("next_at", Float),  # when it is to be looked after; none: it is over
    Index("notices_due", "next_at"),
    Index("notices_of_instance", "instance", "id"),
    Index("notices_of_import", "import_", "id"),
)

deliveries = Table(
    "deliveries",  # of a notice to one address; addresses are secrets, so only a hash of each is kept
    metadata,
    Column("notice", _BIG, ForeignKey("notices.id"), primary_key=True, autoincrement=False),
    Column("address", Text, primary_key=True),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("next_at", Float),  # none: it is over
    Column("sent_at", Float),
    Column("problem", Text),  # why it was not taken the last time
    sqlite_with_rowid=False,
)

people = Table(
    "people",
    metadata,
    Column("browser", Text, primary_key=True),  # a random value in a cookie of that browser
    Column("name", Text, nullable=False),  # as typed once there; not verified
    Column("at", Float, nullable=False),
)

desk_events = Table(
    "desk_events",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("at", Float, nullable=False),
    *stored_actor.columns(),
    Column("what", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=""),
    Column("form", Integer),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # SHA-256 of what the browser's cookie holds
    Column("provider", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("email_verified", Boolean, nullable=False),
    Column("claims", Text, nullable=False),  # JSON: what else roles depend on
    Column("begun_at", Float, nullable=False),
    Column("seen_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("ended_how", Text),  # see sessions.EndedHow
    Column("ended_by", Text, nullable=False, server_default=""),
    Index("sessions_seen", "ended_at", "seen_at"),
)

kept_files = Table(
    "kept_files",  # uploads and saved results, where no data folder has them: on Postgres
    metadata,
    Column("name", Text, primary_key=True),  # such as uploads/imp_1/file
    Column("content", Text, nullable=False),  # of its pieces; never used again
    Column("bytes", BigInteger, nullable=False),
    Column("at", Float, nullable=False),
)

kept_pieces = Table(
    "kept_pieces",
    metadata,
    Column("content", Text, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),  # 1 MB, the last one less
)

desk_keys = Table(
    "desk_keys",  # secrets that all page servers share, where no data folder has them: on Postgres
    metadata,
    Column("name", Text, primary_key=True),  # links
    Column("value", Text, nullable=False),
)
