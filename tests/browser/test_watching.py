"""The desk in a real browser: an import that is watched, searches in the address, faults to try; and sending
that has stopped, because a person stopped it or the disk is full: pages say so, then it continues."""

import re
import resource
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.app import LEDGER, SENDER, App, balances_of_link, pids
from tests.support.browser import (
    fill_form,
    go_to_next_file,
    open_import,
    open_step,
    open_tab,
    search,
    see,
    see_text,
    upload,
    wait_for_script,
)
from tests.support.importer import wait_until
from tests.support.practice import PracticeBlnk

NO_ROOM = (1, resource.RLIM_INFINITY)
"""No file of the process can grow anymore: for the process, a full disk."""


def confirmed(browser: Browser, app: App, name: str, n: int) -> Page:
    """A tab on an import of n balances that has just been confirmed."""
    page = checked(browser, app, name, n)
    page.get_by_role("button", name=f"Create {n:,} balances").click()
    return page


def checked(browser: Browser, app: App, name: str, n: int) -> Page:
    """A tab on a draft of n balances."""
    page = open_import(browser, app.url)
    check(page, name, n)
    return page


def check(page: Page, name: str, n: int) -> None:
    lines = [f"{LEDGER},USD,{name} {at}" for at in range(n)]
    upload(page, f"{name}.csv", "\n".join(["ledger_id,currency,customer", *lines]).encode())
    open_step(page, "Confirm")


def has_moved(seen: set[str], title: str) -> bool:
    """Whether the tab has shown two different points of the import."""
    if re.fullmatch(r"(\d+ %|Done) · watched.csv", title):
        seen.add(title)
    return len(seen) > 1


def test_a_watched_import_refreshes_and_keeps_what_is_being_typed(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    blnk.order_fault("latency", seconds=3)
    page = confirmed(browser, app, "watched", 2_000)
    expect(page.get_by_text(re.compile(r"rows a (second|minute) · about"))).to_be_visible()
    expect(page.get_by_text("Rows processed over time")).to_be_visible()
    page.get_by_text("Activity", exact=True).click()
    expect(page.get_by_text("Uploaded the file.")).to_have_count(2)
    name = page.get_by_test_id("stSidebar").get_by_text("Change name")
    name.click()
    box = page.get_by_role("textbox", name="Your name")
    box.fill("half a na")
    # Each refresh may show the page's own title for a moment.
    percents: set[str] = set()
    wait_until(lambda: has_moved(percents, page.title()), lambda: f"the tab said only {percents}")
    expect(box).to_have_value("half a na")
    expect(box).to_be_focused()
    blnk.clear_faults()
    see_text(page, "2,000 balances created.", seconds=600)
    expect(page).to_have_title("Done · watched.csv")


HOLDS_WHAT_IS_TOLD = """
window.Notification = class {
    static permission = 'default';
    static requestPermission() {
        window.asked = navigator.userActivation.isActive
        this.permission = 'granted'
    }
    constructor(title, { body }) { (window.told ??= []).push(title, body) }
}
"""


def test_a_browser_notifies_when_an_import_is_over_if_a_person_asked_it_to(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    page = open_import(browser, app.url)
    page.add_init_script(HOLDS_WHAT_IS_TOLD)
    page.reload()
    see(page, "Import a file")
    upload(page, "told.csv", f"ledger_id,currency\n{LEDGER},USD\nnone,USD\n".encode())
    open_step(page, "Confirm")
    blnk.order_fault("forbid")
    page.get_by_role("button", name="Create 1 balance, skip 1 invalid row").click()
    notify = page.get_by_role("button", name="Notify me")
    expect(notify).to_be_visible()
    assert page.evaluate("window.asked ?? null") is None, "nobody is asked without a click"
    notify.click()
    expect(page.get_by_text("Your browser notifies you when the import is over")).to_be_visible()
    assert page.evaluate("window.asked") is True
    blnk.clear_faults()
    page.get_by_role("button", name="Resume").click()
    see_text(page, "Verified: the balance is in Blnk.")
    wait_for_script(page, "window.told?.length > 0")
    assert page.evaluate("window.told") == ["1 need you · told.csv", "1 balance created, 1 needs you."]


def test_a_search_is_in_the_address_and_works_in_another_browser(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    page = checked(browser, app, "march", 3)
    go_to_next_file(page)
    check(page, "april", 3)
    page.get_by_test_id("stSidebarUserContent").get_by_role("link", name="Imports", exact=True).click()
    see(page, "Imports")
    search(page, "Search imports", "MARCH")
    expect(page.get_by_text("april.csv")).to_have_count(0)
    assert "q=MARCH" in page.url
    other = open_tab(browser, page.url, "Imports")
    expect(other.get_by_text("march.csv")).to_be_visible()
    expect(other.get_by_text("april.csv")).to_have_count(0)
    other.get_by_text("march.csv").click()
    see(other, "march.csv")
    other.go_back()
    expect(other.get_by_role("searchbox", name="Search imports")).to_have_value("MARCH")


def test_a_balance_is_found_by_its_metadata_and_names_its_row(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    page = confirmed(browser, app, "found", 5)
    see_text(page, "Verified:", seconds=120)
    [balance] = [one for one in balances_of_link(blnk, page.url) if one["meta_data"]["customer"] == "found 3"]
    page.get_by_role("link", name="View these balances").click()
    see(page, "Balances")
    expect(page.get_by_text("5 balances, newest first.")).to_be_visible()
    page = open_tab(browser, f"{app.url}/balances", "Balances")
    search(page, "Search balances", "customer=found 3")
    expect(page.get_by_text("1 balance, newest first.")).to_be_visible()
    box = {"x": 16, "y": 52}
    page.get_by_test_id("stDataFrame").first.locator("canvas").first.click(position=box, force=True)  # type: ignore[arg-type]
    page.get_by_role("button", name="Open the balance").click()
    see(page, re.compile("^Balance$"))
    expect(page.get_by_text(balance["balance_id"], exact=True).first).to_be_visible()
    expect(page.get_by_text("Created by row 5 of found.csv.")).to_be_visible()
    page.get_by_role("button", name="All balances").click()
    expect(page.get_by_text("1 balance, newest first.")).to_be_visible()
    assert "find=customer%3Dfound+3" in page.url


def test_a_team_switches_a_fault_on_and_sees_that_each_row_is_created_once(
    app: App, browser: Browser, blnk: PracticeBlnk
) -> None:
    page = open_tab(browser, f"{app.url}/connection", "Connection")
    expect(page.get_by_text("Is the token accepted?")).to_be_visible()
    page.get_by_test_id("stRadio").get_by_text("Lose 5 % of the answers").click()
    wait_until(blnk.faults, lambda: "no fault was ordered")
    rows = 400  # of which none at all would be lost once in a billion times
    importing = confirmed(browser, app, "interrupted", rows)
    see_text(importing, f"{rows} balances created.", seconds=600)
    held = [one["meta_data"]["customer"] for one in balances_of_link(blnk, importing.url)]
    assert sorted(held) == sorted(f"interrupted {at}" for at in range(rows))
    [fault] = blnk.faults()
    assert fault["fired"] > 0
    page.get_by_test_id("stRadio").get_by_text("No fault").click()
    wait_until(lambda: not blnk.faults(), lambda: "the fault is still on")


def test_the_switch_works_in_a_browser_and_a_page_that_waits_says_so_by_itself(
    app: App, blnk: PracticeBlnk, browser: Browser
) -> None:
    page = open_tab(browser, f"{app.url}/connection?connection=practice", "Stop sending")
    page.get_by_role("button", name="Stop sending for all connections").click()
    see_text(page, "Sending is stopped for all connections")
    try:
        form = open_tab(browser, f"{app.url}/create_balance?connection=practice", "Create a balance")
        see_text(form, "Sending is stopped for all connections")
        held = len(blnk.balances())
        fill_form(form, ledger="Customer wallets", currency="XOF", who="Ada")
        form.get_by_role("button", name="Create balance").click()
        see_text(form, "Waiting to be sent.")
        assert len(blnk.balances()) == held
    finally:
        page.get_by_role("button", name="Start sending for all connections").click()
    see(form, "The balance was created")
    expect(form.get_by_text("Sending is stopped")).to_have_count(0)
    assert len(blnk.balances()) == held + 1


def test_a_page_says_that_the_disk_is_full_and_the_import_continues_once_it_is_not(
    tmp_path: Path, browser: Browser
) -> None:
    with App(tmp_path) as app:
        app.practice.order_fault("full_stop", on="create", seconds=600, skip=40)
        page = open_import(browser, app.url)
        lines = [f"{LEDGER},NGN,{at:04}" for at in range(300)]
        upload(page, "many.csv", "\n".join(["ledger_id,currency,customer", *lines]).encode())
        page.get_by_role("button", name="Create 300 balances").click()
        wait_until(lambda: len(app.practice.refs()) >= 20, lambda: "fewer than 20 are made")
        [sender] = pids(app, SENDER)
        before = resource.prlimit(sender, resource.RLIMIT_FSIZE, NO_ROOM)
        app.practice.clear_faults()
        page.get_by_text("nothing more is sent").first.wait_for()
        resource.prlimit(sender, resource.RLIMIT_FSIZE, before)
        wait_until(lambda: len(app.practice.refs()) == 300, lambda: f"{len(app.practice.refs())} are made")
        assert len(set(app.practice.refs())) == 300
        page.get_by_text("nothing more is sent").wait_for(state="detached")
