"""One row of an import: found by its label, with its history."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, select

from blnk_api.store import events, rows
from blnk_api.store.events import EventKind
from blnk_api.store.rows import StoredRow
from blnk_api.store.tables import attempts

_LABEL = re.compile(r"\s*(\d{1,9})(?:[^\w]+(\S+))?\s*")


def rows_named(tx: Connection, import_: int, label: str) -> list[StoredRow]:
    """The row labeled "12" or "12·USD". A number alone finds all rows of a record that makes several
    balances."""
    match = _LABEL.fullmatch(label.replace(",", ""))
    if match is None:
        return []
    return [rows.by_id(tx, id) for id in rows.ids_of(tx, import_, int(match[1]), match[2] or "")]


class SecondBalance(NamedTuple):
    """A row for which a late answer, or a later look-up (`by`), named a different balance than the one it
    has."""

    label: str
    ids: list[str]
    by: str | None = None


def second_balances(tx: Connection, import_: int) -> list[SecondBalance]:
    """What late answers and later look-ups found for an import, oldest first."""
    found = events.of_kinds(tx, import_, [EventKind.SECOND_BALANCE])
    named = ((rows.by_id(tx, one.row).label, one.detail) for one in found if one.row is not None)
    return [SecondBalance(label, detail.ids, detail.by) for label, detail in named]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One recorded POST of a row."""

    n: int
    started_at: float
    ended_at: float | None
    outcome: str | None
    status: int | None
    message: str | None
    balance_id: str | None
    request_id: str | None


def attempts_of(tx: Connection, row: int) -> list[Attempt]:
    found = tx.execute(select(attempts).where(attempts.c.row == row).order_by(attempts.c.n))
    return [
        Attempt(
            one.n,
            one.started_at,
            one.ended_at,
            one.outcome,
            one.status,
            one.message,
            one.balance_id,
            request_id=one.request_id,
        )
        for one in found
    ]
