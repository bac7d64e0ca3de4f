"""Why rows that need approval were not claimed, for display."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import Connection, func, select

from blnk_api.common.row_label import label_of
from blnk_api.store.approvals.requests import RequestState
from blnk_api.store.sending.claims import REF_IS_HELD
from blnk_api.store.states import RowState
from blnk_api.store.tables import approvals, rows
from blnk_api.store.transitions import IDS_PER_STATEMENT


class Why(Enum):
    """In order of importance to people."""

    ALTERED = 1
    """The stored row is not what was approved: someone changed it outside this product."""
    VOID = 2
    """The store was restored or copied since."""
    WITHDRAWN = 3
    LAPSED = 4
    NEVER_APPROVED = 5
    """No approval was requested for the row as it is now."""


@dataclass(frozen=True)
class Unapproved:
    """A READY row that was not claimed, although no other row holds its ref."""

    row: int
    label: str
    why: Why


_ENDED = {RequestState.VOID: Why.VOID, RequestState.WITHDRAWN: Why.WITHDRAWN}


def unapproved(tx: Connection, row_ids: Collection[int]) -> list[Unapproved]:
    """Those of these rows that no approval covers now."""
    wanted = sorted(row_ids)
    found: list[Unapproved] = []
    for start in range(0, len(wanted), IDS_PER_STATEMENT):
        query = (
            select(
                rows.c.id,
                rows.c.number,
                rows.c.part,
                approvals.c.state,
                approvals.c.lapses_at,
                (rows.c.approved_body != func.sha256(rows.c.body)).label("is_altered"),
            )
            .outerjoin(approvals, approvals.c.id == rows.c.approval)
            .where(rows.c.id.in_(wanted[start : start + IDS_PER_STATEMENT]))
            .where(rows.c.state == RowState.READY, ~REF_IS_HELD)
            .order_by(rows.c.id)
        )
        for one in tx.execute(query):
            if (why := _why(one.state, one.lapses_at, is_altered=bool(one.is_altered))) is not None:
                found.append(Unapproved(one.id, label_of(one.number, one.part), why))
    return found


def _why(state: str | None, lapses_at: float | None, *, is_altered: bool) -> Why | None:
    if state is None or lapses_at is None:
        return Why.NEVER_APPROVED
    if is_altered:
        return Why.ALTERED
    if state == RequestState.APPROVED:
        return Why.LAPSED if time.time() >= lapses_at else None
    if state == RequestState.LAPSED:
        return Why.LAPSED
    return _ENDED.get(RequestState(state), Why.NEVER_APPROVED)
