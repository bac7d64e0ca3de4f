"""Files as people really send them, in a real browser: understood, mapped and fixed on the page."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect

from tests.support.app import App
from tests.support.browser import (
    download,
    fix_cell,
    go_to_next_file,
    open_import,
    open_step,
    open_tab,
    see,
    see_text,
    settle,
    upload,
    wait_for_count,
)
from tests.support.importer import LEDGER
from tests.support.json_object import JsonObject
from tests.support.practice import ENVIRONMENT, PracticeBlnk
from tests.support.verdicts import EXPECTED, SAMPLES


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    """A Blnk that has the samples' ledgers and identities."""
    with PracticeBlnk(tmp_path_factory.mktemp("held"), seed=ENVIRONMENT) as blnk:
        yield blnk


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, held: PracticeBlnk) -> Iterator[App]:
    secrets = f"""
practice = false
[connections.office]
base_url = "{held.url}"
instance_id = "{held.instance_id}"
environment = "sandbox"
access_token = "{held.token}"
custom_currencies = ["POINTS"]
"""
    with App(tmp_path_factory.mktemp("app"), secrets=secrets) as app:
        yield app


def choose(page: Page, column: str, use: str) -> None:
    """A list that is open closes when the page is redrawn: it is then opened again."""
    for _ in range(10):
        settle(page)
        page.get_by_role("combobox", name=f"{column} maps to").click()
        with suppress(TimeoutError):
            page.get_by_role("option", name=use, exact=True).click(timeout=20_000)
            break
    else:
        pytest.fail(f"the list of {column} never offered {use}")
    settle(page)


def made_by(blnk: PracticeBlnk, page: Page) -> list[JsonObject]:
    return [one for one in blnk.balances() if one["meta_data"].get("import_id", "-") in page.url]


def test_a_file_is_mapped_by_hand_fixed_at_once_and_arrives_to_the_byte(
    app: App, browser: Browser, held: PracticeBlnk
) -> None:
    typed = [
        ("Customer wallets", "EUR", "Orléans – centre", "0012"),
        ("Custmer wallets", "CHF", "Genève", "1e5"),
        ("Custmer wallets", "XOF", "Cœur d’Abidjan", "NA"),
        ("Savings", "EUR", "  à côté  ", "-7"),
        ("Custmer wallets", "EUR", "N° 4", "=1+1"),
    ]
    lines = ["Konto;Sorte;Agence;Nummer", *(";".join(row) for row in typed)]
    page = open_import(browser, app.url)
    upload(page, "agences.csv", "\r\n".join(lines).encode("cp1252"))
    see_text(page, "No column is mapped to the ledger")
    choose(page, "Konto", "Ledger")
    choose(page, "Nummer", "Metadata: your unique reference")
    open_step(page, "Fix")
    page.get_by_role("button", name="Replace in 3 rows").click()
    wait_for_count(page, "ready", "5")
    expect(page.get_by_role("button", name="Replace in 3 rows")).to_have_count(0)
    open_step(page, "Confirm")
    page.get_by_role("button", name="Create 5 balances").click()
    see_text(page, "Verified: all 5 balances are in Blnk.", seconds=90)
    _, data = download(page, "All rows")
    lines_back = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    by_id = {one["balance_id"]: one for one in made_by(held, page)}
    assert len(by_id) == len(lines_back) == 5
    for (_, currency, branch, number), line in zip(typed, lines_back, strict=True):
        balance = by_id[line["balance_id"]]
        assert (balance["currency"], balance["meta_data"]["Agence"]) == (currency, branch)
        assert balance["meta_data"]["Nummer"] == number
        assert line["Agence"] == branch
    assert [line["Konto"] for line in lines_back].count("Customer wallets") == 4
    assert "was “Custmer wallets”" in lines_back[1]["message"]


def test_of_two_columns_of_one_name_fix_all_and_change_all_write_into_the_one_that_is_wrong(
    app: App, browser: Browser, held: PracticeBlnk
) -> None:
    lines = [
        "ledger_id,currency,currency,customer",
        *(f"{LEDGER},{row}" for row in ("USDD,EURR,C-1", "b,EURR,C-2")),
    ]
    lines += [f"{LEDGER},{row}" for row in ("USDD,QQQ,C-3", "QQQ,QQQ,C-4")]
    page = open_import(browser, app.url)
    upload(page, "two currencies.csv", "\n".join(lines).encode())
    see_text(page, "appears twice (columns 2 and 3)")
    choose(page, "currency (column 2)", "Metadata")
    open_step(page, "Fix")
    expect(page.get_by_text("column currency (column 3)").first).to_be_visible()
    page.get_by_role("button", name="Replace in 2 rows").click()
    wait_for_count(page, "ready", "2")
    page.get_by_role("button", name="Replace with…").click()
    box = page.get_by_role("combobox", name="currency (column 3) in 2 rows")
    box.fill("NGN")
    box.press("Enter")
    page.get_by_role("button", name="Replace in 2 rows").click()
    wait_for_count(page, "ready", "4")
    open_step(page, "Confirm")
    page.get_by_role("button", name="Create 4 balances").click()
    see_text(page, "Verified: all 4 balances are in Blnk.", seconds=90)
    made = [(one["currency"], one["meta_data"]) for one in made_by(held, page)]
    assert sorted((meta["customer"], currency, meta["currency"]) for currency, meta in made) == [
        ("C-1", "EUR", "USDD"),
        ("C-2", "EUR", "b"),
        ("C-3", "NGN", "USDD"),
        ("C-4", "NGN", "QQQ"),
    ]


def test_a_cell_fixed_in_the_table_is_kept_over_a_reload_and_seen_by_a_colleague(
    app: App, browser: Browser, held: PracticeBlnk
) -> None:
    page = open_import(browser, app.url)
    upload(page, "grid.csv", f"ledger_id,currency,note\n{LEDGER},,first\n{LEDGER},XXY,second\n".encode())
    see(page, "Problems")
    fix_cell(page, row=0, column=1, value="NGN")
    see_text(page, "1 row fixed or skipped, 1 still invalid.")
    page.reload()
    see(page, "Problems")
    wait_for_count(page, "ready", "1")
    colleague = open_tab(browser, page.url, "grid.csv")
    wait_for_count(colleague, "invalid", "1")
    fix_cell(colleague, row=0, column=1, value="USD")
    wait_for_count(colleague, "ready", "2")
    open_step(colleague, "Confirm")
    colleague.get_by_role("textbox", name="Your name").fill("Ben")
    colleague.get_by_role("textbox", name="Your name").press("Enter")
    settle(colleague)
    colleague.get_by_role("button", name="Create 2 balances").click()
    see_text(colleague, "Verified: all 2 balances are in Blnk.", seconds=90)
    assert {one["meta_data"]["note"]: one["currency"] for one in made_by(held, page)} == {
        **{"first": "NGN", "second": "USD"}
    }


def test_what_a_file_lacks_is_chosen_once_for_all_rows(
    app: App, browser: Browser, held: PracticeBlnk
) -> None:
    page = open_import(browser, app.url)
    upload(page, "people.csv", b"customer,note\n1,a\n2,b\n")
    see_text(page, "No column is mapped to the ledger")
    page.get_by_test_id("stRadio").locator("label").filter(has_text="Savings").click()
    expect(page.get_by_text("No column is mapped to the ledger")).to_have_count(0)
    see_text(page, "No column is mapped to the currency")
    box = page.get_by_role("combobox", name="Currencies for all rows")
    for code in ("NGN", "USD"):
        box.fill(code)
        page.get_by_role("option", name=re.compile(f"^{code} ")).click()
        page.keyboard.press("Escape")
        settle(page)
    wait_for_count(page, "ready", "4")
    open_step(page, "Confirm")
    page.get_by_role("button", name="Create 4 balances").click()
    see_text(page, "Verified: all 4 balances are in Blnk.", seconds=90)
    assert sorted((one["meta_data"]["customer"], one["currency"]) for one in made_by(held, page)) == [
        ("1", "NGN"),
        ("1", "USD"),
        ("2", "NGN"),
        ("2", "USD"),
    ]


A_DOZEN = (
    "plain_good.csv",
    "excel_unicode_text.txt",
    "windows1252_semicolon.csv",
    "bank_extract_pipe.txt",
    "quoted_newlines.csv",
    "title_above_header.csv",
    "header_only.csv",
    "currency_codes.csv",
    "ragged_rows.csv",
    "image_renamed.csv",
    "typed_cells.xlsx",
    "wide_300_columns.csv",
)


@pytest.fixture(scope="module")
def tab(app: App, browser: Browser) -> Page:
    """One browser, whose name is known since a first file, for files that follow each other."""
    tab = open_import(browser, app.url)
    upload(tab, "first.csv", b"customer,note\n1,a\n")
    see_text(tab, "No column is mapped to the ledger")
    return tab


@pytest.mark.parametrize("name", A_DOZEN)
def test_a_sample_gets_its_verdict_on_the_page(tab: Page, name: str) -> None:
    expected = next(one for one in EXPECTED if one["file"] == name)
    go_to_next_file(tab)
    upload(tab, name, Path(SAMPLES / name).read_bytes())
    if expected["verdict"] == "file_error":
        see_text(tab, "Nothing was sent. Correct the file and import it again.")
        return
    wait_for_count(tab, "ready", f"{expected['valid']:,}")
    wait_for_count(tab, "invalid", f"{expected['invalid']:,}")
