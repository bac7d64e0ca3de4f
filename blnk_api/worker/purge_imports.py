"""Deletes the contents of imports that ended long ago: the file, cells, requests, and Blnk's messages.

Refs and balance ids stay, so that nothing is ever created twice and the same file still finds its balances.
So do counts, notes, events and receipts, without the results files.
"""

import time

from sqlalchemy import Connection, select, update

from blnk_api.settings import Settings
from blnk_api.store import Store, import_changes, imports, tables
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.kept_files import RECEIPTS, UPLOADS, files_of
from blnk_api.store.people import edits, receipt_records
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.states import ImportState, RowState

EVERY_SECONDS = 60
_ROWS_PER_WRITE = 500
_AT_ONCE = 20
_DAY_SECONDS = 86_400.0


def purge_old(store: Store, settings: Settings, *, now: float | None = None) -> list[int]:
    """Purges imports that ended longer ago than the settings allow. Returns which ones. Does nothing if it is
    off.

    Imports with rows in doubt, or without their last receipt, are left for later. Raises OSError or
    SQLAlchemyError; the rest is purged next time.
    """
    days = settings.purge_after_days
    if days is None:
        return []
    ended_before = (time.time() if now is None else now) - days * _DAY_SECONDS
    with store.read() as tx:
        old = [one for one in _ended(tx, ended_before) if receipt_records.owed_as_of(tx, one) is None]
    for number in old:
        _purge(store, settings, number, days)
    return old


def _ended(tx: Connection, before: float) -> list[int]:
    are_in_doubt = select(tables.counts.c.import_).where(
        tables.counts.c.state.in_([RowState.UNKNOWN, RowState.SENDING]), tables.counts.c.n > 0
    )
    drafts = tables.imports.alias("drafts")
    is_fixed = select(drafts.c.fixes).where(drafts.c.state == ImportState.DRAFT, drafts.c.fixes.is_not(None))
    found = tx.execute(
        select(tables.imports.c.number)
        .where(
            tables.imports.c.state.in_([ImportState.DONE, ImportState.CANCELLED]),
            tables.imports.c.purged_at.is_(None),
            tables.imports.c.finished_at < before,
            tables.imports.c.number.not_in(are_in_doubt),
            tables.imports.c.number.not_in(is_fixed),  # their rows are needed for it
        )
        .order_by(tables.imports.c.number)
        .limit(_AT_ONCE)
    )
    return [one.number for one in found]


def _purge(store: Store, settings: Settings, number: int, days: int) -> None:
    """Rows first and the mark last, so that an interrupted purge is repeated."""
    after = 0
    while True:
        with store.write() as tx:
            part = _next_rows(tx, number, after)
            _empty(tx, part)
        if not part:
            break
        after = part[-1]
    with store.read() as tx:
        import_ = imports.by_number(tx, number)
    for place in (UPLOADS, RECEIPTS):
        files_of(store, settings).delete(f"{place}/{import_.id}")
    shape = import_.shape and import_.shape.model_copy(update={"samples": []})
    totals = import_.totals.model_copy(update={"problems": ()})
    with store.write() as tx:
        edits.purge(tx, number)
        import_changes.set_facts(tx, number, shape=shape, totals=totals, purged_at=time.time())
        note(tx, number, who=WHO, what=EventKind.PURGED, detail=Particulars(days=days))


def _next_rows(tx: Connection, number: int, after: int) -> list[int]:
    found = tx.execute(
        select(tables.rows.c.id)
        .where(tables.rows.c.import_ == number, tables.rows.c.id > after)
        .order_by(tables.rows.c.id)
        .limit(_ROWS_PER_WRITE)
    )
    return [one.id for one in found]


def _empty(tx: Connection, part: list[int]) -> None:
    if not part:
        return
    emptied = {"cells": None, "body": None, "message": None, "problems": None}
    emptied |= {"flaws": None, "own_key": None, "twin_key": None}
    tx.execute(update(tables.rows).where(tables.rows.c.id.in_(part)).values(**emptied))
    tx.execute(update(tables.attempts).where(tables.attempts.c.row.in_(part)).values(message=None))
