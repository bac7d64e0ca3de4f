"""Acts on whole imports, by people and the sender: confirm, pause, resume, cancel."""

import time
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select, update

from blnk_api.access.actors import SENDER, Actor
from blnk_api.access.acts import Act
from blnk_api.settings import Instance
from blnk_api.store.approvals import ended_without_approval
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import, by_number, in_states
from blnk_api.store.instance_numbers import instance_of
from blnk_api.store.outbox import notifications
from blnk_api.store.people import stored_actor
from blnk_api.store.sending import stops, superseded
from blnk_api.store.states import ImportState, PausedBy, Stage
from blnk_api.store.tables import imports
from blnk_api.store.transitions import move_import


def to_confirm(import_: Import) -> Act:
    """The permission needed to hand a draft to the sender."""
    return Act.CREATE_ONE if import_.kind == "form" else Act.CONFIRM


def confirm(
    tx: Connection, import_: Import, *, who: Actor, version: int, unchecked: Sequence[str] = ()
) -> bool:
    """Hands a checked draft to the sender. Returns False if the draft changed since it was shown.

    `unchecked`: what could not be checked, for the record.
    """
    who.require(to_confirm(import_), import_.instance)
    if import_.stage is not Stage.CHECKED:
        return False
    moved = move_import(
        tx,
        import_.number,
        from_=[ImportState.DRAFT],
        to=ImportState.QUEUED,
        version=version,
        confirmed_at=time.time(),
        needs_approval=False,
        **stored_actor.stored(who, "confirmed_by"),
    )
    if moved:
        detail = Particulars(version=version, unchecked=tuple(unchecked))
        note(tx, import_.number, who=who, what=EventKind.CONFIRMED, detail=detail)
    return moved


def pause(tx: Connection, number: int, *, by: PausedBy, who: Actor, reason: str) -> bool:
    """Stops claiming rows. A person's pause replaces an automatic one, never the other way round."""
    stops.wait_for_claims(tx)
    who.require(Act.PAUSE, instance_of(tx, number))
    going = [ImportState.QUEUED, ImportState.RUNNING]
    moved = move_import(tx, number, from_=going, to=ImportState.PAUSED, paused_by=by, paused_reason=reason)
    if not moved and by is PausedBy.PERSON:
        taken_over = tx.execute(
            update(imports)
            .where(
                imports.c.number == number,
                imports.c.state == ImportState.PAUSED,
                imports.c.paused_by != PausedBy.PERSON,
            )
            .values(paused_by=by, paused_reason=reason)
        )
        moved = taken_over.rowcount == 1
    if moved:
        note(tx, number, who=who, what=EventKind.PAUSED, detail=Particulars(by=by, reason=reason))
        notifications.paused(tx, number, by=by, who=who)
    return moved


def resume(tx: Connection, number: int, *, who: Actor, only: PausedBy | None = None) -> bool:
    """Resumes a paused import. With `only`, only if that is still who paused it."""
    who.require(Act.RESUME, instance_of(tx, number))
    if only is not None:
        author = tx.execute(select(imports.c.paused_by).where(imports.c.number == number)).scalar()
        if author != only:
            return False
    moved = move_import(
        tx,
        number,
        from_=[ImportState.PAUSED],
        to=ImportState.RUNNING,
        paused_by=None,
        paused_reason=None,
    )
    if moved:
        note(tx, number, who=who, what=EventKind.RESUMED)
    return moved


def strays(tx: Connection, instances: Collection[Instance]) -> list[Import]:
    """Imports that would continue, but whose instance has no connection anymore."""
    live = in_states(tx, [ImportState.QUEUED, ImportState.RUNNING])
    return [import_ for import_ in live if import_.instance not in instances]


def pause_strays(tx: Connection, instances: Collection[Instance]) -> None:
    """Pauses them with a reason: an import never moves to another instance."""
    for import_ in strays(tx, instances):
        reason = (
            f"No connection points to {import_.instance.base_url}, instance {import_.instance.instance_id} "
            f"({import_.instance.environment}) anymore. Nothing is sent until one does again."
        )
        pause(tx, import_.number, by=PausedBy.CONNECTION, who=SENDER, reason=reason)


def discard(tx: Connection, number: int, *, who: Actor) -> bool:
    """Discards a draft. Rows of another import that it was going to fix return to their former state."""
    who.require(Act.DISCARD, instance_of(tx, number))
    if not move_import(
        tx, number, from_=[ImportState.DRAFT], to=ImportState.CANCELLED, finished_at=time.time()
    ):
        return False
    if back := superseded.put_back(tx, number):
        source = tx.execute(select(imports.c.fixes).where(imports.c.number == number)).scalar_one()
        note(tx, source, who=who, what=EventKind.PUT_BACK, detail=Particulars(rows=back))
    return True


def cancel(tx: Connection, number: int, *, who: Actor) -> bool:
    """No more rows are claimed. Rows that may have created a balance are still looked up.

    The approval request of a waiting import is withdrawn, if whoever cancels it may do that.
    """
    stops.wait_for_claims(tx)
    now = by_number(tx, number)
    if now.state is ImportState.WAITING:
        who.require(Act.DISCARD if now.confirmed_at is None else Act.CANCEL, now.instance)
        ended_without_approval.withdraw_to_cancel(tx, now, who=who)
    if by_number(tx, number).state is ImportState.DRAFT and discard(tx, number, who=who):
        note(tx, number, who=who, what=EventKind.CANCELLED)
        return True
    who.require(Act.CANCEL, instance_of(tx, number))
    moved = move_import(
        tx,
        number,
        from_=[ImportState.QUEUED, ImportState.RUNNING, ImportState.PAUSED],
        to=ImportState.CANCELLED,
        finished_at=time.time(),
        paused_by=None,
        paused_reason=None,
    )
    if moved:
        note(tx, number, who=who, what=EventKind.CANCELLED)
        notifications.canceled(tx, number, who=who)
    return moved
