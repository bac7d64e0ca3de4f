"""The rows of another import as the records of a draft that fixes them.

They keep their numbers and the flaws found when the file was read. The file is not read again.
"""

from collections.abc import Iterator
from itertools import groupby
from types import TracebackType
from typing import Self

from blnk_api.facts.file_shape import Flaw, Record
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.facts.problems import Problem
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import RowState

IN_THE_FILE = frozenset({"bad_quotes", "cell_too_long", "row_too_long", "too_many_flaws"})
"""Flaws that can be fixed only in the file, because rows may be hidden behind them."""

_OF_READING = IN_THE_FILE | {
    "cell_error",
    "formula_without_result",
    "mixed_encodings",
    "ragged_row",
    "spaced_quotes",
    "undecodable_text",
}
"""Problems that checking the cells would not find."""


def can_be_fixed(row: StoredRow) -> bool:
    """Whether editing its cells can make a row valid."""
    return bool(row.cells) and not any(
        one.kind in IN_THE_FILE and one.severity == "error" for one in row.problems
    )


class SourceRows:
    """The records for two passes, like `files.two_passes.TwoPasses` for a file."""

    def __init__(self, sources: list[StoredRow], mapping: Mapping) -> None:
        self._sources = sources
        currency = mapping.column(Use.CURRENCY)
        self._currency = None if currency is None else currency.position

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        pass

    def first(self) -> Iterator[Record]:
        """One record for each number, with only the currencies whose balances need a fix."""
        for number, of_record in groupby(self._sources, lambda row: row.number):
            rows = list(of_record)
            cells = list(rows[0].cells)
            parts = [row.part for row in rows if row.part and row.state is RowState.SUPERSEDED]
            if parts and self._currency is not None:
                cells[self._currency] = ";".join(dict.fromkeys(parts))
            yield Record(number, cells, tuple(_flaws(rows[0].problems)))

    def again(self) -> Iterator[Record]:
        return self.first()


def _flaws(problems: list[Problem]) -> Iterator[Flaw]:
    for one in problems:
        if one.kind in _OF_READING and one.severity == "error":
            yield Flaw(one.kind, one.position, one.message, one.severity, one.repair)
