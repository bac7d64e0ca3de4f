"""Skips rows of a draft, or includes them again. Recorded and checked as in `editing`."""

from collections.abc import Callable, Collection

from sqlalchemy import Connection

from blnk_api.access.actors import Actor
from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.drafts.edits.open_draft import open_draft
from blnk_api.drafts.lookalikes import customer_has_balance
from blnk_api.drafts.rechecking.change_and_check import AtOnce, Check, run
from blnk_api.drafts.rechecking.recheck import Change
from blnk_api.store import Store, rows
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.people import edits as repairs
from blnk_api.store.people.edits import LEFT_OUT, TAKEN_IN


def leave_out(
    store: Store, id: str, numbers: Collection[int], *, who: Actor, at_once: AtOnce | None = None
) -> int:
    """Skips rows. Returns the number of records."""
    return _decide(store, id, lambda tx, import_: list(numbers), LEFT_OUT, at_once, who=who)


def take_in(
    store: Store, id: str, numbers: Collection[int] | None, *, who: Actor, at_once: AtOnce | None = None
) -> int:
    """Includes rows that a person skipped; None means all of them."""

    def chosen(tx: Connection, import_: Import) -> list[int]:
        overlay = RecordEdits.of(repairs.of_import(tx, import_.number))
        return sorted(overlay.left_out if numbers is None else overlay.left_out.intersection(numbers))

    return _decide(store, id, chosen, TAKEN_IN, at_once, who=who)


def leave_out_those_with_a_balance(
    store: Store, id: str, *, who: Actor, at_once: AtOnce | None = None
) -> int:
    """Skips rows whose customer has a balance in the same ledger and currency."""

    def chosen(tx: Connection, import_: Import) -> list[int]:
        return customer_has_balance.numbers(tx, import_.number)

    return _decide(store, id, chosen, LEFT_OUT, at_once, who=who)


def _decide(
    store: Store,
    id: str,
    chosen: Callable[[Connection, Import], list[int]],
    to: str,
    at_once: AtOnce | None,
    *,
    who: Actor,
) -> int:
    def act(tx: Connection, check: Check) -> int:
        import_ = open_draft(tx, id, who=who)
        overlay = RecordEdits.of(repairs.of_import(tx, import_.number))
        wanted = chosen(tx, import_)
        there = rows.cells_of(tx, import_.number, set(wanted))
        numbers = [
            number
            for number in wanted
            if number in there and (number in overlay.left_out) == (to == TAKEN_IN)
        ]
        if numbers:
            was = TAKEN_IN if to == LEFT_OUT else LEFT_OUT
            changes: list[Change] = [(number, None, was, to) for number in numbers]
            note(tx, import_.number, who=who, what=EventKind(to), detail=Particulars(rows=len(numbers)))
            check(tx, import_, changes)
            repairs.add(tx, import_.number, changes, who=who)
        return len(numbers)

    return run(store, id, act, at_once)
