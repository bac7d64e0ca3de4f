"""Whatever names, cells and Blnk say, a reader's browser asks nobody but this server, and shows no stranger's
links or pictures."""

import csv
import io
import re
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect
from sqlalchemy import update

from blnk_api.store import Store, imports
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.store.tables import rows
from tests.support.app import App
from tests.support.browser import (
    PATIENCE_MS,
    give_name,
    open_all,
    open_step,
    see,
    see_text,
    settle,
    upload,
    wait_for_count,
)
from tests.support.store import set_columns

EVIL = "![x](http://evil.example/x.png)<img src=//evil.example/y> www.evil.example"
FILE = "![x](f.evil.example) www.evil.example ad@evil.example.csv"

WATCH = """() => {
    const outside = '[src*="evil.example"], [srcset*="evil.example"], [href*="evil.example"], ' +
        'object, embed, iframe';
    const look = () => document.querySelectorAll(outside).forEach(one => window.seenOutside(one.outerHTML));
    const changes = {subtree: true, childList: true, attributeFilter: ['src', 'srcset', 'href']};
    new MutationObserver(look).observe(document, changes);
}"""


class Watched:
    """A tab, and all that it did which it should not have done."""

    def __init__(self, browser: Browser, app: App) -> None:
        self.app = app
        self.wrong: dict[str, None] = {}  # each once
        self.page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.expose_function("seenOutside", lambda html: self._note(f"on the page: {html}"))
        self.page.add_init_script(f"({WATCH})()")
        self.page.on("request", self._asked)
        self.page.on("websocket", lambda one: self._reached(one.url))
        self.page.on("console", self._said)

    def _note(self, what: str) -> None:
        self.wrong[what] = None

    def _asked(self, request: Request) -> None:
        self._reached(request.url)

    def _reached(self, url: str) -> None:
        asked = urlsplit(url)
        if asked.scheme not in ("data", "blob") and asked.netloc != urlsplit(self.app.url).netloc:
            self._note(f"asked: {url}")

    def _said(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self._note(f"kept from: {message.text}")

    def go(self, path: str, heading: str | re.Pattern[str]) -> None:
        self.page.goto(f"{self.app.url}/{path}")
        see(self.page, heading)
        self.look_around()

    def look_around(self) -> None:
        """At all that is folded away."""
        open_all(self.page)
        self.check()

    def look_at_hints(self) -> None:
        for hint in self.page.get_by_test_id("stTooltipHoverTarget").all():
            if hint.is_visible():
                hint.hover(force=True)  # one may lie under a grid
        self.check()

    def check(self) -> None:
        assert list(self.wrong) == [], f"on {self.page.url}"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """Of its own: its names would stand in the way of other tests."""
    with App(tmp_path_factory.mktemp("outside")) as app:
        yield app


def csv_of(*lines: tuple[str, ...]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue().encode()


def test_no_page_loads_anything_from_elsewhere_whatever_it_shows(app: App, browser: Browser) -> None:
    blnk = app.practice
    ledger = blnk.create_ledger(EVIL)
    blnk.create_identity(
        identity_type="organization", organization_name=EVIL, email_address="a@evil.example", category="x"
    )
    held = blnk.create_balance(ledger_id=ledger, currency="USD", meta_data={EVIL: EVIL, "import_id": EVIL})
    watched = Watched(browser, app)
    page = watched.page

    watched.go("create_balance", "Create a balance")
    page.get_by_test_id("stRadio").locator("label").filter(has_text="evil").first.click()
    expect(page.get_by_role("button", name="Change", exact=True).first).to_be_visible()
    page.get_by_role("textbox", name="Identity").fill("![x]")
    page.get_by_test_id("stRadio").locator("label").filter(has_text="evil").first.click()
    page.get_by_role("combobox", name="Currency").fill("USD")
    page.get_by_role("option", name=re.compile("^USD ")).click()
    give_name(page, EVIL)
    watched.look_around()
    page.get_by_role("button", name="Create balance").click()
    see(page, "The balance was created")
    watched.look_around()
    note(page)
    watched.look_around()

    watched.go("import_file", "Import a file")
    bad = f"{EVIL} of nobody"
    header = ("ledger", "currency", "identity", EVIL, f"www.evil.example/{EVIL}")
    good = [(EVIL, "USD", EVIL, f"{at}", EVIL) for at in range(3)]
    upload(page, FILE, csv_of(header, *good, (bad, "USD", "", EVIL, ""), (EVIL, EVIL, EVIL, EVIL, EVIL)))
    for step in ("Confirm", "File", "Columns", "Fix"):
        open_step(page, step)
        watched.look_around()
        watched.look_at_hints()
    for button in page.get_by_role("button", name="Replace with…").all():
        button.click()
        settle(page)
        page.keyboard.press("Escape")
    open_step(page, "Columns")
    page.get_by_role("textbox", name="Mapping name").fill(EVIL)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save mapping").click()
    expect(page.get_by_text("Mapping saved. It will be applied")).to_be_visible()
    page.reload()
    open_step(page, "Confirm")
    wait_for_count(page, "ready", "3")
    watched.look_around()
    draft = page.url
    page.get_by_role("button", name="Create 3 balances").click()
    see_text(page, "Verified: all 3 balances are in Blnk.")
    receipt = page.get_by_role("link", name="Receipt 1")
    expect(receipt).to_be_visible()
    printed = f"{app.url}{receipt.get_attribute('href')}"
    note(page)
    watched.look_around()
    page.goto(printed)
    expect(page.get_by_role("heading", name=re.compile("Receipt 1"))).to_be_visible()
    watched.check()

    words_of_blnk(app, draft)
    for row in (2, 3, 4, 5):  # refused, in doubt, there before, invalid
        page.goto(f"{draft}&row={row}".replace("/import_file", "/imports"))
        see(page, f"Row {row}")
        watched.look_around()
    page.goto(draft)
    see_text(page, "Paused:")
    watched.look_around()

    watched.go("imports?view=A month's totals", "Imports")
    chart = page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first
    expect(chart).to_be_visible()  # what draws it needs no eval
    for path, heading in (
        ("imports", "Imports"),
        (f"imports?file={FILE}&person={EVIL}", "Imports"),
        ("balances", "Balances"),
        (f"balances?made={EVIL}", "Balances"),
        (f"balances?id={held['balance_id']}", "Balance"),
        (f"balances?id={EVIL}", "Balance"),
        ("connection", "Connection"),
        ("audit_trail", "Audit trail"),
        (f"?connection={EVIL}", "This link cannot be opened"),
        (f"imports?import={EVIL}", "This link cannot be opened"),
    ):
        watched.go(path, heading)


def note(page: Page) -> None:
    open_all(page)
    page.get_by_role("textbox", name="New note").fill(EVIL)
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_role("textbox", name="New note")).to_have_value("")
    settle(page)


def words_of_blnk(app: App, link: str) -> None:
    """As if Blnk had said this of each row, and of the whole import."""
    id = parse_qs(urlsplit(link).query)["import"][0]
    with closing(Store(f"sqlite:///{app.data_dir / 'journal.db'}")) as store, store.write() as tx:
        found = imports.find(tx, id)
        assert found is not None
        for number, state in ((2, RowState.REFUSED), (3, RowState.UNKNOWN), (4, RowState.EXISTS)):
            tx.execute(
                update(rows)
                .where(rows.c.import_ == found.number, rows.c.number == number)
                .values(message=EVIL, state=state, waits_for_person=True)
            )
        set_columns(tx, found, state=ImportState.PAUSED, paused_by=PausedBy.PERSON, paused_reason=EVIL)


def test_a_page_asks_for_nothing_that_is_not_there(app: App, browser: Browser) -> None:
    """Streamlit's page would look for its server below the page's own address first, and then wait."""
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE_MS)
    refused: list[str] = []
    page.on("response", lambda one: refused.append(one.url) if one.status >= 400 else None)
    for address, heading in (("", "Import a file"), ("imports", "Imports"), ("connection", "Connection")):
        page.goto(f"{app.url}/{address}")
        see(page, heading)
    assert refused == []
    page.close()
