"""Takes the pictures in docs/shots, of an app in an empty data folder: python -m tests.support.screenshots"""

import csv
import io
import re
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.support.app import ROOT, App
from tests.support.browser import chromium, fill_form, open_import, open_step, open_tab, see, see_text, upload
from tests.support.importer import LEDGER
from tests.support.practice import ENVIRONMENT, PracticeBlnk
from tests.support.provider import PERSON, Provider
from tests.support.tls_proxy import free_port

FOLDER = ROOT / "docs" / "shots"
HEIGHTS = {
    **{"form": 760, "import": 620, "draft": 1180, "running": 1120, "done": 1180, "receipt": 1000},
    **{"imports": 620, "month": 820, "balances": 900, "connection": 1240},
    **{"asking": 1120, "approving": 1330, "approved": 720},
}
LEDGERS = [f"ldg_{at:08}-0000-4000-8000-{at:012}" for at in (1, 2, 3)]
WRONG = {38: "EURO", 97: "", 141: "KSH"}
ROWS = 2_000


def shot(page: Page, name: str) -> None:
    page.set_viewport_size({"width": 1280, "height": HEIGHTS[name]})
    page.mouse.move(1270, 10)
    page.evaluate("document.activeElement.blur()")
    page.evaluate("document.querySelector('[data-testid=stMain]')?.scrollTo(0, 0)")
    page.wait_for_timeout(700)  # for what fades in
    page.screenshot(path=FOLDER / f"{name}.png")


def customers() -> bytes:
    """2,000 rows as a finance team might bring them; three of them have a currency that does not exist."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["ledger_id", "currency", "identity_id", "customer_number", "segment"])
    for row in range(2, ROWS + 2):
        ledger = LEDGERS[row % 5 // 2]
        identity = f"idt_{row % 20 + 1:08}-0000-4000-8000-{row % 20 + 1:012}" if row % 4 else ""
        currency = WRONG.get(row, "NGN" if row % 3 else "USD")
        writer.writerow([ledger, currency, identity, f"C-{row:05}", "retail" if row % 2 else "business"])
    return out.getvalue().encode()


def go(page: Page, app: App, path: str, heading: str, query: str = "") -> None:
    page.goto(f"{app.url}/{path}?connection=practice&{query}")
    see(page, heading)


def shoot_an_import(page: Page, app: App) -> None:
    """The sample file while it is fixed; a larger one while it runs, when it is done, and its receipt."""
    page.get_by_role("button", name="Continue").click()
    shot(page, "import")
    page.get_by_role("button", name="Try a sample file").click()
    see(page, "Problems")
    shot(page, "draft")
    go(page, app, "import_file", "Import a file")
    upload(page, "new customers.csv", customers())
    open_step(page, "Confirm")
    app.practice.order_fault("latency", seconds=3)
    page.get_by_role("button", name=re.compile("1,997")).click()
    created = page.get_by_test_id("stMetric").filter(has_text="Created")
    expect(created.get_by_test_id("stMetricValue")).to_have_text(re.compile(r"^[5-9]\d\d$|^1,"))
    shot(page, "running")
    app.practice.clear_faults()
    see_text(page, "Verified: all 1,997 balances are in Blnk.", seconds=120)
    link = page.get_by_role("link", name="Receipt 1")
    expect(link).to_be_visible()
    shot(page, "done")
    page.goto(f"{app.url}{link.get_attribute('href')}")
    shot(page, "receipt")


ROLES = """[roles]
preparer = ["ada@acme.example"]
approver = ["grace@acme.example"]
viewer = ["lin@acme.example"]
"""
PEOPLE = {"ada": PERSON["name"], "grace": "Grace Hopper", "lin": "Lin Controller"}


def someone(browser: Browser, app: App, who: str) -> Page:
    """On the first page, signed in."""
    page = browser.new_context().new_page()
    page.goto(f"{app.url}/import_file?connection=acme")
    page.get_by_placeholder("sub").fill(who)
    page.get_by_role("button", name="Authorize").click()
    see(page, "Import a file")
    return page


def shoot_approval(browser: Browser, folder: Path) -> None:
    """One person prepares, another approves, a controller reads."""
    url = f"http://127.0.0.1:{free_port()}"
    options = ("--server.port", url.rpartition(":")[2], "--server.address", "127.0.0.1")
    with PracticeBlnk(folder / "blnk", seed=ENVIRONMENT) as blnk, Provider() as provider:
        for who, name in PEOPLE.items():
            provider.knows(who, name=name, email=f"{who}@acme.example", email_verified=True)
        acme = {"label": "Acme", "base_url": blnk.url, "instance_id": blnk.instance_id}
        acme |= {"access_token": blnk.token, "environment": "sandbox", "approval": "always"}
        secrets = "".join(f'{key} = "{value}"\n' for key, value in acme.items())
        secrets = f"[connections.acme]\n{secrets}{provider.secrets(url)}{ROLES}"
        desk = folder / "desk"
        desk.mkdir()
        with App(desk, secrets=secrets, options=options, url=url) as app:
            ada, grace, lin = (someone(browser, app, who) for who in PEOPLE)
            rows = "".join(f"{LEDGER},NGN,C-{at:03}\n" for at in range(1, 13))
            upload(ada, "customers.csv", f"ledger_id,currency,customer\n{rows}".encode())
            open_step(ada, "Confirm")
            shot(ada, "asking")
            ada.get_by_role("button", name="Ask for approval of 12 balances").click()
            see_text(ada, "Digest of these balances")
            grace.goto(ada.url)
            expect(grace.get_by_label("Type 12 to approve")).to_be_visible()
            shot(grace, "approving")
            grace.get_by_label("Type 12 to approve").fill("12")
            grace.get_by_role("button", name="Approve 12 balances").click()
            lin.goto(ada.url)
            see_text(lin, "Verified: all 12 balances are in Blnk.", seconds=120)
            shot(lin, "approved")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="balance-desk-") as folder, chromium() as browser:
        shoot_approval(browser, Path(folder))
    with (
        tempfile.TemporaryDirectory(prefix="balance-desk-") as folder,
        App(Path(folder), waits={}) as app,
        chromium() as browser,
    ):
        page = open_tab(browser, f"{app.url}/create_balance", "Create a balance")
        fill_form(page, ledger="Customer wallets", currency="NGN", identity="Grace Mwangi", who="Ada")
        shot(page, "form")
        page = open_import(browser, app.url)
        shoot_an_import(page, app)
        go(page, app, "imports", "Imports")
        shot(page, "imports")
        go(page, app, "imports", "Imports", "view=A month's totals")
        expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
        shot(page, "month")
        go(page, app, "balances", "Balances")
        expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
        shot(page, "balances")
        go(page, app, "connection", "Connection")
        see(page, "Simulate faults")
        shot(page, "connection")


if __name__ == "__main__":
    main()
