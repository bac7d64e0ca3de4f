"""Writes a draft that was checked again over the draft as it stood: only rows that came out differently.

So a repair of one cell among a million costs one row, and what was found in Blnk of all others stays.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from blnk_api.store import checked_rows, rows
from blnk_api.store.checked_rows import NewRow
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState

LEFT_OUT_BY_A_PERSON = "left out"
"""`why` of rows that someone left out; other reasons are the check's own."""
HIDDEN_AND_SKIPPED = "hidden row skipped"
"""`why` of rows that the workbook hides, where someone said that those are not meant."""
_SAID = (LEFT_OUT_BY_A_PERSON, HIDDEN_AND_SKIPPED)


class Restructured(Exception):
    """A record makes more or fewer balances than before: all rows have to be written again."""


class Merger:
    """Takes the rows of the whole file, in their order, in chunks."""

    def __init__(self, import_: int) -> None:
        self._import = import_
        self._after = 0

    def write(self, tx: Connection, new: Sequence[NewRow]) -> list[int]:
        """The rows that were changed. Raises Restructured."""
        old = rows.page(tx, self._import, after=self._after, limit=len(new))
        if [(one.number, one.part) for one in old] != [(one.number, one.part) for one in new]:
            raise Restructured
        self._after = old[-1].id
        changed = [(was, now) for was, now in zip(old, new, strict=True) if not is_same(was, now)]
        checked_rows.rewrite(tx, self._import, changed)
        return [was.id for was, _ in changed]

    def end(self, tx: Connection) -> None:
        """Raises Restructured when rows are left over."""
        if rows.page(tx, self._import, after=self._after, limit=1):
            raise Restructured


def is_same(old: StoredRow, new: NewRow) -> bool:
    """Whether a row stands as it was checked just now; what was found in Blnk of it beside that is kept."""
    if old.state is RowState.CREATED:
        return True  # it was found to be made by this very import: nothing changes it anymore
    if list(new.cells) != old.cells or list(new.problems) != old.problems:
        return False
    if (rows.flaws_as_kept(new.flaws), new.own_key, new.twin_key) != (
        old.flaws,
        old.own_key,
        old.twin_key,
    ):
        return False
    left_out = old.state is RowState.LEFT_OUT and old.why in _SAID
    match new.state:
        case RowState.READY:
            # What was found in Blnk of a row that is sent alike is as true as before.
            kept = (RowState.READY, RowState.EXISTS, RowState.LEFT_OUT)
            return old.state in kept and not left_out and old.body == new.body
        case RowState.LEFT_OUT:
            return left_out and old.why == new.why
        case RowState.EXISTS:
            return old.state is RowState.EXISTS and old.balance_id == new.balance_id
        case _:
            return old.state is RowState.INVALID and old.body is None and old.message == new.message
