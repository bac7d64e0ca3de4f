"""Writes every XLSX that people download: results, lists, the template. Text stays exact in any spreadsheet
and never runs; numbers and times can be calculated with.

XlsxWriter makes the package. We write the rows into its sheets ourselves: it takes text that begins with
`<r>` and ends with `</r>` for markup of its own, and needs six times as long for a cell.
"""

import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.format import Format  # type: ignore[import-untyped]
from xlsxwriter.utility import xl_col_to_name  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from blnk_api.files.table import Cell, as_text

MAX_ROWS = 1_048_576
"""Rows in a sheet, including its header."""
MOST_CHARACTERS = 32_767
"""Characters in a cell, counted in UTF-16. Excel considers a workbook with more damaged."""
_LOST = "\ufffd"

_WIDTHS = (8, 50)
"""Columns are as wide as their first texts, within these bounds, in characters."""
_ROWS_MEASURED = 200

_SCRATCH = ".workbook-"
_ABANDONED_SECONDS = 24 * 3600

_AS_TEXT = 49
"""The built-in format @ (ECMA-376 part 1, 18.8.30): what is typed into the cell stays as typed."""
_AS_TIME = "yyyy-mm-dd hh:mm:ss"
_GENERAL = 0
"""The first style of every workbook."""

_DAY_NOUGHT = datetime(1899, 12, 30)
_EXACT = 10**15
"""A spreadsheet rounds longer numbers, so they are written as text."""

_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\]")
_MOST_IN_A_NAME = 31

_SPECIAL = re.compile("[&<>\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def fitting(text: str) -> str:
    """The text as it fits into a cell. Text that is too long is cut and ends with U+FFFD, which the check of
    an import rejects, so nobody mistakes it for the whole text."""
    if len(text) <= MOST_CHARACTERS // 2:
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * MOST_CHARACTERS:
        return text
    return units[: 2 * (MOST_CHARACTERS - 1)].decode("utf-16-le", "ignore") + _LOST


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    match character:
        case "&":
            return "&amp;"
        case "<":
            return "&lt;"
        case ">":
            return "&gt;"
    # UTF-8 cannot encode a lone surrogate; Blnk would store the same replacement.
    return _LOST if "\ud800" <= character <= "\udfff" else f"_x{ord(character):04X}_"


class TableSheet(Worksheet):  # type: ignore[misc]
    """A sheet whose rows are written once, from the top, for a workbook in constant memory."""

    dim_colmax: int | None

    def write_cells(self, row: int, cells: Sequence[Cell], style: int, time_style: Callable[[], int]) -> None:
        """Writes one row, numbered from 0. Styles are indexes of formats in the workbook: for text, and for
        times."""
        written = [f'<row r="{row + 1}">']
        for at, cell in enumerate(cells):
            if isinstance(cell, str):
                text = cell
            elif isinstance(cell, datetime):
                written.append(_number(at, row, _serial(cell), time_style()))
                continue
            elif abs(cell) <= _EXACT:
                written.append(_number(at, row, cell, _GENERAL))
                continue
            else:
                text = as_text(cell)
            if text:
                text = fitting(text)
                if _SPECIAL.search(text):
                    text = _SPECIAL.sub(_escaped, text)
                written.append(
                    f'<c r="{_column(at)}{row + 1}" s="{style}" t="inlineStr">'
                    f'<is><t xml:space="preserve">{text}</t></is></c>'
                )
        self.row_data_fh.write("".join(written) + "</row>")
        self.dim_rowmin, self.dim_colmin = 0, 0
        self.dim_rowmax = row
        self.dim_colmax = max(self.dim_colmax or 0, len(cells) - 1, 0)


def _number(at: int, row: int, value: float, style: int) -> str:
    return f'<c r="{_column(at)}{row + 1}" s="{style}"><v>{value!r}</v></c>'


def _serial(time: datetime) -> float:
    """Days since 1899-12-30, as workbooks count them, in the time's own zone."""
    return (time.replace(tzinfo=None) - _DAY_NOUGHT) / timedelta(days=1)


_COLUMNS: list[str] = []


def _column(at: int) -> str:
    while at >= len(_COLUMNS):
        _COLUMNS.append(xl_col_to_name(len(_COLUMNS)))
    return _COLUMNS[at]


class TableBook:
    """A workbook of tables."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._text: Format = book.add_format({"num_format": _AS_TEXT})
        self._bold: Format = book.add_format({"num_format": _AS_TEXT, "bold": True})

    @cached_property
    def _time(self) -> Format:
        return self._book.add_format({"num_format": _AS_TIME})

    def add_table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> list[TableSheet]:
        """Writes the rows below a frozen header. A new sheet begins when one is full."""
        sheets: list[TableSheet] = []
        left = iter(rows)
        while (first := next(left, None)) is not None or not sheets:
            part = islice(chain([first] if first is not None else [], left), MAX_ROWS - 1)
            sheets.append(self._add_sheet(_sheet_name(name, len(sheets) + 1), header, part))
        return sheets

    def _add_sheet(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> TableSheet:
        sheet: TableSheet = self._book.add_worksheet(name, worksheet_class=TableSheet)
        sheet.freeze_panes(1, 0)
        sheet.ignore_errors({"number_stored_as_text": f"A1:{_column(len(header))}{MAX_ROWS}"})
        sheet.write_cells(0, header, self._bold._get_xf_index(), self._time_style)
        style = self._text._get_xf_index()
        widths = [len(cell) for cell in header]
        is_text = [True] * len(header)
        for number, cells in enumerate(rows, start=1):
            sheet.write_cells(number, cells, style, self._time_style)
            if number <= _ROWS_MEASURED:
                widths = [max(width, len(as_text(cell))) for width, cell in zip(widths, cells, strict=True)]
                is_text = [was and isinstance(cell, str) for was, cell in zip(is_text, cells, strict=True)]
        least, most = _WIDTHS
        for at, (width, text) in enumerate(zip(widths, is_text, strict=True)):
            # People may enter a sum below numbers, which would be useless as text.
            sheet.set_column(at, at, min(max(width + 2, least), most), self._text if text else None)
        return sheet

    def _time_style(self) -> int:
        index: int = self._time._get_xf_index()
        return index


def _sheet_name(name: str, number: int) -> str:
    """A name that Excel accepts: at most 31 characters, without those it reserves."""
    plain, after = _NOT_IN_A_NAME.sub(" ", name), "" if number == 1 else f" {number}"
    return plain[: _MOST_IN_A_NAME - len(after)] + after


def made(folder: Path, write: Callable[[TableBook], object]) -> IO[bytes]:
    """A workbook that `write` fills, ready to be read from its beginning: an unnamed file in `folder`,
    deleted when it is closed. Raises OSError if the disk is full."""
    _clear(folder)
    with ExitStack() as unless_done:
        target = unless_done.enter_context(tempfile.TemporaryFile(dir=folder))
        with tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH) as scratch:
            book = Workbook(target, {"constant_memory": True, "tmpdir": scratch, "use_zip64": True})
            write(TableBook(book))
            book.close()
        target.seek(0)
        unless_done.pop_all()
        return target


def _clear(folder: Path) -> None:
    """Deletes what a killed process left behind."""
    for scratch in folder.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if time.time() - scratch.stat().st_mtime > _ABANDONED_SECONDS:
                shutil.rmtree(scratch)
