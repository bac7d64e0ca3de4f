"""Requests for approval in the store: which exact rows they cover, who decided, and how they ended.

A request covers the rows that name it in `rows.approval`, each with the hash of the body that was shown. Only
that body may be sent, and only while the request is approved and not ended: the claim itself checks this
(`sending.claims`).
"""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson
from sqlalchemy import Connection, func, insert, select, update

from blnk_api.access.actors import Actor
from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.settings import Instance
from blnk_api.store.people import stored_actor
from blnk_api.store.states import RowState
from blnk_api.store.tables import approval_decisions, approvals, is_one_of, rows
from blnk_api.store.tables.base import AnyRow

DAY_SECONDS = 86_400.0
_ROWS_AT_ONCE = 2_000


class RequestState(StrEnum):
    """The values are stored in the database."""

    MARKING = "marking"
    """Its rows are being marked; nobody was asked yet."""
    ASKED = "asked"
    APPROVED = "approved"
    SENT_BACK = "sent back"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"
    """Nobody decided in time."""
    VOID = "void"
    """The store was restored or copied, or another request replaced it."""


OPEN = (RequestState.ASKED, RequestState.APPROVED)


@dataclass(frozen=True)
class Decision:
    who: Actor
    at: float
    approves: bool
    reason: str


@dataclass(frozen=True)
class Request:
    """A request for approval. `decisions` are oldest first."""

    id: int
    import_: int
    asked_by: Actor
    asked_at: float
    rows: int
    digest: str
    approvers: int
    days: int
    state: RequestState
    lapses_at: float
    ended_at: float | None
    decisions: tuple[Decision, ...]

    @property
    def approved_by(self) -> list[Actor]:
        return [one.who for one in self.decisions if one.approves]

    def holds(self, now: float) -> bool:
        """Whether it was approved and rows may be sent under it."""
        return self.state is RequestState.APPROVED and now < self.lapses_at


def begin(tx: Connection, import_: int, *, who: Actor, rule: ApprovalRule) -> int:
    """Starts a new request that covers no rows yet. A request that someone else was just preparing ends."""
    now = time.time()
    tx.execute(
        update(approvals)
        .where(approvals.c.import_ == import_, approvals.c.state == RequestState.MARKING)
        .values(state=RequestState.VOID, ended_at=now)
    )
    facts = {
        **{"import_": import_, "asked_at": now, "rows": 0, "digest": "", "state": RequestState.MARKING},
        **{"approvers": rule.approvers, "days": rule.days, "lapses_at": now + rule.days * DAY_SECONDS},
    }
    made = insert(approvals).values(**facts, **stored_actor.stored(who, "asked_by")).returning(approvals.c.id)
    id: int = tx.execute(made).scalar_one()
    return id


def mark(tx: Connection, import_: int, request: int, *, after: int) -> int | None:
    """Marks the next READY rows as covered by a request, with the hashes of their bodies. Returns the last
    row's id, or None if there are no more or the request has ended."""
    state = tx.execute(select(approvals.c.state).where(approvals.c.id == request).with_for_update())
    if state.scalar() != RequestState.MARKING:
        return None
    ready = (rows.c.import_ == import_, is_one_of(rows, [RowState.READY]), rows.c.id > after)
    ids = tx.execute(select(rows.c.id).where(*ready).order_by(rows.c.id).limit(_ROWS_AT_ONCE)).scalars().all()
    if not ids:
        return None
    tx.execute(
        update(rows)
        .where(*ready, rows.c.id <= ids[-1])
        .values(approval=request, approved_body=func.sha256(rows.c.body))
    )
    last_id: int = ids[-1]
    return last_id


@dataclass(frozen=True)
class Covered:
    """What a request covers: the number of rows, and a digest of their ids and bodies, regardless of
    state."""

    rows: int
    digest: str


def covered(tx: Connection, instance: Instance, import_: int, request: int) -> Covered:
    """Computed from the rows: a million take a second or two."""
    digest = hashlib.sha256()
    digest.update(orjson.dumps([instance.base_url, instance.instance_id, instance.environment]))
    n = 0
    query = select(rows.c.id, rows.c.approved_body).where(
        rows.c.import_ == import_, rows.c.approval == request
    )
    for part in tx.execute(query.order_by(rows.c.id)).partitions(_ROWS_AT_ONCE):
        for id, body in part:
            digest.update(b"%d:%b\n" % (id, body))
            n += 1
    return Covered(n, digest.hexdigest())


def is_altered(tx: Connection, instance: Instance, request: Request) -> bool:
    """Whether anything differs from what was shown: a row, its stored hash, the set of rows, or the
    instance."""
    altered = select(rows.c.id).where(
        rows.c.import_ == request.import_,
        rows.c.approval == request.id,
        rows.c.approved_body != func.sha256(rows.c.body),
    )
    if tx.execute(altered.limit(1)).first() is not None:
        return True
    return covered(tx, instance, request.import_, request.id) != Covered(request.rows, request.digest)


def was_asked(tx: Connection, request: int, found: Covered) -> bool:
    """MARKING → ASKED. Returns False if it had already ended."""
    statement = (
        update(approvals)
        .where(approvals.c.id == request, approvals.c.state == RequestState.MARKING)
        .values(state=RequestState.ASKED, rows=found.rows, digest=found.digest)
    )
    return tx.execute(statement).rowcount == 1


_REQUESTS = select(approvals)


def by_id(tx: Connection, id: int) -> Request | None:
    found = _read(tx, tx.execute(_REQUESTS.where(approvals.c.id == id)).all())
    return found[0] if found else None


def held(tx: Connection, id: int) -> Request | None:
    """Like `by_id`, and locked until the transaction ends: of two people who act at the same moment, the
    second sees what the first has done."""
    tx.execute(select(approvals.c.id).where(approvals.c.id == id).with_for_update())
    return by_id(tx, id)


def last(tx: Connection, import_: int) -> Request | None:
    """The newest request of an import that people were asked to decide, or None."""
    mine = (approvals.c.import_ == import_, approvals.c.digest != "")
    found = _read(tx, tx.execute(_REQUESTS.where(*mine).order_by(approvals.c.id.desc()).limit(1)).all())
    return found[0] if found else None


def of_import(tx: Connection, import_: int) -> list[Request]:
    """All requests that people were asked to decide, oldest first."""
    mine = (approvals.c.import_ == import_, approvals.c.digest != "")
    return _read(tx, tx.execute(_REQUESTS.where(*mine).order_by(approvals.c.id)).all())


def open_ones(tx: Connection) -> list[Request]:
    """All that are pending or valid."""
    return _read(tx, tx.execute(_REQUESTS.where(approvals.c.state.in_(OPEN)).order_by(approvals.c.id)).all())


def waiting(tx: Connection, *, lapse_before: float) -> list[Request]:
    """Pending requests that lapse before this time."""
    due = (approvals.c.state == RequestState.ASKED, approvals.c.lapses_at < lapse_before)
    return _read(tx, tx.execute(_REQUESTS.where(*due).order_by(approvals.c.id)).all())


def mark_notified(tx: Connection, request: Request) -> bool:
    """Records that people were notified that it is about to lapse. Returns False if they already were."""
    statement = (
        update(approvals)
        .where(approvals.c.id == request.id, approvals.c.told_at.is_(None))
        .values(told_at=time.time())
    )
    return tx.execute(statement).rowcount == 1


# Any: rows with all columns of the table.
def _read(tx: Connection, found: Sequence[AnyRow]) -> list[Request]:
    decided: dict[int, list[Decision]] = {}
    query = select(approval_decisions).where(approval_decisions.c.approval.in_([one.id for one in found]))
    for one in tx.execute(query.order_by(approval_decisions.c.at)) if found else ():
        made = Decision(stored_actor.read(one), one.at, one.approves, one.reason)
        decided.setdefault(one.approval, []).append(made)
    return [
        Request(
            id=one.id,
            import_=one.import_,
            asked_by=stored_actor.read(one, "asked_by"),
            asked_at=one.asked_at,
            rows=one.rows,
            digest=one.digest,
            approvers=one.approvers,
            days=one.days,
            state=RequestState(one.state),
            lapses_at=one.lapses_at,
            ended_at=one.ended_at,
            decisions=tuple(decided.get(one.id, ())),
        )
        for one in found
    ]
