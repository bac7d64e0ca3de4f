"""Decisions on a request for approval: approve it, send it back, withdraw it.

An approver had no part in preparing the import and is signed in. Each act is one transaction, and raises if
it does nothing. The sender checks the approval again at each claim: see `store.sending.claims`.
"""

import time
from typing import Any

from sqlalchemy import Connection

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.access.acts import Act
from blnk_api.drafts.drafts import count_typed
from blnk_api.review.actions import NotPossible
from blnk_api.store import Store, imports
from blnk_api.store.approvals import decisions, ended_without_approval, requests
from blnk_api.store.approvals.preparers import had_a_hand, is_one_of
from blnk_api.store.approvals.requests import Request, RequestState
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.outbox import notifications
from blnk_api.store.people import stored_actor
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.store.transitions import move_import
from blnk_api.wording.approval import requests as words


class NotDecided(NotPossible):
    """Nothing was decided, and nothing was sent. The text says why and what to do."""


def approve(store: Store, import_: Import, request: int, *, who: Actor, typed: str) -> bool:
    """Approves the request that was shown. Returns whether it was the last approval needed. `typed` is the
    number of balances.

    Raises NotDecided.
    """
    who.require(Act.APPROVE, import_.instance)
    with store.read() as tx:
        shown = requests.by_id(tx, request)
        to = imports.by_number(tx, import_.number).instance
        is_altered = (
            shown is not None and shown.state is RequestState.ASKED and requests.is_altered(tx, to, shown)
        )
    if is_altered:
        raise NotDecided(words.ALTERED)
    with store.write() as tx:
        now, pending = _decidable(tx, import_, request, who)
        if count_typed(typed) != pending.rows:
            raise NotDecided(f"Type the number of balances, {pending.rows:,}, to approve. Nothing was sent.")
        decisions.decide(tx, pending, who=who, approves=True)
        detail = Particulars(rows=pending.rows, digest=pending.digest)
        note(tx, now.number, who=who, what=EventKind.APPROVED, detail=detail)
        if len(pending.approved_by) + 1 < pending.approvers:
            notifications.approval_asked(tx, now.number, who=pending.asked_by)
            return False
        if not decisions.approve(tx, pending):
            raise NotDecided(words.NOT_WAITING)
        _hand_over(tx, now, pending)
        notifications.approval_decided(tx, now.number, who=who, is_approved=True)
    return True


def _hand_over(tx: Connection, import_: Import, request: Request) -> None:
    """WAITING → QUEUED. The import belongs to the person who asked; the approver is stored with the
    request."""
    facts: dict[str, Any] = {}  # columns of an import, of several types
    if import_.confirmed_at is None:
        facts = {
            "confirmed_at": time.time(),
            **stored_actor.stored(request.asked_by, "confirmed_by"),
        }
    moved = move_import(tx, import_.number, from_=[ImportState.WAITING], to=ImportState.QUEUED, **facts)
    if not moved:
        raise NotDecided(words.NOT_WAITING)


def send_back(store: Store, import_: Import, request: int, *, who: Actor, reason: str) -> None:
    """The import becomes a draft again, or is paused if some of its rows were sent before. Raises
    NotDecided."""
    who.require(Act.APPROVE, import_.instance)
    reason = " ".join(reason.split())[: words.MOST_REASON]
    if not reason:
        raise NotDecided("Enter what has to change. Nothing was decided, and nothing was sent.")
    with store.write() as tx:
        now, pending = _decidable(tx, import_, request, who, may_have_a_hand=True)
        decisions.decide(tx, pending, who=who, approves=False, reason=reason)
        decisions.end(tx, pending, RequestState.SENT_BACK)
        note(tx, now.number, who=who, what=EventKind.SENT_BACK, detail=Particulars(reason=reason))
        ended_without_approval.give_back(tx, now, words.sent_back(who, reason))
        notifications.approval_decided(tx, now.number, who=who, is_approved=False)


def withdraw(store: Store, import_: Import, request: int, *, who: Actor) -> None:
    """Ends a pending request, or an approval: rows that were not claimed yet are not sent. Raises
    NotDecided."""
    who.require(Act.WITHDRAW, import_.instance)
    with store.write() as tx:
        pending = requests.held(tx, request)
        now = imports.by_number(tx, import_.number)
        if (
            pending is None
            or pending.import_ != now.number
            or not decisions.end(tx, pending, RequestState.WITHDRAWN)
        ):
            raise NotDecided(words.NOT_WAITING)
        detail = Particulars(rows=pending.rows)
        note(tx, now.number, who=who, what=EventKind.APPROVAL_WITHDRAWN, detail=detail)
        reason = words.withdrawn(who)
        if now.state is ImportState.WAITING:
            ended_without_approval.give_back(tx, now, reason)
        elif now.counts.get(RowState.READY):  # otherwise nothing is left that could be asked about
            going = [ImportState.QUEUED, ImportState.RUNNING]
            by = PausedBy.APPROVAL
            move_import(
                tx, now.number, from_=going, to=ImportState.PAUSED, paused_by=by, paused_reason=reason
            )


def _decidable(
    tx: Connection, import_: Import, request: int, who: Actor, *, may_have_a_hand: bool = False
) -> tuple[Import, Request]:
    pending = requests.held(tx, request)
    now = imports.by_number(tx, import_.number)
    is_open = pending is not None and pending.state is RequestState.ASKED and pending.lapses_at > time.time()
    if (
        pending is None
        or not is_open
        or pending.import_ != now.number
        or now.state is not ImportState.WAITING
    ):
        raise NotDecided(words.NOT_WAITING)
    if (why := why_not(tx, now, pending, who)) and not may_have_a_hand:
        raise NotDecided(why)
    if any(who.is_same_as(one.who) for one in pending.decisions):
        raise NotDecided(words.DECIDED_ALREADY)
    return now, pending


def why_not(tx: Connection, import_: Import, request: Request, who: Actor) -> str:
    """Why this person may not approve it, whatever their role, or "" if they may."""
    if who.kind is not ActorKind.PERSON:
        return words.NOT_SIGNED_IN
    if is_one_of(tx, who, (one.who for one in request.decisions)):
        return words.DECIDED_ALREADY
    return words.HAD_A_HAND if had_a_hand(tx, import_, request, who) else ""
