"""Rows in doubt in the store: finding them, and recording what look-ups or people decide."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, or_, select, update
from sqlalchemy.sql.functions import coalesce

from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.outbox import notifications
from blnk_api.store.sending import late_records
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.sending.claims import REF_IS_HELD
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.tables import attempts, counts, imports, rows
from blnk_api.store.transitions import move


@dataclass(frozen=True, slots=True)
class UnknownRow:
    id: int
    import_: int
    ref: str
    server_error: int | None
    server_errors: int
    message: str | None
    balance_id: str | None
    """A balance that Blnk confirmed but did not show during verification."""
    conflict: bool = False
    """Whether its last attempt was answered with a 409: what is taken stays taken, so it is never sent
    again."""


_LAST_STATUS = (
    select(attempts.c.status)
    .where(attempts.c.row == rows.c.id, attempts.c.n == rows.c.tries)
    .correlate(rows)
    .scalar_subquery()
)


def unknown_rows(tx: Connection, import_numbers: Sequence[int], *, limit: int = 1000) -> list[UnknownRow]:
    """Rows in doubt that look-ups may still settle, oldest first."""
    found = tx.execute(
        select(
            rows.c.id,
            rows.c.import_,
            rows.c.ref,
            rows.c.server_error,
            rows.c.server_errors,
            rows.c.message,
            rows.c.balance_id,
            coalesce(_LAST_STATUS, 0) == 409,
        )
        .where(
            rows.c.import_.in_(import_numbers),
            rows.c.state == RowState.UNKNOWN,
            rows.c.waits_for_person.is_(False),
        )
        .order_by(rows.c.id)
        .limit(limit)
    )
    return [UnknownRow(*one) for one in found]


_WITH_UNKNOWN = (
    select(counts.c.import_)
    .join(imports, counts.c.import_ == imports.c.number)
    .where(imports.c.instance == bindparam("instance"), counts.c.state == RowState.UNKNOWN, counts.c.n > 0)
)


def imports_with_unknown(tx: Connection, instance: int) -> list[int]:
    """Imports of this instance with rows in doubt, in any state: look-ups never stop."""
    return list(tx.execute(_WITH_UNKNOWN, {"instance": instance}).scalars())


def more_to_send(tx: Connection, instance: int) -> bool:
    """Whether some row of a running import may still be created, and so become a witness.

    A READY row whose ref is held by another row waits for that one, and does not count.
    """
    running = select(imports.c.number).where(
        imports.c.instance == instance, imports.c.state == ImportState.RUNNING
    )
    may_go = or_(rows.c.state == RowState.SENDING, and_(rows.c.state == RowState.READY, ~REF_IS_HELD))
    return (
        tx.execute(select(rows.c.id).where(rows.c.import_.in_(running), may_go).limit(1)).first() is not None
    )


def body_of(tx: Connection, row: UnknownRow) -> bytes | None:
    """Its request, or None once it was purged."""
    body: bytes | None = tx.execute(select(rows.c.body).where(rows.c.id == row.id)).scalar_one()
    return body


def was_found(tx: Connection, row: UnknownRow, to: RowState, balance_id: str, *, message: str) -> bool:
    """UNKNOWN → CREATED, or EXISTS if another import created it: Blnk has its ref."""
    moved = move(tx, [row.id], from_=RowState.UNKNOWN, to=to, balance_id=balance_id, message=message)
    if moved:
        detail = Particulars(balance_id=balance_id)
        note(tx, row.import_, who=WHO, what=EventKind.FOUND, row=row.id, detail=detail)
    return bool(moved)


def was_taken(tx: Connection, row: UnknownRow, *, why: str) -> bool:
    """UNKNOWN → REFUSED after a 409: the indicator belongs to another balance, permanently."""
    message = f"{(row.message or '').rstrip('.')}. {why} Nothing was created."
    moved = move(tx, [row.id], from_=RowState.UNKNOWN, to=RowState.REFUSED, message=message)
    if moved:
        note(tx, row.import_, who=WHO, what=EventKind.ABSENT, row=row.id)
    return bool(moved)


def was_absent(tx: Connection, row: UnknownRow, *, same_server_errors: int) -> RowState | None:
    """UNKNOWN → READY, or REFUSED after a 409 or if Blnk answered the same complete 5xx that often. Returns
    the new state.

    A row whose balance Blnk once confirmed is never sent again automatically: it waits for a person.
    """
    if row.balance_id is not None:
        message = (
            f"Blnk confirmed {row.balance_id}, but does not list it. The row is not sent again automatically."
        )
        wait_for_person(tx, [row.id], message=message)
        return None
    if row.conflict:
        return RowState.REFUSED if was_taken(tx, row, why="Blnk has no balance for this row.") else None
    if row.server_errors >= same_server_errors:
        to = RowState.REFUSED
        message = f"{row.message} The row was sent {row.server_errors} times, and Blnk has no balance for it."
    else:
        to, message = RowState.READY, "Blnk has no balance for this row, so it is sent again."
    moved = move(tx, [row.id], from_=RowState.UNKNOWN, to=to, message=message)
    if moved:
        note(tx, row.import_, who=WHO, what=EventKind.ABSENT, row=row.id)
    return to if moved else None


def wait_for_person(tx: Connection, row_ids: Sequence[int], *, message: str | None = None) -> None:
    """No look-up will settle these soon: they stay UNKNOWN until a person decides, or a late look-up finds
    them."""
    facts = {"waits_for_person": True} | ({"message": message} if message else {})
    waiting = tx.execute(
        update(rows)
        .where(rows.c.id.in_(row_ids), rows.c.state == RowState.UNKNOWN)
        .values(**facts)
        .returning(rows.c.id, rows.c.import_)
    ).all()
    late_records.owe(tx, [one.id for one in waiting])
    for number in sorted({one.import_ for one in waiting}):
        notifications.needs_you(tx, number)
