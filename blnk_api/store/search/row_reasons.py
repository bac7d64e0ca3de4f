"""Rows that are in their state for a particular reason: skipped by a person, resembling an existing balance,
and so on."""

from sqlalchemy import ColumnElement, Connection, Select, func, select

from blnk_api.store.rows import StoredRow, row_of, stored
from blnk_api.store.states import RowState
from blnk_api.store.tables import rows


def count_with(tx: Connection, import_: int, state: RowState, why: str) -> int:
    """How many such rows there are."""
    found = select(func.count()).select_from(rows).where(*_are(import_, state, why))
    return tx.execute(found).scalar_one()


def ids_with(tx: Connection, import_: int, state: RowState, why: str) -> list[int]:
    """The rows, in file order."""
    return [one.id for one in tx.execute(_with(select(rows.c.id), import_, state, why))]


def numbers_with(tx: Connection, import_: int, state: RowState, why: str) -> list[int]:
    """The records of these rows. One record may have several, one for each currency."""
    found = tx.execute(_with(select(rows.c.number), import_, state, why))
    return list(dict.fromkeys(one.number for one in found))


def first_with(tx: Connection, import_: int, state: RowState, why: str, *, limit: int) -> list[StoredRow]:
    """The first of these rows, for display."""
    return [row_of(one) for one in tx.execute(_with(stored(), import_, state, why).limit(limit))]


def _with(query: Select[tuple[int]], import_: int, state: RowState, why: str) -> Select[tuple[int]]:
    return query.where(*_are(import_, state, why)).order_by(rows.c.id)


def _are(import_: int, state: RowState, why: str) -> tuple[ColumnElement[bool], ...]:
    return rows.c.import_ == import_, rows.c.state == state, rows.c.why == why
