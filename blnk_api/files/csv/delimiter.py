"""Detects the delimiter of a text file, and whether spaces come before its quotation marks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from blnk_api.facts.file_shape import ReadOptions
from blnk_api.files import header
from blnk_api.files.csv import encodings
from blnk_api.files.csv.records import SEP_LINE, Dialect, raw_records
from blnk_api.files.limits import MAX_ROWS, FileProblem

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
"""Tried in this order. A person can choose one by its name."""
_LOOKED_THROUGH = 10_000
"""How many rows are read in search of filled ones to compare the delimiters by."""

PADDING = "\0\x1a"
"""What legacy systems write after the last row. It is not a row."""


def is_blank(cells: list[str]) -> bool:
    return not "".join(cells).strip(PADDING).strip()


def find_delimiter(path: Path, encoding: str) -> str:
    """The delimiter with which the file looks most like a table: known column names, rows of equal length."""
    with path.open(encoding=encodings.ENCODINGS[encoding], errors=encodings.MARK, newline="") as stream:
        match = SEP_LINE.fullmatch(stream.readline(20).removeprefix("\ufeff"))
    if match and match[1] in DELIMITERS.values():
        return match[1]
    return max(DELIMITERS.values(), key=lambda delimiter: _fit(_first(path, Dialect(encoding, delimiter))))


def dialect_of(path: Path, encoding: str, delimiter: str) -> Dialect:
    """Ignores spaces before quotation marks if the file has some and looks more like a table that way."""
    plain, spaced = (Dialect(encoding, delimiter, is_spaced) for is_spaced in (False, True))
    if delimiter.isspace():
        return plain
    rows = _first(path, plain)
    if not any(cell.startswith(" ") and cell.lstrip(" ").startswith('"') for cells in rows for cell in cells):
        return plain
    return spaced if _fit(_first(path, spaced)) >= _fit(rows) else plain


def _fit(rows: Sequence[Sequence[str]]) -> tuple[int, float, int]:
    named = max(map(header.known_uses, rows), default=0)
    width, alike = max(Counter(map(len, rows)).items(), key=lambda item: item[1], default=(0, 0))
    return (named if named >= 2 else 0), (alike / len(rows) if width > 1 else 0.0), width


def _first(path: Path, dialect: Dialect) -> list[list[str]]:
    """The first filled rows, or none if this dialect cannot separate them."""
    try:
        top = filled_rows(path, dialect, _LOOKED_THROUGH)
        return [cells for _, cells in islice(top, header.LOOK_AT)]
    except FileProblem:
        return []


def filled_rows(path: Path, dialect: Dialect, last: int = MAX_ROWS) -> Iterator[header.Row]:
    """Rows that are not blank, with their numbers. A file may be millions of blank lines: none after row
    `last`."""
    for number, cells, _, _ in raw_records(path, dialect):
        if number > last:
            return
        if not is_blank(cells):
            yield number, cells


def chosen_delimiter(options: ReadOptions) -> str | None:
    if options.delimiter is None:
        return None
    delimiter = DELIMITERS.get(options.delimiter.lower(), options.delimiter).replace("\\t", "\t")
    if len(delimiter) != 1 or delimiter in '"\r\n\0' or delimiter.isalnum():
        raise FileProblem("bad_delimiter", "The separator must be a comma, semicolon, tab or pipe.")
    return delimiter
