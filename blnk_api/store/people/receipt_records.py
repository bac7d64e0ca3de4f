"""Receipts in the store: numbered for each import, only ever added, and which imports need a new one.

A finished import needs a receipt when anything happened to it since the last one. Each receipt writes an
event of its own, so the newest event shows it.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select

from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.tables import counts, events, imports, receipts, rows
from blnk_api.store.trail import chain

LOOKED_UP_SECONDS = 120.0
"""How long after canceling to wait for rows that are still being looked up."""

Contents = dict[str, Any]
"""A receipt as JSON, or part of one, structured for its page. It is never rewritten: all later versions can
show what one version wrote."""

_OVERLAP_EVENTS = 1_000
"""Postgres may show an event after one with a higher number, so the last events are examined twice."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """`contents` is everything on it; `results_path` lies below the receipts folder."""

    import_: int
    n: int
    at: float
    contents: Contents
    results_path: str
    results_sha256: str


@dataclass(frozen=True, slots=True)
class ReceiptHeading:
    """A receipt's number and time, for lists."""

    n: int
    at: float


def headings(tx: Connection, import_: int) -> list[ReceiptHeading]:
    """The receipts of an import, oldest first."""
    found = tx.execute(
        select(receipts.c.n, receipts.c.at).where(receipts.c.import_ == import_).order_by(receipts.c.n)
    )
    return [ReceiptHeading(*one) for one in found]


def find(tx: Connection, import_: int, n: int) -> Receipt | None:
    one = tx.execute(select(receipts).where(receipts.c.import_ == import_, receipts.c.n == n)).first()
    if one is None:
        return None
    contents = orjson.loads(one.told)
    return Receipt(one.import_, one.n, one.at, contents, one.results_path, one.results_sha256)


def latest(tx: Connection, import_: int) -> Receipt | None:
    n = tx.execute(select(func.max(receipts.c.n)).where(receipts.c.import_ == import_)).scalar()
    return None if n is None else find(tx, import_, n)


def _is_over() -> ColumnElement[bool]:
    return and_(
        imports.c.purged_at.is_(None),
        or_(
            imports.c.state == ImportState.DONE,
            and_(imports.c.state == ImportState.CANCELLED, imports.c.has_sent.is_(True)),
        ),
    )


_LAST_EVENT = (
    select(events.c.id)
    .where(events.c.import_ == imports.c.number)
    .order_by(events.c.id.desc())
    .limit(1)
    .correlate(imports)
    .scalar_subquery()
)


def owed(tx: Connection, *, since_event: int) -> tuple[list[int], int]:
    """Finished imports to which something happened, oldest first, and the newest event so far.

    With `since_event` 0 all are examined, otherwise those to which something happened since about then.
    """
    newest: int = tx.execute(select(func.max(events.c.id))).scalar() or 0
    query = (
        select(imports.c.number)
        .join(events, events.c.id == _LAST_EVENT)
        .where(_is_over(), events.c.what != EventKind.RECEIPT)
        .order_by(imports.c.number)
    )
    if since_event:
        lately = select(events.c.import_).where(events.c.id > since_event - _OVERLAP_EVENTS).distinct()
        query = query.where(imports.c.number.in_(lately))
    return [one.number for one in tx.execute(query)], newest


def is_owed(tx: Connection, import_: int) -> bool:
    """Whether the import is finished and something happened to it that no receipt covers."""
    what = tx.execute(
        select(events.c.what)
        .join(imports, events.c.id == _LAST_EVENT)
        .where(imports.c.number == import_, _is_over())
    ).scalar()
    return what is not None and what != EventKind.RECEIPT


def owed_as_of(tx: Connection, import_: int) -> int | None:
    """The newest event that the import's next receipt would cover, or None if none is due, or not yet.

    Waits for rows that are on their way or still being looked up.
    """
    one = tx.execute(
        select(events.c.id, events.c.what, imports.c.finished_at)
        .join(imports, imports.c.number == events.c.import_)
        .where(events.c.import_ == import_, _is_over())
        .order_by(events.c.id.desc())
        .limit(1)
    ).first()
    if one is None or one.what == EventKind.RECEIPT or _is_unsettled(tx, import_, one.finished_at):
        return None
    as_of: int = one.id
    return as_of


def _is_unsettled(tx: Connection, import_: int, finished_at: float | None) -> bool:
    moving = {
        one.state: one.n
        for one in tx.execute(
            select(counts.c.state, counts.c.n).where(
                counts.c.import_ == import_,
                counts.c.state.in_([RowState.SENDING, RowState.UNKNOWN]),
                counts.c.n > 0,
            )
        )
    }
    if RowState.SENDING in moving:
        return True
    if RowState.UNKNOWN not in moving or abs(time.time() - (finished_at or 0.0)) > LOOKED_UP_SECONDS:
        return False
    looked_up = select(rows.c.id).where(
        rows.c.import_ == import_, rows.c.state == RowState.UNKNOWN, rows.c.waits_for_person.is_(False)
    )
    return tx.execute(looked_up.limit(1)).first() is not None


def _nobody_changes(tx: Connection, import_: int) -> bool:
    """Whoever is changing this import holds one of these until the change and its event are visible.

    Others take them in another order than this, so to wait for one of them could be to wait for each other.
    """
    mine = (
        select(imports.c.number).where(imports.c.number == import_),
        select(counts.c.n).where(counts.c.import_ == import_),
    )
    return all(
        len(tx.execute(one.with_for_update(skip_locked=True)).all()) == len(tx.execute(one).all())
        for one in mine
    )


def add(
    tx: Connection,
    import_: int,
    *,
    as_of: int,
    contents: Contents,
    results_path: str,
    results_sha256: str,
) -> int | None:
    """Returns the number of the receipt, which covers everything up to the event `as_of`.

    Returns None, and writes nothing, if someone changed the import meanwhile, or changes it now, or wrote it.
    Raises IntegrityError if someone else writes it at the same moment.
    """
    if not _nobody_changes(tx, import_) or owed_as_of(tx, import_) != as_of:
        return None
    last = tx.execute(select(func.max(receipts.c.n)).where(receipts.c.import_ == import_)).scalar()
    n: int = (last or 0) + 1
    # Held from here on: its receipt and the receipt's event come next in the chain.
    head = chain.head(tx, import_, hold=True)
    named = {} if head is None else {"trail": {"events": head.n, "head": head.link}}
    text = orjson.dumps({"receipt": n} | contents | named)
    tx.execute(
        insert(receipts).values(
            import_=import_,
            n=n,
            at=time.time(),
            told=text.decode(),
            results_path=results_path,
            results_sha256=results_sha256,
        )
    )
    detail = Particulars(n=n, sha256=hashlib.sha256(text).hexdigest())
    note(tx, import_, who=WHO, what=EventKind.RECEIPT, detail=detail)
    return n
