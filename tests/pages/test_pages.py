"""Every page as a person meets it: what it says, what it offers, and what it never does by itself."""

import time
from typing import Any

import orjson
import pytest
from sqlalchemy import text, update
from streamlit.testing.v1 import AppTest

from blnk_api.access.actors import SENDER
from blnk_api.drafts import form_request
from blnk_api.facts.findings import Findings, RowFinding
from blnk_api.facts.mapping import Mapping, Use
from blnk_api.models import BalanceRequest
from blnk_api.store import import_acts, import_changes, imports, tables
from blnk_api.store.imports import Import
from blnk_api.store.people import people
from blnk_api.store.states import ImportState, PausedBy, RowState, Stage
from blnk_api.store.transitions import move
from blnk_api.wording import about_files
from tests.support.actors import actor
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for, wait_until
from tests.support.pages import SAVINGS, link, open_step, press, run, said, visit
from tests.support.practice import PracticeBlnk
from tests.support.sending import done_but_for
from tests.support.trail import behind_the_triggers


def labels(at: AppTest) -> list[str]:
    return [button.label for button in at.button]


def address(at: AppTest, name: str = "import") -> str:
    """What the address says."""
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


def fill(at: AppTest, *, ledger: str = LEDGER, currency: str = "USD", who: str = "Ada") -> AppTest:
    next(radio for radio in at.radio if ledger in radio.options or ledger == LEDGER).set_value(ledger)
    run(at)
    at.selectbox[0].set_value(currency)
    at.text_input(key="your-name").set_value(who)
    return run(at)


class TestTheForm:
    def test_nothing_is_preselected(self, importer: Importer) -> None:
        at = visit()
        assert at.radio[0].value is None
        assert at.selectbox[0].value is None
        assert "It starts at zero. Balance Desk never moves money." in said(at)

    def test_missing_fields_are_named_at_once_and_nothing_is_created(self, importer: Importer) -> None:
        at = press(visit(), "Create balance")
        assert "Choose the ledger." in said(at)
        assert "Choose the currency." in said(at)
        with importer.store.read() as tx:
            assert imports.newest(tx) == []

    def test_one_click_creates_the_balance_and_its_address(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        at = press(fill(visit()), "Create balance")
        id = address(at)
        assert importer.find(id).state is ImportState.QUEUED
        assert practice_blnk.balances() == []
        importer.start()
        importer.wait_for(importer.find(id), ImportState.DONE)
        run(at)
        [balance] = practice_blnk.balances()
        assert "The balance was created" in said(at)
        assert balance["balance_id"] in [code.value for code in at.code]
        assert (balance["ledger_id"], balance["currency"]) == (LEDGER, "USD")

    def test_a_second_click_creates_no_second_balance(self, importer: Importer) -> None:
        at = press(fill(visit()), "Create balance")
        id = address(at)
        del at.query_params["import"]  # the browser had not heard of it yet when it was clicked again
        at.session_state["form-pressed"] = time.monotonic()
        run(at)
        assert address(at) == id
        with importer.store.read() as tx:
            assert [one.id for one in imports.newest(tx)] == [id]

    def test_a_similar_balance_starts_with_the_same_values_and_its_own_id(self, importer: Importer) -> None:
        at = press(fill(visit(), currency="EUR"), "Create balance")
        first = address(at)
        importer.start()
        importer.wait_for(importer.find(first), ImportState.DONE)
        press(run(at), "Create a similar balance")
        assert "import" not in at.query_params
        assert at.selectbox[0].value == "EUR"
        assert "Customer wallets" in said(at)
        at.selectbox[0].set_value("USD")
        press(run(at), "Create balance")
        assert address(at) != first

    def test_an_existing_balance_is_shown_and_a_second_one_requires_a_decision(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        importer.start()
        at = press(fill(visit()), "Create balance")
        importer.wait_for(importer.find(address(at)), ImportState.DONE)
        run(at)
        press(at, "Create a similar balance")
        press(at, "Create balance")
        second = address(at)
        importer.wait_for(importer.find(second), ImportState.DONE)
        run(at)
        assert "This balance already exists" in said(at)
        assert len(practice_blnk.balances()) == 1
        assert next(b for b in at.button if b.label == "Create a second balance").disabled
        at.checkbox[0].check()
        press(run(at), "Create a second balance")
        third = address(at)
        importer.wait_for(importer.find(third), ImportState.DONE)
        assert len(practice_blnk.balances()) == 2

    def test_a_rejection_says_that_nothing_was_created_and_keeps_what_was_typed(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        importer.connect(token=practice_blnk.new_token(["proxy:write"]))
        at = visit()
        assert "have no read permission in Blnk" in said(at)
        at.text_input(key="form-ledger-search").set_value("ldg_nowhere")
        at.selectbox[0].set_value("USD")
        at.text_input(key="your-name").set_value("Ada")
        press(run(at), "Create balance")
        id = address(at)
        importer.start()
        importer.wait_for(importer.find(id), ImportState.DONE)
        run(at)
        assert "The balance was not created" in said(at)
        assert "This ledger does not exist in Blnk." in said(at)
        assert "Nothing was created." in said(at)
        press(at, "Change the request")
        assert at.session_state["form-ledger"] == ("ldg_nowhere", "")

    def test_a_lost_answer_is_never_called_a_failure(self, importer: Importer) -> None:
        import_ = asked(importer)
        [row] = importer.rows(import_)
        importer.confirm(import_)
        with importer.store.write() as tx:
            move(tx, [row.id], from_=RowState.READY, to=RowState.SENDING)
            move(tx, [row.id], from_=RowState.SENDING, to=RowState.UNKNOWN, message="Blnk did not answer.")
        at = visit(**link(import_))
        assert "the balance may exist. Do not create it again." in said(at)
        assert "Create balance" not in labels(at)

    def test_opening_the_link_of_a_balance_sends_nothing(self, importer: Importer) -> None:
        import_ = asked(importer)
        at = visit(**link(import_))
        assert "has not been confirmed. Nothing was sent." in said(at)
        assert importer.find(import_.id).state is ImportState.DRAFT

    def test_the_form_stays_usable_while_blnk_does_not_answer(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        secrets = importer.data_dir / "secrets.toml"
        secrets.write_text(secrets.read_text().replace(practice_blnk.url, "http://127.0.0.1:9"))
        at = visit()
        assert "Blnk cannot be searched at the moment" in said(at)
        assert at.text_input(key="form-ledger-search").label == "Ledger: exact id"


def asked(importer: Importer, **fields: Any) -> Import:
    id = imports.new_id()
    request = BalanceRequest(**{"ledger_id": LEDGER, "currency": "USD"} | fields)
    form_request.make_draft(
        importer.store, id=id, connection=importer.connection, who=actor(), request=request
    )
    return importer.find(id)


class TestConnections:
    SECOND = """
[connections.other]
label = "Other *bank*"
instance_id = "i-2"
access_token = "t"
"""

    def two(self, importer: Importer) -> None:
        secrets = importer.data_dir / "secrets.toml"
        secrets.write_text(secrets.read_text() + self.SECOND)

    def test_a_lone_connection_is_used_and_named_in_the_link(self, importer: Importer) -> None:
        at = visit()
        assert address(at, "connection") == "here"
        assert "SANDBOX" in said(at)

    def test_the_bare_address_shows_what_to_do(self, importer: Importer) -> None:
        at = visit("home.py")
        assert at.title[0].value == "Import a file"
        assert address(at, "connection") == "here"
        assert "Create one balance" in said(at)

    def test_a_link_of_an_earlier_version_to_one_balance_still_opens_it(self, importer: Importer) -> None:
        id = address(press(fill(visit()), "Create balance"))
        assert address(visit("home.py", connection="here", **{"import": id})) == id

    def test_of_several_none_is_preselected(self, importer: Importer) -> None:
        self.two(importer)
        at = visit("home.py")
        assert "Choose a connection" in said(at)
        assert not at.selectbox
        at.button(key="use-here").click()
        run(at)
        assert address(at, "connection") == "here"
        assert "Import a file" in said(at)

    def test_an_unknown_name_is_an_error_and_never_another_connection(self, importer: Importer) -> None:
        at = visit(connection="elsewhere")
        assert "There is no connection named “elsewhere”." in said(at)
        assert not at.selectbox

    def test_an_import_under_another_connections_name_is_not_shown(self, importer: Importer) -> None:
        self.two(importer)
        import_ = importer.draft(requests_for(1))
        at = visit("imports.py", **link(import_) | {"connection": "other"})
        assert "this import belongs to “here”" in said(at)
        assert "test.csv" not in said(at)
        press(at, "Open the import with its own connection")
        assert "test.csv" in said(at)

    def test_a_wrong_secret_gives_one_page_that_names_the_key_and_not_the_value(
        self, importer: Importer
    ) -> None:
        importer.connect(token="se cret")
        at = visit()
        assert "connections.here.access_token" in said(at)
        assert "se cret" not in said(at)
        assert not at.selectbox

    def test_it_does_not_slip_into_practice(self, importer: Importer) -> None:
        importer.draft(requests_for(1))
        (importer.data_dir / "secrets.toml").write_text("")
        at = visit()
        assert "no connection to it is set up anymore" in said(at)
        assert "PRACTICE" not in said(at)
        assert not at.selectbox

    def test_a_broken_link_to_an_import_says_so(self, importer: Importer) -> None:
        assert "This link does not lead to an import." in said(visit("imports.py", **{"import": "imp_x"}))

    def test_an_import_without_a_connection_says_so(self, importer: Importer) -> None:
        import_ = importer.draft(requests_for(1))
        importer.confirm(import_)
        secrets = importer.data_dir / "secrets.toml"
        secrets.write_text(secrets.read_text().replace('"sandbox"', '"production"'))
        at = visit("imports.py", **link(import_))
        assert "no connection points to it now" in said(at)
        assert "SANDBOX" in said(at)

    def test_an_open_server_says_so_on_every_page(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        warning = "open to the network and has no sign-in"
        assert warning not in said(visit())
        options = {"server.address": "0.0.0.0", "server.allowedHosts": []}
        monkeypatch.setattr("streamlit.get_option", options.get)
        for page in ("create_balance.py", "import_file.py", "imports.py", "connection.py"):
            assert warning in said(visit(page))

    def test_the_connection_page_checks_without_creating_anything(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        assert "**Is the token accepted?** Yes." in said(visit("connection.py"))
        importer.connect(token=practice_blnk.new_token(["proxy:write"]))
        assert "**Can these credentials read?** No." in said(visit("connection.py"))
        importer.connect(token="wrong")
        at = press(visit("connection.py"), "Check again")
        assert "rejected the access token" in said(at)
        assert practice_blnk.balances() == []


class TestAFile:
    CSV = f"ledger_id,currency,customer\n{LEDGER},USD,1\n{LEDGER},UDS,2\n{SAVINGS},eur,3\n".encode()

    def uploaded(self, importer: Importer, data: bytes = CSV, name: str = "mar*ch*.csv") -> Import:
        return importer.upload_alone(data, name=name)

    def checked(self, importer: Importer, data: bytes = CSV) -> Import:
        import_ = self.uploaded(importer, data)
        importer.start()
        self._wait(importer, import_, Stage.CHECKED)
        return importer.find(import_.id)

    @staticmethod
    def _wait(importer: Importer, import_: Import, *stages: Stage) -> None:
        wait_until(lambda: importer.find(import_.id).stage in stages, lambda: str(importer.find(import_.id)))

    def test_an_upload_is_a_draft_with_an_address_at_once(self, importer: Importer) -> None:
        at = visit("import_file.py")
        at.text_input(key="your-name").set_value("Ada")
        run(at)
        at.file_uploader[0].set_value(("march.csv", self.CSV, "text/csv"))
        run(at)
        id = address(at)
        import_ = importer.find(id)
        assert (import_.stage, import_.file_name, import_.who.name) == (Stage.UPLOADED, "march.csv", "Ada")
        assert "march.csv" in said(at)
        with importer.store.read() as tx:
            assert len(imports.newest(tx)) == 1

    def test_a_name_is_asked_for_before_the_first_upload(self, importer: Importer) -> None:
        at = visit("import_file.py")
        at.file_uploader[0].set_value(("march.csv", self.CSV, "text/csv"))
        run(at)
        assert "Enter your name" in said(at)
        at.text_input(key="your-name").set_value("Ada")
        run(at)
        assert importer.find(address(at)).who.name == "Ada"

    def test_what_is_pressed_right_after_typing_a_name_is_done(self, importer: Importer) -> None:
        at = visit("import_file.py")
        at.text_area[0].set_value(self.CSV.decode())
        at.text_input(key="your-name").set_value("Ada")
        press(at, "Check rows")
        assert importer.find(address(at)).who.name == "Ada"

    def test_the_field_for_a_name_stays_until_it_is_closed_so_that_no_button_moves(
        self, importer: Importer
    ) -> None:
        at = visit("import_file.py")
        press(at, "Continue")
        assert "Enter your name" in said(at)
        at.text_input(key="your-name").set_value("Ada")
        run(at)
        assert [button.label for button in at.button if button.label == "Continue"]
        assert "Enter your name" not in said(at)
        press(at, "Continue")
        assert not [button.label for button in at.button if button.label == "Continue"]
        assert not [one for one in at.text_input if one.key == "your-name"]

    def test_a_file_whose_rows_create_several_balances_names_both_numbers(self, importer: Importer) -> None:
        import_ = self.checked(importer, b"ledger_id,currency\nSavings,USD;EUR\nSavings,KES\nSavings,UDS\n")
        assert "3 rows, 4 balances · 3 ready · 1 invalid" in said(visit("import_file.py", **link(import_)))

    def test_a_checked_file_shows_everything_that_confirming_means(self, importer: Importer) -> None:
        at = visit("import_file.py", **link(self.checked(importer)))
        told = said(at)
        assert "mar*ch*.csv" in told
        assert "3 rows · 2 ready · 1 invalid" in told
        assert "“UDS” is not a known currency. Did you mean USD?" in told
        assert "Row 3 · column currency" in told
        told = said(open_step(at, "Confirm"))
        assert "1 row is invalid and will be skipped. To create them too, fix them first." in told
        assert "2 balances will be created in **here** (**SANDBOX**). Balances cannot be deleted." in told
        for name, id in (("Customer wallets", LEDGER), ("Savings", SAVINGS)):
            assert name in told
            assert id in told
        assert "1 balance in USD" in told
        assert "Total: 2 balances: 1 in USD, 1 in EUR." in told
        assert "Create 2 balances, skip 1 invalid row" in labels(at)

    def test_every_balance_is_shown_as_it_will_be_created_in_the_words_of_the_file(
        self, importer: Importer
    ) -> None:
        at = open_step(visit("import_file.py", **link(self.checked(importer))), "Confirm")
        planned = at.dataframe[0].value
        assert list(planned.columns) == ["Row", "Ledger", "Currency", "customer"]
        assert planned.to_numpy().tolist() == [
            ["2", "Customer wallets", "USD", "1"],
            ["4", "Savings", "EUR", "3"],
        ]

    def test_a_draft_to_finish_is_listed_where_its_owner_begins(self, importer: Importer) -> None:
        at = visit("import_file.py")
        at.text_input(key="your-name").set_value("Ada")
        run(at)
        at.file_uploader[0].set_value(("march.csv", self.CSV, "text/csv"))
        run(at)
        assert "Drafts to finish" not in said(at)
        del at.query_params["import"]
        told = said(run(at))
        assert "Drafts to finish" in told
        assert "Running" not in told

    def test_a_saved_mapping_is_applied_to_the_next_upload_with_the_same_columns_visibly(
        self, importer: Importer
    ) -> None:
        import_ = self.checked(importer)
        at = open_step(visit("import_file.py", **link(import_)), "Columns")
        at.text_input(key=f"save-name-{import_.id}").set_value("Monthly")
        next(one for one in at.button if one.label == "Save mapping").click()
        run(at)
        at = visit("import_file.py")
        at.text_input(key="your-name").set_value("Ada")
        run(at)
        at.file_uploader[0].set_value(("april.csv", self.CSV, "text/csv"))
        run(at)
        self._wait(importer, importer.find(address(at)), Stage.CHECKED)
        assert "The saved mapping “Monthly” is applied" in said(open_step(run(at), "Columns"))

    def test_a_suggestion_is_applied_to_all_its_rows_and_can_be_undone(self, importer: Importer) -> None:
        import_ = self.checked(importer)
        at = press(visit("import_file.py", **link(import_)), "Replace in 1 row")
        assert "Replaced with “USD” in 1 row." in said(at)
        wait_until(
            lambda: importer.find(import_.id).counts == {RowState.READY: 3},
            lambda: str(importer.find(import_.id).counts),
        )
        press(run(at), "Undo")
        self._wait(importer, import_, Stage.CHECKED)
        assert importer.rows(import_)[1].cells[1] == "UDS"
        assert "3 rows · 2 ready · 1 invalid" in said(run(at))

    def test_a_code_becomes_a_custom_currency_only_after_a_second_confirmation(
        self, importer: Importer
    ) -> None:
        import_ = self.checked(importer)
        at = visit("import_file.py", **link(import_))
        told = "is not an ISO 4217 code. Keep it only if your organization uses it"
        assert told in said(at)
        press(at, "Keep “UDS” (custom currency)")
        wait_until(
            lambda: importer.find(import_.id).counts == {RowState.READY: 3},
            lambda: str(importer.find(import_.id).counts),
        )

    def test_a_guessed_encoding_is_warned_about_with_a_cell_and_an_amount_beside_its_column(
        self, importer: Importer
    ) -> None:
        data = f"ledger_id;currency;name;Kontostand\n{LEDGER};USD;Zoë;5\n".encode("cp1252")
        at = visit("import_file.py", **link(self.checked(importer, data)))
        guess = "It is read as Windows-1252, which is a guess: “Zoë”."
        assert guess in said(at), "a person who lands at the end is told too"
        assert guess in said(open_step(at, "File"))
        told = said(open_step(at, "Columns"))
        assert "Amounts are not posted: every new balance starts at zero." in told.splitlines()

    def test_confirming_sends_and_cannot_be_pressed_twice(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        import_ = self.checked(importer)
        first, second = (visit("import_file.py", **link(import_)) for _ in range(2))
        for at in (first, second):
            open_step(at, "Confirm")
            at.text_input(key="your-name").set_value("Ada")
            run(at)
        for at in (first, second):
            press(at, "Create 2 balances, skip 1 invalid row")
        importer.wait_for(import_, ImportState.DONE)
        assert len(practice_blnk.balances()) == 2
        assert importer.events(import_).count("confirmed") == 1
        assert "2 balances created, 1 invalid." in said(run(first))

    def test_a_changed_draft_is_shown_again_and_not_sent(self, importer: Importer) -> None:
        import_ = self.checked(importer)
        at = open_step(visit("import_file.py", **link(import_)), "Confirm")
        at.text_input(key="your-name").set_value("Ada")
        run(at)
        button = next(one for one in at.button if one.label.startswith("Create 2"))
        button.click()
        with importer.store.write() as tx:
            import_changes.set_facts(tx, import_.number, version=import_.version + 1)
        run(at)
        assert importer.find(import_.id).state is ImportState.DRAFT
        assert "The draft has changed since this page was loaded, so nothing was sent." in said(at)

    def test_rows_that_look_like_corrections_are_skipped_until_someone_includes_them(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        def file(note: str) -> bytes:
            lines = [f"{LEDGER},USD,cust-{n},{note if n == 3 else 'same'}" for n in range(8)]
            return "\n".join(["ledger_id,currency,customer,note", *lines]).encode()

        first = self.checked(importer, file("wrnog"))
        with importer.store.write() as tx:
            assert import_acts.confirm(tx, first, who=actor(), version=first.version)
        importer.wait_for(first, ImportState.DONE)
        corrected = self.checked(importer, file("wrong"))
        at = visit("import_file.py", **link(corrected))
        assert "1 row skipped" in said(at)
        assert "There are no balances to create." in said(at)
        at.text_input(key="your-name").set_value("Ada")
        press(run(at), "Create these balances too")
        press(open_step(at, "Confirm"), "Create 1 balance")
        importer.wait_for(corrected, ImportState.DONE)
        assert len(practice_blnk.balances()) == 9

    def test_in_production_the_count_has_to_be_typed(self, importer: Importer) -> None:
        secrets = importer.data_dir / "secrets.toml"
        secrets.write_text(secrets.read_text().replace('"sandbox"', '"production"'))
        import_ = self.checked(importer)
        at = open_step(visit("import_file.py", **link(import_)), "Confirm")
        assert "PRODUCTION" in said(at)
        at.text_input(key="your-name").set_value("Ada")
        label = "Create 2 balances, skip 1 invalid row"
        press(run(at), label)
        assert "Type the number of balances, 2, to confirm. Nothing was sent." in said(at)
        next(one for one in at.text_input if one.label == "Type 2 to confirm").set_value("2")
        press(run(at), label)
        assert importer.find(import_.id).state is not ImportState.DRAFT

    def test_a_file_that_cannot_be_read_says_why_and_what_to_do(self, importer: Importer) -> None:
        import_ = self.uploaded(importer, b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "march.csv")
        importer.start()
        self._wait(importer, import_, Stage.UNREADABLE)
        problem = importer.find(import_.id).problem
        at = visit("import_file.py", **link(import_))
        assert problem
        assert problem in said(at)
        assert "Nothing was sent." in said(at)
        press(at, "Import another file")
        assert importer.find(import_.id).state is ImportState.CANCELLED
        assert at.file_uploader

    def test_a_file_without_a_sender_waits_and_says_so(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blnk_api.worker.supervise.STARTED_AT", 0.0)
        at = visit("import_file.py", **link(self.uploaded(importer)))
        assert "The sender is not running" in said(at)

    def test_a_server_with_a_sender_elsewhere_accepts_that_and_says_if_none_is_running(
        self, importer: Importer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("blnk_api.worker.supervise.STARTED_AT", 0.0)
        importer.start()
        assert "Another process is the sender" in said(visit("imports.py"))
        monkeypatch.setenv("BLNK_SENDER", "elsewhere")
        told = said(visit("imports.py"))
        assert "sender" not in told
        importer.stop()
        told = said(visit("imports.py"))
        assert "The sender is not running, so nothing is sent at the moment." in told
        assert "This server does not start it, so tell whoever runs it." in told

    @pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
    def test_a_server_that_is_not_updated_yet_says_so_on_each_page(self, importer: Importer) -> None:
        assert visit("imports.py").title[0].value == "Imports"
        with importer.store.write() as tx:
            tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        at = visit("imports.py")
        assert [one.value for one in at.title] == ["Balance Desk is being updated"]
        assert "Confirmed imports continue." in said(at)
        assert "Reload this page in a minute." in said(at)

    def test_without_permission_to_read_the_page_says_what_was_not_checked(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        importer.connect(token=practice_blnk.new_token(["proxy:write"]))
        at = visit("import_file.py", **link(self.checked(importer)))
        assert "no read permission" in said(at)

    def test_a_browser_that_missed_a_message_shows_what_is_stored_and_chooses_nothing_else(
        self, importer: Importer
    ) -> None:
        """A widget that is corrected from here shows its default where the correction is lost on the way."""
        import_ = self.checked(importer)
        at = open_step(visit("import_file.py", **link(import_)), "Columns")

        def used() -> list[Use]:
            kept = Mapping.model_validate(importer.find(import_.id).mapping)
            return [column.use for column in kept.columns]

        def defaults() -> list[str]:
            boxes = [box.proto for box in at.selectbox if box.label.endswith(" maps to")]
            assert not any(box.set_value for box in boxes)
            return [box.options[box.default] for box in boxes]

        assert defaults() == [about_files.use(use) for use in used()]
        assert Use.LEDGER in used()
        box = next(box for box in at.selectbox if box.label == "currency maps to")
        box.set_value(Use.LEDGER)
        run(at)
        assert used().count(Use.LEDGER) == 1
        assert Use.CURRENCY not in used()
        self._wait(importer, import_, Stage.MATCHING, Stage.CHECKED)
        assert defaults() == [about_files.use(use) for use in used()]
        before = used()
        run(run(at))
        assert used() == before

    def test_a_discarded_draft_is_never_sent(self, importer: Importer) -> None:
        import_ = self.checked(importer)
        press(visit("import_file.py", **link(import_)), "Discard draft")
        assert importer.find(import_.id).state is ImportState.CANCELLED


class TestImports:
    def test_an_empty_list_says_what_to_do_first(self, importer: Importer) -> None:
        assert "There are no imports yet." in said(visit("imports.py"))

    def test_all_imports_are_listed_newest_first(self, importer: Importer) -> None:
        asked(importer)
        importer.draft(requests_for(3))
        at = visit("imports.py")
        told = said(at)
        assert [caption.value for caption in at.caption].count("SANDBOX · here") == 2
        assert told.index("Checked: 3 balances") < told.index("Checked: 1 balance ")

    def test_one_import_shows_its_result_and_offers_its_files(self, importer: Importer) -> None:
        import_ = importer.run(requests_for(3))
        at = visit("imports.py", **link(import_))
        told = said(at)
        assert "3 balances created." in told
        assert "Created 3" in told
        assert "Verified: all 3 balances are in Blnk." in told
        assert "Uploaded by Ada (not verified)" in told
        [table] = [one for one in at.dataframe if "Balance id" in one.value]
        assert list(table.value["Status"]) == ["✓ Created"] * 3
        assert all(id.startswith("bln_") for id in table.value["Balance id"])

    def test_an_import_that_was_opened_from_the_list_has_a_way_back(self, importer: Importer) -> None:
        at = press(visit("imports.py", **link(importer.run(requests_for(1)))), "All imports")
        assert "import" not in at.query_params
        assert at.title[0].value == "Imports"

    def test_rows_can_be_seen_by_status_and_page_by_page(self, importer: Importer) -> None:
        import_ = importer.draft(requests_for(150))
        first, *_ = importer.rows(import_)
        with importer.store.write() as tx:
            move(tx, [first.id], from_=RowState.READY, to=RowState.LEFT_OUT)
        importer.confirm(import_)
        at = visit("imports.py", **link(import_))
        assert next(iter(at.dataframe[0].value["Row"])) == "2"
        press(at, "Next")
        assert list(at.dataframe[0].value["Row"]) == [str(n) for n in range(102, 152)]
        press(at, "Back")
        assert next(iter(at.dataframe[0].value["Row"])) == "2"
        at.selectbox[0].set_value("Skipped")
        run(at)
        assert list(at.dataframe[0].value["Row"]) == ["2"]
        assert list(at.dataframe[0].value["Status"]) == ["– Skipped"]

    def test_rows_that_are_being_checked_and_rows_that_need_a_person_are_shown_apart(
        self, importer: Importer
    ) -> None:
        import_, rows = done_but_for(importer, requests_for(2))
        with importer.store.write() as tx:
            tx.execute(
                update(tables.rows).where(tables.rows.c.id == rows[1].id).values(waits_for_person=False)
            )
        at = visit("imports.py", **link(import_))
        shown = {}
        for status in ("Checking in Blnk", "Needs you"):
            at.selectbox[0].set_value(status)
            run(at)
            shown[status] = list(at.dataframe[0].value["Row"])
        assert shown == {"Checking in Blnk": ["3"], "Needs you": ["2"]}

    def test_a_person_pauses_resumes_and_cancels(self, importer: Importer) -> None:
        import_ = importer.draft(requests_for(3))
        importer.confirm(import_)
        with importer.store.write() as tx:
            people.set_name(tx, "x" * 32, "Ada")
        at = visit("imports.py", **link(import_))
        press(at, "Pause")
        assert importer.find(import_.id).paused_by is PausedBy.PERSON
        press(run(at), "Resume")
        assert importer.find(import_.id).state is ImportState.RUNNING
        press(run(at), "Cancel import…")
        assert importer.find(import_.id).state is ImportState.PAUSED, "nothing leaves while Ada decides"
        assert "3 rows were not sent yet. If you cancel, this import never sends them" in said(at)
        assert "Resume" not in [one.label for one in at.button]
        press(at, "Keep import")
        assert importer.find(import_.id).state is ImportState.RUNNING
        press(run(at), "Cancel import…")
        press(at, "Cancel import")
        assert importer.find(import_.id).state is ImportState.CANCELLED
        assert "Canceled: 0 balances created, 3 not sent." in said(run(at)) or "Nothing was sent" in said(at)

    def test_deciding_whether_to_cancel_a_paused_import_leaves_it_paused(self, importer: Importer) -> None:
        import_ = importer.draft(requests_for(3))
        importer.confirm(import_)
        importer.pause(import_)
        at = visit("imports.py", **link(import_))
        press(at, "Cancel import…")
        press(at, "Keep import")
        assert importer.find(import_.id).state is ImportState.PAUSED
        assert "Resume" in [one.label for one in run(at).button]

    def test_an_import_that_waits_for_blnk_says_why_and_needs_nobody(self, importer: Importer) -> None:
        import_ = importer.draft(requests_for(3))
        importer.confirm(import_)
        with importer.store.write() as tx:
            import_acts.pause(
                tx, import_.number, by=PausedBy.BREAKER, who=SENDER, reason="Blnk answers *503*."
            )
            with behind_the_triggers(tx):
                tx.execute(update(tables.events).values(at=time.time() - 60))
        at = visit("imports.py", **link(import_))
        told = said(at)
        assert "Waiting for Blnk after 0 of 3 balances." in told
        assert "Blnk answers *503*. You do not need to do anything." in told
        assert "Paused" not in told
        assert "Resume" not in [one.label for one in at.button]

    def test_a_pause_of_another_kind_asks_for_a_person(self, importer: Importer) -> None:
        import_ = importer.draft(requests_for(3))
        importer.confirm(import_)
        with importer.store.write() as tx:
            import_acts.pause(
                tx, import_.number, by=PausedBy.REFUSALS, who=SENDER, reason="Blnk rejects all."
            )
        at = visit("imports.py", **link(import_))
        assert "Paused: Blnk rejects all." in said(at)
        assert "until someone reads this and resumes" in said(at)
        assert "Resume" in [one.label for one in at.button]

    def test_a_row_that_checking_could_not_resolve_is_resolved_by_a_person(
        self, importer: Importer, practice_blnk: PracticeBlnk
    ) -> None:
        import_ = importer.draft(requests_for(2))
        importer.confirm(import_)
        first, second = importer.rows(import_)
        with importer.store.write() as tx:
            for row in (first, second):
                move(tx, [row.id], from_=RowState.READY, to=RowState.SENDING)
                move(
                    tx,
                    [row.id],
                    from_=RowState.SENDING,
                    to=RowState.UNKNOWN,
                    message="Blnk did not answer.",
                    waits_for_person=True,
                )
        there = practice_blnk.create_balance(**orjson.loads(first.body or b""))["balance_id"]
        at = visit("imports.py", **link(import_))
        assert "2 rows need your decision" in said(at)
        at.text_input(key="your-name").set_value("Ada")
        at.text_input(key=f"this-id-{first.id}").set_value("bln_wrong")
        at.button(key=f"this-{first.id}").click()
        assert "Blnk has no balance “bln_wrong”" in said(run(at))
        at.text_input(key=f"this-id-{first.id}").set_value(there)
        at.button(key=f"this-{first.id}").click()
        run(at)
        assert importer.states(import_) == [RowState.CREATED, RowState.UNKNOWN]
        at.button(key=f"again-{second.id}").click()
        assert "Nothing was sent." in said(run(at))
        assert importer.states(import_) == [RowState.CREATED, RowState.UNKNOWN]
        at.text_input(key=f"sure-{second.id}").set_value("send again")
        at.button(key=f"again-{second.id}").click()
        run(at)
        assert importer.states(import_) == [RowState.CREATED, RowState.READY]

    def test_a_finished_import_can_be_verified_again(self, importer: Importer) -> None:
        import_ = importer.run(requests_for(1))
        press(visit("imports.py", **link(import_)), "Verify again")
        importer.wait_for(import_, ImportState.DONE)
        assert importer.events(import_).count("verified") == 2

    def test_findings_are_shown_with_their_ids(self, importer: Importer) -> None:
        import_ = importer.run(requests_for(1))
        twins = [RowFinding(row=2, ids=["bln_a", "bln_b"])]
        found = Findings(checked=True, clean=False, expected=1, found=1, twins=twins)
        with importer.store.write() as tx:
            import_changes.set_facts(tx, import_.number, findings=found)
        assert "Row 2 has two balances in Blnk: bln_a and bln_b." in said(
            visit("imports.py", **link(import_))
        )

    def test_what_others_typed_is_shown_to_the_letter_and_never_as_markdown(self, importer: Importer) -> None:
        name = "![x](http://evil.example/x.png) <b>*a*</b> :red[b] $c$ ad@evil.example.csv"
        import_ = importer.draft(requests_for(1), who="**Mallory**")
        with importer.store.write() as tx:
            import_changes.set_facts(tx, import_.number, file_name=name)
        for at in (visit("imports.py"), visit("import_file.py", **link(import_))):
            raw = "\n".join(element.value for kind in (at.title, at.markdown, at.caption) for element in kind)
            for marked in ("![x]", "<b>", ":red[", "$c$", "**Mallory**", "ad@evil"):
                assert marked not in raw


def test_another_process_that_sends_is_named(importer: Importer) -> None:
    importer.start()
    wait_until(lambda: "Another process is the sender (process" in said(visit()), lambda: "nobody registered")
