"""The form: what is wrong is said at its field, nothing that was typed is lost, and names are shown."""

import orjson
from streamlit.testing.v1 import AppTest

from blnk_api.models import GENERAL_LEDGER_ID
from blnk_api.store import imports
from blnk_api.store.states import ImportState
from tests.support.importer import LEDGER, Importer
from tests.support.pages import press, run, said, visit
from tests.support.practice import PracticeBlnk

ADA = "idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"


def choose(at: AppTest, *, ledger: str = LEDGER, currency: str | None = "USD", who: str = "Ada") -> AppTest:
    at.radio[0].set_value(ledger)
    run(at)
    if currency:
        at.selectbox(key="form-currency").set_value(currency)
    at.text_input(key="your-name").set_value(who)
    return run(at)


def metadata(at: AppTest, *pairs: tuple[str, str]) -> AppTest:
    for n, (name, value) in enumerate(pairs):
        if n:
            press(at, "Add metadata")
        at.text_input(key=f"form-metadata-name-{n}").set_value(name)
        at.text_input(key=f"form-metadata-value-{n}").set_value(value)
        run(at)
    return at


def body(importer: Importer) -> dict[str, object]:
    """What the newest import asks Blnk for."""
    with importer.store.read() as tx:
        [newest, *_] = imports.newest(tx)
    [row] = importer.rows(newest)
    sent: dict[str, object] = orjson.loads(row.body or b"{}")
    return sent


def test_a_problem_is_shown_at_its_field_until_the_field_is_changed(importer: Importer) -> None:
    at = press(visit(), "Create balance")
    assert [one.value.replace("\\", "") for one in at.error] == [
        "Choose the ledger.",
        "Choose the currency.",
        "Enter your name. It is shown with your actions here.",
        "Nothing was created. Correct the fields above and try again.",
    ]
    choose(at, who="")
    assert "Choose the ledger." not in said(at)
    assert "Choose the currency." not in said(at)
    assert "Enter your name. It is shown with your actions here." in said(at)
    with importer.store.read() as tx:
        assert imports.newest(tx) == []


def test_a_customer_that_was_typed_and_not_chosen_is_not_silently_dropped(importer: Importer) -> None:
    at = choose(visit())
    at.text_input(key="form-identity-search").set_value("grace")
    run(at)
    press(at, "Create balance")
    told = "Choose the identity from the list, or clear the field."
    assert told in said(at)
    with importer.store.read() as tx:
        assert imports.newest(tx) == []
    at.text_input(key="form-identity-search").set_value("")
    run(at)
    assert told not in said(at)
    press(at, "Create balance")
    assert "identity_id" not in body(importer)


def test_a_wrong_pair_of_metadata_says_so_itself(importer: Importer) -> None:
    at = metadata(choose(visit()), ("customer", "007"), ("", "lost"), ("customer", "008"))
    press(at, "Create balance")
    assert "Give the metadata value “lost” a name." in said(at)
    assert "The metadata name “customer” appears twice. Keep one." in said(at)
    with importer.store.read() as tx:
        assert imports.newest(tx) == []


def test_metadata_that_was_typed_is_sent(importer: Importer) -> None:
    at = metadata(choose(visit()), ("customer", "007"), ("branch", "Lagos"))
    press(at, "Create balance")
    sent = body(importer)["meta_data"]
    assert isinstance(sent, dict)
    assert {name: sent[name] for name in ("customer", "branch")} == {"customer": "007", "branch": "Lagos"}


def test_an_indicator_can_be_typed_only_in_the_general_ledger(importer: Importer) -> None:
    at = choose(visit(), ledger=GENERAL_LEDGER_ID)
    assert not at.text_input(key="form-indicator").disabled
    at.text_input(key="form-indicator").set_value("@Fees")
    run(at)
    press(at, "Change")
    at.radio[0].set_value(LEDGER)
    run(at)
    assert at.text_input(key="form-indicator").disabled
    assert "Not sent: only balances in the General Ledger have an indicator." in said(at)
    press(at, "Create balance")
    assert "indicator" not in body(importer)


def test_a_reload_loses_nothing_that_was_chosen_or_typed(importer: Importer) -> None:
    at = metadata(choose(visit(), currency="EUR"), ("customer", "007"))
    at.session_state["form-part-metadata"] = True  # it was opened
    run(at)
    id = at.query_params["form"]
    again = visit(form=id if isinstance(id, str) else id[0])
    assert "Customer wallets" in said(again)
    assert again.selectbox(key="form-currency").value == "EUR"
    assert again.text_input(key="form-metadata-value-0").value == "007"
    assert next(one for one in again.expander if one.label == "Metadata (optional)").proto.expanded
    press(again, "Create balance")
    assert body(importer)["currency"] == "EUR"
    assert "form" not in again.query_params


def test_the_address_contains_nothing_that_was_typed(importer: Importer) -> None:
    at = metadata(choose(visit()), ("customer", "secret"))
    assert "secret" not in str(dict(at.query_params))
    assert LEDGER not in str(dict(at.query_params))


def test_currencies_that_were_used_last_come_first(importer: Importer) -> None:
    options = visit().selectbox(key="form-currency").options
    assert options[0].startswith("USD")
    at = press(choose(visit(), currency="XOF"), "Create balance")
    assert not at.exception
    options = visit().selectbox(key="form-currency").options
    assert [one[:3] for one in options[:2]] == ["XOF", "USD"]
    assert len(options) == len(set(options))


def test_the_result_names_the_ledger_and_the_customer(
    importer: Importer, practice_blnk: PracticeBlnk
) -> None:
    at = choose(visit())
    at.text_input(key="form-identity-search").set_value("Ada")
    run(at)
    at.radio[0].set_value(ADA)
    run(at)
    press(at, "Create balance")
    importer.start()
    with importer.store.read() as tx:
        [made] = imports.newest(tx)
    importer.wait_for(made, ImportState.DONE)
    run(at)
    assert "The balance was created" in said(at)
    told = [list(one.value["Value"]) for one in at.dataframe]
    assert any("Customer wallets" in one and "Ada Okafor" in one for one in told)
    assert not any(LEDGER in one or ADA in one for one in told)
    another = next(one for one in at.button if one.label == "Create a similar balance")
    assert another.proto.type == "secondary"
