"""Rows in the store as far as results files tell of them: without requests, which are most of a row."""

from collections.abc import Sequence
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from blnk_api.facts import problems
from blnk_api.store.states import RowState, status_of
from blnk_api.store.tables import rows


class ResultRow(NamedTuple):
    """A row as results tell of it. A plain tuple, because there may be a million."""

    id: int
    number: int
    part: str
    state: RowState
    cells: list[str]
    ledger_id: str | None
    currency: str | None
    ref: str | None
    status: str
    """The word for its state that people read."""
    balance_id: str | None
    message: str | None
    wrong: str
    """What the check found that prevents it from being sent, or ""."""


_COLUMNS = (
    *(rows.c.id, rows.c.number, rows.c.part, rows.c.state, rows.c.cells, rows.c.ledger_id, rows.c.currency),
    *(rows.c.ref, rows.c.waits_for_person, rows.c.balance_id, rows.c.message, rows.c.problems),
)
_STATES = {str(one): one for one in RowState}
_STATUSES = {
    (str(one), waits): status_of(one, waits_for_person=waits) for one in RowState for waits in (False, True)
}


def page(
    tx: Connection, import_: int, *, states: Sequence[RowState] | None, after: int, limit: int
) -> list[ResultRow]:
    """Rows in file order after the row with this id, in all states if `states` is None."""
    query = select(*_COLUMNS).where(rows.c.import_ == import_, rows.c.id > after)
    if states is not None:
        query = query.where(rows.c.state.in_(list(states)))
    return [
        ResultRow(
            id,
            number,
            part,
            _STATES[state],
            orjson.loads(cells) if cells else [],
            ledger_id,
            currency,
            ref,
            _STATUSES[state, waits],
            balance_id,
            message,
            problems.errors_as_text(problems.from_json(found)) if found else "",
        )
        for id, number, part, state, cells, ledger_id, currency, ref, waits, balance_id, message, found in (
            tx.execute(query.order_by(rows.c.id).limit(limit)).all()
        )
    ]
