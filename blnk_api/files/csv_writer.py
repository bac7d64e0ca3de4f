"""Writes every CSV that people download: results, lists, the template. Spreadsheets run nothing in it."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from blnk_api.files.formula_guard import guard_cell, need_no_guard
from blnk_api.files.table import Cell, as_text

_BOM = "\ufeff"
"""Excel needs it to read a CSV as UTF-8."""

_AT_ONCE = 1_000


def stream(header: Sequence[str], records: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The file in pieces: UTF-8 with a byte order mark, CRLF line ends, and text (also in the header) guarded
    against formulas. Holds at most a thousand records in memory."""
    left = iter(records)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(_BOM)
    writer.writerow(_guarded(header))
    yield _take(buffer)
    while part := list(islice(left, _AT_ONCE)):
        writer.writerows(map(_guarded, part))
        yield _take(buffer)


def _guarded(cells: Sequence[Cell]) -> Sequence[Cell]:
    """Numbers are not formulas: -5 stays a number."""
    if need_no_guard(cells):
        return cells
    return [guard_cell(cell) if isinstance(cell, str) else as_text(cell) for cell in cells]


def _take(buffer: io.StringIO) -> bytes:
    # A file may contain lone surrogates, which UTF-8 cannot encode.
    piece = buffer.getvalue().encode("utf-8", "replace")
    buffer.seek(0)
    buffer.truncate()
    return piece
