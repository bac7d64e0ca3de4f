"""What a column's header says by itself."""

import pytest

from blnk_api.facts.mapping import Use
from blnk_api.files import amount_names, column_names


@pytest.mark.parametrize(
    "header", ["#REF!", " #NAME? ", "#DIV/0!", "#N/A", "#NV", "#NULL!", "#VALUE!", "#NUM!", "#BEZUG!"]
)
def test_a_formula_error_is_not_a_name(header: str) -> None:
    assert column_names.is_formula_error(header)
    assert column_names.recognise(header) is None


@pytest.mark.parametrize(
    "header", ["", "#", "#1", "# Ledger", "REF!", "#ref!", "Why?", "#n/a", "N/A", "#Note!"]
)
def test_what_only_looks_like_a_formula_error_is_a_name(header: str) -> None:
    assert not column_names.is_formula_error(header)


@pytest.mark.parametrize(
    ("header", "use"),
    [(" Ledger-ID ", Use.LEDGER), ("CURRENCY", Use.CURRENCY), ("Customer of the month", None)],
)
def test_a_column_name_is_recognized_whatever_its_case_and_punctuation(header: str, use: Use | None) -> None:
    found = column_names.recognise(header)
    assert (found[0] if found else None) == use


@pytest.mark.parametrize(
    "header",
    [
        "Amount",
        "BALANCE",
        "Opening balance (USD)",
        "opening_balance",
        "openingBalanceCents",
        "Saldo 31.12.2025",
        "Amount NGN",
        "Debit",
        "Account balance",
        "Amount (credit account)",
        "期末余额",
        "残高",
        "Amount" + " " * 94,
    ],
)
def test_a_column_name_of_an_amount_of_money_is_reported(header: str) -> None:
    assert amount_names.names_an_amount(header)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "USD",
        "2025",
        "Customer",
        "Balance type",
        "Amount of people",
        "Debit account",
        "Credit acct",
        "Amount" + " " * 95,
    ],
)
def test_a_column_name_of_something_else_is_not(header: str) -> None:
    assert not amount_names.names_an_amount(header)
