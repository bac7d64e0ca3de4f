"""Updates a draft's rows after another check: only rows with a different result are written.

So fixing one cell among a million rows costs one row, and what was found in Blnk for the others is kept.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from blnk_api.store import rows
from blnk_api.store.checking import checked_rows
from blnk_api.store.checking.checked_rows import NewRow
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState

LEFT_OUT_BY_A_PERSON = "left out"
"""`why` of rows that a person skipped. All other reasons come from the check."""
HIDDEN_AND_SKIPPED = "hidden row skipped"
"""`why` of rows that the workbook hides, if a person chose to skip those."""
_SAID = (LEFT_OUT_BY_A_PERSON, HIDDEN_AND_SKIPPED)


class Restructured(Exception):
    """A record makes more or fewer balances than before, so all rows must be written again."""


class Merger:
    """Takes the rows of the whole file in order, in chunks."""

    def __init__(self, import_: int) -> None:
        self._import = import_
        self._after = 0

    def write(self, tx: Connection, new: Sequence[NewRow]) -> list[int]:
        """Returns the rows that changed. Raises Restructured."""
        old = rows.page(tx, self._import, after=self._after, limit=len(new))
        if [(one.number, one.part) for one in old] != [(one.number, one.part) for one in new]:
            raise Restructured
        self._after = old[-1].id
        changed = [(was, now) for was, now in zip(old, new, strict=True) if not is_same(was, now)]
        checked_rows.rewrite(tx, self._import, changed)
        return [was.id for was, _ in changed]

    def end(self, tx: Connection) -> None:
        """Raises Restructured if rows are left over."""
        if rows.page(tx, self._import, after=self._after, limit=1):
            raise Restructured


def is_same(old: StoredRow, new: NewRow) -> bool:
    """Whether a row equals the result of the new check. What was found in Blnk for it besides that is
    kept."""
    if old.state is RowState.CREATED:
        return True  # this very import created it: nothing changes it anymore
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
            # What was found in Blnk is still true of a row whose request is the same.
            kept = (RowState.READY, RowState.EXISTS, RowState.LEFT_OUT)
            return old.state in kept and not left_out and old.body == new.body
        case RowState.LEFT_OUT:
            return left_out and old.why == new.why
        case RowState.EXISTS:
            return old.state is RowState.EXISTS and old.balance_id == new.balance_id
        case _:
            return old.state is RowState.INVALID and old.body is None and old.message == new.message
