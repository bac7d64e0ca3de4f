"""Balances found in Blnk by what a person knows of them, and where they came from."""

from typing import Any

import pytest
import streamlit as st

from blnk_api.access.actors import Actor, ActorKind, NotAllowed
from blnk_api.access.acts import Act
from blnk_api.client import BlnkClient
from blnk_api.desk import balance_search
from blnk_api.desk.balance_search import NoMatches, Wanted
from blnk_api.lookup.looker import sortable
from blnk_api.models import BalanceRequest
from blnk_api.store.people import metadata_shown
from tests.support.importer import LEDGER, Importer, requests_for
from tests.support.json_object import JsonObject
from tests.support.pages import SAVINGS, press, run, said, visit
from tests.support.practice import PracticeBlnk


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """Pages keep what Blnk said for a few seconds, and Blnk is emptied in between here."""
    st.cache_data.clear()


@pytest.fixture
def client(importer: Importer) -> BlnkClient:
    return BlnkClient(importer.connection)


@pytest.fixture
def held(practice_blnk: PracticeBlnk) -> dict[str, str]:
    """Five balances by what is special about them."""
    practice_blnk.set_core("0.15.3")
    grace = practice_blnk.create_identity(
        identity_type="individual", first_name="Grace", last_name="Mwangi", email_address="g@example.com"
    )
    asked: dict[str, JsonObject] = {
        "plain": {"ledger_id": LEDGER, "currency": "USD"},
        "savings": {"ledger_id": SAVINGS, "currency": "USD"},
        "graces": {"ledger_id": LEDGER, "currency": "EUR", "identity_id": grace},
        "seven": {"ledger_id": LEDGER, "currency": "NGN", "meta_data": {"customer": 7, "note": "=1+1"}},
        "007": {"ledger_id": LEDGER, "currency": "NGN", "meta_data": {"customer": "007"}},
        "fees": {"ledger_id": "general_ledger_id", "currency": "USD", "indicator": "@fees"},
    }
    return {name: str(practice_blnk.create_balance(**body)["balance_id"]) for name, body in asked.items()}


def pairs(table: Any) -> dict[str, str]:
    return dict(zip(table.value["Field"], table.value["Value"], strict=True))


class TestASearch:
    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (Wanted(ledger="saving"), {"savings"}),
            (Wanted(ledger=SAVINGS), {"savings"}),
            (Wanted(currency="EUR"), {"graces"}),
            (Wanted(identity="mwangi"), {"graces"}),
            (Wanted(identity="g@example.com"), {"graces"}),
            (Wanted(indicator="@fees"), {"fees"}),
            (Wanted(key="customer", value="007"), {"007"}),
            (Wanted(key="customer", value="7"), {"seven"}),
            (Wanted(key="customer"), {"seven", "007"}),
            (Wanted(ledger=LEDGER, currency="NGN"), {"seven", "007"}),
            (Wanted(ledger=LEDGER, currency="GBP"), set()),
        ],
    )
    def test_finds_by_what_a_person_knows(
        self, client: BlnkClient, held: dict[str, str], wanted: Wanted, found: set[str]
    ) -> None:
        ids = {one.balance_id for one in balance_search.page(client, wanted, 1).balances}
        assert ids == {held[name] for name in found}

    @pytest.mark.parametrize(
        ("wanted", "why"),
        [
            (Wanted(ledger="no such ledger"), "There is no ledger named “no such ledger”."),
            (Wanted(identity="nobody"), "There is no identity named “nobody”."),
            (Wanted(import_ids=()), "There is no import with that name."),
            (Wanted(key="a.b", value="1"), "only letters, digits and _"),
        ],
    )
    def test_an_impossible_search_never_returns_everything(
        self, client: BlnkClient, held: dict[str, str], wanted: Wanted, why: str
    ) -> None:
        with pytest.raises(NoMatches, match=why):
            balance_search.page(client, wanted, 1)

    def test_newest_first_and_page_by_page(self, client: BlnkClient, importer: Importer) -> None:
        importer.run(requests_for(120))
        first, second = (balance_search.page(client, Wanted(), number).balances for number in (1, 2))
        assert (len(first), len(second)) == (100, 20)
        moments = [sortable(one.created_at) for one in first]
        assert moments == sorted(moments, reverse=True)
        assert len(balance_search.found_whole(client, Wanted())) == 120

    def test_a_table_has_everything_that_blnk_returns(self, client: BlnkClient, held: dict[str, str]) -> None:
        header, records = balance_search.as_table(balance_search.page(client, Wanted(), 1).balances)
        assert header[:5] == ["balance_id", "ledger_id", "currency", "identity_id", "indicator"]
        assert header[-2:] == ["meta_data.customer", "meta_data.note"]
        [seven] = [record for record in records if record[0] == held["seven"]]
        assert seven[-2:] == [7, "=1+1"]
        assert seven[header.index("balance")] == 0


class TestTheList:
    def test_shows_the_newest_with_the_names_of_ledgers_and_identities(
        self, importer: Importer, held: dict[str, str]
    ) -> None:
        at = visit("balances.py")
        [table] = at.dataframe
        rows = {row["Balance id"]: row for row in table.value.to_dict("records")}
        assert set(rows) == set(held.values())
        assert rows[held["graces"]]["Identity"] == "Grace Mwangi"
        assert rows[held["savings"]]["Ledger"] == "Savings"
        assert rows[held["fees"]]["Indicator"] == "@fees"
        assert rows[held["seven"]]["customer"] == "7"

    def test_a_link_carries_the_search(self, importer: Importer, held: dict[str, str]) -> None:
        at = visit("balances.py", key="customer", value="007")
        assert list(at.dataframe[0].value["Balance id"]) == [held["007"]]
        at = visit("balances.py", ledger="nowhere")
        assert "There is no ledger named “nowhere”." in said(at)
        press(at, "Show all balances")
        assert len(at.dataframe[0].value) == len(held)

    def test_the_balances_of_an_import_are_found_by_its_files_name(
        self, importer: Importer, held: dict[str, str]
    ) -> None:
        import_ = importer.run(requests_for(3))
        for text in ("TEST.c", import_.id):
            at = visit("balances.py", made=text)
            made = {row.balance_id for row in importer.rows(import_)}
            assert set(at.dataframe[0].value["Balance id"]) == made
        assert "There is no import with that name." in said(visit("balances.py", made="imp_gone"))

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("007", {"007"}),
            ("customer=007", {"007"}),
            ("note=", {"seven"}),
            ("@fees", {"fees"}),
            (SAVINGS, {"savings"}),
        ],
    )
    def test_one_field_finds_by_whatever_a_person_has(
        self, importer: Importer, held: dict[str, str], text: str, found: set[str]
    ) -> None:
        at = visit("balances.py", find=text)
        assert set(at.dataframe[0].value["Balance id"]) == {held[name] for name in found}
        assert "1 balance, newest first." in said(at)

    def test_one_field_finds_by_an_import_and_asks_if_a_text_is_ambiguous(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        import_ = importer.run(requests_for(3))
        at = visit("balances.py", find="test.csv")
        assert "3 balances, newest first." in said(at)
        assert "Found by Import: test.csv." in said(at)
        practice_blnk.create_balance(ledger_id=LEDGER, currency="USD", meta_data={"customer": "test.csv"})
        st.cache_data.clear()
        at = visit("balances.py", find="test.csv")
        offered = [one.replace("\\", "") for one in at.button_group[0].options]
        assert offered == ["customer: test.csv", "Import: test.csv"]
        assert "1 balance, newest first." in said(at)
        at.button_group[0].set_value("Import: test.csv")
        assert "3 balances, newest first." in said(run(at))
        assert set(at.dataframe[0].value["Balance id"]) == {row.balance_id for row in importer.rows(import_)}

    def test_a_search_without_results_says_where_it_looked(
        self, importer: Importer, held: dict[str, str]
    ) -> None:
        at = visit("balances.py", find="nobody")
        assert "No matching balances." in said(at)
        looked = "Searched for this exact value in customer and note, and for an import with this name."
        assert looked in said(at)
        press(at, "Show all balances")
        assert len(at.dataframe[0].value) == len(held)

    def test_conditions_are_chips_that_a_click_removes(
        self, importer: Importer, held: dict[str, str]
    ) -> None:
        at = visit("balances.py", currency="USD", ledger="saving")
        assert list(at.dataframe[0].value["Balance id"]) == [held["savings"]]
        [chips] = at.button_group
        assert [one.partition(" :material")[0] for one in chips.options] == [
            "Ledger: saving",
            "Currency: USD",
        ]
        chips.set_value("ledger")
        run(at)
        assert "3 balances, newest first." in said(at)
        assert at.text_input(key="currency").value == "USD"

    def test_says_how_many_there_are_in_all(self, importer: Importer) -> None:
        importer.run(requests_for(120))
        at = visit("balances.py")
        assert "1 to 100 of 120 balances, newest first." in said(at)
        assert "101 to 120 of 120 balances, newest first." in said(press(at, "Older"))

    def test_the_metadata_that_identifies_balances_is_chosen_once_for_everyone(
        self, importer: Importer, held: dict[str, str]
    ) -> None:
        at = visit("balances.py")
        assert {"customer", "note"} < set(at.dataframe[0].value.columns)
        at.multiselect[0].set_value(["note"])
        run(at)
        others = visit("balances.py").dataframe[0].value.columns
        assert "note" in others
        assert "customer" not in others
        assert "No matching balances." in said(visit("balances.py", find="007"))
        assert list(visit("balances.py", find="=1+1").dataframe[0].value["Balance id"]) == [held["seven"]]

    def test_who_may_not_choose_changes_nothing_for_others(self, importer: Importer) -> None:
        nobody = Actor(ActorKind.PERSON, "Eve")
        instance = importer.connection.instance
        with pytest.raises(NotAllowed, match=Act.CHOOSE_METADATA), importer.store.write() as tx:
            metadata_shown.choose(tx, instance, ["note"], who=nobody)
        with importer.store.read() as tx:
            assert metadata_shown.of_instance(tx, instance) is None

    def test_an_empty_blnk_says_what_to_do(self, importer: Importer) -> None:
        assert "Your Blnk instance has no balances yet." in said(visit("balances.py"))

    def test_without_permission_to_read_it_says_so(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        importer.connect(token=practice_blnk.new_token(["proxy:write"]))
        assert "These credentials cannot read balances in Blnk" in said(visit("balances.py"))

    def test_a_blnk_that_does_not_answer_is_not_shown_as_empty(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        practice_blnk.order_fault("status_before_commit", on="filter", status=503)
        told = said(visit("balances.py"))
        assert "Blnk could not be read" in told
        assert "no balances" not in told


class TestOneBalance:
    def test_names_the_file_and_row_that_created_it(self, importer: Importer) -> None:
        import_ = importer.run(requests_for(3))
        row = importer.rows(import_)[1]
        at = visit("balances.py", id=row.balance_id or "")
        assert "Created by row **3** of **test.csv**." in said(at)
        assert "confirmed by Ada" in said(at)
        fields, metadata = map(pairs, at.dataframe)
        assert fields["Ledger"] == f"Customer wallets ({LEDGER})"
        assert metadata["customer"] == "1"
        assert metadata["import_id"] == import_.id
        press(at, "All balances")
        assert len(at.dataframe[0].value) == 3

    def test_a_second_balance_of_a_row_is_reported_as_such(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        import_ = importer.run(requests_for(1))
        [row] = importer.rows(import_)
        [held] = practice_blnk.balances()
        twin = practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=held["meta_data"])[
            "balance_id"
        ]
        told = said(visit("balances.py", id=twin))
        assert (
            f"Its import_ref belongs to row 2 of test.csv, but that row's balance is {row.balance_id}."
            in told
        )

    def test_one_that_was_not_created_here_says_so(self, importer: Importer, held: dict[str, str]) -> None:
        assert "This balance was not created here." in said(visit("balances.py", id=held["plain"]))

    def test_one_of_another_desk_names_its_import(
        self, importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient
    ) -> None:
        made = client.create_balance(
            BalanceRequest(ledger_id=LEDGER, currency="USD"), ref="v1-a-0", import_id="imp_elsewhere"
        )
        told = said(visit("balances.py", id=made.balance_id))
        assert "but by another Balance Desk: its import_id is imp_elsewhere." in told

    def test_an_unknown_id_is_reported(self, importer: Importer) -> None:
        assert "Blnk has no balance “bln_wrong”." in said(visit("balances.py", id="bln_wrong"))

    @pytest.mark.parametrize("in_address", [False, True])
    def test_an_id_that_was_typed_opens_the_balance(
        self, importer: Importer, held: dict[str, str], in_address: bool
    ) -> None:
        # A browser writes what was typed into the address before the page runs.
        typed = {"find": held["graces"]} if in_address else {}
        at = visit("balances.py", **typed)
        if not in_address:
            at.text_input(key="find").set_value(f" {held['graces']} ")
            run(at)
        assert (
            "Grace Mwangi"
            in dict(zip(at.dataframe[0].value["Field"], at.dataframe[0].value["Value"], strict=True))[
                "Identity"
            ]
        )
        press(at, "All balances")
        assert len(at.dataframe[0].value) == len(held)

    def test_untrusted_metadata_is_shown_to_the_letter(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        id = practice_blnk.create_balance(
            ledger_id=LEDGER, currency="USD", meta_data={"import_id": "![x](http://evil.example) :red[b]"}
        )["balance_id"]
        at = visit("balances.py", id=id)
        raw = "\n".join(element.value for kind in (at.markdown, at.caption) for element in kind)
        assert "![x]" not in raw
        assert ":red[" not in raw
