"""Writes the rows that result from a check: in chunks, and again when a draft is rechecked."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from blnk_api.facts import problems
from blnk_api.facts.file_shape import Flaw
from blnk_api.facts.problems import Problem
from blnk_api.store.bulk import given, run_at_once
from blnk_api.store.rows import StoredRow, flaws_as_kept
from blnk_api.store.states import RowState
from blnk_api.store.tables import attempts, counts, rows
from blnk_api.store.transitions import count


class NewRow(NamedTuple):
    """A checked row to store. `body` and `ref` are None if it is invalid.

    A plain tuple, because there may be a million.
    """

    number: int
    part: str
    state: RowState
    cells: Sequence[str]
    ledger_id: str | None = None
    currency: str | None = None
    body: bytes | None = None
    ref: str | None = None
    balance_id: str | None = None
    message: str | None = None
    problems: Sequence[Problem] = ()
    why: str | None = None
    flaws: Sequence[Flaw] = ()
    """The flaws of the file's own row, regardless of edits."""
    own_key: int | None = None
    twin_key: int | None = None
    """See `row_key_hash.own_key`."""


_STATE = NewRow._fields.index("state")
RowValues = tuple[Any, ...]
"""A `NewRow` of Python's own types alone, as it is passed to another process and to the database."""


def values_of(row: NewRow) -> RowValues:
    """In the order of the columns that `insert_values` writes."""
    return (
        row.number,
        row.part,
        str(row.state),
        orjson.dumps(row.cells).decode(),
        row.ledger_id,
        row.currency,
        row.body,
        row.ref,
        row.balance_id,
        row.why,
        row.message,
        problems.to_json(row.problems),
        flaws_as_kept(row.flaws),
        row.own_key,
        row.twin_key,
    )


_CHECKED = (
    "state",
    "cells",
    "ledger_id",
    "currency",
    "body",
    "ref",
    "balance_id",
    "why",
    "message",
    "problems",
    "flaws",
    "own_key",
    "twin_key",
    "changed_at",
)


_INSERT = (
    insert(rows)
    .values(
        {
            rows.c[key]: bindparam(rows.c[key].name)
            for key in ("import_", "instance", "number", "part", *_CHECKED)
        }
    )
    .inline()
)


def insert_rows(tx: Connection, import_: int, instance: int, new: Sequence[NewRow]) -> None:
    """Writes one chunk. A few thousand rows keep the write under 100 ms."""
    insert_values(tx, import_, instance, list(map(values_of, new)))


def insert_values(tx: Connection, import_: int, instance: int, new: Sequence[RowValues]) -> None:
    """Writes what `values_of` made of the rows of one chunk."""
    now = time.time()
    run_at_once(
        tx,
        _INSERT,
        [(import_, instance, *row, now) for row in new],
    )
    count(tx, import_, Counter(row[_STATE] for row in new))


_RECHECKED = given(
    "rechecked", at_row=rows.c.id, was=rows.c.state, **{f"new_{key}": rows.c[key] for key in _CHECKED}
)


_REWRITE = (
    update(rows)
    .where(rows.c.id == _RECHECKED.c.at_row, rows.c.state == _RECHECKED.c.was)
    .values({key: _RECHECKED.c[f"new_{key}"] for key in _CHECKED})
)


def rewrite(tx: Connection, import_: int, changed: Sequence[tuple[StoredRow, NewRow]]) -> None:
    """Replaces rows by their version after an edit. Only for drafts, of which nothing was ever sent."""
    now = time.time()
    run_at_once(
        tx,
        _REWRITE,
        [
            # From the state on, these are the columns of a check.
            (old.id, old.state, *values_of(new)[_STATE:], now)
            for old, new in changed
        ],
    )
    changes: dict[str, int] = {}
    for old, new in changed:
        changes[old.state] = changes.get(old.state, 0) - 1
        changes[new.state] = changes.get(new.state, 0) + 1
    count(tx, import_, changes)


def delete_rows(tx: Connection, import_: int) -> None:
    """Empties a draft before its file is checked again. Never called once anything was sent."""
    if tx.execute(
        select(attempts.c.row)
        .join(rows, attempts.c.row == rows.c.id)
        .where(rows.c.import_ == import_)
        .limit(1)
    ).first():
        raise ValueError("rows that were sent are never deleted")
    tx.execute(delete(rows).where(rows.c.import_ == import_))
    tx.execute(delete(counts).where(counts.c.import_ == import_))
