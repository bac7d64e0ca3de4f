"""Text files from other programs with something odd about them: read correctly, or reported."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from blnk_api import currencies, files
from blnk_api.drafts import mapping, mapping_problems
from blnk_api.drafts.checking import CheckedRow, Checker, Known
from blnk_api.facts.file_shape import FileShape, ReadOptions, Record
from blnk_api.facts.mapping import ForAllRows, Use
from blnk_api.files import FileProblem, header, kinds
from blnk_api.files.amount_names import names_an_amount
from blnk_api.files.column_names import metadata_name, recognise

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"
KNOWN = Known(ledgers={LEDGER: "Savings"}, identities={})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "upload"


def check(
    path: Path, content: str, *, name: str = "f.csv", for_all: ForAllRows | None = None
) -> tuple[FileShape, list[CheckedRow], list[str]]:
    """The shape, the rows, and what is reported about the whole file."""
    path.write_text(content)
    shape = files.detect(path, name)
    columns = mapping.guess(shape)
    if for_all is not None:
        columns = columns.model_copy(update={"for_all_rows": for_all})
    told = [f"{one.kind}: {one.column}" for one in mapping_problems.problems(columns, shape)]
    checker = Checker(shape, columns, KNOWN)
    rows = [row for record in files.records(path, shape) for row in checker.check(record)]
    return shape, rows, told


def kinds_of(rows: list[CheckedRow]) -> list[list[str]]:
    return [[one.kind for one in row.problems if one.severity != "note"] for row in rows]


@pytest.mark.parametrize(
    "above",
    [
        "Ledger:,All,Currency:,All\n\n",
        "Ledger,Savings,Currency,EUR\n",
        "Ledger,Savings,Currency,Euro\n\n",
        "Ledger: All,Currency: USD,\n",
        "Report of balances\nLedger:,Savings\nCurrency:,EUR\n\n",
    ],
)
def test_a_line_of_parameters_is_no_row_of_column_names(file: Path, above: str) -> None:
    shape, rows, _ = check(file, f"{above}ledger,currency,customer,note\nSavings,USD,C-1,one\n")
    assert shape.headers == ["ledger", "currency", "customer", "note"]
    assert [row.request is not None for row in rows] == [True]


@pytest.mark.parametrize(
    "content", ["Ledger:,Currency:,note\nSavings,USD,x\n", "ledger,currency,a,a\nSavings,USD,x,y\n"]
)
def test_a_single_row_of_column_names_is_recognized_however_it_looks(file: Path, content: str) -> None:
    shape, _, _ = check(file, content)
    assert shape.header_row == 1


@pytest.mark.parametrize("ending", [",", ",,,"])
def test_a_row_of_column_names_may_alone_end_in_separators(file: Path, ending: str) -> None:
    _, rows, _ = check(
        file, f"ledger,currency,note{ending}\nSavings,USD,x\nSavings,EUR\nSavings,GBP,y{ending}\n"
    )
    assert kinds_of(rows) == [[], ["ragged_row"], []]


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_spaces_before_quotation_marks_are_no_part_of_a_cell(file: Path, separator: str) -> None:
    content = '"ledger"; "currency"; "note"\n"Savings"; "USD"; "a; b"\n"Savings";  "EUR"; "two\nlines"\n'
    shape, rows, _ = check(file, content.replace(";", separator))
    assert shape.spaced_quotes
    assert [row.request and row.request["meta_data"]["note"] for row in rows] == [
        f"a{separator} b",
        "two\nlines",
    ]


def test_spaces_of_cells_stay_where_no_quotation_mark_follows(file: Path) -> None:
    shape, rows, _ = check(file, "ledger, currency, note\nSavings, USD, a\n")
    assert not shape.spaced_quotes
    assert [row.request and row.request["meta_data"] for row in rows] == [{"note": " a"}]


def test_a_single_space_before_a_quotation_mark_is_reported(file: Path) -> None:
    content = "ledger,currency,note\n" + "Savings,USD,x\n" * 60 + 'Savings,USD, "a"\n'
    _, rows, _ = check(file, content)
    assert [
        (row.number, one.severity, one.repair)
        for row in rows
        for one in row.problems
        if one.kind == "spaced_quotes"
    ] == [(62, "error", "a")]


@pytest.mark.parametrize("cell", ["1.23457E+15", "1,23457E+15", "-4E+11", "9.99E+102", "1.23457e+15"])
def test_digits_that_a_spreadsheet_cut_off_are_reported(file: Path, cell: str) -> None:
    _, rows, _ = check(file, f"ledger;currency;account\nSavings;USD;{cell}\n")
    assert kinds_of(rows) == [["cut_digits"]]


@pytest.mark.parametrize("cell", ["1e5", "E+15", "5E+", "ABE+12", "1.5E+15 kg", "12.5E+10"])
def test_what_no_spreadsheet_writes_is_not_a_cut_off_number(file: Path, cell: str) -> None:
    _, rows, _ = check(file, f"ledger;currency;account\nSavings;USD;{cell}\n")
    assert kinds_of(rows) == [[]]


def test_a_column_name_in_another_encoding_is_restored_and_reported(file: Path) -> None:
    content = "ledger,currency,Straße\n".encode("cp1252") + "Savings,USD,Müller\nSavings,EUR,Größe\n".encode()
    file.write_bytes(content)
    shape = files.detect(file, "f.csv")
    assert shape.headers == ["ledger", "currency", "Straße"]
    (remark,) = shape.remarks
    assert (remark.kind, remark.severity) == ("undecodable_text", "warning")
    assert "Straße" in remark.message


@pytest.mark.parametrize("meant", ["Zürich", "Łódź", "“O’Brien”", "Москва", "東京", "£5", "–"])
def test_text_that_another_program_garbled_is_reported_with_what_was_meant(file: Path, meant: str) -> None:
    undefined = {byte: chr(byte) for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}
    garbled = "".join(undefined.get(byte) or bytes([byte]).decode("cp1252") for byte in meant.encode())
    _, rows, _ = check(file, f"ledger,currency,note\nSavings,USD,{garbled}\nSavings,EUR,{meant}\n")
    found = [problem for row in rows for problem in row.problems if problem.kind == "garbled_text"]
    assert [(one.row, one.severity, one.repair) for one in found] == [(2, "warning", meant)]
    assert rows[0].request is not None
    assert rows[0].request["meta_data"]["note"] == garbled


@pytest.mark.parametrize(
    "fine", ["«CAFÉ»", "Ångström", "Ã", "SÅ “5”", "CAFÉ™", "Đà Nẵng", "français – “où”", "naïve ½"]
)
def test_other_foreign_letters_are_not_called_garbled(file: Path, fine: str) -> None:
    _, rows, _ = check(file, f"ledger,currency,note\nSavings,USD,{fine}\n")
    assert not rows[0].problems


@pytest.mark.parametrize(
    "names",
    ["ledger,currency,note,note", "#ledger,currency,note", "Ledger:,Currency:,Note:", "ledger,currency,1"],
)
@pytest.mark.parametrize("rows", ["Savings,USD,x\n", "Savings,USD,x\n\nSavings,EUR,y\n\n"])
def test_rows_above_the_column_names_of_a_second_file_do_not_vanish(
    file: Path, names: str, rows: str
) -> None:
    shape, _, _ = check(file, f"{names}\n{rows}ledger,currency,note\nSavings,GBP,z\n")
    assert shape.header_row == 1


@pytest.mark.parametrize(
    ("above", "said"),
    [
        ("Savings,USD,x\n", "1 of them looks like a balance: row 1."),
        ("Savings,USD,x\nWallets,EUR,y\n", "2 of them look like balances, the first in row 1."),
        ("Konto,Whg,Text\nSavings,USD,x\n", "1 of them looks like a balance: row 2."),
    ],
)
def test_balances_above_the_column_names_are_reported(file: Path, above: str, said: str) -> None:
    shape, _, told = check(file, f"{above}ledger,currency,note\nSavings,GBP,z\n")
    assert told == ["rows_above: "]
    assert said in shape.remarks[0].message
    chosen = files.detect(file, "f.csv", ReadOptions(header_row=shape.header_row))
    assert not chosen.remarks


@pytest.mark.parametrize(
    "above",
    [
        "Base currency,USD\nReport currency,EUR\n",
        "Balances\n2026-01-01,,Ada\n",
        "a,b,c\n",
        "Ledger,USD,Currency\n",
    ],
)
def test_titles_above_the_column_names_are_not_called_balances(file: Path, above: str) -> None:
    assert check(file, f"{above}ledger,currency,note\nSavings,GBP,z\n")[2] == []
    two_columns = check(file, f"{above}ledger,currency\nSavings,GBP\n")[0]
    assert two_columns.remarks == []


def test_a_row_of_values_under_parameters_is_no_balance(file: Path) -> None:
    shape, _, _ = check(file, "Currency:,Ledger:\nUSD,All\n\nledger,currency,note\nSavings,GBP,z\n")
    assert shape.header_row == 4


def test_a_line_of_comments_is_not_the_row_of_column_names(file: Path) -> None:
    file.write_text("# export\n# ledger, currency\nledger,currency,note\nSavings,USD,a\n")
    assert files.detect(file, "f.csv").headers == ["ledger", "currency", "note"]
    file.write_text("#ledger,currency,note\nSavings,USD,a\n")
    assert files.detect(file, "f.csv").headers == ["#ledger", "currency", "note"]


@pytest.mark.parametrize("cell", ["#REF!", "#NAME?", " #VALUE! ", "#BEZUG!", "########"])
def test_what_a_spreadsheet_shows_instead_of_a_value_is_reported(file: Path, cell: str) -> None:
    _, rows, _ = check(
        file, f"ledger,currency,account\nSavings,USD,{cell}\nSavings,USD,#1\nSavings,USD,#N/A\n"
    )
    assert kinds_of(rows) == [["no_value"], [], []]


@pytest.mark.parametrize(
    "header",
    [
        "balance",
        "Amount",
        "Opening Balance (USD)",
        "Kontostand",
        "Eröffnungssaldo",
        "Eroeffnungssaldo",
        "Saldo 31.12.2025",
        "Current balance in EUR",
        "openingBalance",
        "Balance (NGN)",
        "Total amount",
        "Solde d'ouverture",
        "Saldo inicial",
        "Betrag in EUR",
        "Anfangsbestand",
        "account_balance",
        "残高",
        "Остаток",
        "Сумма",
        "Balance as of 2025-12-31",
        "Closing bal.",
        "Saldo początkowe",
        "opening_balance_cents",
        "Amount in LC",
        "Betrag in Hauswährung",
        "BALANCE B/F",
        "Debit/Credit",
        "Soll",
        "Startsaldo",
        "Montant HT",
        "Solde de départ",
        "Saldo Inicial (R$)",
        "Beginsaldo",
        "Ingående saldo",
        "Počáteční zůstatek",
        "Açılış bakiyesi",
        "Начальный остаток",
        "期初余额",
        "기초잔액",
        "Débito",
        "Haber",
        "Avere",
        "Дебет",
        "Kwota w PLN",
        "Bakiye (TL)",
        "Initial deposit",
        "الرصيد الافتتاحي",
    ],
)
def test_a_column_of_amounts_is_reported_as_not_posted(file: Path, header: str) -> None:
    _, rows, told = check(file, f"ledger,currency,{header}\nSavings,USD,5\n")
    assert f"amount_column: {header}" in told
    assert kinds_of(rows) == [[]]


@pytest.mark.parametrize(
    "header",
    [
        "credit_limit",
        "balance_type",
        "Balance ID no",
        "Amount type",
        "customer",
        "total",
        "Debit account",
        "Balance currency",
    ],
)
def test_other_columns_are_no_amounts(header: str) -> None:
    assert not names_an_amount(header)


@pytest.mark.parametrize("header", ["#REF!", "#N/A", "#NAME?", "#BEZUG!", "#NV", " #REF! "])
def test_the_error_of_a_formula_is_no_name_and_no_key(file: Path, header: str) -> None:
    content = f"ledger,currency,{header}\nSavings,USD,7\nSavings,EUR,7\n"
    shape, rows, told = check(file, content)
    assert mapping.guess(shape).columns[2].use is Use.IGNORE
    assert told == [f"nameless_column: {header.strip()}"]
    assert kinds_of(rows) == [[], []]


@pytest.mark.parametrize(
    "row",
    [
        "Total,,5",
        "Summe:,,1.234",
        "Total amount,,5",
        "Net total (EUR),,5",
        "Итог,,5",
        "Celkem,,5",
        ",Total,5",
        "Grand total:,,5",
        "Total (3 rows),,3",
        "Subtotal,USD,5",
        "Gesamtsumme,EUR,5.00 €",
        "TOTAL,,",
        "Итого,,5",
        "合計,,5",
        "Total USD,,5",
    ],
)
def test_a_total_is_recognized(file: Path, row: str) -> None:
    _, rows, _ = check(file, f"ledger,currency,paid\nSavings,USD,5\n{row}\n")
    assert kinds_of(rows) == [[], ["total_row"]]
    assert rows[1].request is None


def test_a_total_is_not_sent_where_ledger_and_currency_are_chosen_for_all_rows(file: Path) -> None:
    for_all = ForAllRows(ledger_id=LEDGER, currencies=("USD",))
    _, rows, _ = check(file, "customer,paid\nAda,5\nTotal Energies,7\nTotal,12\n", for_all=for_all)
    assert [row.request is not None for row in rows] == [True, True, False]


def test_a_customer_called_total_is_not_a_total(file: Path) -> None:
    _, rows, _ = check(file, "customer,ledger,currency\nTotal,Savings,USD\nTotal Energies,Savings,EUR\n")
    assert kinds_of(rows) == [[], []]


def test_repeated_column_names_are_reported_once(file: Path) -> None:
    _, rows, _ = check(file, "ledger,currency,c\nSavings,USD,1\nledger,currency,c\nSavings,USD,2\n")
    assert kinds_of(rows) == [[], ["repeated_header"], []]


@pytest.mark.parametrize(
    "marks", ["\u200f{}", "{}\u200e", "\u202a{}\u202c", "\ufeff{}", "\u200b{}", "\u2067 {} \u2069"]
)
def test_invisible_marks_are_no_part_of_a_name(file: Path, marks: str) -> None:
    header, cells = (
        [marks.format(one) for one in row] for row in (["ledger", "currency"], ["Savings", "USD"])
    )
    shape, rows, _ = check(file, f"customer,{','.join(header)}\nC-1,{','.join(cells)}\n")
    assert shape.headers == ["customer", "ledger", "currency"]
    assert [row.request and row.request["ledger_id"] for row in rows] == [LEDGER]
    assert {one.kind for one in rows[0].problems} == {"whitespace_trimmed"}


@pytest.mark.parametrize(
    "start",
    ["MIME-Version: 1.0\r\n", "From: <Saved by Blink>\r\n", "X-A: b\r\nContent-Type: multipart/related\r\n"],
)
def test_a_single_file_web_page_is_rejected_by_name(file: Path, start: str) -> None:
    with pytest.raises(FileProblem) as caught:
        check(file, f"{start}\r\n<html><table><tr><td>ledger</td></tr></table></html>", name="report.xls")
    assert caught.value.kind == "html"
    assert "web page" in caught.value.message


def _check_cell(text: str) -> object:
    shape = FileShape(kind="csv", header_row=1, headers=["ledger", "currency", "indicator", "a"])
    checker = Checker(shape, mapping.guess(shape), KNOWN)
    return checker.check(Record(2, [text, text, text, text]))


def _refuse(text: str) -> None:
    with suppress(FileProblem):
        kinds.refuse_by_text(text)


WORST = [
    " ",
    "meta ",
    "1",
    "1.",
    "@",
    "a@",
    "a.",
    "E+",
    "1E+",
    "-",
    ",",
    "_",
    "é",
    "\u0308",
    "\u0301\u0327",
    "0-0",
    '"',
    "\n",
    "<",
    "#",
    "\u200f ",
]


@pytest.mark.parametrize("letters", WORST)
@pytest.mark.parametrize(
    "see",
    [recognise, names_an_amount, metadata_name, _refuse, currencies.check, _check_cell,
     lambda text: mapping.stored_name(text, {}), lambda text: header.find_header([(1, [text, text])])],
    ids=["recognise", "amount", "metadata", "refuse", "currency", "cell", "name", "header"],
)  # fmt: skip
def test_no_text_takes_time_that_grows_with_its_square(see: Callable[[str], object], letters: str) -> None:
    def seconds(n: int) -> float:
        text = letters * (n // len(letters)) + "!"
        began = time.process_time()
        see(text)
        return time.process_time() - began

    seconds(1_000)
    few, many = (min(seconds(n) for _ in range(2)) for n in (16_000, 64_000))
    assert many < 10 * few + 0.02
