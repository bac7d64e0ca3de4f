"""One row of an import: found by the name that people call it, and what happened to it."""

import re

import orjson
from sqlalchemy import Connection, select

from blnk_api.imports.journal import rows
from blnk_api.imports.journal.imports import Event
from blnk_api.imports.journal.rows import JournalRow
from blnk_api.imports.journal.schema import events

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
    return [Event(one.at, one.who, one.what, one.row, orjson.loads(one.detail)) for one in found]
