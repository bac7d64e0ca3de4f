"""The tables of the store. A change here needs a numbered migration in `migrations/versions`.

Times are seconds since 1970, UTC. JSON is stored as text or bytes made by orjson: the bulk functions write a
million of them, and a body is sent exactly as it was stored.
"""

from blnk_api.store.tables.approval import approval_decisions, approvals
from blnk_api.store.tables.base import metadata
from blnk_api.store.tables.drafts import known_in_blnk, mappings
from blnk_api.store.tables.files_and_keys import desk_keys, kept_files, kept_pieces, tokens
from blnk_api.store.tables.for_people import notes, people, receipts, sessions
from blnk_api.store.tables.history import desk_events, events, repairs, trail, trail_heads
from blnk_api.store.tables.imports_and_rows import counts, imports, instances, is_one_of, rows
from blnk_api.store.tables.notifications import deliveries, notices
from blnk_api.store.tables.sending import (
    attempts,
    duplicate_looks,
    home,
    late_looks,
    leases,
    senders,
    stops,
    superseded,
)

__all__ = [
    "approval_decisions",
    "approvals",
    "attempts",
    "counts",
    "deliveries",
    "desk_events",
    "desk_keys",
    "duplicate_looks",
    "events",
    "home",
    "imports",
    "instances",
    "is_one_of",
    "kept_files",
    "kept_pieces",
    "known_in_blnk",
    "late_looks",
    "leases",
    "mappings",
    "metadata",
    "notes",
    "notices",
    "people",
    "receipts",
    "repairs",
    "rows",
    "senders",
    "sessions",
    "stops",
    "superseded",
    "tokens",
    "trail",
    "trail_heads",
]
