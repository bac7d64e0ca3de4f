"""A large file with problems of eight kinds in a real browser: brought to Confirm without typing."""

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.support import forty_problems
from tests.support.app import App
from tests.support.browser import open_import, see, see_text, settle, upload, wait_for_count

ROWS = 3_000


def card(page: Page, said: str) -> Locator:
    """The problem of which this is said."""
    return page.locator("[class*=st-key-cause-error]").filter(has_text=said)


def press(place: Locator, name: str) -> None:
    place.get_by_role("button", name=name, exact=True).click()
    settle(place.page)


def choose(place: Locator, opens: str, wanted: str, button: str) -> None:
    """Opens the list of a problem, chooses, and presses its button."""
    press(place, opens)
    choose_in(place.page.get_by_test_id("stPopoverBody").filter(visible=True), wanted, button)


def choose_in(opened: Locator, wanted: str, button: str) -> None:
    """The keys take what the mouse is on: a click on a list that goes away may count as one beside what is
    open, which then closes too."""
    opened.get_by_role("combobox").click()
    opened.page.get_by_role("option", name=re.compile(f"^{wanted}")).hover()
    opened.page.keyboard.press("Enter")
    expect(opened.get_by_role("combobox")).to_have_value(re.compile(f"^{wanted}"))
    press(opened, button)


def done(page: Page, said: str, invalid: str) -> None:
    """Waits for the line that answers an act, and until what it changed is checked."""
    see_text(page, said)
    wait_for_count(page, "invalid", invalid)


def value(page: Page, said: str) -> Locator:
    """The line of one value, where a problem has several; else the whole problem."""
    line = page.locator("[class*=st-key-value-row]").filter(has_text=said)
    return line.or_(card(page, f"error {said}"))


def test_problems_of_eight_kinds_in_3_000_rows_are_fixed_by_choosing_on_one_page(
    app: App, browser: Browser
) -> None:
    page = open_import(browser, app.url)
    upload(page, "forty problems.csv", forty_problems.text(ROWS).encode())
    see(page, "Problems")
    wait_for_count(page, "invalid", "40")
    here = page.url

    press(card(page, "2 ledgers are not known"), "Apply all suggestions in 5 rows")
    wait_for_count(page, "invalid", "35")
    choose(card(page, "“bogus” is not a known ledger"), "Replace with…", "Savings", "Replace in 5 rows")
    done(page, "Replaced with “Savings” in 5 rows.", "35")
    press(card(page, "5 rows have no ledger."), "Fill in…")
    fill_in = page.get_by_test_id("stPopoverBody").filter(visible=True)
    press(fill_in, "Fill in 5 rows")
    expect(fill_in.get_by_text("Choose a ledger first.")).to_be_visible()
    choose_in(fill_in, "Customer wallets", "Fill in 5 rows")
    wait_for_count(page, "invalid", "30")

    for code, meant, left in (("NGM", "NGN", "25"), ("usd dollar", "USD", "20"), ("QQQ", "GBP", "15")):
        choose(value(page, f"“{code}”"), "Replace with…", meant, "Replace in 5 rows")
        done(page, f"Replaced with “{meant}” in 5 rows.", left)
    choose(card(page, "5 rows have no currency."), "Fill in…", "EUR", "Fill in 5 rows")
    wait_for_count(page, "invalid", "10")
    press(card(page, "5 rows have more or fewer cells"), "Add missing cells in 5 rows")
    wait_for_count(page, "invalid", "5")
    press(card(page, "5 email addresses do not belong to a known identity."), "Leave the identity empty")
    wait_for_count(page, "ready", "3,000")
    assert page.url == here
    press(page.locator(".st-key-foot"), "Continue")
    see(page, "Confirmation")
    expect(page.get_by_role("button", name="Create 3,000 balances")).to_be_visible()
