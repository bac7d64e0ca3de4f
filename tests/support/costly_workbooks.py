"""Workbooks of a few kilobytes that cost gigabytes or minutes if they are read carelessly. They are made when
needed, not kept."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.support import workbooks
from tests.support.workbooks import MAIN, number, row, text

HEADER = workbooks.header("ledger_id", "currency", "note")
SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
STYLES, BOOK = "xl/styles.xml", "xl/workbook.xml"
_MILLION = 1_000_000

Content = dict[str, str]
Make = Callable[[], Content]


def good(at: int) -> str:
    return row(at, text(f"A{at}", "ldg_1"), text(f"B{at}", "USD"), text(f"C{at}", f"n {at}"))


def _book(rows: str = good(2), *, strings: str = "", formats: tuple[str, ...] = ()) -> Content:
    return workbooks.parts({"S": HEADER + rows}, strings=strings, formats=formats)


def _with(content: Content, part: str, old: str, new: str) -> Content:
    assert old in content[part]
    return {**content, part: content[part].replace(old, new, 1)}


def many_rows() -> Content:
    """A legitimate file that takes a while."""
    return _book("".join(map(good, range(2, 250_000))))


def one_long_text_in_every_cell() -> Content:
    cells = [f'<c r="{letter}{at}" t="s"><v>0</v></c>' for at in range(2, 1_002) for letter in "ABCDE"]
    rows = "".join(row(at, *cells[5 * at - 10 : 5 * at - 5]) for at in range(2, 1_002))
    return _book(rows, strings=f"<si><t>{'a' * _MILLION}</t></si>")


def one_long_text_in_one_long_row() -> Content:
    cells = "".join(f'<c r="{_letters(at)}2" t="s"><v>0</v></c>' for at in range(500))
    names = "".join(text(f"{_letters(at)}1", f"n{at}") for at in range(3, 500))
    rows = row(2, cells) + good(3)
    content = _book(rows, strings=f"<si><t>{'a' * _MILLION}</t></si>")
    return _with(content, SHEET, "</row>", f"{names}</row>")


def _letters(at: int) -> str:
    return (chr(64 + at // 26) if at >= 26 else "") + chr(65 + at % 26)


def a_text_of_many_pieces() -> Content:
    runs = "<r><t>abcdefgh</t></r>" * _MILLION
    return _book(row(2, '<c r="A2" t="s"><v>0</v></c>'), strings=f"<si>{runs}</si>")


def a_long_attribute() -> Content:
    return _with(_book(), SHEET, "<sheetData>", f'<cols a="{"x" * 10 * _MILLION}"/><sheetData>')


def a_long_attribute_of_a_cell() -> Content:
    return _with(_book(), SHEET, '<c r="A2"', f'<c s="{"9" * 10 * _MILLION}" r="A2"')


def a_long_comment() -> Content:
    return _with(_book(), SHEET, "<sheetData>", f"<!--{'x' * 10 * _MILLION}--><sheetData>")


def a_long_name() -> Content:
    return _with(_book(), BOOK, 'name="S"', f'name="{"S" * 1_500_000}"')


def cells_beyond_the_last_column() -> Content:
    def rows(at: int) -> str:
        beyond = "".join(number(f"{_letters(column)}{at}", "1") for column in range(3, 438))
        return row(at, text(f"A{at}", "ldg_1"), text(f"B{at}", "USD"), beyond)

    return _book("".join(map(rows, range(2, 1_002))))


def rows_with_a_cell_beyond() -> Content:
    rows = "".join(row(at, text(f"A{at}", "x"), number(f"ZZ{at}", "1")) for at in range(2, 100_000))
    return _book(rows)


def errors_in_one_row() -> Content:
    return _book(row(2, text("A2", "ldg_1"), '<c r="B2"><f>1</f></c>' * 400_000))


def a_format_of_many_zeros() -> Content:
    return _book(row(2, number("A2", "5", style=1)), formats=("0" * 12_000 + "x",))


def a_format_of_many_brackets() -> Content:
    return _book(row(2, number("A2", "5", style=1)), formats=("[" * 1_500_000,))


def many_formats() -> Content:
    formats = tuple(f'"{at}-"0000' for at in range(60_000))
    return _book(row(2, number("A2", "5", style=59_000)), formats=formats)


def many_styles_that_are_one_number() -> Content:
    return _with(_book(), STYLES, "</cellXfs>", '<xf numFmtId="14"/>' * 900_000 + "</cellXfs>")


def empty_formatted_rows() -> Content:
    empty = "".join(row(at, *(f'<c r="{c}{at}" s="0"/>' for c in "ABCDEFGHIJ")) for at in range(3, 200_003))
    return _book(good(2) + empty + good(200_003))


def empty_formatted_rows_above() -> Content:
    empty = "".join(row(at, *(f'<c r="{c}{at}" s="0"/>' for c in "ABCDEFGHIJ")) for at in range(1, 200_003))
    return workbooks.parts({"S": empty + good(200_003)})


def deep_nesting() -> Content:
    return _with(_book(), SHEET, "</sheetData>", "</sheetData>" + "<a>" * 3 * _MILLION)


def cells_in_cells() -> Content:
    return _book(row(2, "<c>" * 3 * _MILLION))


def deep_styles() -> Content:
    return _with(_book(), STYLES, "<numFmts>", "<a>" * 3 * _MILLION + "<numFmts>")


def many_columns() -> Content:
    return _with(
        _book(), SHEET, "<sheetData>", '<cols><col min="1" max="9"/></cols>' * _MILLION + "<sheetData>"
    )


def many_merged_cells() -> Content:
    merged = "<mergeCells>" + '<mergeCell ref="A1:B1"/>' * 2 * _MILLION + "</mergeCells>"
    return _with(_book(), SHEET, "</sheetData>", f"</sheetData>{merged}")


def many_sheets() -> Content:
    return workbooks.parts({f"S{at}": HEADER + good(2) for at in range(5_000)})


def many_sheets_to_look_at() -> Content:
    empty = "".join(row(at, f'<c r="A{at}" s="0"/>') for at in range(1, 60_000))
    return workbooks.parts({f"S{at}": empty for at in range(40)} | {"T": HEADER + good(2)})


def many_parts() -> Content:
    return _book() | {f"{at}": "" for at in range(60_000)}


def entities() -> Content:
    bomb = "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10 if at else "a"}">' for at in range(12))
    return _book() | {STRINGS: f"<!DOCTYPE x [{bomb}]><sst {MAIN}><si><t>&a11;</t></si></sst>"}


def a_long_number() -> Content:
    return _book("".join(row(at, number(f"A{at}", "9" * _MILLION)) for at in range(2, 30)))


def a_far_row() -> Content:
    return _book(good(2) + row(1_048_576, text("XFD1048576", "far"), text("A1048576", "x")))


def a_long_header() -> Content:
    rows = "".join(
        row(at, text(f"A{at}", "ldg_1"), text(f"B{at}", "US"), text(f"C{at}", "x")) for at in range(2, 20_000)
    )
    return _with(_book(rows), SHEET, ">note<", f">{'n' * _MILLION}<")


def spaces() -> Content:
    return _with(_book(), SHEET, "<sheetData>", "<sheetData>" + " " * 40 * _MILLION)


def dates_out_of_range() -> Content:
    cells = [number("A2", "1E+308", style=1), number("B2", "-1E+308", style=1), number("C2", "nan", style=1)]
    return _book(row(2, *cells), formats=("yyyy-mm-dd hh:mm:ss",))


BOOKS: tuple[Make, ...] = (
    one_long_text_in_every_cell,
    one_long_text_in_one_long_row,
    a_text_of_many_pieces,
    a_long_attribute,
    a_long_attribute_of_a_cell,
    a_long_comment,
    a_long_name,
    cells_beyond_the_last_column,
    rows_with_a_cell_beyond,
    errors_in_one_row,
    a_format_of_many_zeros,
    a_format_of_many_brackets,
    many_formats,
    many_styles_that_are_one_number,
    empty_formatted_rows,
    empty_formatted_rows_above,
    deep_nesting,
    cells_in_cells,
    deep_styles,
    many_columns,
    many_merged_cells,
    many_sheets,
    many_sheets_to_look_at,
    many_parts,
    entities,
    a_long_number,
    a_far_row,
    a_long_header,
    spaces,
    dates_out_of_range,
)


def write(path: Path, content: Content) -> Path:
    """Compressed as fast as possible; still a hundred times smaller."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    return path
