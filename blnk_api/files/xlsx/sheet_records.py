"""The rows of a sheet as records under the column names, and what is to be told of each."""

from collections.abc import Callable, Iterator, Sequence

from blnk_api.facts.file_shape import FileShape, Record
from blnk_api.files import header
from blnk_api.files.csv.unclosed_quotes import OtherRows
from blnk_api.files.xlsx import cell_flaws
from blnk_api.files.xlsx.sheet import Sheet

_LEARNT_FROM_BYTES = 4_000_000


def records(
    reader: Sheet, shape: FileShape, again: Callable[[], Sheet], *, most_bytes: int | None = None
) -> Iterator[Record]:
    """The filled rows below the header. `again` opens the sheet once more.

    A text file with an unclosed quotation mark may have been opened and saved as a workbook. Its rows are
    then lost in a cell, as they would be in the text file.
    """
    width = len(shape.headers)
    others = OtherRows(shape.headers, lambda: _cells(again(), shape), are_spaced=False)
    for number, cells, flaws, is_hidden in reader.rows(width=width, most_bytes=most_bytes):
        text = "".join(cells)
        if number <= shape.header_row or not (flaws or text.strip()):
            continue
        if is_hidden:
            flaws = (cell_flaws.hidden(), *flaws)
        cells += [""] * (width - len(cells))
        if "\n" in text or "\r" in text:
            flaws += tuple(others.suspicions(cells))
        yield Record(number, cells, flaws)


def filled(reader: Sheet, most_bytes: int | None = None) -> Iterator[header.Row]:
    """The rows that are not blank, with their numbers."""
    for row in reader.rows(most_bytes=most_bytes):
        if "".join(row.cells).strip():
            yield row.number, row.cells


def _cells(reader: Sheet, shape: FileShape) -> Iterator[Sequence[str]]:
    """What the first rows below the header contain."""
    for row in reader.rows(width=len(shape.headers), most_bytes=_LEARNT_FROM_BYTES):
        if row.number > shape.header_row:
            yield row.cells
