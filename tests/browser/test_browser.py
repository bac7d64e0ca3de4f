"""What a person sees and does, in a real browser, and what Blnk holds afterwards."""

import csv
import io
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.app import LEDGER, App, balances_of_link
from tests.support.browser import (
    download,
    fill_form,
    open_import,
    open_step,
    open_tab,
    see,
    see_text,
    settle,
    table_texts,
    type_metadata,
    upload,
)
from tests.support.importer import wait_until
from tests.support.practice import PracticeBlnk

WALLETS = "Customer wallets"
IDENTITY = "idt_00000020-0000-4000-8000-000000000020"
CREATED = "The balance was created"
BOM = "\N{BYTE ORDER MARK}"


def records(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_the_form_creates_the_requested_balance(app: App, browser: Browser, blnk: PracticeBlnk) -> None:
    page = open_tab(browser, f"{app.url}/create_balance", "Create a balance")
    expect(page.get_by_text("It starts at zero. Balance Desk never moves money.")).to_be_visible()
    fill_form(page, ledger=WALLETS, currency="NGN", identity="Zoë van Dijk", who="Ada")
    type_metadata(page, "customer", "007")
    page.get_by_role("button", name="Create balance").click()
    see(page, CREATED)
    [balance] = balances_of_link(blnk, page.url)
    expect(page.get_by_text(balance["balance_id"], exact=True).first).to_be_visible()
    assert (balance["ledger_id"], balance["currency"], balance["identity_id"]) == (LEDGER, "NGN", IDENTITY)
    assert balance["meta_data"]["customer"] == "007"
    assert set(balance["meta_data"]) == {"customer", "import_ref", "import_id"}


def test_two_clicks_a_reload_and_a_second_browser_create_one_balance(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    blnk.order_fault("full_stop", on="create", seconds=600)
    page = open_tab(browser, f"{app.url}/create_balance", "Create a balance")
    fill_form(page, ledger=WALLETS, currency="GHS", who="Ada")
    page.get_by_role("button", name="Create balance").dblclick()
    wait_until(lambda: "create" in blnk.requests()["by_kind"], lambda: "nothing was sent")
    page.reload()
    expect(page.get_by_text("Waiting for its answer")).to_be_visible()
    second = open_tab(browser, page.url, re.compile("balance"))
    blnk.clear_faults()
    for tab in (page, second):
        see(tab, CREATED)
    [balance] = balances_of_link(blnk, page.url)
    for tab in (page, second):
        expect(tab.get_by_text(balance["balance_id"], exact=True).first).to_be_visible()
    assert blnk.requests()["by_kind"]["create"] == 1


def file_of_200() -> str:
    """As a spreadsheet writes it: a BOM, quotes, leading zeros, formulas; five rows that cannot be sent."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["ledger_id", "currency", "identity_id", "Customer Number", "note"])
    for number in range(2, 202):
        ledger = "" if number == 17 else "ldg_of_another_blnk" if number == 99 else LEDGER
        currency = {42: "", 43: " ", 150: "DOLLARS"}.get(number, "NGN" if number % 2 else "EUR")
        identity = IDENTITY if number % 3 else ""
        notes = [
            '=HYPERLINK("http://example.com")',
            "+1",
            "-5",
            "@x",
            'says "hi", twice',
            "Zoë\nvan Dijk",
            "",
        ]
        writer.writerow([ledger, currency, identity, f"{number:05}", notes[number % len(notes)]])
    return BOM + out.getvalue()


INVALID_ROWS = (17, 42, 43, 99, 150)


@pytest.fixture(scope="module")
def results(app: App, browser: Browser) -> tuple[Page, str, bytes]:
    """200 rows from upload to download, once: the tab, and the results' name and content."""
    page = open_import(browser, app.url)
    upload(page, "opening balances.csv", file_of_200().encode())
    open_step(page, "Fix")
    said = page.get_by_test_id("stMain").inner_text()
    for number in INVALID_ROWS:
        assert re.search(rf"\b{number}\b", said), f"row {number} is not named: {said}"
    open_step(page, "Confirm")
    expect(page.get_by_text("Balances cannot be deleted")).to_be_visible()
    expect(page.get_by_text("PRACTICE").first).to_be_visible()
    page.get_by_role("button", name=re.compile("195")).click()
    # An answer that a busy machine loses is looked up only after the settle time, which is a minute here.
    see_text(page, "Verified: all 195 balances are in Blnk.", seconds=600)
    return (page, *download(page, "All rows"))


def test_the_results_of_200_rows_are_what_blnk_holds_cell_by_cell(
    results: tuple[Page, str, bytes], blnk: PracticeBlnk
) -> None:
    page, name, data = results
    assert "PRACTICE" in name
    asked, told = records(file_of_200().encode()), records(data)
    assert list(told[0]) == [*asked[0], "balance_id", "status", "message", "import_ref", "import_row"]
    held = {balance["balance_id"]: balance for balance in balances_of_link(blnk, page.url)}
    assert len(held) == 195
    for number, (row, result) in enumerate(zip(asked, told, strict=True), 2):
        assert {name: result[name].removeprefix("'") for name in row} == row, (
            f"row {number} came back changed"
        )
        if number in INVALID_ROWS:
            assert (result["status"], result["balance_id"]) == ("Invalid", "")
            assert result["message"]
            continue
        assert result["status"] == "Created"
        balance = held.pop(result["balance_id"])
        assert balance["ledger_id"] == row["ledger_id"]
        assert balance["currency"] == row["currency"]
        assert (balance["identity_id"] or "") == row["identity_id"]
        metadata = {key: value for key, value in balance["meta_data"].items() if key != "import_id"}
        assert metadata.pop("import_ref") == result["import_ref"]
        assert sorted(metadata.values()) == sorted(filter(None, (row["Customer Number"], row["note"])))
    assert held == {}, "Blnk holds balances that no row of the results names"


def test_nothing_in_the_results_runs_as_a_formula(results: tuple[Page, str, bytes]) -> None:
    cells = [cell for row in csv.reader(io.StringIO(results[2].decode("utf-8-sig"))) for cell in row]
    assert [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")] == []
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)


def test_the_link_to_an_import_works_in_another_browser(
    results: tuple[Page, str, bytes], browser: Browser
) -> None:
    page = open_tab(browser, results[0].url, "opening balances.csv")
    expect(page.get_by_text("195 balances created, 5 invalid.")).to_be_visible()
    assert download(page, "All rows")[1] == results[2]
    cells = table_texts(page)
    assert [cells[0][0], cells[0][1]] == ["2", "✓ Created"]


def test_closing_the_tab_changes_nothing(app: App, browser: Browser, blnk: PracticeBlnk) -> None:
    blnk.order_fault("full_stop", on="create", seconds=600, skip=1)
    page = open_import(browser, app.url)
    lines = [f"{LEDGER},KES,closed {at}" for at in range(60)]
    upload(page, "closed.csv", "\n".join(["ledger_id,currency,note", *lines]).encode())
    open_step(page, "Confirm")
    page.get_by_role("button", name="Create 60 balances").click()
    wait_until(lambda: balances_of_link(blnk, page.url), lambda: "nothing was sent")
    link = page.url
    page.close()
    assert len(balances_of_link(blnk, link)) < 60
    blnk.clear_faults()
    later = open_tab(browser, link, "closed.csv")
    see_text(later, "Verified: all 60 balances are in Blnk.", seconds=600)
    assert sorted(one["meta_data"]["note"] for one in balances_of_link(blnk, link)) == sorted(
        f"closed {at}" for at in range(60)
    )


def secrets(blnk: PracticeBlnk, *, token: str | None = None) -> str:
    """Two connections of a team, and no Practice on offer."""
    common = (
        f'base_url = "{blnk.url}"\ninstance_id = "{blnk.instance_id}"\naccess_token = "{token or blnk.token}"'
    )
    return f"""practice = false
[connections.acme-live]
label = "Acme production"
{common}
[connections.acme-test]
label = "Acme sandbox"
environment = "sandbox"
{common}
"""


@pytest.fixture(scope="module")
def office(app: App, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """A team's own installation: two connections to one Blnk, one of them production."""
    with App(tmp_path_factory.mktemp("office"), secrets=secrets(app.practice)) as office:
        yield office


def test_with_several_connections_a_person_chooses_and_the_link_says_which(
    office: App, browser: Browser
) -> None:
    page = open_tab(browser, office.url, "Choose a connection")
    expect(page.get_by_role("button", name="Create balance")).to_have_count(0)
    for label in ("Acme production", "Acme sandbox"):
        expect(page.get_by_text(label)).to_be_visible()
    page.locator(".st-key-use-acme-test").get_by_role("button", name="Use this connection").click()
    see(page, "Import a file")
    assert "connection=acme-test" in page.url
    expect(page.get_by_text("SANDBOX").first).to_be_visible()
    page.get_by_role("link", name="Imports").click()
    see(page, "Imports")
    assert "connection=acme-test" in page.url


def test_a_link_with_an_unknown_connection_is_an_error_and_never_another_one(
    office: App, browser: Browser
) -> None:
    page = open_tab(browser, f"{office.url}/?connection=acme-old", "This link cannot be opened")
    expect(page.get_by_test_id("stAlert")).to_contain_text("acme-old")
    expect(page.get_by_role("button", name="Create balance")).to_have_count(0)
    assert "connection=acme-old" in page.url


def test_production_asks_for_the_count_and_takes_no_other(
    office: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    page = open_import(browser, f"{office.url}/?connection=acme-live")
    expect(page.get_by_text("PRODUCTION").first).to_be_visible()
    lines = [f"{LEDGER},ZAR,counted {at}" for at in range(12)]
    upload(page, "counted.csv", "\n".join(["ledger_id,currency,note", *lines]).encode())
    open_step(page, "Confirm")
    count = page.get_by_role("textbox", name="Type 12 to confirm")
    for typed in ("", "11"):
        count.fill(typed)
        count.press("Tab")
        settle(page)
        page.get_by_role("button", name="Create 12 balances").click()
        settle(page)  # while the page is redrawn, the previous message is beside the next one
        expect(page.get_by_test_id("stAlert").last).to_be_visible()
    assert balances_of_link(blnk, page.url) == []
    count.fill("12")
    count.press("Tab")
    settle(page)
    page.get_by_role("button", name="Create 12 balances").click()
    see_text(page, "Verified: all 12 balances are in Blnk.", seconds=600)
    assert len(balances_of_link(blnk, page.url)) == 12


def test_a_wrong_secret_gives_one_page_that_names_the_key_and_never_the_value(
    office: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    office.write_secrets(secrets(blnk, token="blnk_at_two words"))
    try:
        page = open_tab(browser, office.url, "Settings problem")
        expect(page.get_by_text("connections.acme-live.access_token")).to_be_visible()
        assert "two words" not in page.content()
    finally:
        office.write_secrets(secrets(blnk))
    page.reload()
    see(page, "Choose a connection")
