"""The form has the rules of files, and says in its own words what its own fields lack."""

from typing import Any

import pytest

from blnk_api.drafts import form_request
from blnk_api.drafts.checking import KnownIndicator
from blnk_api.drafts.form_request import Incomplete
from blnk_api.models import BalanceRequest
from tests.support.json_object import JsonObject

LEDGER = "ldg_11111111-1111-4111-8111-111111111111"


def asked(**facts: Any) -> BalanceRequest:
    return form_request.balance_request(**{"ledger_id": LEDGER, "currency": "USD"} | facts)


def told(**facts: Any) -> list[str]:
    """What the form says; nothing is asked for then."""
    with pytest.raises(Incomplete) as problem:
        asked(**facts)
    return problem.value.sentences


def test_a_form_says_all_that_is_missing_at_once() -> None:
    orphans = [("", "orphan"), ("a", "1"), ("a", "2"), ("", "another")]
    assert told(ledger_id=" ", currency=None, meta_data=orphans) == [
        "Choose the ledger.",
        "Choose the currency.",
        "Give the metadata value “orphan” a name.",
        "The metadata name “a” appears twice. Keep one.",
        "Give the metadata value “another” a name.",
    ]


@pytest.mark.parametrize("name", ["import_ref", " import_id "])
def test_our_own_metadata_names_cannot_be_typed(name: str) -> None:
    [sentence] = told(meta_data=[(name, "x")])
    assert f"{name.strip()} is reserved for Balance Desk." in sentence


@pytest.mark.parametrize(
    "facts",
    [
        {"meta_data": [("note", "a\0b")]},
        {"meta_data": [("note", "\ud800")]},
        {"meta_data": [("note", "\ud800" + "x" * 1_000_001)]},
        {"identity_id": "idt_\0"},
        {"ledger_id": "ldg_\udfff"},
        {"ledger_id": "general_ledger_id", "indicator": "@F\0"},
    ],
)
def test_characters_that_blnk_cannot_store_are_rejected_before_anything_is_sent(
    facts: JsonObject,
) -> None:
    assert any("which Blnk cannot store" in sentence for sentence in told(**facts))


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "tab\there"])
def test_names_that_blnk_cannot_store_are_rejected_too(name: str) -> None:
    assert any("cannot be stored" in sentence for sentence in told(meta_data=[(name, "x")]))


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        (
            {"indicator": "Fees"},
            "“Fees” is not a valid indicator. It must start with @ and have no spaces, for example @Fees.",
        ),
        ({"indicator": "@Fees"}, "Indicators are only allowed in the General Ledger."),
        ({"track_fund_lineage": True}, "To track fund lineage, the balance needs an identity."),
        (
            {"allocation_strategy": "newest"},
            "“newest” is not an allocation strategy. Use FIFO, LIFO or PROPORTIONAL.",
        ),
        ({"currency": "EURO"}, "“EURO” is not a known currency. Did you mean EUR?"),
        ({"currency": "USD;EUR"}, "Choose one currency: the form creates one balance."),
        (
            {"meta_data": [("a", "x" * 5_000_000)]},
            "The metadata is larger than 5 MB, which Blnk does not accept.",
        ),
    ],
)
def test_the_form_has_the_rules_of_files(facts: JsonObject, sentence: str) -> None:
    assert told(**facts) == [sentence]


@pytest.mark.parametrize(
    "pairs", [[("Total", "Total")], [("a", "a"), ("b", "b")], [("amount", "USD")], [("sum", "12")]]
)
def test_a_form_is_never_taken_for_a_total_or_for_column_names(pairs: list[tuple[str, str]]) -> None:
    assert told(ledger_id="", currency="", meta_data=pairs) == [
        "Choose the ledger.",
        "Choose the currency.",
    ]
    assert asked(meta_data=pairs).meta_data == dict(pairs)


def test_everything_typed_is_requested_and_empty_lines_mean_nothing() -> None:
    made = asked(
        ledger_id=" general_ledger_id ",
        currency="points",
        identity_id="idt_of_old",
        indicator=" @Fees ",
        track_fund_lineage=True,
        allocation_strategy="fifo",
        meta_data=[("", ""), (" currency ", " as typed "), ("a", "")],
        custom_currencies=["POINTS"],
    )
    assert made == BalanceRequest(
        ledger_id="general_ledger_id",
        currency="POINTS",
        identity_id="idt_of_old",
        indicator="@Fees",
        track_fund_lineage=True,
        allocation_strategy="FIFO",
        meta_data={"currency": " as typed "},
    )


def test_an_indicator_that_another_balance_has_is_rejected_with_its_id() -> None:
    blnk = {"@Fees USD": KnownIndicator(balance_id="bln_1")}
    general = {"ledger_id": "general_ledger_id", "indicator": "@Fees", "taken": lambda _: blnk}
    assert told(**general) == ["“@Fees” in USD already exists in Blnk as bln_1."]
    assert asked(**general, currency="EUR").indicator == "@Fees"


def test_blnk_is_asked_for_an_indicator_only_once_the_rest_is_right() -> None:
    questions: list[str] = []

    def taken(indicator: str) -> dict[str, KnownIndicator]:
        questions.append(indicator)
        return {}

    told(ledger_id="general_ledger_id", indicator="@Fees", currency="", taken=taken)
    asked(taken=taken)
    assert questions == []
    asked(ledger_id="general_ledger_id", indicator="@Fees", taken=taken)
    assert questions == ["@Fees"]
