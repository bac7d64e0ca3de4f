"""Text files as people send them: found out, shown, changeable, every cell as typed."""

import csv
import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blnk_api import files
from blnk_api.facts.file_shape import FileShape, ReadOptions, Record
from blnk_api.files import FileProblem
from blnk_api.files.csv import delimiter, reader
from blnk_api.files.csv.records import Dialect, RawRecord, raw_records
from tests.support.examples import most
from tests.support.json_object import JsonObject

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "upload"


def read(
    path: Path, content: bytes | str, name: str = "f.csv", **said: Any
) -> tuple[FileShape, list[Record]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    shape = files.detect(path, name, ReadOptions.model_validate(said))
    return shape, list(files.records(path, shape))


def refused(path: Path, content: bytes | str, name: str = "f.csv", **said: Any) -> FileProblem:
    with pytest.raises(FileProblem) as caught:
        read(path, content, name, **said)
    assert caught.value.message.endswith((".", "?"))
    return caught.value


# The table that the tests below spell in different ways.
HEADER, ROW = ["ledger_id", "currency", "note"], [LEDGER, "EUR", "Zürich – 5 €"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("codec", "mark", "found"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", b"\xef\xbb\xbf", "utf-8-sig"),
        ("utf-16-le", b"\xff\xfe", "utf-16-le-bom"),
        ("utf-16-be", b"\xfe\xff", "utf-16-be-bom"),
        ("utf-16-le", b"", "utf-16-le"),
        ("cp1252", b"", "windows-1252"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separator_and_encoding_are_detected(
    file: Path, delimiter: str, codec: str, mark: bytes, found: str, end: str
) -> None:
    text = end.join(delimiter.join(cells) for cells in (HEADER, ROW, ROW)) + end
    shape, records = read(file, mark + text.encode(codec))
    assert (shape.encoding, shape.delimiter, shape.header_row) == (found, delimiter, 1)
    assert shape.headers == HEADER
    assert records == [Record(2, ROW), Record(3, ROW)]
    assert shape.samples == records
    assert shape.encoding_guessed == (found == "windows-1252")


characters = st.one_of(
    st.sampled_from(",;\t|\"'\r\n =+-@"),
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"),
)
cells = st.text(characters, max_size=12)
tables = st.lists(st.lists(cells, min_size=4, max_size=4), min_size=1, max_size=8)


@given(tables, st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
@settings(
    max_examples=most(300),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_cell_comes_back_exactly_as_it_was_typed(
    file: Path, table: list[list[str]], delimiter: str, end: str
) -> None:
    rows = [[LEDGER, "USD", *some] for some in table]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([["ledger_id", "currency", "a", "b", "c", "d"], *rows])
    shape, records = read(file, text.getvalue(), delimiter=delimiter, encoding="utf-8")
    assert shape.headers == ["ledger_id", "currency", "a", "b", "c", "d"]
    assert [record.cells for record in records] == rows
    assert [record.number for record in records] == list(range(2, len(rows) + 2))


def test_what_was_detected_can_be_changed(file: Path) -> None:
    text = "ledger_id;currency;note,x\nA;USD;1,2\n"
    shape, _ = read(file, text, delimiter="comma")
    assert (shape.delimiter, shape.headers) == (",", ["ledger_id;currency;note", "x"])
    shape, records = read(file, "a,b\nc,d\ne,f\n", header_row=2)
    assert (shape.headers, records) == (["c", "d"], [Record(3, ["e", "f"])])
    polish = "ledger_id,currency,city\nA,PLN,Łódź\n".encode("cp1250")
    assert read(file, polish, encoding="windows-1252")[1][0].cells[2] == "£ódŸ"
    assert read(file, polish, encoding="cp1250")[1][0].cells[2] == "Łódź"


def test_a_file_without_column_names_can_be_declared_as_such(file: Path) -> None:
    content = f"{LEDGER},USD,a\n{LEDGER},EUR,b\n"
    assert refused(file, content).kind == "no_header"
    shape, records = read(file, content, header_row=0)
    assert shape.headers == ["Column 1", "Column 2", "Column 3"]
    assert [record.number for record in records] == [1, 2]


def test_a_header_that_names_none_of_our_columns_is_found(file: Path) -> None:
    shape, records = read(file, "Customers of 2026,\nName,Town\nAda,Lagos\nBola,Abuja\n")
    assert (shape.header_row, shape.headers) == (2, ["Name", "Town"])
    assert len(records) == 2


def test_excels_sep_line_is_no_row(file: Path) -> None:
    shape, records = read(file, "sep=|\nledger_id|currency\nA|USD\n")
    assert (shape.delimiter, shape.header_row) == ("|", 1)
    assert records == [Record(2, ["A", "USD"])]


def test_blank_records_are_skipped_and_still_counted(file: Path) -> None:
    _, records = read(file, "\n\nledger_id,currency\n\nA,USD\n , \n,\nB,EUR\n\n")
    assert [(record.number, record.cells[0]) for record in records] == [(5, "A"), (8, "B")]


def test_blank_lines_before_the_header_and_an_old_end_mark_are_no_rows(file: Path) -> None:
    shape, records = read(file, "\n" * 300_000 + "ledger_id,currency\nA,USD\n\x1a")
    assert shape.header_row == 300_001
    assert records == [Record(300_002, ["A", "USD"])]


def test_a_cell_of_a_million_characters_is_read(file: Path) -> None:
    _, records = read(file, f"ledger_id,currency,note\nA,USD,{'x' * 1_000_000}\nB,EUR,y\n")
    assert [len(record.cells[2]) for record in records] == [1_000_000, 1]


def test_a_longer_cell_costs_only_its_own_row(file: Path) -> None:
    _, records = read(file, f"ledger_id,currency,note\nA,USD,{'x' * 1_100_000}\nB,EUR,y\n")
    assert [[flaw.kind for flaw in record.problems] for record in records] == [["cell_too_long"], []]


def test_an_open_quotation_mark_costs_only_its_own_row(file: Path) -> None:
    content = 'ledger_id,currency,note\nA,USD,"open\nB,EUR,fine\nC,GBP,"closed"\nD,NGN,fine\n'
    _, records = read(file, content)
    assert [(record.number, record.cells[0]) for record in records] == [
        (2, "A"),
        (3, "B"),
        (4, "C"),
        (5, "D"),
    ]
    assert [bool(record.problems) for record in records] == [True, False, False, False]
    assert records[2].cells == ["C", "GBP", "closed"]


def test_a_row_swallowed_by_two_stray_marks_is_noticed(file: Path) -> None:
    content = f'ledger_id,currency,note\n{LEDGER},USD,"open\n{LEDGER},EUR,fine\n{LEDGER},GBP,end"\n'
    _, records = read(file, content)
    assert [flaw.kind for record in records for flaw in record.problems] == ["bad_quotes"]


def test_an_address_of_several_lines_is_no_swallowed_row(file: Path) -> None:
    _, records = read(file, 'ledger_id,currency,note\nA,USD,"12 Marina, Lagos\nNigeria, Africa\nUSD, EUR"\n')
    assert records == [Record(2, ["A", "USD", "12 Marina, Lagos\nNigeria, Africa\nUSD, EUR"])]


def test_a_file_full_of_open_quotation_marks_is_rejected(file: Path) -> None:
    rows = "".join(f'A,USD,"{n}\n' for n in range(200))
    assert refused(file, f"ledger_id,currency,note\n{rows}").kind == "bad_quotes"


def test_bytes_that_are_not_text_are_reported_by_row_and_column(file: Path) -> None:
    content = "ledger_id,currency,name\nA,USD,São Tomé\nB,EUR,bad".encode() + b"\xff\nC,GBP,x\n"
    shape, records = read(file, content)
    assert shape.encoding == "utf-8"
    assert [(record.number, flaw.kind, flaw.column) for record in records for flaw in record.problems] == [
        (3, "undecodable_text", 2)
    ]
    assert records[1].cells[2] == "bad\ufffd"


def test_a_row_with_too_few_or_too_many_cells_keeps_its_number(file: Path) -> None:
    _, records = read(file, "ledger_id,currency,note\nA\nB,USD,x,y\nC,EUR,z,,\n")
    assert [record.cells for record in records] == [["A", "", ""], ["B", "USD", "x"], ["C", "EUR", "z"]]
    assert [[flaw.repair for flaw in record.problems] for record in records] == [[""], [None], []]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "not_a_table"),
        (b"%PDF-1.7\n", "not_a_table"),
        (b'{"rows": []}', "not_a_table"),
        (b"BZh91AY&SY" + bytes(60), "not_a_table"),
        (b"\x28\xb5\x2f\xfd" + bytes(60), "not_a_table"),
        (b'ID;PWXL;N;E\r\nC;Y1;X1;K"ledger_id"\r\nC;Y1;X2;K"currency"\r\nE\r\n', "not_a_table"),
        (b'TABLE\r\n0,1\r\n"EXCEL"\r\nVECTORS\r\n0,2\r\n', "not_a_table"),
        (b"<?xml version='1.0'?><rows/>", "not_a_table"),
        (b"<?xml version='1.0'?><html><table/></html>", "html"),
        (b"Content-Type: multipart/related; boundary=x\r\nMIME-Version: 1.0\r\n\r\n--x\r\n", "html"),
        (b"\n<table><tr><td>ledger_id</td></tr></table>", "html"),
        (bytes(range(1, 9)) * 50, "not_a_table"),
        (b"ledger_id,currency\n", "no_rows"),
        (b"ledger_id,currency\n,\n \n", "no_rows"),
        (b"just a word\nand another\n", "one_column"),
        (b"x" * 9_000_000, "no_lines"),
        (b"ledger_id,currency," + b"x," * 600 + b"\n1,USD\n", "too_many_columns"),
    ],
)
def test_what_is_not_a_table_is_rejected_with_a_sentence(file: Path, content: bytes, kind: str) -> None:
    assert refused(file, content).kind == kind


def test_a_file_with_one_column_is_questioned_and_can_be_accepted(file: Path) -> None:
    assert "separator" in refused(file, "name\nAda\nBola\n").message
    assert len(read(file, "name\nAda\nBola\n", delimiter="comma")[1]) == 2
    assert len(read(file, "currency\nUSD\nEUR\n")[1]) == 2


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"encoding": "klingon"}, "unknown_encoding"),
        ({"encoding": "base64"}, "unknown_encoding"),
        ({"delimiter": "ab"}, "bad_delimiter"),
        ({"delimiter": '"'}, "bad_delimiter"),
        ({"header_row": 9}, "header_row"),
    ],
)
def test_an_impossible_choice_is_rejected_with_a_sentence(file: Path, said: JsonObject, kind: str) -> None:
    assert refused(file, "ledger_id,currency\nA,USD\n", **said).kind == kind


def test_a_file_over_the_limit_is_rejected_before_it_is_read(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024 + 1)
    with pytest.raises(FileProblem) as caught:
        files.detect(file, "big.csv")
    assert caught.value.kind == "too_big"


def test_more_rows_than_a_spreadsheet_holds_are_rejected_while_reading(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_ROWS", 100)
    assert refused(file, "ledger_id,currency\n" + "A,USD\n" * 100).kind == "too_many_rows"


def test_a_file_of_blank_lines_is_not_read_again_for_each_separator(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = 0

    def counted(path: Path, dialect: Dialect) -> Iterator[RawRecord]:
        nonlocal lines
        for record in raw_records(path, dialect):
            lines += 1
            yield record

    monkeypatch.setattr(delimiter, "raw_records", counted)
    assert refused(file, "ledger_id,currency\n" + "\n" * 1_100_000).kind == "too_many_rows"
    assert lines < 1_100_000
    lines = 0
    file.write_text("ledger_id,currency\n" + "\n" * 90_000 + "A,USD\n")
    assert [record.number for record in files.records(file, files.detect(file, "f.csv"))] == [90_002]
    assert lines < 200_000


def test_a_long_file_is_read_in_constant_memory(file: Path) -> None:
    file.write_text("ledger_id,currency,note\n" + f"{LEDGER},USD,some text\n" * 50_000)
    shape = files.detect(file, "long.csv")
    assert shape.rows_estimate == 50_000
    tracemalloc.start()
    try:
        assert sum(1 for _ in files.records(file, shape)) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
