"""What people decide on a request for approval, and how it ends."""

import time

import orjson
from sqlalchemy import Connection, insert, update

from blnk_api.access.actors import Actor
from blnk_api.store.approvals import requests
from blnk_api.store.approvals.requests import DAY_SECONDS, OPEN, Request, RequestState
from blnk_api.store.people import stored_actor
from blnk_api.store.tables import approval_decisions, approvals, rows


def decide(tx: Connection, request: Request, *, who: Actor, approves: bool, reason: str = "") -> None:
    """Records a person's decision."""
    tx.execute(
        insert(approval_decisions).values(
            approval=request.id,
            person=orjson.dumps([who.issuer, who.subject]).decode(),
            at=time.time(),
            approves=approves,
            reason=reason,
            **stored_actor.stored(who),
        )
    )


def approve(tx: Connection, request: Request) -> bool:
    """ASKED → APPROVED; valid for as many days as a request may wait. Returns False if it was no longer
    open."""
    now = time.time()
    moved = (
        update(approvals)
        .where(approvals.c.id == request.id, approvals.c.state == RequestState.ASKED)
        .where(approvals.c.lapses_at > now)
        .values(state=RequestState.APPROVED, lapses_at=now + request.days * DAY_SECONDS, told_at=None)
    )
    return tx.execute(moved).rowcount == 1


def end(tx: Connection, request: Request, to: RequestState) -> bool:
    """Ends a pending request, or an approval, from the next claim on. Returns False if it had already
    ended."""
    ended = (
        update(approvals)
        .where(approvals.c.id == request.id, approvals.c.state.in_(OPEN))
        .values(state=to, ended_at=time.time())
    )
    return tx.execute(ended).rowcount == 1


def renew(tx: Connection, request: Request, row: int, *, who: Actor) -> None:
    """An approver resends a row whose approval is over: creates a request for only that row, approved by
    them. The hash of its body stays: it is what other people approved."""
    now = time.time()
    made = insert(approvals).values(
        **{"import_": request.import_, "asked_at": request.asked_at, "rows": 1, "approvers": 1},
        **{"days": request.days, "state": RequestState.APPROVED, "digest": request.digest},
        lapses_at=now + request.days * DAY_SECONDS,
        **stored_actor.stored(request.asked_by, "asked_by"),
    )
    id = tx.execute(made.returning(approvals.c.id)).scalar_one()
    again = requests.by_id(tx, id)
    assert again is not None
    decide(tx, again, who=who, approves=True)
    tx.execute(update(rows).where(rows.c.id == row).values(approval=id))
