"""Groups an import's rows that need a person by what they need: what is wrong, and with which rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from blnk_api.store.rows import StoredRow
from blnk_api.store.states import NEEDS_YOU, RowState


@dataclass
class Need:
    """Rows with the same status for the same reason."""

    status: str
    reason: str
    """The reason of the first row; others may name another value."""
    same: bool = True
    rows: list[StoredRow] = field(default_factory=list)


def needs(rows: Iterable[StoredRow]) -> list[Need]:
    """Groups with the most rows first, but those that only a person can settle before all others."""
    found: dict[tuple[object, ...], Need] = {}
    for row in rows:
        reason_text = reason(row)
        need = found.setdefault(_key(row, reason_text), Need(row.status, reason_text))
        need.same = need.same and reason_text == need.reason
        need.rows.append(row)
    return sorted(found.values(), key=lambda one: (one.status != NEEDS_YOU, -len(one.rows)))


def reason(row: StoredRow) -> str:
    """Why a row needs a person, in one or two sentences."""
    if row.message or row.state is not RowState.INVALID:
        return row.message or "No answer came back."
    return row.wrong


def _key(row: StoredRow, reason_text: str) -> tuple[object, ...]:
    if row.state is RowState.INVALID:
        wrong = next((one for one in row.problems if one.severity == "error"), None)
        if wrong is not None:
            return row.status, wrong.kind, wrong.column
    return row.status, reason_text
