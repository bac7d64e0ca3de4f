"""Takes the README's pictures again, of an app on a fresh data folder: python -m tests.shots"""

import csv
import io
import re
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.browsing import chromium, fill_form, open_import, open_tab, see, see_text, settle, upload
from tests.running import ROOT, App

FOLDER = ROOT / "docs" / "shots"
HEIGHTS = {"form": 760, "check": 1180, "results": 1180}
LEDGERS = [f"ldg_{at:08}-0000-4000-8000-{at:012}" for at in (1, 2, 3)]
WRONG = {38: "EURO", 97: "", 141: "KSH"}


def shot(page: Page, name: str) -> None:
    page.set_viewport_size({"width": 1280, "height": HEIGHTS[name]})
    page.mouse.move(1270, 10)
    page.evaluate("document.activeElement.blur()")
    settle(page)
    page.wait_for_timeout(500)  # for what fades in
    page.screenshot(path=FOLDER / f"{name}.png")


def customers() -> bytes:
    """250 rows as a finance team might bring them, three of them with a currency that is none."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["ledger_id", "currency", "identity_id", "customer_number", "segment"])
    for row in range(2, 252):
        ledger = LEDGERS[row % 5 // 2]
        identity = f"idt_{row % 20 + 1:08}-0000-4000-8000-{row % 20 + 1:012}" if row % 4 else ""
        currency = WRONG.get(row, "NGN" if row % 3 else "USD")
        writer.writerow([ledger, currency, identity, f"C-{row:05}", "retail" if row % 2 else "business"])
    return out.getvalue().encode()


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, App(Path(folder)) as app, chromium() as browser:
        page = open_tab(browser, app.url, "Create a balance")
        fill_form(page, ledger="Customer wallets", currency="NGN", identity="Grace Mwangi", who="Ada")
        shot(page, "form")

        page = open_import(browser, app.url)
        upload(page, "new customers.csv", customers())
        see(page, "Confirm")
        shot(page, "check")
        page.get_by_role("button", name=re.compile("247")).click()
        see_text(page, "Verified: all 247 balances found in Blnk.")
        shot(page, "results")


if __name__ == "__main__":
    main()
