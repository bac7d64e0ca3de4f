"""Sending has stopped, because a person stopped it or the disk is full: pages say so, then it continues."""

import resource
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.app import LEDGER, SENDER, App, pids
from tests.support.browser import fill_form, open_import, open_tab, see, see_text, upload
from tests.support.importer import wait_until
from tests.support.practice import PracticeBlnk

NO_ROOM = (1, resource.RLIM_INFINITY)
"""No file of the process can grow anymore: for the process, a full disk."""


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
