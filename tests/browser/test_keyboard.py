"""The whole way without a mouse: Tab, Enter and letters; and it is always seen where one is."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.support.app import App
from tests.support.browser import AT_ONCE, open_tab, see, see_text, settle, wait_for_count, wait_for_script
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


def test_an_import_is_created_fixed_watched_and_opened_by_keyboard_alone(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    page = open_tab(browser, f"{app.url}/imports", "Imports")
    page.add_style_tag(content=AT_ONCE)
    wait_for_script(page, OUTLINES)
    tab_to(page, "^Import a file$")
    page.keyboard.press("Enter")
    see(page, "Import a file")
    tab_to(page, "^Your name")
    page.keyboard.type("Ada")
    tab_to(page, "^Try a sample file$")
    page.keyboard.press("Enter")
    see(page, "Problems")
    tab_to(page, "1 File$")
    page.keyboard.press("Enter")
    for heading in ("File", "Columns"):
        see(page, heading)
        tab_to(page, "^Continue$")
        page.keyboard.press("Enter")
    see(page, "Problems")
    tab_to(page, "^Replace in 4 rows$")
    page.keyboard.press("Enter")
    wait_for_count(page, "ready", "58")
    tab_to(page, "^Continue$")
    # The table reports the cell that had the focus on the way a moment later.
    expect(page.locator(".st-key-cell-editor").get_by_text(re.compile(r"^Row \d+ · "))).to_be_visible()
    settle(page)
    page.keyboard.press("Enter")
    see(page, "Confirmation")
    tab_to(page, "^Create 58 balances")
    page.keyboard.press("Enter")
    see_text(page, "Verified: all 58 balances are in Blnk.")
    settle(page)
    tab_to(page, "^Open row$")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    see(page, "Row 5")
    tab_to(page, "^All rows of")
    page.keyboard.press("Enter")
    see(page, "sample customers.csv")
    assert len(blnk.balances()) >= 58
