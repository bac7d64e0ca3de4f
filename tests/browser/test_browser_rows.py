"""In a real browser: a row chosen in the table opens, by its link elsewhere too; a receipt reproduces."""

import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.app import App
from tests.support.browser import open_import, open_step, open_tab, see, see_text, settle, upload

LEDGER = "ldg_00000001-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def done(app: App, browser: Browser) -> Page:
    """The page of an import of twelve rows that has its receipt."""
    page = open_import(browser, app.url)
    lines = [f"{LEDGER},{'USD' if at % 2 else 'NGN'},C-{at}" for at in range(12)]
    upload(page, "customers.csv", "\n".join(["ledger_id,currency,customer", *lines]).encode())
    open_step(page, "Confirm")
    page.get_by_role("button", name=re.compile(r"12\b")).click()
    see_text(page, "Verified: all 12 balances are in Blnk.")
    expect(page.get_by_role("link", name="Receipt 1")).to_be_visible()
    return page


def test_a_row_chosen_in_the_table_opens_and_its_link_opens_it_elsewhere(
    app: App, browser: Browser, done: Page
) -> None:
    overview = done.url
    grid = done.get_by_test_id("stDataFrame").last
    expect(grid.locator("tbody td").first).to_be_attached()
    grid.locator("canvas").first.click(position={"x": 14, "y": 124}, force=True)
    see(done, "Row 4")
    expect(done).to_have_url(re.compile(r"[?&]row=4\b"))
    colleague = open_tab(browser, done.url, "Row 4")
    expect(colleague.get_by_text("What was sent")).to_be_visible()
    colleague.get_by_role("button", name="All rows of customers.csv").click()
    see(colleague, "customers.csv")
    expect(colleague).to_have_url(overview)
    done.get_by_role("button", name="All rows of customers.csv").click()
    see(done, "customers.csv")
    expect(done.get_by_role("heading", name="Rows", exact=True)).to_be_visible()


def test_a_receipt_is_a_document_of_its_own_with_the_hash_of_its_download(
    app: App, browser: Browser, done: Page
) -> None:
    link = done.get_by_role("link", name=re.compile("^.*Receipt ")).first.get_attribute("href")
    context = browser.new_context(timezone_id="Africa/Nairobi")
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    answer = page.goto(f"{app.url}{link}")
    assert answer is not None
    assert answer.ok
    expect(page.get_by_role("heading", name=re.compile(r"Receipt \d: customers\.csv"))).to_be_visible()
    expect(page.get_by_text("12 balances created.")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('table')).borderCollapse") == "collapse"
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download these results").click()
    digest = hashlib.sha256(Path(coming.value.path()).read_bytes()).hexdigest()
    expect(page.get_by_text(digest)).to_be_visible()
    assert said == [], "nothing is loaded, and nothing refused by the policy"


def test_a_half_typed_note_stays_while_the_next_receipt_is_written(done: Page) -> None:
    done.get_by_text("Notes", exact=True).click()
    field = done.get_by_role("textbox", name="New note")
    field.fill("Agreed with Kofi by phone.")
    done.get_by_role("button", name="Add note").click()
    see_text(done, "Notes (1)")
    field.fill("half")
    expect(done.get_by_role("link", name=re.compile("Receipt 2"))).to_be_visible()
    settle(done)
    expect(field).to_have_value("half")
