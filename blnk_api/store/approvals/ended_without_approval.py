"""Requests for approval that end without one, and what becomes of their imports."""

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.store import import_changes, imports
from blnk_api.store.approvals import decisions, requests
from blnk_api.store.approvals.requests import Request, RequestState
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.outbox import notifications
from blnk_api.store.states import ImportState, PausedBy
from blnk_api.store.transitions import move_import


def give_back(tx: Connection, import_: Import, reason: str) -> None:
    """WAITING → DRAFT, or PAUSED if rows of it were handed over before: nobody approved the waiting ones."""
    if import_.confirmed_at is None:
        move_import(
            tx,
            import_.number,
            from_=[ImportState.WAITING],
            to=ImportState.DRAFT,
            version=import_.version,
        )
        import_changes.set_facts(tx, import_.number, version=import_.version + 1)
    else:
        move_import(
            tx,
            import_.number,
            from_=[ImportState.WAITING],
            to=ImportState.PAUSED,
            paused_by=PausedBy.APPROVAL,
            paused_reason=reason,
        )


def void_all(tx: Connection, *, who: Actor, reason: str) -> None:
    """For a restored or copied store: approvals were given for the state at another time."""
    for request in requests.open_ones(tx):
        decisions.end(tx, request, RequestState.VOID)
        import_ = imports.by_number(tx, request.import_)
        if import_.state is ImportState.WAITING:
            note(tx, import_.number, who=who, what=EventKind.APPROVAL_VOID)
            give_back(tx, import_, reason)


def lapse(tx: Connection, request: Request, *, who: Actor, reason: str, now: float) -> bool:
    """Nobody decided in time: the import becomes a draft again, or is paused. Returns whether this call did
    it."""
    pending = requests.held(tx, request.id)
    if pending is None or pending.state is not RequestState.ASKED or pending.lapses_at > now:
        return False
    decisions.end(tx, pending, RequestState.LAPSED)
    import_ = imports.by_number(tx, request.import_)
    note(tx, import_.number, who=who, what=EventKind.APPROVAL_LAPSED, detail=Particulars(days=request.days))
    give_back(tx, import_, reason)
    notifications.approval_lapsed(tx, import_.number)
    return True


def withdraw_to_cancel(tx: Connection, import_: Import, *, who: Actor) -> None:
    """Ends the request of an import that is canceled. The caller has checked permissions."""
    last = requests.last(tx, import_.number)
    request = requests.held(tx, last.id) if last is not None else None
    if imports.by_number(tx, import_.number).state is not ImportState.WAITING:
        return  # someone has just decided
    if request is not None and decisions.end(tx, request, RequestState.WITHDRAWN):
        note(tx, import_.number, who=who, what=EventKind.APPROVAL_WITHDRAWN)
    give_back(tx, import_, "")
