"""Rows that come back from a results file: which rows they are, and their original cells."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from blnk_api.facts.file_shape import FileShape
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.files.formula_guard import unguard_cell, unguard_start
from blnk_api.files.row_marks import Mark
from blnk_api.lookup import refs
from blnk_api.store.states import NEEDS_YOU, STATUSES, WORDS, RowState

_EARLIER_UNSETTLED = ("Being sent", "Needs a look")
_EARLIER_WORDS = (*_EARLIER_UNSETTLED, "Already existed", "Refused", "Left out")

STATUS_WORDS = frozenset({*STATUSES, *_EARLIER_WORDS})
"""The status words of results files, including those of earlier versions."""

UNSETTLED = frozenset({WORDS[RowState.SENDING], WORDS[RowState.UNKNOWN], NEEDS_YOU, *_EARLIER_UNSETTLED})
"""A row with one of these statuses may have a balance that is not known yet."""


class ReimportedRow(NamedTuple):
    """What a row brings from a results file."""

    ref: refs.Ref | None
    ref_text: str
    balance_id: str
    status: str
    mark: Mark | None
    mark_text: str
    is_ours: bool
    """Whether we wrote its cells, which may then be guarded against formulas."""


class ReimportedRows:
    """Reads the columns that results files add."""

    def __init__(self, shape: FileShape, mapping: Mapping) -> None:
        self._is_csv = shape.kind == "csv"
        self._at = {
            use: column.position
            for use in (Use.IMPORT_REF, Use.IMPORT_ROW, Use.BALANCE_ID, Use.STATUS)
            if (column := mapping.column(use))
        }
        self._has_marks = Use.IMPORT_ROW in self._at
        self.are_possible = bool(self._at.keys() & {Use.IMPORT_REF, Use.IMPORT_ROW, Use.BALANCE_ID})

    def brought(self, cells: Sequence[str]) -> ReimportedRow:
        ref_text, mark_text, balance_id, status = (
            cells[at].strip() if (at := self._at.get(use)) is not None else ""
            for use in (Use.IMPORT_REF, Use.IMPORT_ROW, Use.BALANCE_ID, Use.STATUS)
        )
        ref, mark = refs.parse_ref(ref_text), Mark.read(mark_text)
        is_ours = ref is not None or mark is not None
        # Versions before marks wrote none, and no ref for an invalid row.
        is_ours = is_ours or (Use.IMPORT_REF in self._at and status in STATUS_WORDS)
        return ReimportedRow(ref, ref_text, balance_id, status, mark, mark_text, is_ours)

    def as_they_were(self, cells: list[str]) -> Iterator[list[str]]:
        """The possible original cells of a row of ours, likeliest first: a CSV is guarded, an XLSX only if it
        was a CSV."""
        ways = [[unguard_cell(cell) for cell in cells], [unguard_start(cell) for cell in cells]]
        if not self._has_marks:
            ways.reverse()  # as versions without marks wrote it
        ways.insert(len(ways) if self._is_csv else 0, cells)
        return (way for at, way in enumerate(ways) if way not in ways[:at])
