"""Rows that need no XML parser are read as the parser reads them, and whatever is wrong is still found."""

import io
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blnk_api.files import FileProblem
from blnk_api.files.xlsx import sheet as sheet_module
from blnk_api.files.xlsx.displayed_values import Formats
from blnk_api.files.xlsx.plain_rows import PlainRows
from blnk_api.files.xlsx.shared_strings import SharedStrings
from blnk_api.files.xlsx.sheet import Sheet, SheetRow
from blnk_api.files.xlsx.workbook import _DAMAGE

TEXTS = "<sst><si><t>Wallets</t></si><si><t>A longer name of a ledger</t></si><si><t/></si></sst>"
READ = list[SheetRow] | str


COLUMNS = ("A", "B", "C", "D", "AB")
SAID = ("NGN", " Lagos ", "Zoë", "", "_x000D_", "two lines", "x" * 40, "名", "'", '"', "Wallets", "42", "a.b")
ODDLY_SAID = (
    *("a &amp; b", "two\nlines", "]]>", "\x01", "\ufffe", "<!-- </row> -->", "<![CDATA[</row>]]>", "&gone;"),
    *(">", "x" * 1_200, "\udcff", "\r", "\t"),
)
CELLS = (
    *('s="1" t="s"><v>0</v>', 't="s"><v>1</v>', 't="s"><v>2</v>', "><v>42.50</v>", 's="1"><v>1</v>', ">"),
    *('s="2" t="str"><v>n</v>', 't="b"><v>1</v>', 't="n"><v>-1</v>', 't="inlineStr"><is><t>n</t></is>'),
    *('s="2" t="inlineStr"><is><t>n</t></is>', "><v></v>", 's="0" t="s"><v>0</v>', 't="b"><v>0</v>'),
)
ODD_CELLS = (
    *('t="s"><v>3</v>', 't="s"><v>x</v>', "><v>1234567890123456</v>", 't="e"><v>#N/A</v>', "><v/>"),
    *(
        "><f>A1</f><v>1</v>",
        "><f>A1</f>",
        "><v>1</v><v>2</v>",
        "><v>1",
        "> <v>1</v> ",
        't="d"><v>2026-01-02</v>',
    ),
    *(
        't="inlineStr"><is><r><t>n</t></r></is>',
        "><is><t>n</t><rPh><t>m</t></rPh></is>",
        's="1" s="2"><v>1</v>',
    ),
    *('t="s" s="1"><v>0</v>', 's="99999"><v>1</v>', 'cm="1"><v>1</v>', "s='1'><v>1</v>", 's="x"><v>1</v>'),
    *('t="s"><v>-1</v>', "><v>x</v>", 't="b"><v>x</v>'),
)
OF_A_ROW = (
    *("", "", ' spans="1:5"', ' hidden="false"', ' ht="15.5"', ' spans="1:5" x14ac:dyDescent="0.25"'),
    *(' s="1" customFormat="1"', ' ht="12.8" hidden="false" customHeight="false" outlineLevel="0"'),
)
ODDLY_OF_A_ROW = (
    *(
        ' hidden="1"',
        ' hidden="true"',
        ' ht="0"',
        ' ht="0.5"',
        ' customFormat="1" customFormat="1"',
        ' s="&lt;"',
    ),
)
STRAY = (
    *("\n", "<!-- a </row> -->", "<![CDATA[</row>]]>", "<![CDATA[", "]]>", "<!--", "-->", "</row>", "<row>"),
    *("</sheetData>", "</sheetData><sheetData>", "text", "<extLst><row></row></extLst>", "<?p </row>?>"),
    *(
        "<extLst>",
        "</extLst>",
        "&amp;",
        "\udcff",
        "<row><c/></row>",
        '<c r="A1"><v>1</v></c>',
        "<x><row/></x>",
    ),
)


AROUND = (
    *(("<!--", "-->"), ("<![CDATA[", "]]>"), ("<extLst>", "</extLst>"), ("<?p ", "?>"), ("<x>", "</x>")),
    ("</sheetData><sheetData>", ""),
)


def made(seed: int) -> bytes:
    """A sheet of plain rows, with a few that are not, or are not even rows."""
    chance = random.Random(seed)

    def one(usual: Sequence[str], odd: Sequence[str]) -> str:
        return chance.choice(odd if chance.random() < 0.02 else usual)

    def cell(column: str, row: int) -> str:
        if chance.random() < 0.05:
            return f'<c r="{column}{row}" s="1"/>'
        if chance.random() < 0.5:
            said = one(SAID, ODDLY_SAID)
            return f'<c r="{column}{row}" t="inlineStr"><is><t xml:space="preserve">{said}</t></is></c>'
        attributes, inner = one(CELLS, ODD_CELLS).split(">", 1)
        return f'<c r="{column}{row}"{attributes and " "}{attributes}>{inner}</c>'

    encoding = chance.choice(["UTF-8", "UTF-8", "utf-8", "ISO-8859-1"])
    parts, number = [f'<?xml version="1.0" encoding="{encoding}"?><worksheet><sheetData>'], 0
    rows = chance.randrange(1, 12)
    before, after = chance.choice(AROUND) if chance.random() < 0.1 else ("", "")
    opened, closed = sorted(chance.choices(range(rows), k=2))
    for at in range(rows):
        parts.append(before if at == opened else after if at == closed else "")
        number += chance.choice([0, 2, -1, 2_000_000] if chance.random() < 0.02 else [1])
        columns = [column for column in COLUMNS if chance.random() < 0.7]
        if chance.random() < 0.02:
            columns += [chance.choice(["A", "XFD", ""])]
        inner = "".join(cell(column, number) for column in columns)
        parts.append(f'<row r="{number}"{one(OF_A_ROW, ODDLY_OF_A_ROW)}>{inner}</row>{one([""], STRAY)}')
    return ("".join(parts) + "</sheetData></worksheet>").encode(errors="surrogateescape")


def read(data: bytes) -> READ:
    strings = SharedStrings(io.BytesIO(TEXTS.encode()))
    formats = Formats(["0", "2", "164"], {"164": '"No. "@'}, from_1904=False)
    try:
        return list(Sheet(io.BytesIO(data), strings, formats).rows())
    except FileProblem as problem:
        return problem.kind
    except _DAMAGE:
        return "damaged"


def read_by_parser(data: bytes) -> READ:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PlainRows, "read", lambda *_, **__: None)
        return read(data)


@settings(max_examples=2_000, deadline=None)
@given(st.integers(min_value=0))
def test_any_sheet_is_read_as_the_parser_reads_it(seed: int) -> None:
    assert read(made(seed)) == read_by_parser(made(seed))


@pytest.mark.parametrize(
    "row",
    [
        '<row r="{}"><c r="A{}" s="1" t="s"><v>0</v></c><c r="B{}"><v>42</v></c></row>',
        '<row r="{}" spans="1:2" x14ac:dyDescent="0.25"><c r="A{}" t="s"><v>1</v></c><c r="C{}"/></row>',
        '<row r="{}" customFormat="false" ht="12.8" hidden="false" customHeight="false" outlineLevel="0" '
        'collapsed="false"><c r="A{}" s="0" t="s"><v>1</v></c><c r="B{}" s="2" t="b"><v>1</v></c></row>',
        '<row r="{}"><c r="A{}" s="2" t="inlineStr"><is><t xml:space="preserve"> Zoë </t></is></c>'
        '<c r="B{}" t="inlineStr"><is><t>Lagos</t></is></c></row>',
    ],
    ids=["openpyxl", "Excel", "LibreOffice", "Balance Desk"],
)
def test_rows_as_programs_write_them_need_no_parser(row: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(row.format(*[n] * 3) for n in range(1, 2_001))
    data = f"<worksheet><sheetData>{rows}</sheetData></worksheet>".encode()
    parsed: list[int] = []

    def by_parser(number: int, *_: object) -> SheetRow:
        parsed.append(number)
        return SheetRow(number, [], (), False)

    monkeypatch.setattr(sheet_module, "_row", by_parser)
    found = read(data)
    assert parsed == [1], "the first one shows the parser where rows begin"
    monkeypatch.undo()
    assert found[1:] == read_by_parser(data)[1:]
    assert len(found) == 2_000
