"""Choosing in a real browser: the whole way by keyboard alone, and it is always seen where one is; a currency
typed whole is the one that Enter takes, however many names it stands in; a large file with problems of eight
kinds is brought to Confirm without typing."""

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.support import forty_problems
from tests.support.app import App
from tests.support.browser import (
    AT_ONCE,
    fill_form,
    open_import,
    open_step,
    open_tab,
    see,
    see_text,
    settle,
    upload,
    wait_for_count,
    wait_for_script,
)
from tests.support.practice import PracticeBlnk

MOST_TABS = 80

STOP = """() => {
    const label = at => at.matches("main") ? "the page, to be scrolled" :
        (at.getAttribute("aria-label") || at.labels?.[0]?.innerText || at.innerText || at.tagName)
            .trim().split("\\n").pop()  // an icon's name stands before the words
    const look = at => {
        const seen = []
        for (let one = at; one && seen.length < 4; one = one.parentElement) {
            const style = getComputedStyle(one)
            seen.push([style.outline, style.boxShadow, style.borderColor, style.backgroundColor].join())
        }
        return seen.join("|")
    }
    const last = window.lastStop, at = document.activeElement
    if (at === document.body) return ["", ""]
    const isGrid = last?.at.closest("canvas")
    const unseen = last && last.at !== at && !isGrid && last.look === look(last.at)
    window.lastStop = {at, look: look(at)}
    return [label(at), unseen ? label(last.at) : ""]
}"""
"""Where the focus is, and the stop before it where that looks the same with the focus and without. A grid
draws the focus of its cells itself."""

OUTLINES = (
    """() => [...document.querySelectorAll("style")].some(one => one.textContent.includes("focus-visible"))"""
)
"""The app's own style, which comes a moment after what it is about."""


def tab_to(page: Page, label: str) -> None:
    """Tabs until something of this label has the focus."""
    met: list[str] = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        here, unseen = page.evaluate(STOP)
        assert not unseen, f"nobody sees that {unseen!r} has the focus; met {met}"
        met.append(here)
        if re.search(label, here):
            return
    raise AssertionError(f"no way to {label!r} by Tab; met {met}")


def enter(page: Page, label: str) -> None:
    """Nothing happens for a key that is pressed while the page is drawn."""
    settle(page)
    tab_to(page, label)
    settle(page)
    page.keyboard.press("Enter")


def test_an_import_is_created_fixed_watched_and_opened_by_keyboard_alone(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    page = open_tab(browser, f"{app.url}/imports", "Imports")
    page.add_style_tag(content=AT_ONCE)
    wait_for_script(page, OUTLINES)
    enter(page, "^Import a file$")
    see(page, "Import a file")
    tab_to(page, "^Your name")
    page.keyboard.type("Ada")
    enter(page, "^Try a sample file$")
    see(page, "Problems")
    enter(page, "1 File$")
    for heading in ("File", "Columns"):
        see(page, heading)
        enter(page, "^Continue$")
    see(page, "Problems")
    enter(page, "^Replace in 4 rows$")
    wait_for_count(page, "ready", "58")
    tab_to(page, "^Continue$")
    # The table reports the cell that had the focus on the way a moment later.
    expect(page.locator(".st-key-cell-editor").get_by_text(re.compile(r"^Row \d+ · "))).to_be_visible()
    settle(page)
    page.keyboard.press("Enter")
    see(page, "Confirmation")
    enter(page, "^Create 58 balances")
    see_text(page, "Verified: all 58 balances are in Blnk.")
    settle(page)
    tab_to(page, "^Open row$")
    page.keyboard.type("5")
    settle(page)  # Enter counts once the field knows that it was changed
    page.keyboard.press("Enter")
    see(page, "Row 5")
    enter(page, "^All rows of")
    see(page, "sample customers.csv")
    assert len(blnk.balances()) >= 58


TYPED = {
    **{"eur": "EUR · Euro", "EUR": "EUR · Euro", "che": "CHE · WIR Euro", "nad": "NAD · Namibia Dollar"},
    **{"RON": "RON · Romanian Leu", "irr": "IRR · Iranian Rial", "Rub": "RUB · Russian Ruble"},
    **{"aud": "AUD · Australian Dollar", "all": "ALL · Lek", "COU": "COU · Unidad de Valor Real"},
    **{"ved": "VED · Bolívar Soberano", "xad": "XAD · Arab Accounting Dinar", "chf": "CHF · Swiss Franc"},
    **{"usd": "USD · US Dollar", "xdr": "XDR · SDR (Special Drawing Right)", "scr": "SCR · Seychelles Rupee"},
}


def test_typing_a_code_and_enter_chooses_that_code(app: App, browser: Browser) -> None:
    page = open_tab(browser, f"{app.url}/create_balance", "Create a balance")
    box = page.get_by_role("combobox", name="Currency")
    for typed, label in TYPED.items():
        box.press("ControlOrMeta+a")
        box.press_sequentially(typed)
        box.press("Enter")
        expect(box).to_have_value(label)
        settle(page)


def test_eur_and_enter_creates_a_balance_in_euros(app: App, browser: Browser, blnk: PracticeBlnk) -> None:
    page = open_tab(browser, f"{app.url}/create_balance", "Create a balance")
    box = page.get_by_role("combobox", name="Currency")
    box.fill("eur")
    box.press("Enter")
    expect(box).to_have_value("EUR · Euro")
    settle(page)
    fill_form(page, ledger="Customer wallets", who="Ada")
    page.get_by_role("button", name="Create balance").click()
    see(page, "The balance was created")
    made = [one for one in blnk.balances() if one["meta_data"]["import_id"] in page.url]
    assert [one["currency"] for one in made] == ["EUR"]


def test_a_currency_for_all_rows_is_the_one_that_was_typed(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    page = open_import(browser, app.url)
    upload(page, "no currency.csv", b"ledger_id,customer\nCustomer wallets,C-1\n")
    box = page.get_by_role("combobox", name="Currencies for all rows")
    box.press_sequentially("eur")
    box.press("Enter")
    expect(page.get_by_test_id("stMultiSelect").get_by_text("EUR · Euro")).to_be_visible()
    box.press("Escape")
    open_step(page, "Confirm")
    page.get_by_role("button", name="Create 1 balance").click()
    see_text(page, "Verified:", seconds=90)
    assert [one["currency"] for one in blnk.balances() if one["meta_data"]["import_id"] in page.url] == [
        "EUR"
    ]


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
