"""Requests approval for an import: a checked draft, or the remaining rows of a paused import.

The rows are marked first, in parts, so that a large import does not block other writers. Only the last
transaction moves the import, and only if it is still the one that was shown.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.store import Store, imports
from blnk_api.store.approvals import decisions, requests
from blnk_api.store.approvals.requests import Covered, RequestState
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.import_acts import to_confirm
from blnk_api.store.imports import Import
from blnk_api.store.outbox import notifications
from blnk_api.store.states import ImportState, RowState, Stage
from blnk_api.store.transitions import move_import


def ask(
    store: Store, import_: Import, *, who: Actor, rule: ApprovalRule, unchecked: Sequence[str] = ()
) -> bool:
    """DRAFT or PAUSED → WAITING. Returns False if the import changed since it was shown; then no request is
    made.

    `unchecked`: what could not be checked, for the record.
    """
    who.require(to_confirm(import_), import_.instance)
    with store.write() as tx:
        if not _is_as_shown(tx, import_):
            return False
        request = requests.begin(tx, import_.number, who=who, rule=rule)
    after: int | None = 0
    while after is not None:
        with store.write() as tx:
            after = requests.mark(tx, import_.number, request, after=after)
    with store.read() as tx:
        found = requests.covered(tx, import_.instance, import_.number, request)
    with store.write() as tx:
        return _asked(tx, import_, request, found, who, unchecked)


def _is_as_shown(tx: Connection, import_: Import) -> bool:
    now = imports.by_number(tx, import_.number)
    if now.state is ImportState.DRAFT and now.stage is not Stage.CHECKED:
        return False
    is_same = now.state is import_.state and now.version == import_.version
    return is_same and now.state in (ImportState.DRAFT, ImportState.PAUSED)


def _asked(
    tx: Connection, import_: Import, request: int, found: Covered, who: Actor, unchecked: Sequence[str]
) -> bool:
    now = imports.by_number(tx, import_.number)
    if not _is_as_shown(tx, import_) or found.rows != now.counts.get(RowState.READY, 0) or not found.rows:
        return False
    if not requests.was_asked(tx, request, found):
        return False
    # What it replaces no longer covers any row that could be sent.
    for before in requests.of_import(tx, import_.number):
        if before.id != request and before.state is RequestState.ASKED:
            decisions.end(tx, before, RequestState.VOID)
    move_import(
        tx,
        import_.number,
        from_=[import_.state],
        to=ImportState.WAITING,
        needs_approval=True,
        paused_by=None,
        paused_reason=None,
    )
    detail = Particulars(
        version=now.version, rows=found.rows, digest=found.digest, unchecked=tuple(unchecked)
    )
    note(tx, import_.number, who=who, what=EventKind.ASKED_FOR_APPROVAL, detail=detail)
    notifications.approval_asked(tx, import_.number, who=who)
    return True
