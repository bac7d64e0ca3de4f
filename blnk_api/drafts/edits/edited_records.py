"""Applies people's edits to the records of a file, so that every reading of it includes them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from blnk_api.facts.file_shape import Record
from blnk_api.store.people.edits import LEFT_OUT, RecordedEdit

_MENDED_BY_A_CELL = frozenset({"ragged_row"})
"""Flaws of a whole row that are settled once one of its cells is edited. Not those that may hide further
rows."""
_NEVER_MENDED = frozenset({"bad_quotes"})
"""The cell may have swallowed rows after it: only the file can be fixed."""


@dataclass
class RecordEdits:
    cells: dict[int, dict[int, str]] = field(default_factory=dict)
    """Record number → column → the text."""
    left_out: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, repairs: Iterable[RecordedEdit]) -> "RecordEdits":
        made = cls()
        for one in repairs:
            if one.position is not None:
                made.cells.setdefault(one.number, {})[one.position] = one.new
            elif one.new == LEFT_OUT:
                made.left_out.add(one.number)
            else:
                made.left_out.discard(one.number)
        return made

    def cell(self, number: int, position: int, typed: str) -> str:
        """The current text of a cell."""
        return self.cells.get(number, {}).get(position, typed)

    def over(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records with their edits, including skipped ones."""
        return map(self.of_record, records)

    def of_record(self, record: Record) -> Record:
        changed = self.cells.get(record.number)
        return record if changed is None else _changed(record, changed)


def _changed(record: Record, changed: dict[int, str]) -> Record:
    cells = [changed.get(at, cell) for at, cell in enumerate(record.cells)]
    flaws = tuple(
        flaw
        for flaw in record.problems
        if flaw.kind in _NEVER_MENDED
        or not (flaw.column in changed or (flaw.column is None and flaw.kind in _MENDED_BY_A_CELL))
    )
    return Record(record.number, cells, flaws)
