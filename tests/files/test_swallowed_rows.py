"""No row vanishes into a cell: a quotation mark that was left open is reported, whatever it has swallowed."""

import csv
import io
import time
from pathlib import Path

import pytest

from blnk_api import files
from blnk_api.drafts import mapping
from blnk_api.drafts.checking import Checker, Known
from blnk_api.facts.file_shape import Record
from blnk_api.facts.mapping import ForAllRows
from blnk_api.files import FileProblem
from tests.support import workbooks

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"
OTHER = "ldg_22222222-2222-4222-8222-222222222222"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "upload"


def read(path: Path, content: str, end: str = "\n") -> list[Record]:
    path.write_bytes(content.replace("\n", end).encode())
    return list(files.records(path, files.detect(path, "f.csv")))


def told(records: list[Record]) -> list[tuple[int, str]]:
    return [(record.number, flaw.severity) for record in records for flaw in record.problems]


ROWS = {
    "ids": [["ledger_id", "currency", "note"], [LEDGER, "USD", "{}"], [LEDGER, "EUR", "{}"]],
    "names": [["ledger", "currency", "note"], ["Savings", "USD", "{}"], ["Savings", "EUR", "{}"]],
    "middle": [["ledger", "note", "currency"], ["Savings", "{}", "USD"], ["Savings", "{}", "EUR"]],
    "first": [["note", "ledger", "currency"], ["{}", "Savings", "USD"], ["{}", "Savings", "EUR"]],
    "small": [["ledger", "note", "currency"], ["Savings", "{}", "usd"], ["Savings", "{}", "eur"]],
    "custom": [["ledger", "currency", "note"], ["Savings", "POINTS", "{}"], ["Savings", "POINTS", "{}"]],
    "two": [["ledger", "note"], ["Savings", "{}"], ["Savings", "{}"]],
    "two, first": [["note", "currency"], ["{}", "USD"], ["{}", "EUR"]],
    "four": [["id", "ledger", "ccy", "note"], ["7", "Fees", "USD", "{}"], ["8", "Fees", "EUR", "{}"]],
    "names that stand once": [["ledger", "note"], ["Fees", "{}"], ["Savings", "{}"]],
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("between", [0, 1, 3])
@pytest.mark.parametrize("kind", ROWS)
def test_a_row_never_vanishes_without_a_word(
    file: Path, kind: str, between: int, delimiter: str, end: str
) -> None:
    header, one, other = ROWS[kind]
    notes = ['"open', *("b" * n for n in range(1, between + 1)), 'closed"', "end"]
    lines = [delimiter.join(header)]
    for at, note in enumerate(notes):
        lines.append(delimiter.join(other if at % 2 else one).format(note))
    records = read(file, "\n".join(lines) + "\n", end)
    assert len(records) == 2
    assert [number for number, _ in told(records)] == [2]
    if kind != "names that stand once":
        assert told(records) == [(2, "error")]


@pytest.mark.parametrize("rows", [["Savings,x,USD"], ["Fees,x,USD", "Savings,y,EUR"]])
def test_rows_before_and_after_the_open_mark_stay_as_they_are(file: Path, rows: list[str]) -> None:
    content = ["ledger,note,currency", *rows, 'Savings,"open,USD', 'Savings,b",EUR', *rows]
    records = read(file, "\n".join(content))
    assert told(records) == [(len(rows) + 2, "error")]
    assert [",".join(record.cells) for record in records if not record.problems] == rows * 2


def test_the_message_says_what_was_swallowed_and_what_to_do(file: Path) -> None:
    (record, _) = read(file, 'ledger,note,currency\nSavings,"open,USD\nSavings,b",EUR\nSavings,c,GBP\n')
    (flaw,) = record.problems
    assert flaw.kind == "bad_quotes"
    assert flaw.message == (
        "This cell swallows 1 more line that looks like a row, “Savings,b”: a quotation mark was left open. "
        "Nothing in it is sent. Correct the marks in the file and upload it again."
    )


def test_a_row_of_column_names_that_swallows_rows_is_rejected(file: Path) -> None:
    with pytest.raises(FileProblem) as caught:
        read(file, 'ledger,currency,"note\nSavings,USD,a\nSavings,EUR,b"\nSavings,GBP,c\n')
    assert caught.value.kind == "bad_quotes"


def test_a_mark_that_is_closed_in_another_column_is_reported_as_such(file: Path) -> None:
    records = read(file, 'ledger,currency,note\nSavings,USD,"open\nSavings,"EUR,b\nSavings,GBP,c\n')
    assert told(records) == [(2, "error"), (3, "error")]
    records = read(file, 'ledger,note,currency\nSavings,"open,USD\nSavings,EUR",\nSavings,c,GBP\n')
    assert told(records) == [(2, "error")]


def test_an_open_mark_among_doubled_ones_is_reported(file: Path) -> None:
    records = read(
        file, 'ledger,currency,note\nSavings,USD,"5"" pipe\nSavings,EUR,6"" pipe"\nSavings,GBP,c\n'
    )
    assert told(records) == [(2, "error")]


@pytest.mark.parametrize("fine", ["Savings, USD, a", 'Savings, USD, "a, b"'])
def test_rows_with_a_space_after_each_separator_are_rows_too(file: Path, fine: str) -> None:
    head = f"ledger, currency, note\n{fine}\n{fine}\n"
    records = read(file, f'{head}Savings,USD,"open\nSavings, EUR, b"\n')
    assert told(records) == [(4, "error")]


def test_a_mark_that_only_an_empty_line_closes_is_reported(file: Path) -> None:
    records = read(file, 'ledger,currency,note\nSavings,USD,"open\nSavings,EUR,b\n"\nSavings,GBP,c\n')
    assert told(records) == [(2, "error")]
    records = read(file, '"ledger","currency"\n"Savings","USD\n"Savings","EUR"\n"Savings","GBP"\n')
    assert told(records) == [(2, "error")]


ADDRESSES = [
    "12 Marina, Lagos\nNigeria, Africa\nUSD, EUR",
    "12 Marina\nLagos, Nigeria",
    "12 Marina, Lagos\nLagos State, Nigeria",
    "12 Marina, Lagos, Nigeria\nAfrica, Earth, Space",
    "Straße 1\n10115 Berlin\n\nDeutschland",
    "Line one\nLine two\n",
    "Hauptstr. 1;\n1010 Wien",
    "first\nsecond\nthird",
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("kind", ["ids", "middle", "first", "two", "four"])
def test_an_address_with_several_lines_is_no_row(file: Path, kind: str, address: str, delimiter: str) -> None:
    header, one, other = ROWS[kind]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([cell.format(address) for cell in row] for row in (one, other, one, other))
    records = read(file, text.getvalue())
    assert told(records) == []
    assert [cell for record in records for cell in record.cells if "\n" in cell] == [address] * 4


def test_many_bad_marks_take_time_in_proportion(file: Path) -> None:
    """Each one used to wrap the reader once more."""

    def seconds(n: int) -> float:
        file.write_text("ledger,currency,note\n" + 'Savings,USD,"5" pipe"\n' * n)
        shape = files.detect(file, "pipes.csv")
        began = time.process_time()
        records = list(files.records(file, shape))
        took = time.process_time() - began
        assert [flaw.kind for record in records for flaw in record.problems] == ["bad_quotes"] * n
        return took

    assert min(seconds(8_000) for _ in range(2)) < 12 * min(seconds(2_000) for _ in range(3))


def test_a_row_that_only_blnk_knows_by_name_is_reported_too(file: Path) -> None:
    """The ledger of the row that vanished stands nowhere else in the file."""
    file.write_text('ledger,note\nFees,"open\nSavings,closed"\nFees,end\n')
    shape = files.detect(file, "f.csv")
    columns = mapping.guess(shape).model_copy(update={"for_all_rows": ForAllRows(currencies=("USD",))})
    for ledgers, severity in ({LEDGER: "Savings", OTHER: "Fees"}, "error"), ({OTHER: "Fees"}, "warning"):
        checker = Checker(shape, columns, Known(ledgers=ledgers))
        rows = [row for record in files.records(file, shape) for row in checker.check(record)]
        assert [[one.severity for one in row.problems] for row in rows] == [[severity], []]
        assert (rows[0].request is None) == (severity == "error")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("rows", "severity"),
    [
        (['Fees,"open', 'Savings",', "Savings,x"], "error"),
        (['Fees,"open', 'Savings",', "Deposits,x"], "warning"),
        (['Savings,"open', 'Savings",'], "error"),
    ],
)
def test_a_row_swallowed_with_the_last_separator_is_reported(
    file: Path, rows: list[str], severity: str, delimiter: str
) -> None:
    """The mark closes in the first cell of the next row, whose other cells are empty."""
    records = read(file, "\n".join(["ledger,note", *rows]).replace(",", delimiter) + "\n")
    assert told(records) == [(2, severity)]


def test_an_address_is_no_row_even_if_each_row_ends_in_a_separator(file: Path) -> None:
    records = read(file, 'ledger,note\nFees,x,\nFees,"12 Marina\nLagos",\nSavings,y,\n')
    assert told(records) == []


def test_rows_that_end_in_separators_are_known_too(file: Path) -> None:
    records = read(file, 'ledger,points,note\nFees,A,x,\nFees,A,"open,\nFees,A,y",\nFees,A,z,\n')
    assert told(records) == [(3, "error")]


def test_the_mark_that_closes_a_cell_left_open_above_is_reported(file: Path) -> None:
    """Rows with marks of their own keep the open one from taking them in; the last cell keeps its mark."""
    content = 'ledger,id,note\nFees,"C-1,x\nFees,C-2,"a, b"\nFees,C-3",y\nFees,6",z\n'
    records = read(file, content)
    assert told(records) == [(2, "error"), (4, "warning")]
    (flaw,) = records[2].problems
    assert (flaw.column, flaw.repair) == (1, "C-3")
    assert "row 2" in flaw.message


def test_a_complete_row_between_incomplete_lines_is_reported(file: Path) -> None:
    """Nothing in it is known, and the line in which the mark was opened has a separator too many."""
    records = read(file, 'note;ledger;id\na;"Fees;1;\nb;Savings;2\nc;Deposits";3\nd;Loans;4\n')
    assert told(records) == [(2, "warning")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(("line", "severity"), [("Savings,EUR,b", "error"), ("Ring,Wien,b", "warning")])
def test_a_row_that_a_workbook_lost_in_a_cell_is_not_sent_if_blnk_knows_its_ledger(
    file: Path, line: str, severity: str, separator: str
) -> None:
    cell = workbooks.text("C2", f"open\n{line}".replace(",", separator))
    sheet = workbooks.header("ledger", "currency", "note") + workbooks.row(
        2, workbooks.text("A2", "Fees"), workbooks.text("B2", "USD"), cell
    )
    shape = files.detect(workbooks.write(file, workbooks.parts({"S": sheet})), "f.xlsx")
    checker = Checker(shape, mapping.guess(shape), Known(ledgers={LEDGER: "Savings", OTHER: "Fees"}))
    (row,) = (row for record in files.records(file, shape) for row in checker.check(record))
    assert [one.severity for one in row.problems] == [severity]
    assert (row.request is None) == (severity == "error")
