"""One walk through the desk in a real browser: from the sample file to a balance that is found again."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from blnk_api import practice
from tests.support.app import App
from tests.support.browser import (
    download,
    fix_cell,
    give_name,
    open_import,
    open_step,
    open_tab,
    search,
    see,
    see_text,
    settle,
    upload,
    wait_for_count,
    wait_for_script,
)
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

SAMPLE = Path(practice.__file__).with_name("sample.csv")
FILE = "sample customers.csv"
PUT_RIGHT = {"Custmer wallets": "Customer wallets", "NNG": "NGN", "": "USD"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with App(tmp_path_factory.mktemp("walk")) as app:
        yield app


def sample_put_right(app: App, browser: Browser) -> Page:
    """A tab on the draft of the sample: four ledgers fixed at once, a currency typed, another one fixed."""
    page = open_import(browser, app.url)
    page.get_by_role("button", name="Try a sample file").click()
    see(page, "Problems")
    wait_for_count(page, "invalid", "6")
    page.get_by_role("button", name="Replace in 4 rows").click()
    wait_for_count(page, "invalid", "2")
    fix_cell(page, row=0, column=3, value="USD")
    wait_for_count(page, "invalid", "1")
    page.get_by_role("button", name="Replace in 1 row").click()
    wait_for_count(page, "ready", "60")
    page.get_by_role("button", name="Continue").click()
    see(page, "Confirmation")
    return page


def made_by(blnk: PracticeBlnk, link: str) -> dict[str, JsonObject]:
    """The balances of the import that this address names, by the customer's number."""
    mine = [one for one in blnk.balances() if one["meta_data"]["import_id"] in link]
    by_customer = {one["meta_data"]["customer_number"]: one for one in mine}
    assert len(by_customer) == len(mine), "a customer has two balances"
    return by_customer


def as_meant() -> dict[str, dict[str, str]]:
    """The sample's rows after they were fixed, by the customer's number."""
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    for line in lines:
        for column in ("ledger", "currency"):
            line[column] = PUT_RIGHT.get(line[column], line[column])
    return {line["customer_number"]: line for line in lines}


SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
MAIN = "document.querySelector('[data-testid=stMain]')"


def test_a_sample_is_fixed_confirmed_watched_by_two_and_verified(app: App, browser: Browser) -> None:
    blnk = app.practice
    page = sample_put_right(app, browser)
    # The first row passes, and the next ones wait until both have seen that it did.
    blnk.order_fault("full_stop", on="create", seconds=600, skip=1)
    page.get_by_role("button", name="Create 60 balances").click()
    first_row = re.compile(rf"^[12] % · {FILE}$")
    expect(page).to_have_title(first_row)
    by_link = open_tab(browser, page.url, FILE)
    expect(by_link).to_have_title(first_row)
    blnk.clear_faults()
    for tab in (page, by_link):
        see_text(tab, "60 balances created.")
        see_text(tab, "Verified: all 60 balances are in Blnk.")
        assert tab.title() == f"Done · {FILE}"

    held = made_by(blnk, page.url)
    ledgers = {one["ledger_id"]: one["name"] for one in blnk.cloud("GET", "data/ledgers").json()["data"]}
    assert {
        number: {
            **{name: value for name, value in one["meta_data"].items() if not name.startswith("import_")},
            **{"ledger": ledgers[one["ledger_id"]], "currency": one["currency"]},
        }
        for number, one in held.items()
    } == as_meant()

    receipt_is_reproduced(by_link, held)
    balance_is_found_again(app, browser, held["C-0026"])


def receipt_is_reproduced(page: Page, held: dict[str, JsonObject]) -> None:
    """Opened from the import's page: the sum on it is the download's, which says what Blnk holds."""
    with page.context.expect_page() as coming:
        page.get_by_role("link", name="Receipt 1").click()
    receipt = coming.value
    expect(receipt.get_by_role("heading", name=f"Receipt 1: {FILE}")).to_be_visible()
    changes = receipt.locator("table").filter(has=receipt.get_by_role("columnheader", name="Old"))
    expect(changes.get_by_role("row")).to_have_count(1 + 6)
    with receipt.expect_download() as results:
        receipt.get_by_role("link", name="Download these results").click()
    data = Path(results.value.path()).read_bytes()
    expect(receipt.get_by_text(hashlib.sha256(data).hexdigest(), exact=True)).to_be_visible()
    lines = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert {line["customer_number"]: line["balance_id"] for line in lines} == {
        number: one["balance_id"] for number, one in held.items()
    }
    assert {line["status"] for line in lines} == {"Created"}
    assert download(page, "All rows")[1] == data


def balance_is_found_again(app: App, browser: Browser, balance: JsonObject) -> None:
    """By its metadata, from a browser that knows nothing of the import; it leads back to its row."""
    meta_data = balance["meta_data"]
    page = open_tab(browser, f"{app.url}/balances", "Balances")
    search(page, "Search balances", meta_data["customer_number"])
    expect(page.get_by_text("1 balance, newest first.")).to_be_visible()
    box = {"x": 16, "y": 52}
    page.get_by_test_id("stDataFrame").first.locator("canvas").first.click(position=box, force=True)  # type: ignore[arg-type]
    page.get_by_role("button", name="Open the balance").click()
    see(page, re.compile("^Balance$"))
    expect(page.get_by_text(balance["balance_id"], exact=True).first).to_be_visible()
    expect(page.get_by_text(f"Created by row 27 of {FILE}.")).to_be_visible()
    page.get_by_role("link", name="Open row 27").click()
    see(page, "Row 27")
    assert meta_data["import_id"] in page.url


def three_rows(name: str) -> bytes:
    """The second has no currency."""
    lines = [f"Savings,{currency},{name} {at}" for at, currency in enumerate(("USD", "", "KES"))]
    return "\n".join(["ledger,currency,customer_number", *lines]).encode()


def test_a_step_is_in_the_address_and_back_reload_and_a_link_keep_it(app: App, browser: Browser) -> None:
    page = open_import(browser, app.url)
    upload(page, "steps.csv", three_rows("step"))
    see(page, "Problems")
    expect(page).to_have_url(re.compile("step=fix"))
    page.get_by_role("button", name="Continue").click()
    see(page, "Confirmation")
    expect(page).to_have_url(re.compile("step=confirm"))
    open_step(page, "Columns")
    page.reload()
    see(page, "Columns")
    page.go_back()
    see(page, "Confirmation")
    see(open_tab(browser, page.url, "steps.csv"), "Confirmation")
    page.go_back()
    see(page, "Problems")


def test_each_act_offers_an_undo_beside_it(app: App, browser: Browser) -> None:
    page = open_import(browser, app.url)
    upload(page, "undone.csv", three_rows("undone"))
    see(page, "Problems")
    page.get_by_role("button", name="Skip 1 row").click()
    see_text(page, "Skipped 1 row.")
    wait_for_count(page, "invalid", "0")
    page.get_by_role("button", name="Undo").first.click()
    wait_for_count(page, "invalid", "1")
    see_text(page, "1 row has no currency.")


def test_no_table_offers_streamlits_own_raw_download(app: App, browser: Browser) -> None:
    page = open_import(browser, app.url)
    upload(page, "tables.csv", three_rows("table"))
    open_step(page, "Fix")
    tables_without_download(page, 1)
    open_step(page, "Confirm")
    page.get_by_text("Preview of requests").click()
    tables_without_download(page, 2)
    page.get_by_role("button", name="Create 2 balances, skip 1 invalid row").click()
    see_text(page, "Verified: all 2 balances are in Blnk.")
    expect(page.get_by_role("link", name="Receipt 1")).to_be_visible()
    tables_without_download(page, 1)
    made = made_by(app.practice, page.url)["table 0"]
    for link, heading in (
        (f"{app.url}/imports?import={made['meta_data']['import_id']}&row=2", "Row 2"),
        (f"{app.url}/balances", "Balances"),
        (f"{app.url}/balances?id={made['balance_id']}", "Metadata"),
    ):
        page.goto(link)
        see(page, heading)
        tables_without_download(page, 1)
    page.goto(f"{app.url}/imports")
    page.get_by_text("A month's totals").click()
    tables_without_download(page, 1)


def tables_without_download(page: Page, least: int) -> None:
    """Each has its own bar of buttons, which comes with the mouse."""
    grids = page.get_by_test_id("stDataFrame").filter(visible=True)
    expect(grids.nth(least - 1)).to_be_visible()
    settle(page)
    for grid in grids.all():
        grid.hover()
        bar = page.get_by_test_id("stElementToolbar").filter(visible=True)
        expect(bar.get_by_role("button", name="Fullscreen").first).to_be_visible()
        expect(bar.get_by_role("button", name="Download as CSV")).to_have_count(0)


def test_the_button_that_confirms_can_be_reached_on_a_phone(app: App, browser: Browser) -> None:
    page = open_tab(browser, f"{app.url}/import_file", "Import a file", width=390)
    give_name(page, "Ada")
    upload(page, "telephone.csv", three_rows("telephone"))
    open_step(page, "Confirm")
    button = page.get_by_role("button", name="Create 2 balances, skip 1 invalid row")
    box = button.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["y"] + box["height"] <= 900, "the button is out of sight"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "the page is wider than the screen"
    page.evaluate(f"{MAIN}.scrollTo(0, 99999)")
    button.click()
    see_text(page, "Verified: all 2 balances are in Blnk.")
    wait_for_script(page, f"{MAIN}.scrollTop === 0")
    assert sorted(made_by(app.practice, page.url)) == ["telephone 0", "telephone 2"]


def test_a_file_chosen_while_the_name_is_being_kept_is_uploaded(app: App, browser: Browser) -> None:
    page = open_tab(browser, f"{app.url}/import_file", "Import a file")
    page.get_by_role("textbox", name="Your name").fill("Ada")
    with page.expect_file_chooser() as choosing:
        page.get_by_test_id("stFileUploader").get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("Change name")).to_be_visible()
    settle(page)
    file = {"name": "chosen early.csv", "mimeType": "text/csv", "buffer": SAMPLE.read_bytes()}
    choosing.value.set_files(file)  # type: ignore[arg-type]
    see(page, "chosen early.csv")


@pytest.fixture(scope="module")
def sample(app: App, browser: Browser) -> Page:
    """A tab on the draft of the sample."""
    page = open_import(browser, app.url)
    page.get_by_role("button", name="Try a sample file").click()
    see(page, "Problems")
    return page


@pytest.mark.parametrize("width", [1280, 1024, 390])
def test_each_step_fits_the_screen_and_keeps_its_main_button_in_sight(sample: Page, width: int) -> None:
    page = sample
    page.set_viewport_size({"width": width, "height": 900})
    page.reload()
    see(page, FILE)
    wait_for_count(page, "invalid", "6")
    for step in ("File", "Columns", "Fix", "Confirm"):
        open_step(page, step)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (step, scheme)
            button = page.locator(".st-key-foot").get_by_role("button").last
            expect(button).to_be_in_viewport(ratio=1)
