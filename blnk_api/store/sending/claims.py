"""Moves rows to SENDING: the guarded move without which no row is ever sent.

It is committed before the POST leaves. If a second person must approve rows, the same UPDATE requires an
approval that is valid at that moment, and that the request is exactly what was approved.
"""

import hashlib
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    insert,
    literal_column,
    select,
    update,
)

from blnk_api.store.approvals.requests import RequestState
from blnk_api.store.bulk import given, run_at_once
from blnk_api.store.sending import late_records, stops
from blnk_api.store.states import HELD, RowState
from blnk_api.store.tables import approvals, attempts, imports, is_one_of, rows
from blnk_api.store.transitions import count


@dataclass(frozen=True, slots=True)
class Claimed:
    """Rows that are SENDING under one token. `tries` is the number of each row's attempt."""

    token: str
    tries: dict[int, int]


def _ref_is_held() -> ColumnElement[bool]:
    other = rows.alias("other")
    return (
        select(literal_column("1"))
        .where(
            other.c.instance == rows.c.instance,
            other.c.ref == rows.c.ref,
            is_one_of(other, HELD),
            other.c.id != rows.c.id,
        )
        .correlate(rows)
        .exists()
    )


REF_IS_HELD = _ref_is_held()
"""Whether another row of the same instance, in any import, holds this row's ref."""


def refs_held(tx: Connection, row_ids: Sequence[int]) -> list[int]:
    """Which of these rows have a ref that another row holds."""
    found = tx.execute(select(rows.c.id).where(rows.c.id.in_(row_ids), REF_IS_HELD)) if row_ids else ()
    return [one.id for one in found]


_WANTED = given("wanted", at_row=rows.c.id, tries=rows.c.tries, by=rows.c.claim, at=rows.c.changed_at)


_CLAIM = (
    update(rows)
    .where(
        rows.c.id == _WANTED.c.at_row,
        is_one_of(rows, [RowState.READY]),
        ~REF_IS_HELD,
        # A row that was sent since it was read may have been fixed: what would leave is not its content.
        rows.c.tries == _WANTED.c.tries,
    )
    .values(
        state=literal_column(f"'{RowState.SENDING}'"),
        claim=_WANTED.c.by,
        tries=rows.c.tries + literal_column("1"),
        changed_at=_WANTED.c.at,
    )
    .returning(rows.c.id, rows.c.tries)
)


_APPROVED = given(
    "approved",
    at_row=rows.c.id,
    by=rows.c.claim,
    at=rows.c.changed_at,
    body=rows.c.body,
    hash=rows.c.approved_body,
)
_HOLDS = (
    select(literal_column("1"))
    .where(
        approvals.c.id == rows.c.approval,
        approvals.c.import_ == rows.c.import_,
        approvals.c.state == literal_column(f"'{RequestState.APPROVED}'"),
        approvals.c.lapses_at > _APPROVED.c.at,
    )
    .correlate(rows, _APPROVED)
    .exists()
)
_CLAIM_APPROVED = (
    update(rows)
    .where(
        rows.c.id == _APPROVED.c.at_row,
        is_one_of(rows, [RowState.READY]),
        ~REF_IS_HELD,
        # The request was read a moment ago: it must equal what is stored, and what was approved.
        rows.c.body == _APPROVED.c.body,
        rows.c.approved_body == _APPROVED.c.hash,
        _HOLDS,
    )
    .values(
        state=literal_column(f"'{RowState.SENDING}'"),
        claim=_APPROVED.c.by,
        tries=rows.c.tries + literal_column("1"),
        changed_at=_APPROVED.c.at,
    )
    .returning(rows.c.id, rows.c.tries)
)

_BEGUN = given("begun", at_row=rows.c.id, n=attempts.c.n, claim=attempts.c.claim, at=attempts.c.started_at)
_BEGIN_ATTEMPT = insert(attempts).from_select(
    ["row", "n", "claim", "started_at"], select(_BEGUN).where(_BEGUN.c.at_row.is_not(None))
)


def claim(
    tx: Connection,
    import_: int,
    tries: Mapping[int, int],
    token: str | None = None,
    *,
    first: Collection[int] = (),
) -> Claimed:
    """Moves READY rows to SENDING and records their attempts. They may leave only after the commit. `tries`:
    the rows' ids, with the number of their attempts when they were read. `token` is known only to the caller,
    and is needed for `take_back` if the commit is in doubt. `first`: those of them that another desk may be
    sending at the same moment, which are looked up once more.

    Two kinds of rows are not claimed: one that was sent since it was read may have been fixed, and must be
    read again; one whose ref is held by another row of this instance waits for that row. Raises
    IntegrityError if another process took the ref at the same moment, or two of these rows share one; then
    nothing was claimed. While sending is stopped, nothing is claimed.
    """
    token = token or secrets.token_hex(8)
    if stops.hold_back(tx, import_):
        return Claimed(token, {})
    now = time.time()
    claimed = run_at_once(tx, _CLAIM, [(row, n, token, now) for row, n in tries.items()])
    return _begin(tx, import_, claimed, token, now, first)


def claim_approved(
    tx: Connection,
    import_: int,
    bodies: Mapping[int, bytes],
    token: str | None = None,
    *,
    first: Collection[int] = (),
) -> Claimed:
    """Like `claim`, for rows that need approval. `bodies` are the exact requests by row id."""
    token = token or secrets.token_hex(8)
    if stops.hold_back(tx, import_):
        return Claimed(token, {})
    now = time.time()
    asked = [(row, token, now, body, hashlib.sha256(body).digest()) for row, body in bodies.items()]
    return _begin(tx, import_, run_at_once(tx, _CLAIM_APPROVED, asked), token, now, first)


def _begin(
    tx: Connection,
    import_: int,
    claimed: Sequence[tuple[int, int]],
    token: str,
    now: float,
    first: Collection[int],
) -> Claimed:
    if not claimed:
        return Claimed(token, {})
    run_at_once(tx, _BEGIN_ATTEMPT, [(row, n, token, now) for row, n in claimed])
    late_records.owe_for_duplicates(tx, [row for row, _ in claimed if row in first])
    count(tx, import_, {RowState.READY: -len(claimed), RowState.SENDING: len(claimed)})
    tx.execute(
        update(imports)
        .where(imports.c.number == import_, imports.c.has_sent.is_(False))
        .values(has_sent=True)
    )
    return Claimed(token, {row: n for row, n in claimed})
