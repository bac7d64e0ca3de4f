"""Reads one sheet of a workbook as a stream of rows of text: a million rows of five cells in ten seconds, or
in half a minute if none of them is plain (`plain_rows`).

We wrote our own, on the standard library, because others do not fit (measured on 200,000 rows of five cells):
python-calamine is fast but has no number formats, so account number 00000042 becomes 42.0; openpyxl has them
but takes 26 s, which is two minutes for a million rows.
"""

from collections.abc import Iterator
from enum import Enum
from typing import IO, NamedTuple

from blnk_api.facts.file_shape import Flaw
from blnk_api.files.limits import MAX_CELL_CHARACTERS, MAX_COLUMNS, MAX_ROWS, MOST_FLAWS, no_further
from blnk_api.files.xlsx import cell_flaws, displayed_values
from blnk_api.files.xlsx.displayed_values import Formats
from blnk_api.files.xlsx.plain_rows import DIGITS, LONG, ROW_END, PlainRows
from blnk_api.files.xlsx.shared_strings import SharedStrings, unescaped
from blnk_api.files.xlsx.xml_stream import MAX_DEPTH, Document, damaged, too_much_text

FAR_RIGHT = 2 * MAX_COLUMNS
"""Cells from here on are ignored: one stray cell in column XFD would make each row 16,384 cells long."""
MOST_IN_A_ROW = 8_000_000
"""In characters. Blnk accepts no request of more than 5 MB."""
MOST_IN_A_SHEET = 600_000_000
"""Characters in long cells: six times what a text file may hold. Many cells may refer to one text."""
_CUT = 200
_TEXTS = frozenset({"s", "str", "inlineStr"})
_YES = ("1", "true")
"""What XML allows for yes. Spreadsheet programs write 1."""


class SheetRow(NamedTuple):
    """A row of the file. Rows without cells may be missing."""

    number: int
    cells: list[str]
    flaws: tuple[Flaw, ...]
    is_hidden: bool


class _At(Enum):
    """The position of the reader in a sheet."""

    BETWEEN_ROWS = 0
    IN_A_ROW = 1
    IN_A_CELL = 2


class Sheet:
    """Reads the rows of one sheet, once."""

    def __init__(
        self, stream: IO[bytes], strings: SharedStrings, formats: Formats, *, has_stale_results: bool = False
    ) -> None:
        """`has_stale_results`: the workbook says that its formulas have yet to be calculated."""
        self._document = Document(stream)
        self._strings = strings
        self._formats = formats
        self._around_texts = formats.around_texts
        self._has_stale_results = has_stale_results
        self._ready: list[SheetRow] = []
        self._plain = PlainRows(self._value, self._around_texts)
        self._in_all = 0
        self._number = 0
        """Of the row that was read last."""
        self._row_end_at = -1
        """Where the end of the last row is that was parsed, among the parsed bytes."""
        self.last_row = 0
        """The sheet's own statement of its size, after the first row. Only a hint."""
        self.bytes_read = 0
        """The size of its XML."""
        self.was_cut = False
        """Whether reading stopped before the end of the sheet."""

    def rows(self, *, width: int = FAR_RIGHT, most_bytes: int | None = None) -> Iterator[SheetRow]:
        """Raises FileProblem, and whatever zip and XML raise, if the sheet is damaged.

        Cells beyond `width` are reported but not read. Reading stops after `most_bytes` of the sheet's XML.
        """
        self._listen_for_rows(min(width, FAR_RIGHT))
        for so_far in self._pieces(min(width, FAR_RIGHT)):
            yield from self._ready
            self._ready.clear()
            self.bytes_read = so_far
            if most_bytes is not None and so_far > most_bytes:
                self.was_cut = True
                return

    def _pieces(self, width: int) -> Iterator[int]:
        document = self._document
        if document.own:
            return document.pieces()

        def is_plain(xml: bytes) -> bool:
            """Reads a plain row, if the parser stands at the end of another one."""
            is_between = self._row_end_at == document.parsed - len(ROW_END)
            return is_between and document.is_utf8 and self._read_plain(xml, width)

        return document.pieces_besides(ROW_END, is_plain)

    def _read_plain(self, xml: bytes, width: int) -> bool:
        row = self._plain.read(xml, after=self._number, width=width)
        if row is None:
            return False
        self._number = row.number
        self._add(SheetRow(row.number, row.cells, (), False), row.long)
        return True

    def _add(self, row: SheetRow, long: int) -> None:
        """`long`: how many characters are in its long cells."""
        self._in_all += long
        self._ready.append(row)
        if self._in_all > MOST_IN_A_SHEET:
            raise too_much_text()

    def _listen_for_rows(self, width: int) -> None:
        parser, own = self._document.parser, self._document.own
        data, size = own + "sheetData", own + "dimension"

        def before(name: str, attributes: dict[str, str]) -> None:
            if name == data:
                self._listen(width)
            elif name == size:
                last = attributes.get("ref", "")[-7:].lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ:$")
                self.last_row = int(last) if last.isdecimal() else 0

        parser.StartElementHandler = before

    def _listen_after_rows(self) -> None:
        parser, own = self._document.parser, self._document.own
        rows = (own + "row", own + "sheetData")
        depth = 0

        def down(name: str, _: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if name in rows or depth > MAX_DEPTH:
                raise damaged()  # rows that no program displays

        def up(_: str) -> None:
            nonlocal depth
            depth -= 1

        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = down, up, None

    def _listen(self, width: int) -> None:
        """Sets the handlers. They run about twenty million times in a large sheet, so they are closures."""
        parser, own = self._document.parser, self._document.own
        row, cell, value_, text_, formula, phonetic, extension, data = (
            own + name for name in ("row", "c", "v", "t", "f", "rPh", "extLst", "sheetData")
        )
        between, in_row, in_cell = _At
        columns = self._plain.columns
        where = between
        size = room = 0
        column = -1
        cells: list[str] = []
        flaws: list[Flaw] = []
        pieces: list[str] = []
        place, kind, style = "", "n", ""
        collecting = is_phonetic = has_value = has_formula = is_hidden = is_outside = False

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal where, cells, flaws, place, kind, style, collecting, is_phonetic, has_value
            nonlocal has_formula, size, room, column, is_hidden, is_outside
            if name == cell:
                if where is not in_row:
                    raise damaged()
                where = in_cell
                place, kind, style = (
                    attributes.get("r", ""),
                    attributes.get("t", "n"),
                    attributes.get("s", ""),
                )
                has_value = has_formula = False
                size = 0
            elif name == value_:
                collecting = has_value = True
            elif name == text_:
                collecting = has_value = not is_phonetic
            elif name == row:
                following = int(attributes.get("r") or self._number + 1)
                if where is not between or not self._number < following <= MAX_ROWS:
                    raise damaged()
                where = in_row
                self._number, cells, flaws, column, room = following, [], [], -1, MOST_IN_A_ROW
                is_hidden, is_outside = _is_hidden(attributes), False
            elif name == formula:
                has_formula = True
            elif name == phonetic:
                is_phonetic = True
            elif name == extension:
                _skip()

        def text(data: str) -> None:
            nonlocal size
            if collecting and size <= MAX_CELL_CHARACTERS:
                size += len(data)
                pieces.append(data)

        def end(name: str) -> None:
            nonlocal where, collecting, is_phonetic, column, room, is_outside
            if name == value_ or name == text_:  # noqa: SIM109 (a tuple costs 4 % of the reading time)
                collecting = False
            elif name == cell:
                where = in_row
                column = columns[place.rstrip(DIGITS)] if place else column + 1
                raw = "".join(pieces)
                pieces.clear()
                if column >= width:
                    is_outside = is_outside or bool(self._value(raw, kind, style).strip())
                    return
                value = self._value(raw, kind, style)
                if has_formula and (flaw := self._formula_flaw(column, raw, kind, has_value)):
                    flaws.extend([flaw] if len(flaws) <= MOST_FLAWS else [])
                elif kind == "e":
                    flaws.extend(cell_flaws.of(column, value, kind))
                elif len(value) > LONG:
                    room -= len(value)
                    if kind == "n" or len(value) > MAX_CELL_CHARACTERS or room < 0:
                        flaws.extend(cell_flaws.of(column, value, kind))
                        value = value if room >= 0 else ""
                if column == len(cells):
                    cells.append(value)
                elif value:
                    if column < len(cells):
                        if cells[column]:
                            raise damaged()  # two cells in one place: unclear which is meant
                    else:
                        cells.extend([""] * (column + 1 - len(cells)))
                    cells[column] = value
            elif name == row:
                where = between
                self._row_end_at = parser.CurrentByteIndex
                row_read = _row(self._number, cells, flaws, room, is_hidden, is_outside)
                self._add(row_read, MOST_IN_A_ROW - room)
            elif name == phonetic:
                is_phonetic = False
            elif name == data:
                self._listen_after_rows()

        def _skip() -> None:
            """Other programs' elements inside a row may have the same names as a row's own."""
            depth = 1

            def down(_: str, __: dict[str, str]) -> None:
                nonlocal depth
                depth += 1

            def up(_: str) -> None:
                nonlocal depth
                depth -= 1
                if not depth:
                    parser.StartElementHandler, parser.EndElementHandler = start, end

            parser.StartElementHandler, parser.EndElementHandler = down, up

        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text

    def _formula_flaw(self, column: int, raw: str, kind: str, has_value: bool) -> Flaw | None:
        """A formula that was never calculated. Empty text may be a result (`t="str"`), but never a number."""
        is_missing = not has_value or (kind != "str" and not raw.strip())
        is_stale = self._has_stale_results and kind == "n" and raw == "0"
        return cell_flaws.unresolved(column) if is_missing or is_stale else None

    def _value(self, text: str, kind: str, style: str) -> str:
        """A cell's text as the spreadsheet displays it."""
        if not text:
            return ""
        if style in self._around_texts and kind in _TEXTS:
            before, after = self._around_texts[style]
            inner = self._strings[int(text)] if kind == "s" else unescaped(text)
            return f"{before}{inner}{after}" if inner else ""
        if kind == "s":
            return self._strings[int(text)]
        if kind == "n":
            return (
                self._formats[style](text.strip()) if len(text) <= displayed_values.LONGEST_NUMBER else text
            )
        if kind == "b":
            return "TRUE" if text.strip().lower() in _YES else "FALSE"
        return displayed_values.iso(text) if kind == "d" else unescaped(text)


def _is_hidden(attributes: dict[str, str]) -> bool:
    """By a filter, by hand, in a collapsed group, or because its height is too small to see."""
    return attributes.get("hidden", "").lower() in _YES or attributes.get("ht", "").startswith("0")


def _row(
    number: int, cells: list[str], flaws: list[Flaw], room: int, is_hidden: bool, is_outside: bool
) -> SheetRow:
    if is_outside:
        flaws.append(cell_flaws.outside())
    if room < 0:
        return SheetRow(number, [text[:_CUT] for text in cells], (cell_flaws.row_too_long(),), is_hidden)
    return SheetRow(number, cells, no_further(flaws), is_hidden)
