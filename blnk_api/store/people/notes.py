"""People's notes on an import or a balance: dated, signed, and never changed.

A balance that was created by mistake cannot be deleted, but it can be explained.
"""

import time
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from blnk_api.access.actors import Actor
from blnk_api.access.acts import Act
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.instance_numbers import instance_numbered
from blnk_api.store.people import stored_actor
from blnk_api.store.states import RowState
from blnk_api.store.tables import imports, is_one_of, notes, rows
from blnk_api.store.tables.base import AnyQuery

MAX_CHARACTERS = 2_000


@dataclass(frozen=True, slots=True)
class Note:
    """`balance_id` is None for a note on the import itself."""

    at: float
    who: Actor
    text: str
    balance_id: str | None


def add_to_import(tx: Connection, import_: Import, text: str, *, who: Actor) -> None:
    """Raises ValueError, with a sentence, for text that is not a valid note."""
    _add(tx, import_.instance_number, import_.number, None, text, who=who)


def add_to_balance(tx: Connection, instance: int, balance_id: str, text: str, *, who: Actor) -> None:
    """A note on any balance of an instance. It belongs to the import that created the balance, if one did.

    Raises ValueError as `add_to_import` does.
    """
    made = tx.execute(
        select(rows.c.import_, rows.c.id).where(
            rows.c.instance == instance,
            rows.c.balance_id == balance_id,
            is_one_of(rows, [RowState.CREATED]),
        )
    ).first()
    import_, row = (made.import_, made.id) if made else (None, None)
    _add(tx, instance, import_, balance_id, text, who=who, row=row)


def _add(
    tx: Connection,
    instance: int,
    import_: int | None,
    balance_id: str | None,
    text: str,
    *,
    who: Actor,
    row: int | None = None,
) -> None:
    who.require(Act.NOTE, instance_numbered(tx, instance))
    kept = _tidy(text)
    if import_ is not None:
        # No receipt is written before this note is visible, or the note waits for it: see receipts.add.
        mine = select(imports.c.number).where(imports.c.number == import_)
        tx.execute(mine.with_for_update(key_share=True))
    tx.execute(
        insert(notes).values(
            instance=instance,
            import_=import_,
            balance_id=balance_id,
            at=time.time(),
            text=kept,
            **stored_actor.stored(who),
        )
    )
    if import_ is not None:
        on = Particulars(balance_id=balance_id) if balance_id else None
        note(tx, import_, who=who, what=EventKind.NOTED, row=row, detail=on)


def _tidy(text: str) -> str:
    # Postgres stores neither NUL nor lone surrogates.
    kept = text.replace("\0", "\ufffd").encode("utf-8", "replace").decode().strip()
    if not kept:
        raise ValueError("Enter the note first.")
    if len(kept) > MAX_CHARACTERS:
        raise ValueError(f"A note has at most {MAX_CHARACTERS:,} characters; this one has {len(kept):,}.")
    return kept


def of_import(tx: Connection, import_: int) -> list[Note]:
    """Notes on an import and on the balances that it created, oldest first."""
    return _listed(tx, _ALL.where(notes.c.import_ == import_))


def of_balance(tx: Connection, instance: int, balance_id: str) -> list[Note]:
    """Notes on one balance, oldest first."""
    return _listed(tx, _ALL.where(notes.c.instance == instance, notes.c.balance_id == balance_id))


_ALL = select(notes.c.at, notes.c.text, notes.c.balance_id, *stored_actor.selected(notes)).order_by(
    notes.c.id
)


# Any: a row with these columns.
def _listed(tx: Connection, query: AnyQuery) -> list[Note]:
    return [Note(one.at, stored_actor.read(one), one.text, one.balance_id) for one in tx.execute(query)]
