"""Guarded moves: a row or an import changes state only along its table of moves, and only from its current
state.

A move is one UPDATE that names the state it starts from. A row that someone else moved meanwhile is not
changed, and the result says which rows moved.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, text, update

from blnk_api.store.bulk import given, run_at_once
from blnk_api.store.checking import found_in_blnk
from blnk_api.store.sending import late_records
from blnk_api.store.states import IMPORT_MOVES, MOVES, ImportState, RowState
from blnk_api.store.tables import counts, imports, rows

IDS_PER_STATEMENT = 500
"""SQLite and Postgres allow more, but a statement of this size stays well under 100 ms."""


class NoSuchMove(Exception):
    """The code requested a move that MOVES does not contain: a bug, never a person's mistake."""


def require_move(from_: RowState, to: RowState) -> None:
    if (from_, to) not in MOVES:
        raise NoSuchMove(f"rows do not move from {from_} to {to}")


def move(
    tx: Connection,
    row_ids: Sequence[int],
    *,
    from_: RowState,
    to: RowState,
    claim: str | None = None,
    **facts: Any,
) -> list[int]:
    """Returns the rows that moved. With `claim`, only rows that this claim holds.

    `facts` are columns to set as well. All rows belong to one import, whose counts are updated. Rows that are
    called not created after they were sent, or another import's balance, are scheduled for late look-ups in
    the same transaction.
    """
    require_move(from_, to)
    moved: list[int] = []
    for start in range(0, len(row_ids), IDS_PER_STATEMENT):
        part = row_ids[start : start + IDS_PER_STATEMENT]
        statement = (
            update(rows)
            .where(rows.c.id.in_(part), rows.c.state == from_)
            .values(state=to, changed_at=time.time(), **facts)
            .returning(rows.c.id, rows.c.import_)
        )
        if claim is not None:
            statement = statement.where(rows.c.claim == claim)
        answered = tx.execute(statement).all()
        moved += [row.id for row in answered]
        per_import: dict[int, int] = {}
        for row in answered:
            per_import[row.import_] = per_import.get(row.import_, 0) + 1
        for import_, n in per_import.items():
            count(tx, import_, {from_: -n, to: n})
    if from_ is RowState.UNKNOWN and to in (RowState.READY, RowState.REFUSED, RowState.EXISTS):
        late_records.owe(tx, moved)
    return moved


_EACH = given(
    "each",
    at_row=rows.c.id,
    was=rows.c.state,
    to_state=rows.c.state,
    balance_id=rows.c.balance_id,
    message=rows.c.message,
    at=rows.c.changed_at,
)
_MOVE_EACH = (
    update(rows)
    .where(rows.c.id == _EACH.c.at_row, rows.c.state == _EACH.c.was)
    .values(
        state=_EACH.c.to_state,
        balance_id=_EACH.c.balance_id,
        message=_EACH.c.message,
        changed_at=_EACH.c.at,
    )
    .returning(rows.c.id)
)


def move_each(
    tx: Connection, import_: int, facts: Mapping[int, Mapping[str, str]], *, from_: RowState, to: RowState
) -> list[int]:
    """Like `move`, with a separate balance_id and message for each row of one import."""
    require_move(from_, to)
    now = time.time()
    values = [(id, from_, to, one["balance_id"], one["message"], now) for id, one in facts.items()]
    moved = [id for (id,) in run_at_once(tx, _MOVE_EACH, values)]
    count(tx, import_, {from_: -len(moved), to: len(moved)})
    return moved


_COUNT = text(
    'INSERT INTO counts ("import", state, n) VALUES (:of, :state, :n) '
    'ON CONFLICT ("import", state) DO UPDATE SET n = counts.n + excluded.n'
)


def count(tx: Connection, import_: int, changes: Mapping[str, int]) -> None:
    """Updates the counts of rows by state that pages show. Called by everything that moves or inserts
    rows."""
    values = [{"of": import_, "state": state, "n": n} for state, n in changes.items() if n]
    if values:
        tx.execute(_COUNT, values)


def move_import(
    tx: Connection,
    import_: int,
    /,
    *,
    from_: Iterable[ImportState],
    to: ImportState,
    version: int | None = None,
    **facts: Any,
) -> bool:
    """Returns whether the import moved. With `version`, only if the draft is still the one that was shown."""
    starts = list(from_)
    for start in starts:
        if (start, to) not in IMPORT_MOVES:
            raise NoSuchMove(f"imports do not move from {start} to {to}")
    statement = (
        update(imports)
        .where(imports.c.number == import_, imports.c.state.in_(starts))
        .values(state=to, **facts)
    )
    if version is not None:
        statement = statement.where(imports.c.version == version)
    has_moved = tx.execute(statement).rowcount == 1
    if has_moved and ImportState.DRAFT in starts:
        found_in_blnk.forget(tx, import_)
    return has_moved


_COUNTS = select(counts.c.state, counts.c.n).where(counts.c.import_ == bindparam("number"), counts.c.n != 0)


def counts_of(tx: Connection, import_: int) -> dict[RowState, int]:
    """Rows by state. States without rows are omitted."""
    return {RowState(state): n for state, n in tx.execute(_COUNTS, {"number": import_})}
