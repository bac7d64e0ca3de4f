"""Reads delimited text files: CSV, TSV, semicolons, pipes."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from blnk_api.common.quoting import shown
from blnk_api.facts.file_shape import FileShape, Flaw, ReadOptions, Record
from blnk_api.files import header, kinds
from blnk_api.files.csv import encoding_guess, encodings, unclosed_quotes
from blnk_api.files.csv.delimiter import (
    PADDING,
    chosen_delimiter,
    dialect_of,
    filled_rows,
    find_delimiter,
    is_blank,
)
from blnk_api.files.csv.encodings import Found
from blnk_api.files.csv.records import Dialect, raw_records
from blnk_api.files.csv.unclosed_quotes import OtherRows
from blnk_api.files.limits import MAX_CELL_CHARACTERS, MAX_ROWS, SAMPLES, FileProblem, cut, no_rows

_HEAD_BYTES = 262_144

_FLAWED = {
    "bad_quotes": "A quotation mark in this row is never closed, or is not doubled inside a cell.",
    "cell_too_long": f"A cell of this row has more than {MAX_CELL_CHARACTERS:,} characters, the limit.",
}


def detect(path: Path, options: ReadOptions) -> FileShape:
    """The shape of a text file. Raises FileProblem."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
        stream.seek(0)
        scanned = encodings.scan(stream)
    found = encodings.find(head, scanned)
    if options.encoding is not None:
        found = Found(encodings.chosen(options.encoding))
    encoding = found.name
    text = head.decode(encodings.ENCODINGS[encoding], encodings.MARK).removeprefix("\ufeff")
    if len(head) < _HEAD_BYTES and not text.strip("\0 \t\r\n\x1a"):
        raise FileProblem("empty", "The file is empty. Choose another file, or save this one again.")
    kinds.refuse_by_text(text.strip("\0")[:8_192])
    dialect = dialect_of(path, encoding, chosen_delimiter(options) or find_delimiter(path, encoding))
    number, headers, above = header.choose(filled_rows(path, dialect), options.header_row)
    headers, remarks = _decoded_names(headers, found)
    if len(headers) == 1 and options.delimiter is None and header.known_uses(headers) == 0:
        raise FileProblem(
            "one_column",
            f"Only one column was found, “{shown(headers[0])}”. If the separator is wrong, choose comma, "
            "semicolon, tab or pipe, or save the file again as CSV.",
        )
    _refuse_swallowing(headers, dialect.delimiter)
    shape = FileShape(
        kind="csv",
        encoding=encoding,
        encoding_guessed=found.is_guessed,
        strays=found.strays,
        letters=_letters(scanned.strange, dialect) if found.is_guessed else "",
        delimiter=dialect.delimiter,
        spaced_quotes=dialect.spaced,
        header_row=number,
        headers=headers,
        rows_estimate=max(0, scanned.line_ends - number),
        remarks=above + remarks,
    )
    samples = [cut(record) for record in islice(records(path, shape), SAMPLES)]
    if not samples:
        raise no_rows()
    return shape.model_copy(update={"samples": samples})


def _refuse_swallowing(headers: Sequence[str], delimiter: str) -> None:
    """Rejects a row of column names that has swallowed the rows below it."""
    for at, name in enumerate(headers):
        lines = [line.split(delimiter) for line in unclosed_quotes.LINES.split(name)]
        if len(lines) > 1 and len(headers) > 1 and all(unclosed_quotes.fit(lines, headers, at, len(headers))):
            raise FileProblem(
                "bad_quotes",
                "A quotation mark was left open in the row of column names, which swallows "
                "the rows below it: "
                f"“{shown(name)}”. Correct the marks in the file and upload it again.",
            )


def _decoded_names(headers: Sequence[str], found: Found) -> tuple[list[str], list[Flaw]]:
    """The column names, and what to tell of those in another encoding than the file's."""
    names, remarks = [], []
    for name in headers:
        if encodings.UNDECODABLE.search(name):
            meant = encodings.as_strays(name, found.strays) if found.strays else None
            own = encodings.display_name(found.name)
            message = f"The column name “{shown(name)}” has bytes that are not {own}. "
            name = meant if meant is not None else encodings.without_undecodable(name)
            message += f"It is read as “{shown(name)}”. If that is wrong, correct the name in the file."
            remarks.append(Flaw("undecodable_text", None, message, "warning"))
        names.append(name)
    return names, remarks


def _letters(lines: bytes, dialect: Dialect) -> str:
    """The first cell with letters beyond ASCII, as decoded."""
    text = lines.partition(b"\n")[0].decode(encodings.ENCODINGS[dialect.encoding], "replace")
    cells = [cell.strip().strip('"') for cell in text.split(dialect.delimiter)]
    return next((cell for cell in cells if not cell.isascii()), text)[:60]


def records(path: Path, shape: FileShape) -> Iterator[Record]:
    """All records under the header, as a stream. Raises FileProblem if the file exceeds a limit."""
    width = len(shape.headers)
    dialect = Dialect(shape.encoding or "utf-8", shape.delimiter or ",", shape.spaced_quotes)
    reading = _Reading(
        shape,
        dialect,
        OtherRows(shape.headers, lambda: _whole(path, dialect, shape), are_spaced=dialect.spaced),
    )
    for number, cells, lines, flaw in raw_records(path, dialect):
        if number <= shape.header_row:
            continue
        if number > MAX_ROWS:
            raise FileProblem(
                "too_many_rows",
                f"The file has more than {MAX_ROWS:,} rows, the limit of a spreadsheet. Split "
                "it into several files.",
            )
        first = cells[0] if cells else ""
        if (not first or first.isspace() or first[0] in PADDING) and is_blank(cells):
            continue
        line = lines[0]
        is_plain = len(cells) == width and not flaw and len(lines) == 1 and line.isascii()
        if is_plain and ' "' not in line and not (reading.opened_in and '"' in line):
            yield Record(number, cells)
        else:
            yield reading.looked_at(number, cells, len(lines), flaw)


class _Reading:
    """Examines records that are more than one line of ASCII with the right number of cells."""

    def __init__(self, shape: FileShape, dialect: Dialect, others: OtherRows) -> None:
        self._shape = shape
        self._dialect = dialect
        self._others = others
        self._named = max((at for at, name in enumerate(shape.headers, 1) if name), default=0)
        """The number of columns up to the last named one. Rows may end there, even if the header
        continues."""
        self.opened_in = 0
        """The row with an unclosed quotation mark, until the mark that closes it is found."""

    def looked_at(self, number: int, cells: list[str], lines: int, flaw: str) -> Record:
        width, delimiter = len(self._shape.headers), self._dialect.delimiter
        flaws: list[Flaw] = []
        rest = delimiter.join(cells[width:])
        if flaw:
            flaws.append(Flaw(flaw, None, _FLAWED[flaw]))
            self.opened_in = number if flaw == "bad_quotes" else self.opened_in
        else:
            flaws.extend(self._others.flaws(cells, delimiter) if lines > 1 else ())
            if len(cells) < self._named and not flaws:
                message = f"{_count(len(cells))} under {width} columns: some cells are missing."
                flaws.append(Flaw("ragged_row", None, message, repair=""))
            elif rest.replace(delimiter, "").strip() and not flaws:
                message = (
                    f"{_count(len(cells))} under {width} columns: a separator inside a cell needs quotation "
                    f"marks. After the last column: “{shown(rest)}”"
                )
                flaws.append(Flaw("ragged_row", None, message))
        for at, cell in enumerate(cells[:width]):
            if encodings.UNDECODABLE.search(cell):
                flaws.append(self._undecodable(at, cell))
                cells[at] = encodings.without_undecodable(cell)
            elif not flaw and cell.startswith(" ") and cell.lstrip(" ").startswith('"'):
                flaws.append(_space_before_mark(at, cell))
            elif self.opened_in and not flaw and cell.endswith('"') and cell.count('"') % 2:
                flaws.append(_closing_mark(at, cell, self.opened_in))
                self.opened_in = 0
            elif self._shape.encoding_guessed and (meant := self._as_utf8(cell)):
                flaws.append(self._rather_utf8(at, cell, meant))
        return Record(number, cells[:width] + [""] * (width - len(cells)), tuple(flaws))

    def _as_utf8(self, cell: str) -> str | None:
        """A cell of a file in a guessed encoding, decoded as UTF-8, if that is possible."""
        return None if cell.isascii() else encodings.as_utf8(cell, self._dialect.encoding)

    def _rather_utf8(self, at: int, cell: str, meant: str) -> Flaw:
        """Nobody writes such text in Western letters. In other scripts a short word may be UTF-8 by
        accident."""
        read_as = encodings.display_name(self._dialect.encoding)
        message = (
            f"“{shown(cell)}” is read as {read_as}, like most of the file, but seems to be UTF-8: "
            f"“{shown(meant)}”. Correct the cell."
        )
        is_western = self._dialect.encoding == encoding_guess.WESTERN
        return Flaw("mixed_encodings", at, message, "error" if is_western else "warning", meant)

    def _undecodable(self, at: int, cell: str) -> Flaw:
        """Suggests the text in the encoding that the other stray lines are probably in."""
        strays = self._shape.strays
        meant = encodings.as_strays(cell, strays) if strays else None
        message = f"“{shown(cell)}” has bytes that are not {encodings.display_name(self._dialect.encoding)}. "
        if strays and meant is not None:
            message += f"In {encodings.display_name(strays)} they read “{shown(meant)}”. "
        message += "Correct the cell, or save the file again as CSV UTF-8."
        return Flaw("undecodable_text", at, message, repair=meant, value=shown(cell, 200))


def _space_before_mark(at: int, cell: str) -> Flaw:
    message = (
        f"There is a space before the quotation mark in “{shown(cell)}”, so the marks would be sent as text. "
        "Remove the space or the marks."
    )
    inner = cell.strip(" ")
    repair = inner[1:-1].replace('""', '"') if len(inner) > 1 and inner.endswith('"') else None
    return Flaw("spaced_quotes", at, message, repair=repair)


def _closing_mark(at: int, cell: str, opened_in: int) -> Flaw:
    message = (
        f"The quotation mark at the end of “{shown(cell)}” probably belongs to the one that is left open in "
        f"row {opened_in:,}. It is sent as text unless you remove it."
    )
    return Flaw("closing_quote", at, message, "warning", cell.removesuffix('"'))


def _whole(path: Path, dialect: Dialect, shape: FileShape) -> Iterator[list[str]]:
    """The cells of records that need no further examination. Separators at the end of a row do not count."""
    width = len(shape.headers)
    for number, cells, _, flaw in raw_records(path, dialect):
        if number > shape.header_row and not flaw and len(cells) >= width and not any(cells[width:]):
            yield cells


def _count(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells} cells"
