"""A record of a draft as a line of the grid: its cells with edits, and only the problems they still have.
Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from blnk_api.currencies import Severity
from blnk_api.drafts.edits.edited_records import RecordEdits
from blnk_api.facts.problems import Problem
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState


@dataclass(frozen=True)
class Line:
    row: StoredRow
    cells: list[str]
    """The current text, whether it has been checked or not."""
    is_being_checked: bool
    """Whether any of it changed since it was checked."""

    @property
    def problems(self) -> list[Problem]:
        """Errors and warnings, without stale ones of corrected cells."""
        if self.is_being_checked:
            return []
        return [one for one in self.row.problems if one.severity != "note"]

    @property
    def faulty(self) -> dict[int, Severity]:
        """The cells with a problem and its severity. Errors take precedence."""
        found: dict[int, Severity] = {}
        for one in self.problems:
            if one.position is not None and found.get(one.position) != "error":
                found[one.position] = one.severity
        return found


def lines_of(rows: Iterable[StoredRow], edits: RecordEdits) -> list[Line]:
    """One line for each record. If it makes several balances, the first invalid one counts."""
    by_number: dict[int, StoredRow] = {}
    for row in rows:
        kept = by_number.setdefault(row.number, row)
        if row.state is RowState.INVALID and kept.state is not RowState.INVALID:
            by_number[row.number] = row
    return [_line(row, edits) for row in by_number.values()]


def _line(row: StoredRow, edits: RecordEdits) -> Line:
    cells = [edits.cell(row.number, at, cell) for at, cell in enumerate(row.cells)]
    was_skipped = row.state is RowState.LEFT_OUT
    is_skipped = row.number in edits.left_out
    return Line(row, cells, cells != row.cells or (is_skipped and not was_skipped))
