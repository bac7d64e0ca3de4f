"""Text files with a delimiter: CSV, TSV, semicolons, pipes."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from blnk_api.imports.reading import encodings, header, kinds
from blnk_api.imports.reading.shapes import (
    MAX_CELL_CHARACTERS,
    MAX_ROWS,
    SAMPLES,
    FileProblem,
    FileShape,
    Flaw,
    ReadOptions,
    Record,
    cut,
    no_rows,
)
from blnk_api.shown import shown

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
"""Tried in this order; each may also be chosen by its name."""

_HEAD_BYTES = 262_144
_MAX_OPEN_QUOTES = 50
_MAX_LINES_IN_A_CELL = 500
_DOS_END = "\x1a"
"""What old systems write after the last row. It is no row."""

_SEP_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)

RawRecord = tuple[int, list[str], list[str], str]
"""Row number, cells, the lines it was made of, and the kind of flaw that kept it from being taken apart."""

_FLAWED = {
    "bad_quotes": "A quotation mark in this row is never closed, or stands in a cell without being doubled.",
    "cell_too_long": f"A cell of this row has more than {MAX_CELL_CHARACTERS:,} characters, the limit.",
}


def detect(path: Path, options: ReadOptions) -> FileShape:
    """The shape of a text file. Raises FileProblem."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        stream.seek(0)
        scanned = encodings.scan(stream)
    found, guessed = encodings.find(head, scanned)
    encoding = found
    if options.encoding is not None:
        encoding, guessed = encodings.chosen(options.encoding), False
    text = head.decode(encodings.ENCODINGS[encoding], encodings.MARK).removeprefix("\ufeff")
    if len(head) < _HEAD_BYTES and not text.strip("\0 \t\r\n\x1a"):
        raise FileProblem("empty", "The file is empty. Choose another file, or save this one again.")
    kinds.refuse_by_text(text[:8_192])
    delimiter = _chosen_delimiter(options) or _find_delimiter(path, encoding)
    number, headers = header.choose(_filled(path, encoding, delimiter), options.header_row)
    headers = [encodings.without_undecodable(name) for name in headers]
    if len(headers) == 1 and options.delimiter is None and header.known_uses(headers) == 0:
        raise FileProblem(
            "one_column",
            f"A single column was found, called {shown(headers[0])}. Is the separator right? Choose comma, "
            "semicolon, tab or pipe, or save the file again as CSV.",
        )
    shape = FileShape(
        kind="csv",
        encoding=encoding,
        encoding_guessed=guessed,
        delimiter=delimiter,
        header_row=number,
        headers=headers,
        rows_estimate=max(0, scanned.line_ends - number),
    )
    samples = [cut(record) for record in islice(records(path, shape), SAMPLES)]
    if not samples:
        raise no_rows()
    return shape.model_copy(update={"samples": samples})


def records(path: Path, shape: FileShape) -> Iterator[Record]:
    """All records under the header, as a stream. Raises FileProblem when the file goes beyond the limits."""
    width = len(shape.headers)
    for number, cells, lines, flaw in _raw(path, shape.encoding or "utf-8", shape.delimiter or ","):
        if number <= shape.header_row:
            continue
        if number > MAX_ROWS:
            raise FileProblem(
                "too_many_rows",
                f"The file has more than {MAX_ROWS:,} rows, as a spreadsheet holds. Split it into several.",
            )
        first = cells[0] if cells else ""
        if (not first or first.isspace() or first == _DOS_END) and _is_blank(cells):
            continue
        if len(cells) == width and not flaw and len(lines) == 1 and lines[0].isascii():
            yield Record(number, cells)
        else:
            yield _looked_at(number, cells, lines, flaw, shape)


def _looked_at(number: int, cells: list[str], lines: list[str], flaw: str, shape: FileShape) -> Record:
    """A record that is more than a line of ASCII with the right number of cells."""
    width, delimiter = len(shape.headers), shape.delimiter or ","
    flaws: list[Flaw] = []
    if flaw:
        flaws.append(Flaw(flaw, None, _FLAWED[flaw]))
    elif len(cells) < width:
        message = f"{_count(len(cells))} under {width} columns: some are missing."
        flaws.append(Flaw("ragged_row", None, message, repair=""))
    elif any(map(str.strip, cells[width:])):
        rest = shown(delimiter.join(cells[width:]))
        message = (
            f"{_count(len(cells))} under {width} columns: a separator inside a cell needs quotation marks."
        )
        flaws.append(Flaw("ragged_row", None, f"{message} Beyond the last column stands: {rest}"))
    elif len(lines) > 1:
        flaws.extend(_swallowed(cells, delimiter))
    for at, cell in enumerate(cells[:width]):
        if encodings.UNDECODABLE.search(cell):
            message = f"{shown(cell)} has bytes that are no text in {shape.encoding}. Correct the cell, or "
            flaws.append(Flaw("undecodable_text", at, f"{message}save the file again as CSV UTF-8."))
            cells[at] = encodings.without_undecodable(cell)
    return Record(number, cells[:width] + [""] * (width - len(cells)), tuple(flaws))


def _is_blank(cells: list[str]) -> bool:
    return not "".join(cells).removesuffix(_DOS_END).strip()


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"


def _swallowed(cells: list[str], delimiter: str) -> Iterator[Flaw]:
    """A cell of several lines, one of which looks like a row of its own: a quotation mark was left open."""
    for at, cell in enumerate(cells):
        inner = [line.split(delimiter) for line in cell.splitlines()[1:]]
        if len(inner) > _MAX_LINES_IN_A_CELL or any(header.looks_like_data(row, len(cells)) for row in inner):
            message = (
                f"This cell takes in {len(inner):,} more lines: a quotation mark was probably left open."
            )
            yield Flaw("bad_quotes", at, message)


def _raw(path: Path, encoding: str, delimiter: str) -> Iterator[RawRecord]:
    """Every record of the file, blank ones too, numbered from 1. A quotation mark that is never closed costs
    its own line only: reading starts again on the next."""
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    with path.open(encoding=encodings.ENCODINGS[encoding], errors=encodings.MARK, newline="") as stream:
        taken: list[str] = []
        source: Iterator[str] = _without_mark_and_sep(stream)
        number = opened = 0
        while True:
            try:
                for cells in csv.reader(_taking(source, taken), delimiter=delimiter, strict=True):
                    number += 1
                    yield number, cells, taken, ""
                    taken.clear()
                return
            except csv.Error as error:
                again = taken[1:]
                flaw = "bad_quotes" if again or "limit" not in str(error) else "cell_too_long"
            number += 1
            opened += bool(again)
            if opened > _MAX_OPEN_QUOTES:
                raise FileProblem(
                    "bad_quotes",
                    f"Over {_MAX_OPEN_QUOTES} quotation marks are never closed, the last in row {number:,}. "
                    "Is the separator right? Else save the file again as CSV or XLSX.",
                )
            del taken[1:]
            yield number, taken[0].rstrip("\r\n").split(delimiter), taken, flaw
            taken.clear()
            source = chain(again, source)


def _taking(source: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in source:
        taken.append(line)
        yield line


def _without_mark_and_sep(stream: Iterable[str]) -> Iterator[str]:
    """The lines without a byte order mark and without Excel's own first line `sep=;`, which is no row."""
    lines = iter(stream)
    first = next(lines, "").removeprefix("\ufeff")
    return lines if _SEP_LINE.fullmatch(first) else chain([first], lines)


def _find_delimiter(path: Path, encoding: str) -> str:
    """The separator under which the file is most of a table: our columns are named, rows are equally long."""
    with path.open(encoding=encodings.ENCODINGS[encoding], errors=encodings.MARK, newline="") as stream:
        said = _SEP_LINE.fullmatch(stream.readline(20).removeprefix("\ufeff"))
    if said and said[1] in DELIMITERS.values():
        return said[1]
    return max(DELIMITERS.values(), key=lambda delimiter: _fit(path, encoding, delimiter))


def _fit(path: Path, encoding: str, delimiter: str) -> tuple[int, float, int]:
    rows = [cells for _, cells in islice(_filled(path, encoding, delimiter), header.LOOK_AT)]
    named = max(map(header.known_uses, rows), default=0)
    width, alike = max(Counter(map(len, rows)).items(), key=lambda item: item[1], default=(0, 0))
    return (named if named >= 2 else 0), (alike / len(rows) if width > 1 else 0.0), width


def _filled(path: Path, encoding: str, delimiter: str) -> Iterator[header.Row]:
    """Rows that are not blank, with their numbers."""
    for number, cells, _, _ in _raw(path, encoding, delimiter):
        if not _is_blank(cells):
            yield number, cells


def _chosen_delimiter(options: ReadOptions) -> str | None:
    if options.delimiter is None:
        return None
    delimiter = DELIMITERS.get(options.delimiter.lower(), options.delimiter).replace("\\t", "\t")
    if len(delimiter) != 1 or delimiter in '"\r\n\0' or delimiter.isalnum():
        raise FileProblem("bad_delimiter", "The separator must be one sign: comma, semicolon, tab or pipe.")
    return delimiter
