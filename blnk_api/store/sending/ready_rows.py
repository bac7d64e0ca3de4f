"""READY rows with everything that sending them needs."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from blnk_api.store.search import row_blocks
from blnk_api.store.states import RowState
from blnk_api.store.tables import rows
from blnk_api.store.transitions import IDS_PER_STATEMENT


class Ready(NamedTuple):
    """A row that may be claimed, with everything that sending it needs."""

    id: int
    ref: str
    body: bytes
    tries: int
    """How often it was sent before."""


_OF_A_ROW = (rows.c.id, rows.c.ref, rows.c.body, rows.c.tries)
"""The columns of a Ready, in its order."""


def ready_rows(tx: Connection, import_: int, *, after: int, limit: int) -> list[Ready]:
    """READY rows in file order, paged by key."""
    found = tx.execute(
        select(*_OF_A_ROW)
        .where(rows.c.import_ == import_, rows.c.state == RowState.READY, rows.c.id > after)
        .order_by(rows.c.id)
        .limit(limit)
    )
    return [Ready(*one) for one in found]


def ready_among(tx: Connection, row_ids: Sequence[int]) -> list[Ready]:
    """Those of these rows that are READY."""
    found: list[Ready] = []
    for start in range(0, len(row_ids), IDS_PER_STATEMENT):
        part = row_ids[start : start + IDS_PER_STATEMENT]
        found += [
            Ready(*one)
            for one in tx.execute(
                select(*_OF_A_ROW).where(rows.c.id.in_(part), rows.c.state == RowState.READY)
            )
        ]
    return found


def ready_with_refs(tx: Connection, import_: int, refs: Sequence[str]) -> list[Ready]:
    """The READY rows of an import that have one of these refs."""
    # The state is compared here: in the query, SQLite would scan all READY rows.
    found = tx.execute(
        select(*_OF_A_ROW, rows.c.state).where(row_blocks.of_imports(tx, [import_]), rows.c.ref.in_(refs))
    )
    return [Ready(*one) for *one, state in found if state == RowState.READY]
