"""XLSX workbooks: what a person sees in a cell is what is read, and a broken one is a sentence."""

import zipfile
from pathlib import Path

import pytest

from blnk_api.imports import reading
from blnk_api.imports.reading import FileProblem, FileShape, ReadOptions, Record
from blnk_api.imports.reading.displayed import display
from tests import workbooks
from tests.workbooks import number, row, text

HEADER = workbooks.header("ledger_id", "currency", "note")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "upload"


def read(path: Path, content: dict[str, str], sheet: str | None = None) -> tuple[FileShape, list[Record]]:
    workbooks.write(path, content)
    shape = reading.detect(path, "book.xlsx", ReadOptions(sheet=sheet))
    return shape, list(reading.records(path, shape))


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
        (text("D2", "stray"), "outside_table", "warning"),
        (text("XFD2", "far away"), "outside_table", "warning"),
    ],
)
def test_a_cell_that_is_not_what_it_seems_is_told(file: Path, cell: str, kind: str, severity: str) -> None:
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
        (workbooks.parts({"S": HEADER + row(2_000_000, text("A2", "x"))}), "damaged"),
        (workbooks.parts({"S": row(2, text("A2", "ldg_1"), text("B2", "USD"))}), "no_header"),
    ],
)
def test_what_is_no_sound_workbook_is_refused_with_a_sentence(
    file: Path, content: dict[str, str], kind: str
) -> None:
    assert refused(file, content) == kind


def test_entities_are_refused_and_not_blown_up(file: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet>&b;</worksheet>'
    assert refused(file, broken("xl/worksheets/sheet1.xml", bomb)) == "damaged"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(file: Path) -> None:
    content = workbooks.parts({"S": HEADER})
    content["xl/worksheets/sheet1.xml"] = "<worksheet>" + " " * 60_000_000
    assert refused(file, content) == "too_big"


def test_a_password_and_an_old_workbook_are_named(file: Path) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    for content, kind in ((ole, "old_excel"), (ole + "EncryptedPackage".encode("utf-16-le"), "encrypted")):
        file.write_bytes(content)
        with pytest.raises(FileProblem) as caught:
            reading.detect(file, "book.xls")
        assert caught.value.kind == kind


def test_a_workbook_cut_short_anywhere_is_refused(file: Path) -> None:
    workbooks.write(file, workbooks.parts({"S": HEADER + row(2, text("A2", "A"))}))
    whole = file.read_bytes()
    for length in range(1, len(whole), 97):
        file.write_bytes(whole[:length])
        with pytest.raises(FileProblem):
            reading.detect(file, "book.xlsx")


def test_a_flipped_byte_deep_in_a_sheet_is_found_on_the_way(file: Path) -> None:
    rows = "".join(
        row(at, text(f"A{at}", f"ledger {at * 7919}"), text(f"B{at}", "USD")) for at in range(2, 20_000)
    )
    workbooks.write(file, workbooks.parts({"S": HEADER + rows}))
    data = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    data[info.header_offset + info.compress_size - 500] ^= 0xFF
    file.write_bytes(data)
    shape = reading.detect(file, "book.xlsx")
    with pytest.raises(FileProblem) as caught:
        list(reading.records(file, shape))
    assert caught.value.kind == "damaged"
