"""One row of an import: found by the name that people call it, and what happened to it."""

import re
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from blnk_api.common.actors import Actor, ActorKind
from blnk_api.store import rows
from blnk_api.store.imports import Event
from blnk_api.store.rows import JournalRow
from blnk_api.store.tables import events

_LABEL = re.compile(r"\s*(\d{1,9})(?:[^\w]+(\S+))?\s*")


def rows_named(tx: Connection, import_: int, label: str) -> list[JournalRow]:
    """The row called "12" or "12·USD"; all of a record that makes several where only its number is said."""
    said = _LABEL.fullmatch(label.replace(",", ""))
    if said is None:
        return []
    return [rows.by_id(tx, id) for id in rows.ids_of(tx, import_, int(said[1]), said[2] or "")]


def events_of_row(tx: Connection, import_: int, row: int) -> list[Event]:
    """What people decided and looking found about one row, oldest first."""
    found = tx.execute(
        select(events).where(events.c.import_ == import_, events.c.row == row).order_by(events.c.id)
    )
    return [
        Event(one.at, Actor(ActorKind(one.who_kind), one.who), one.what, one.row, orjson.loads(one.detail))
        for one in found
    ]


class SecondBalance(NamedTuple):
    """A row of which a late answer, or a later look (`by`), named another balance than the one it has."""

    label: str
    ids: list[str]
    by: str | None = None


def second_balances(tx: Connection, import_: int) -> list[SecondBalance]:
    """What late answers and later looks told of an import, oldest first."""
    found = tx.execute(
        select(events.c.row, events.c.detail)
        .where(events.c.import_ == import_, events.c.what == "second balance")
        .order_by(events.c.id)
    ).all()
    named = ((rows.by_id(tx, one.row).label, orjson.loads(one.detail)) for one in found)
    return [
        SecondBalance(label, [id for id in told["balance_ids"] if id], told.get("by"))
        for label, told in named
    ]
