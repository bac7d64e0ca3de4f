"""Lists as files: a CSV, streamed, or a workbook. Nothing in either runs when a spreadsheet opens it."""

import csv
import io
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import IO

import xlsxwriter  # type: ignore[import-untyped]

from blnk_api.files.formula_guard import guard_cell

Cell = str | int | datetime
"""A datetime is written without its zone, which the header names."""

XLSX_ROWS = 200_000
"""More are offered as a CSV alone: a workbook of them would keep the server busy for too long."""

_XLSX_CHARACTERS = 16_000
"""A cell holds twice as many UTF-16 units; a text beyond this is cut, and says so with an ellipsis."""

_EXACT = 10**15
"""A spreadsheet rounds longer numbers: they are written as text."""

_AT_ONCE = 1_000
_BOM = "\ufeff"
_TIME = "%Y-%m-%d %H:%M:%S"


def as_csv(header: Sequence[str], records: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """In pieces: UTF-8 with a byte-order mark, which Excel needs, and CRLF line ends."""
    left = iter(records)
    yield (_BOM + _lines([header])).encode()
    while part := list(islice(left, _AT_ONCE)):
        # A file's name may hold halves of characters that UTF-8 has no bytes for.
        yield _lines(part).encode("utf-8", "replace")


def _lines(records: Iterable[Sequence[Cell]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([_csv_cell(one) for one in each] for each in records)
    return out.getvalue()


def _csv_cell(cell: Cell) -> str:
    match cell:
        case datetime():
            return cell.strftime(_TIME)
        case int():
            return str(cell)
    return guard_cell(cell)


def _xlsx_text(text: str) -> str:
    """As a cell can hold it."""
    plain = text.encode("utf-8", "replace").decode()
    if len(plain) > _XLSX_CHARACTERS:
        plain = f"{plain[:_XLSX_CHARACTERS]}…"
    # XlsxWriter takes text between these for its own markup.
    return f"{plain} " if plain.startswith("<r>") and plain.endswith("</r>") else plain


def as_xlsx(name: str, header: Sequence[str], records: Iterable[Sequence[Cell]]) -> IO[bytes]:
    """A workbook of one sheet, as an open file at its beginning that is gone when it is closed. Text stays
    text, to the letter; rows after XLSX_ROWS are not written."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 (its reader closes it)
    book = xlsxwriter.Workbook(
        file,
        {
            **{"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
            **{"strings_to_numbers": False, "default_date_format": "yyyy-mm-dd hh:mm:ss"},
        },
    )
    sheet = book.add_worksheet(re.sub(r"[\[\]:*?/\\]", " ", name)[:31])
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(header) - 1, 24)
    for column, title in enumerate(header):
        sheet.write_string(0, column, title, bold)
    for at, record in enumerate(islice(records, XLSX_ROWS), start=1):
        for column, cell in enumerate(record):
            match cell:
                case datetime():
                    sheet.write_datetime(at, column, cell.replace(tzinfo=None))
                case int() if abs(cell) <= _EXACT:
                    sheet.write_number(at, column, cell)
                case _:
                    sheet.write_string(at, column, _xlsx_text(str(cell)))
    book.close()
    file.seek(0)
    return file
