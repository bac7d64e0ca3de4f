"""Which separator a text file uses, and whether spaces stand before its quotation marks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from blnk_api.facts.file_shape import ReadOptions
from blnk_api.files import header
from blnk_api.files.csv import encodings
from blnk_api.files.csv.records import SEP_LINE, Dialect, raw_records
from blnk_api.files.limits import FileProblem

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
"""Tried in this order; each may also be chosen by its name."""


PADDING = "\0\x1a"
"""What old systems write after the last row. It is no row."""


def is_blank(cells: list[str]) -> bool:
    return not "".join(cells).strip(PADDING).strip()


def find_delimiter(path: Path, encoding: str) -> str:
    """The separator under which the file is most of a table: our columns are named, rows are equally long."""
    with path.open(encoding=encodings.ENCODINGS[encoding], errors=encodings.MARK, newline="") as stream:
        said = SEP_LINE.fullmatch(stream.readline(20).removeprefix("\ufeff"))
    if said and said[1] in DELIMITERS.values():
        return said[1]
    return max(DELIMITERS.values(), key=lambda delimiter: _fit(_first(path, Dialect(encoding, delimiter))))


def dialect_of(path: Path, encoding: str, delimiter: str) -> Dialect:
    """With spaces before quotation marks dropped, where this file has some and is more of a table so."""
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
    """The first filled rows; none where they cannot be told apart so."""
    try:
        return [cells for _, cells in islice(filled_rows(path, dialect), header.LOOK_AT)]
    except FileProblem:
        return []


def filled_rows(path: Path, dialect: Dialect) -> Iterator[header.Row]:
    """Rows that are not blank, with their numbers."""
    for number, cells, _, _ in raw_records(path, dialect):
        if not is_blank(cells):
            yield number, cells


def chosen_delimiter(options: ReadOptions) -> str | None:
    if options.delimiter is None:
        return None
    delimiter = DELIMITERS.get(options.delimiter.lower(), options.delimiter).replace("\\t", "\t")
    if len(delimiter) != 1 or delimiter in '"\r\n\0' or delimiter.isalnum():
        raise FileProblem("bad_delimiter", "The separator must be a comma, semicolon, tab or pipe.")
    return delimiter
