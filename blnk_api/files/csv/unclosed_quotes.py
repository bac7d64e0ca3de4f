"""Detects rows that were swallowed by a cell, because a quotation mark was opened in one row and closed in
another.

Judged by the shape of the file: a cell with several lines contains rows if its lines have as many separators
as a row and, in the right columns, values like those of other rows. An address does not.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from blnk_api.common.invisible_characters import bare
from blnk_api.common.quoting import shown
from blnk_api.currencies import name_of
from blnk_api.facts.file_shape import Flaw
from blnk_api.facts.mapping import Use
from blnk_api.files.column_names import recognise
from blnk_api.files.header import ID

_ROWS_LEARNT_FROM = 5_000
_MOST_LINES = 500
_VALUE_CHARACTERS = 100

SEPARATORS = ",;\t|"
LINES = re.compile(r"\r\n|\r|\n")


class OtherRows:
    """The values of the other rows by column, collected on first use."""

    def __init__(
        self, headers: Sequence[str], rows: Callable[[], Iterable[Sequence[str]]], *, are_spaced: bool
    ) -> None:
        """`rows` starts reading the file again, below the header. `are_spaced`: it drops spaces after
        separators."""
        self._headers = headers
        self._rows = rows
        self._seen: list[set[str]] | None = None
        self._are_spaced = are_spaced
        self._rows_end_in_separators = False

    def flaws(self, cells: Sequence[str], delimiter: str) -> Iterator[Flaw]:
        """A flaw for each cell of a record that has swallowed rows, or seems to have."""
        for at, cell in enumerate(cells[: len(self._headers)]):
            if "\n" in cell or "\r" in cell:
                severity = self._judge(cells, at, delimiter)
                if severity == "error":
                    yield _swallowed(cell, at)
                elif severity == "warning":
                    yield _perhaps(cell, at)

    def suspicions(self, cells: Sequence[str]) -> Iterator[Flaw]:
        """Like `flaws` for a workbook, where no separator is left: each cell that looks so is a warning."""
        for at, cell in enumerate(cells[: len(self._headers)]):
            is_several = "\n" in cell or "\r" in cell
            if is_several and any(self._judge(cells, at, one) for one in SEPARATORS if one in cell):
                yield _perhaps(cell, at)

    def _judge(self, cells: Sequence[str], at: int, delimiter: str) -> str:
        """ "error" if the cell contains rows, "warning" if it may, "" if it does not."""
        lines = LINES.split(cells[at])
        if len(lines) > _MOST_LINES:
            return "error"
        found = [line.split(delimiter) for line in lines]
        if len(found) < 2 or len(self._headers) < 2:
            return ""
        if all(len(pieces) == 1 for pieces in found):
            return self._judge_cut_short(cells, at, found)
        if any(len(row) > 1 and any(ID.fullmatch(bare(piece)) for piece in row) for row in found[1:]):
            return "error"
        fits = fit(found, cells, at, len(self._headers))
        known = [self._known(pieces, at, place, len(found)) for place, pieces in enumerate(found)]
        is_text = self._is_running_text(found, delimiter)
        if any((ok and n) or n > 1 for ok, n in zip(fits, known, strict=True)):
            return "warning" if is_text else "error"
        is_whole_row = any(fits[1:-1]) and len(self._headers) > 2
        return "warning" if (all(fits) or is_whole_row) and not is_text else ""

    def _judge_cut_short(self, cells: Sequence[str], at: int, found: Sequence[Sequence[str]]) -> str:
        """For a cell without separators: whether it joins the last cell of one row and the first of the next.
        If so, the record has more separators than a row."""
        if len(cells) <= len(self._headers) or not all(fit(found, cells, at, len(self._headers))):
            return ""
        self._learnt()
        if self._is_known(0, bare(found[-1][0])):
            return "error"
        return "" if self._rows_end_in_separators else "warning"

    def _known(self, pieces: Sequence[str], at: int, place: int, count: int) -> int:
        """In how many columns a line has values like those of other rows."""
        return sum(
            self._is_known(column, bare(piece))
            for column, piece in inner_cells(pieces, at, place, count)
            if column < len(self._headers)
        )

    def _is_known(self, column: int, value: str) -> bool:
        value = value.strip('"').casefold()
        if not value:
            return False
        if value in self._learnt()[column]:
            return True
        use = recognise(self._headers[column])
        return bool(use and use[0] is Use.CURRENCY and name_of(value.upper()))

    def _learnt(self) -> list[set[str]]:
        if self._seen is None:
            self._seen = [set() for _ in self._headers]
            for cells in islice(self._rows(), _ROWS_LEARNT_FROM):
                is_longer = len(cells) > len(self._headers)
                self._rows_end_in_separators |= is_longer and not any(map(LINES.search, cells))
                for seen, cell in zip(self._seen, cells, strict=False):
                    if "\n" not in cell and "\r" not in cell and len(cell) <= _VALUE_CHARACTERS:
                        seen.add(bare(cell).casefold())
                self._are_spaced |= any(cell.startswith(" ") for cell in cells[1:])
        return self._seen

    def _is_running_text(self, found: Sequence[Sequence[str]], delimiter: str) -> bool:
        """Whether separators are followed by spaces, as in an address, in a file whose separators are not."""
        self._learnt()
        after = [piece for pieces in found for piece in pieces[1:]]
        return delimiter == "," and not self._are_spaced and all(one.startswith(" ") for one in after)


def fit(found: Sequence[Sequence[str]], cells: Sequence[str], at: int, width: int) -> list[bool]:
    """For each line of a cell, whether it has as many separators as a row, including the cells before and
    after."""
    *above, last = found
    row = [*last, *cells[at + 1 :]]
    fits = [len(pieces) + (at if place == 0 else 0) == width for place, pieces in enumerate(above)]
    return [*fits, len(row) >= width and not any(map(str.strip, row[width:]))]


def inner_cells(pieces: Sequence[str], at: int, place: int, count: int) -> Iterator[tuple[int, str]]:
    """The cells of a line inside a cell of column `at`, with the columns they would belong to.

    `place` is the line's position among `count` lines. The first and last lines are cut by the quotation
    marks.
    """
    whole = pieces[place == 0 : len(pieces) - (place == count - 1)]
    return enumerate(whole, at + 1 if place == 0 else 0)


def _swallowed(cell: str, at: int) -> Flaw:
    return Flaw("bad_quotes", at, takes_in(cell))


def takes_in(cell: str) -> str:
    """The message for a cell that has swallowed rows."""
    _, *inner = LINES.split(cell)
    what = (
        "1 more line that looks like a row,"
        if len(inner) == 1
        else f"{len(inner):,} more lines that look like rows, the first"
    )
    return (
        f"This cell swallows {what} “{shown(inner[0])}”: a quotation mark was left open. Nothing in it is "
        "sent. Correct the marks in the file and upload it again."
    )


def _perhaps(cell: str, at: int) -> Flaw:
    _, *inner = LINES.split(cell)
    message = (
        f"This cell contains several lines; the second one is “{shown(inner[0])}”. If the lines are "
        "separate rows, "
        "a quotation mark was left open in the file."
    )
    return Flaw("several_lines", at, message, "warning")
