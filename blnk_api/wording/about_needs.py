"""Rows of an import that need somebody, together where they need the same: what is wrong, and with which."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from blnk_api.store.rows import StoredRow
from blnk_api.store.states import NEEDS_YOU, RowState


@dataclass
class Cause:
    """Rows with the same status for the same reason."""

    status: str
    said: str
    """Of the first of them; others may name another value."""
    same: bool = True
    rows: list[StoredRow] = field(default_factory=list)


def causes(rows: Iterable[StoredRow]) -> list[Cause]:
    """Those with most rows first; rows that only a person can settle before all others."""
    found: dict[tuple[object, ...], Cause] = {}
    for row in rows:
        said = reason(row)
        cause = found.setdefault(_key(row, said), Cause(row.status, said))
        cause.same = cause.same and said == cause.said
        cause.rows.append(row)
    return sorted(found.values(), key=lambda one: (one.status != NEEDS_YOU, -len(one.rows)))


def reason(row: StoredRow) -> str:
    """Why a row needs somebody, in one sentence or two."""
    if row.message or row.state is not RowState.INVALID:
        return row.message or "No answer came back."
    return row.wrong


def _key(row: StoredRow, said: str) -> tuple[object, ...]:
    if row.state is RowState.INVALID:
        wrong = next((one for one in row.problems if one.severity == "error"), None)
        if wrong is not None:
            return row.status, wrong.kind, wrong.column
    return row.status, said
