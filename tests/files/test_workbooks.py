"""XLSX workbooks: what a person sees in a cell is what is read, and a broken one is a sentence."""

import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from blnk_api import files
from blnk_api.facts.file_shape import FileShape, ReadOptions, Record
from blnk_api.files import FileProblem
from blnk_api.files.xlsx.displayed_values import Formats, display, iso
from blnk_api.files.xlsx.number_formats import sections
from blnk_api.files.xlsx.shared_strings import unescaped
from tests.support import workbooks
from tests.support.workbooks import MAIN, number, row, text

HEADER = workbooks.header("ledger_id", "currency", "note")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "upload"


def read(path: Path, content: dict[str, str], sheet: str | None = None) -> tuple[FileShape, list[Record]]:
    workbooks.write(path, content)
    shape = files.detect(path, "book.xlsx", ReadOptions(sheet=sheet))
    return shape, list(files.records(path, shape))


def one_cell(path: Path, cell: str, **more: object) -> Record:
    """The record of a sheet with this cell in C2."""
    content = workbooks.parts({"S": HEADER + row(2, text("A2", "A"), text("B2", "USD"), cell)}, **more)  # type: ignore[arg-type]
    return read(path, content)[1][0]


def refused(path: Path, content: dict[str, str], sheet: str | None = None) -> str:
    with pytest.raises(FileProblem) as caught:
        read(path, content, sheet)
    assert caught.value.message.endswith((".", "?"))
    return caught.value.kind


@pytest.mark.parametrize(
    ("code", "stored", "seen"),
    [
        ("General", "7", "7"),
        ("General", "1200.0", "1200"),
        ("General", "1234.5", "1234.5"),
        ("General", "0.1", "0.1"),
        ("General", "0.30000000000000004", "0.3"),
        ("General", "1E-3", "0.001"),
        ("General", "1.5E+20", "150000000000000000000"),
        ("General", "123456789012345678", "123456789012345678"),
        ("General", "-0", "0"),
        ("@", "42", "42"),
        ("00000000", "42", "00000042"),
        ("00000000", "123456789", "123456789"),
        ("00-00-00", "123456", "12-34-56"),
        ('"CC-"0000', "42", "CC-0042"),
        ("000\\-00\\-0000", "1", "000-00-0001"),
        ("0.00", "1200", "1200.00"),
        ("0.00", "1.0049999999999999", "1.01"),
        ("0.##", "1.5", "1.5"),
        ("#,##0.00", "1234567.891", "1234567.89"),
        ("_-* #,##0.00 [$€-407]_-;-* #,##0.00 [$€-407]_-;@", "-3", "-3.00"),
        ('"$"#,##0_);[Red]("$"#,##0)', "1234", "1234"),
        ("0%", "0.5", "50%"),
        ("0.0%", "0.125", "12.5%"),
        ("0.00E+00", "123456", "123456"),
        ("# ?/?", "0.5", "0.5"),
        ("dd/mm/yyyy", "46024", "2026-01-02"),
        ("mmm-yy", "46024", "2026-01-02"),
        ("yyyy-mm-dd hh:mm", "46024.4375", "2026-01-02T10:30:00"),
        ("yyyy-mm-dd hh:mm", "46024", "2026-01-02"),
        ("[$-409]d/m/yy h:mm AM/PM;@", "46024.75", "2026-01-02T18:00:00"),
        ("hh:mm", "0.4375", "10:30:00"),
        ("[h]:mm", "1.5", "36:00:00"),
        ("dd/mm/yyyy", "-5", "-5"),
        ("dd/mm/yyyy", "1", "1900-01-01"),
        ("dd/mm/yyyy", "61", "1900-03-01"),
        ("dd/mm/yyyy", "1E+300", "1E+300"),
    ],
)
def test_a_number_is_read_as_it_is_displayed(code: str, stored: str, seen: str) -> None:
    assert display(164, code, False)(stored) == seen


def test_built_in_formats_and_the_calendar_of_1904_are_known(file: Path) -> None:
    assert display(14, None, False)("46024") == "2026-01-02"
    assert display(22, None, False)("46024.5") == "2026-01-02T12:00:00"
    assert display(10, None, False)("0.5") == "50.00%"
    assert display(0, None, False)("5") == "5"
    record = one_cell(
        file, number("C2", "44562", style=1), formats=("yyyy-mm-dd",), properties='<workbookPr date1904="1"/>'
    )
    assert record.cells[2] == "2026-01-02"


def test_the_format_of_the_cell_is_used(file: Path) -> None:
    assert one_cell(file, number("C2", "42", style=1), formats=("000000",)).cells[2] == "000042"
    assert one_cell(file, number("C2", "42", style=99), formats=("000000",)).cells[2] == "42"


@pytest.mark.parametrize(
    ("cell", "seen"),
    [
        ('<c r="C2" t="b"><v>1</v></c>', "TRUE"),
        ('<c r="C2" t="b"><v>true</v></c>', "TRUE"),
        ('<c r="C2" t="b"><v>false</v></c>', "FALSE"),
        ('<c r="C2"><v>1_000</v></c>', "1_000"),
        ('<c r="C2"><v>٠٠٧</v></c>', "٠٠٧"),
        ('<c r="C2" t="d"><v>2026-01-02T00:00:00</v></c>', "2026-01-02"),
        ('<c r="C2" t="str"><f>A1&amp;"x"</f><v>ax</v></c>', "ax"),
        ('<c r="C2" t="str"><f>""</f><v></v></c>', ""),
        ('<c r="C2"><f>10*20</f><v>200</v></c>', "200"),
        ('<c r="C2" t="inlineStr"><is><r><t>rich </t></r><r><t>text</t></r></is></c>', "rich text"),
        ('<c r="C2" t="inlineStr"><is><t>東京</t><rPh><t>トウキョウ</t></rPh></is></c>', "東京"),
        ('<c r="C2" t="inlineStr"><is><t xml:space="preserve"> 007 </t></is></c>', " 007 "),
        ('<c r="C2" t="str"><v>a_x000D_b</v></c>', "a\rb"),
        ('<c r="C2" t="s"><v>1</v></c>', "second text"),
        ('<c t="str"><v>no place</v></c>', "no place"),
    ],
)
def test_a_cell_of_any_type_is_its_text(file: Path, cell: str, seen: str) -> None:
    strings = "<si><t>first</t></si><si><r><t>second </t></r><r><t>text</t></r></si>"
    record = one_cell(file, cell, strings=strings)
    assert (record.cells[2], record.problems) == (seen, ())


@pytest.mark.parametrize(
    ("cell", "kind", "severity"),
    [
        ('<c r="C2" t="e"><v>#N/A</v></c>', "cell_error", "error"),
        ('<c r="C2"><f>1+1</f></c>', "formula_without_result", "error"),
        ('<c r="C2"><v>1.23456789012346E+17</v></c>', "long_number", "warning"),
        ('<c r="C2"><v>1234567890123456</v></c>', "long_number", "warning"),
        (text("D2", "stray"), "outside_table", "warning"),
        (text("XFD2", "far away"), "outside_table", "warning"),
    ],
)
def test_a_cell_that_is_not_what_it_seems_is_reported(
    file: Path, cell: str, kind: str, severity: str
) -> None:
    record = one_cell(file, cell)
    assert [(flaw.kind, flaw.severity) for flaw in record.problems] == [(kind, severity)]
    assert len(record.cells) == 3


def test_rows_keep_the_numbers_of_the_sheet(file: Path) -> None:
    rows = row(1, text("A1", "Balances to open")) + row(3, text("A3", "ledger"), text("B3", "currency"))
    rows += row(4, text("B4", "USD"), text("A4", "A")) + row(5, text("A5", " ")) + row(9, text("A9", "B"))
    shape, records = read(file, workbooks.parts({"S": rows}))
    assert (shape.kind, shape.header_row, shape.headers) == ("xlsx", 3, ["ledger", "currency"])
    assert records == [Record(4, ["A", "USD"]), Record(9, ["B", ""])]


def test_the_sheet_with_our_columns_is_chosen_and_another_can_be(file: Path) -> None:
    other = row(1, text("A1", "name"), text("B1", "town")) + row(2, text("A2", "Ada"), text("B2", "Lagos"))
    content = workbooks.parts({"Read & me": other, "Balances": HEADER + row(2, text("A2", "A"))})
    shape, records = read(file, content)
    assert (shape.sheet, shape.sheets) == ("Balances", ["Read & me", "Balances"])
    assert records[0].cells == ["A", "", ""]
    shape, records = read(file, content, sheet="Read & me")
    assert shape.headers == ["name", "town"]
    assert refused(file, content, sheet="Nowhere") == "no_sheet"


def test_prefixed_names_are_read_too(file: Path) -> None:
    content = workbooks.parts({"S": HEADER + row(2, text("A2", "A"), text("B2", "USD"))})
    part = content["xl/worksheets/sheet1.xml"]
    for name in ("worksheet", "sheetData", "row", "c", "is", "t"):
        part = part.replace(f"<{name} ", f"<x:{name} ").replace(f"<{name}>", f"<x:{name}>")
        part = part.replace(f"</{name}>", f"</x:{name}>")
    content["xl/worksheets/sheet1.xml"] = part.replace("xmlns=", "xmlns:x=")
    assert read(file, content)[1] == [Record(2, ["A", "USD", ""])]


X15 = "http://schemas.microsoft.com/office/spreadsheetml/2010/11/main"


@pytest.mark.parametrize(
    ("code", "stored", "seen"),
    [
        ('"INV-"0', "42", "INV-42"),
        ('"INV-"0', "-5", "-INV-5"),
        ('0" kg"', "5", "5 kg"),
        ('0.00" kg"', "5.5", "5.50 kg"),
        ('#,##0" pcs"', "12345", "12345 pcs"),
        ('"K"#', "77", "K77"),
        ("\\K0", "7", "K7"),
        ("INV-0", "7", "INV-7"),
        ("[$INV]0", "7", "INV7"),
        ('"ALL-"0', "7", "ALL-7"),
        ('General" kg"', "1.5", "1.5 kg"),
        ('"K"General', "12", "K12"),
        ('0" h "00" m"', "1230", "12 h 30 m"),
        ('0" CR";0" DR"', "5", "5 CR"),
        ('0" CR";0" DR"', "-5", "5 DR"),
        ('"C-"0;"D-"0', "-5", "D-5"),
        ('"C-"0;-"C-"0', "-5", "-C-5"),
        ('[<100]0" few";0" many"', "5", "5 few"),
        ('[<100]0" few";0" many"', "500", "500 many"),
        ('"USD "0.00', "5", "5.00"),
        ('0.00" EUR"', "5", "5.00"),
        ('"kr" #,##0', "12", "12"),
        ("[$CHF-807] 0", "5", "5"),
        ("0;[Red]0", "-5", "-5"),
        ('"$"#,##0_);[Red]("$"#,##0)', "-1234", "-1234"),
        ('"2026/"0', "17", "2026/17"),
        ('0"/2026"', "5", "5/2026"),
        ('"00"0', "5", "005"),
        ('"0049 "0', "151", "0049 151"),
        ('"#"0', "5", "#5"),
        ('"№"0', "5", "№5"),
        ("№ 00000", "5", "№ 00005"),
        ("INV-0000", "7", "INV-0007"),
        ('0"%"', "5", "5%"),
        ('0"°"', "5", "5°"),
        ('"+"0', "4912345", "+4912345"),
        ("+0", "4912345", "+4912345"),
        ("+0;-0;0", "5", "5"),
        ('"₦"#,##0.00', "1234.5", "1234.50"),
        ('"(net) "0', "5", "(net) 5"),
        ("(0)", "5", "5"),
        ("[<=9999999]###-####;(###) ###-####", "5551234", "555-1234"),
        ("[<=9999999]###-####;(###) ###-####", "2125551234", "(212) 555-1234"),
        ("[$-1009]000\\ 000\\ 000", "46454286", "046 454 286"),
        ("#\\ ##0", "1234", "1234"),
        ("[$-410]00000", "184", "00184"),
        ('0.0,,"M"', "1500000", "1500000.0"),
        ('0"', "5", "5"),
        ("0[", "5", "5"),
        ("", "5", "5"),
    ],
)
def test_letters_around_a_number_are_kept_and_a_currency_sign_is_dropped(
    code: str, stored: str, seen: str
) -> None:
    assert display(164, code, False)(stored) == seen


@pytest.mark.parametrize(
    ("code", "stored", "seen"),
    [
        ('"Yes";"Yes";"No"', "1", "Yes"),
        ('"Yes";"Yes";"No"', "-1", "Yes"),
        ('"Yes";"Yes";"No"', "0", "No"),
        ('[=1]"Active";[=0]"Closed";0', "1", "Active"),
        ('[=1]"Active";[=0]"Closed";0', "0", "Closed"),
        ('[=1]"Active";[=0]"Closed";0', "7", "7"),
        ('[>=100]"big";"small"', "500", "big"),
        ('"open"', "5", "open"),
        ('0;-0;"none"', "0", "none"),
        ('0;-0;"-"', "0", "0"),
        ('_(* #,##0.00_);_(* \\(#,##0.00\\);_(* "-"??_);_(@_)', "5", "5.00"),
        (";;;", "5", "5"),
        ('"USD"', "5", "5"),
    ],
)
def test_words_that_are_displayed_instead_of_a_number_are_read(code: str, stored: str, seen: str) -> None:
    """A sign, a currency or nothing in its place is not read: the number itself says more."""
    assert display(164, code, False)(stored) == seen


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ('"C-"@', "C-007"),
        ('0;-0;0;@" (old)"', "007 (old)"),
        ("_(@_)", "007"),
        ("@", "007"),
        ('"C-"0', "007"),
    ],
)
@pytest.mark.parametrize(
    "cell",
    [
        '<c r="C2" s="1" t="inlineStr"><is><t>007</t></is></c>',
        '<c r="C2" s="1" t="s"><v>0</v></c>',
        '<c r="C2" s="1" t="str"><f>A1</f><v>007</v></c>',
    ],
)
def test_letters_that_a_format_adds_to_a_text_are_not_lost(
    file: Path, code: str, seen: str, cell: str
) -> None:
    record = one_cell(file, cell, formats=(code,), strings="<si><t>007</t></si>")
    assert (record.cells[2], record.problems) == (seen, ())


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="C2"><f>1+1</f><v></v></c>',
        '<c r="C2"><f>1+1</f><v/></c>',
        '<c r="C2"><f>1+1</f><v> </v></c>',
        '<c r="C2" t="n"><f t="shared" si="0"/><v/></c>',
        '<c r="C2" t="b"><f>TRUE</f><v/></c>',
        '<c r="C2" t="e"><f>1/0</f><v/></c>',
        '<c r="C2" t="str"><f>A1</f></c>',
    ],
)
def test_a_formula_that_nobody_has_calculated_is_an_error(file: Path, cell: str) -> None:
    record = one_cell(file, cell)
    assert [(flaw.kind, flaw.column) for flaw in record.problems] == [("formula_without_result", 2)]


@pytest.mark.parametrize(("told", "flaws"), [("1", 1), ("0", 0)])
def test_a_zero_in_place_of_a_result_is_an_error(file: Path, told: str, flaws: int) -> None:
    rows = HEADER + row(2, text("A2", "A"), text("B2", "USD"), '<c r="C2"><f>C1</f><v>0</v></c>')
    content = workbooks.parts({"S": rows})
    content["xl/workbook.xml"] = content["xl/workbook.xml"].replace(
        "</sheets>", f'</sheets><calcPr calcId="124519" fullCalcOnLoad="{told}"/>'
    )
    assert len(read(file, content)[1][0].problems) == flaws


def test_elements_of_the_same_name_from_other_programs_are_ignored(file: Path) -> None:
    cell = number("C2", "44562", style=1)
    content = workbooks.parts(
        {"S": HEADER + row(2, text("A2", "A"), text("B2", "USD"), cell)},
        formats=("yyyy-mm-dd",),
        properties='<workbookPr date1904="1"/>',
    )
    extension = f'<extLst><ext xmlns:x15="{X15}"><x15:workbookPr/><x15:sheet name="no"/></ext></extLst>'
    content["xl/workbook.xml"] = content["xl/workbook.xml"].replace("</workbook>", f"{extension}</workbook>")
    sheet = content["xl/worksheets/sheet1.xml"].replace(
        "<worksheet ",
        f'<x:worksheet xmlns:x15="{X15}" {MAIN.replace("xmlns=", "xmlns:x=")} ',
    )
    sheet = sheet.replace("</worksheet>", "</x:worksheet>").replace(
        "</c></row></sheetData>",
        '</c><x15:c r="C2"><x15:v>1</x15:v></x15:c>'
        '<extLst><ext xmlns="other"><c r="A2"/><row/></ext></extLst>'
        "</row></sheetData>",
    )
    content["xl/worksheets/sheet1.xml"] = sheet
    assert read(file, content)[1] == [Record(2, ["A", "USD", "2026-01-02"])]


def test_the_number_of_a_conditional_format_is_not_the_cells(file: Path) -> None:
    content = workbooks.parts(
        {"S": HEADER + row(2, text("A2", "A"), text("B2", "USD"), number("C2", "42", style=1))},
        formats=("000000",),
    )
    dxfs = (
        '<dxfs><dxf><numFmt numFmtId="164" formatCode="0.00"/><xf numFmtId="14"/></dxf></dxfs></styleSheet>'
    )
    content["xl/styles.xml"] = content["xl/styles.xml"].replace("</styleSheet>", dxfs)
    assert read(file, content)[1][0].cells[2] == "000042"


def test_a_cell_without_a_position_follows_the_one_before_it(file: Path) -> None:
    rows = row(2, text("A2", "A"), '<c s="0"/>', '<c t="str"><v>third</v></c>')
    rows += row(
        3, '<c r="B3" s="0"/>', '<c t="str"><v>third</v></c>', text("A3", "A"), '<c t="str"><v>USD</v></c>'
    )
    assert read(file, workbooks.parts({"S": HEADER + rows}))[1] == [
        Record(2, ["A", "", "third"]),
        Record(3, ["A", "USD", "third"]),
    ]


def test_hidden_rows_are_reported_and_kept(file: Path) -> None:
    filled = [(at, text(f"A{at}", "A"), text(f"B{at}", "USD")) for at in range(2, 7)]
    rows = "".join(row(*one) for one in filled)
    for at, how in (
        (2, 'hidden="1"'),
        (3, 'hidden="true"'),
        (4, 'ht="0" customHeight="1"'),
        (5, 'hidden="0" ht="15"'),
        (6, 'hidden="0" ht="0.1" customHeight="1"'),
    ):
        rows = rows.replace(f'<row r="{at}"', f'<row r="{at}" {how}')
    rows += '<row r="7" hidden="1"><c r="A7" s="0"/></row>'
    records = read(file, workbooks.parts({"S": HEADER + rows}))[1]
    assert [(one.number, [flaw.kind for flaw in one.problems]) for one in records] == [
        (2, ["hidden_row"]),
        (3, ["hidden_row"]),
        (4, ["hidden_row"]),
        (5, []),
        (6, ["hidden_row"]),
    ]


def lines_in_a_note(path: Path, note: str) -> Record:
    rows = [("Savings", "USD", note), ("Savings", "POINTS", "y"), ("Fees", "EUR", "z")]
    sheet = HEADER + "".join(
        row(at, *(text(f"{letter}{at}", cell) for letter, cell in zip("ABC", cells, strict=True)))
        for at, cells in enumerate(rows, 2)
    )
    first, *others = read(path, workbooks.parts({"S": sheet}))[1]
    assert not any(record.problems for record in others)
    return first


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("lines", ["open\nSavings,EUR,b", "open\r\nSavings,POINTS,a\r\nFees,USD,b"])
def test_rows_that_a_workbook_lost_in_a_cell_are_reported(file: Path, lines: str, separator: str) -> None:
    """A text file with an open quotation mark was opened in a spreadsheet and saved."""
    record = lines_in_a_note(file, lines.replace(",", separator))
    assert [(flaw.kind, flaw.column, flaw.severity) for flaw in record.problems] == [
        ("several_lines", 2, "warning")
    ]


@pytest.mark.parametrize(
    "address",
    [
        "12 Marina, Lagos\nNigeria, Africa",
        "12 Marina\nLagos, Nigeria\nAfrica",
        "Straße 1\n10115 Berlin\n\nDeutschland",
        "Hauptstr. 1;\n1010 Wien",
        "first\nsecond\nthird",
        "a | b\nc",
    ],
)
def test_an_address_of_several_lines_in_a_workbook_is_no_row(file: Path, address: str) -> None:
    assert lines_in_a_note(file, address).problems == ()


def remarks(path: Path, content: dict[str, str], sheet: str | None = None) -> tuple[str | None, list[str]]:
    shape, _ = read(path, content, sheet)
    assert {one.severity for one in shape.remarks} <= {"warning"}
    return shape.sheet, [one.message for one in shape.remarks]


def staged(*, active: int = 0, hidden: dict[str, str] | None = None, **sheets: str) -> dict[str, str]:
    """A workbook whose sheets hold a cover ("cover"), a header alone ("header") or a table ("table")."""
    table = HEADER + row(2, text("A2", "A"), text("B2", "USD"))
    content = {"cover": row(1, text("A1", "Read this")), "header": HEADER, "table": table}
    made = workbooks.parts({name: content[what] for name, what in sheets.items()})
    views = f'<bookViews><workbookView activeTab="{active}"/></bookViews><sheets>'
    made["xl/workbook.xml"] = made["xl/workbook.xml"].replace("<sheets>", views)
    for name, state in (hidden or {}).items():
        made["xl/workbook.xml"] = made["xl/workbook.xml"].replace(
            f'name="{name}"', f'name="{name}" state="{state}"'
        )
    return made


def test_the_active_sheet_is_read_if_it_is_a_table(file: Path) -> None:
    sheet, told = remarks(file, staged(active=1, Draft="table", Final="table", Empty="header"))
    assert sheet == "Final"
    assert len(told) == 1
    assert "“Draft”" in told[0]
    assert remarks(file, staged(active=1, Balances="table", Cover="cover")) == ("Balances", [])
    assert remarks(file, staged(active=7, Balances="table")) == ("Balances", [])
    assert remarks(file, staged(active=1, A="table", B="table"), sheet="A") == ("A", [])


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_a_hidden_sheet_is_read_last_and_never_without_a_word(file: Path, state: str) -> None:
    sheet, told = remarks(file, staged(Cover="cover", Old="table", hidden={"Old": state}))
    assert sheet == "Old"
    assert "“Old” is hidden" in told[0]
    sheet, told = remarks(file, staged(Old="table", New="table", hidden={"Old": state}))
    assert sheet == "New"
    assert "“Old” (hidden)" in told[0]


def test_sheets_with_the_same_columns_are_tables_whatever_the_columns_are_called(file: Path) -> None:
    def sheet(at: int) -> str:
        names = row(1, text("A1", "konto"), text("B1", "kunde"))
        return names + row(2, text("A2", f"K-{at}"), text("B2", "Ada"))

    other = row(1, text("A1", "land"), text("B1", "stadt")) + row(2, text("A2", "DE"), text("B2", "Bonn"))
    sheet_, told = remarks(file, workbooks.parts({"Jan": sheet(1), "Feb": sheet(2), "Countries": other}))
    assert sheet_ == "Jan"
    assert len(told) == 1
    assert "“Feb”" in told[0]
    assert "Countries" not in told[0]


def test_rows_that_continue_on_a_sheet_without_column_names_are_named(file: Path) -> None:
    def rows(*cells: tuple[str, str]) -> str:
        return "".join(
            row(at, text(f"A{at}", one), text(f"B{at}", two)) for at, (one, two) in enumerate(cells, 1)
        )

    table = rows(("ledger", "currency"), ("Savings", "USD"), ("Wallets", "EUR"))
    more = rows(("Savings", "GBP"), ("Wallets", "USD"), ("Merchants", "EUR"))
    choices = rows(("Savings", "AED"), ("Wallets", "AFN"), ("", "EUR"), ("", "USD"))
    _, told = remarks(file, workbooks.parts({"Jan": table, "Continued": more, "Choices": choices}))
    assert len(told) == 1
    assert "“Continued”" in told[0]
    assert "Choices" not in told[0]


def test_a_sheet_with_the_same_columns_in_another_order_is_named(file: Path) -> None:
    def sheet(first: str, second: str) -> str:
        return row(1, text("A1", first), text("B1", second)) + row(2, text("A2", "x"), text("B2", "y"))

    _, told = remarks(file, workbooks.parts({"Jan": sheet("konto", "kunde"), "Feb": sheet("kunde", "konto")}))
    assert len(told) == 1
    assert "“Feb”" in told[0]


def broken(name: str, part: str) -> dict[str, str]:
    content = workbooks.parts({"S": HEADER + row(2, text("A2", "A"))})
    content[name] = part
    return content


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (broken("xl/workbook.xml", "<workbook/>"), "damaged"),
        (broken("xl/workbook.xml", "not XML"), "damaged"),
        (broken("xl/workbook.bin", ""), "xlsb"),
        (broken("mimetype", "application/vnd.oasis.opendocument.spreadsheet"), "ods"),
        (broken("word/document.xml", ""), "not_a_table"),
        ({"a.txt": "hello"}, "archive"),
        (workbooks.parts({"S": ""}), "empty"),
        (workbooks.parts({"S": HEADER}), "no_rows"),
        (workbooks.parts({"S": HEADER + row(2, '<c r="A2" t="s"><v>7</v></c>')}), "damaged"),
        (workbooks.parts({"S": HEADER + row(1, text("A1", "x"))}), "damaged"),
        (workbooks.parts({"S": HEADER + row(2, text("A2", "x"), text("A2", "y"))}), "damaged"),
        (workbooks.parts({"S": HEADER + row(2, text("A2", "x"), row(3, text("A3", "y")))}), "damaged"),
        (workbooks.parts({"S": HEADER + text("A2", "between two rows")}), "damaged"),
        (workbooks.parts({"S": f"{HEADER}</sheetData><sheetData>{row(2, text('A2', 'x'))}"}), "damaged"),
        (workbooks.parts({"S": HEADER + row(2_000_000, text("A2", "x"))}), "damaged"),
        (workbooks.parts({"S": row(2, text("A2", "ldg_1"), text("B2", "USD"))}), "no_header"),
    ],
)
def test_a_damaged_workbook_is_rejected_with_a_sentence(
    file: Path, content: dict[str, str], kind: str
) -> None:
    assert refused(file, content) == kind


def test_xml_entities_are_rejected_and_not_expanded(file: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>'
    assert refused(file, broken("xl/worksheets/sheet1.xml", bomb)) == "damaged"


def test_a_zip_bomb_is_rejected_before_it_is_unpacked(file: Path) -> None:
    content = workbooks.parts({"S": HEADER})
    content["xl/worksheets/sheet1.xml"] = "<worksheet>" + " " * 60_000_000
    assert refused(file, content) == "too_big"


def test_a_password_and_an_old_workbook_are_named(file: Path) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    for content, kind in ((ole, "old_excel"), (ole + "EncryptedPackage".encode("utf-16-le"), "encrypted")):
        file.write_bytes(content)
        with pytest.raises(FileProblem) as caught:
            files.detect(file, "book.xls")
        assert caught.value.kind == kind


def test_a_workbook_truncated_anywhere_is_rejected(file: Path) -> None:
    workbooks.write(file, workbooks.parts({"S": HEADER + row(2, text("A2", "A"))}))
    whole = file.read_bytes()
    for length in range(1, len(whole), 97):
        file.write_bytes(whole[:length])
        with pytest.raises(FileProblem):
            files.detect(file, "book.xlsx")


def test_a_flipped_byte_deep_in_a_sheet_is_found_while_reading(file: Path) -> None:
    rows = "".join(
        row(at, text(f"A{at}", f"ledger {at * 7919}"), text(f"B{at}", "USD")) for at in range(2, 20_000)
    )
    workbooks.write(file, workbooks.parts({"S": HEADER + rows}))
    data = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    data[info.header_offset + info.compress_size - 500] ^= 0xFF
    file.write_bytes(data)
    shape = files.detect(file, "book.xlsx")
    with pytest.raises(FileProblem) as caught:
        list(files.records(file, shape))
    assert caught.value.kind == "damaged"


def test_styles_with_the_same_number_format_share_what_displays_it() -> None:
    formats = Formats(["164"] * 60_000 + ["165"], {"164": "0000", "165": "00"}, from_1904=False)
    assert len({id(formats[str(style)]) for style in range(60_001)}) == 2
    assert (formats["59999"]("7"), formats["60000"]("7"), formats["60001"]("7")) == ("0007", "07", "7")


def test_a_number_format_longer_than_any_program_writes_is_not_displayed() -> None:
    assert display(164, "0" * 255, False)("5") == "0" * 254 + "5"
    assert display(164, "0" * 12_000, False)("5") == "5"


@pytest.mark.parametrize(
    ("read_", "piece"),
    [
        (unescaped, "_x00"),
        (unescaped, "_x005F"),
        (iso, "T00:00:00.0"),
        (iso, "T00:00"),
        (lambda code: str(sections(code)[0].is_code), "0"),
        (lambda code: str(sections(code)[0].is_code), "["),
        (lambda code: str(sections(code)[0].is_code), '"'),
        (lambda code: str(sections(code)[0].is_code), "0;"),
        (lambda code: str(sections(code)[0].is_code), "\\"),
        (display(164, "0.00", False), "9"),
        (display(164, "00-00", False), "9"),
    ],
)
def test_four_times_the_text_takes_about_four_times_the_time(read_: Callable[[str], str], piece: str) -> None:
    def seconds(n: int) -> float:
        took = []
        for attempt in range(3):
            began = time.process_time()
            read_(piece * (n + attempt) + "x")
            took.append(time.process_time() - began)
        return min(took)

    assert seconds(80_000) < 12 * max(seconds(20_000), 0.001)
