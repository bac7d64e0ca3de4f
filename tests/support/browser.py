"""A real browser on the app's pages, used as a person would use it: by what the screen shows."""

import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from tests.support import script_runs
from tests.support.importer import wait_until
from tests.support.waiting import WaitedInVain

PATIENCE_MS = 180_000

AT_ONCE = """*, *::before, *::after { transition: none !important }
    [data-stale=true] { opacity: 1 !important }"""
"""A style that shows everything at rest. Streamlit fades what it redraws after half a second; without
transitions it does so at once."""

TWO_FRAMES = "() => new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))"

_WITHOUT = (
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
    *("AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades"),
    *("HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding"),
    *("ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints"),
    *("NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch"),
)
"""Features of the browser that are off. The first three draw the suggestions below the address bar, which no
test sees, as pages: each window loads them, for a fifth of all processor time that a test's browser takes.
The others are off because Playwright, whose list this replaces, has them off."""

_ONE_PROCESS_FOR_A_SITE = "--renderer-process-limit=1"
"""The tabs that a visitor has open on a site share a process, and what it has compiled."""

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


def launch(playwright: Playwright, *args: str) -> Browser:
    """Fails the test if there is no browser. `sh tests/run` installs one."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None or not Path(program).exists():
        pytest.fail(
            "These tests need a browser and there is none. Install chromium, or name one in CHROMIUM; "
            "sh tests/run does that by itself."
        )
    expect.set_options(timeout=PATIENCE_MS)
    options = ("--no-sandbox", f"--disable-features={','.join(_WITHOUT)}", _ONE_PROCESS_FOR_A_SITE, *args)
    return playwright.chromium.launch(executable_path=program, args=options)


def open_tab(browser: Browser, url: str, heading: str | re.Pattern[str], *, width: int = 1280) -> Page:
    """A tab of a browser that was never here before, once this heading is visible."""
    page = new_visitor(browser, width, url)
    script_runs.watch(page)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    see(page, heading)
    return page


_VISITORS: WeakKeyDictionary[Browser, dict[BrowserContext, Page]] = WeakKeyDictionary()
"""The browser contexts of tabs, each with a page that stays open: the process that draws the tabs ends with
its last page. Without either, a tab spends half a second more of processor time on loading and compiling
Streamlit's scripts again."""
_KEPT_BY_A_BROWSER = "cookies,local_storage,indexeddb,websql,service_workers,cache_storage"


def new_visitor(browser: Browser, width: int, url: str) -> Page:
    """An empty tab of a person without cookies, or anything else that a site can store in a browser."""
    visitors = _VISITORS.setdefault(browser, {})
    site = urlsplit(url)._replace(query="", fragment="")
    left = next((one for one, stays in visitors.items() if one.pages == [stays]), None)
    if left is None:
        left = browser.new_context(viewport={"width": width, "height": 900})
        visitors[left] = left.new_page()
        visitors[left].goto(site._replace(path="/healthz").geturl())
        return left.new_page()
    left.clear_cookies()
    page = left.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    session = left.new_cdp_session(page)
    origin = site._replace(path="").geturl()
    session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": _KEPT_BY_A_BROWSER})
    session.detach()
    return page


def close_tabs(browser: Browser, *, but: Collection[Page]) -> None:
    """All contexts but these. One without a tab belongs to nobody, and can serve the next visitor."""
    ours = _VISITORS.get(browser, {})
    for opened in browser.contexts:
        for page in opened.pages:
            if page not in but and page is not ours.get(opened):
                page.close()
        if not opened.pages and opened not in ours:
            opened.close()


def open_import(browser: Browser, url: str) -> Page:
    """A new browser on the page “Import a file”, with a name entered."""
    start = urlsplit(url)
    page = open_tab(browser, start._replace(path="/import_file").geturl(), "Import a file")
    give_name(page, "Ada")
    expect(page.get_by_text("Change name")).to_be_visible()
    settle(page)
    return page


def go_to_next_file(page: Page) -> None:
    """Back to “Import a file” by the sidebar, which costs a quarter of loading the page again."""
    sidebar = page.get_by_test_id("stSidebarUserContent")
    sidebar.get_by_role("link", name="Import a file", exact=True).click()
    see(page, "Import a file")


def see(page: Page, heading: str | re.Pattern[str]) -> None:
    """Waits for a heading, and until the page is at rest."""
    expect(page.get_by_role("heading", name=heading).first).to_be_visible()
    settle(page)


def see_text(page: Page, text: str, *, seconds: float = PATIENCE_MS / 1000) -> None:
    """Waits for a sentence. A failure shows what the page says instead."""
    try:
        expect(page.get_by_text(text).first).to_be_visible(timeout=seconds * 1000)
    except AssertionError:
        said = page.get_by_test_id("stMain").inner_text()
        raise WaitedInVain(f"not seen: {text!r}; the page says: {said}") from None
    settle(page)


def settle(page: Page) -> None:
    """Waits until the page has done and drawn what was requested."""
    at_rest = page.locator("[data-testid=stApp][data-test-script-state=notRunning]")
    expect(at_rest).to_be_visible()
    # What was typed or clicked last has been requested once the page has drawn itself twice.
    page.evaluate(TWO_FRAMES)
    wait_until(
        lambda: not script_runs.are_due(page),
        lambda: "a run of the page never ended",
        seconds=PATIENCE_MS / 1000,
        pause=lambda: page.wait_for_timeout(10),
    )
    expect(at_rest).to_be_visible()


def open_all(page: Page) -> None:
    """Opens everything on the page that can be opened."""
    closed = page.locator("[data-testid=stExpander] details:not([open]) > summary")
    while closed.count():
        closed.first.click()
        settle(page)


def wait_for_script(page: Page, script: str, arg: object = None) -> None:
    """Waits until this is true. Playwright's own function needs eval in the page, which the page's policy
    forbids."""
    wait_until(
        lambda: page.evaluate(script, arg), lambda: f"never true: {script}", seconds=PATIENCE_MS / 1000
    )


def table_texts(page: Page) -> list[list[str]]:
    """The cells that the last grid of the page shows now, as it describes them to a screen reader."""
    rows = page.get_by_test_id("stDataFrame").last.locator("tbody tr")
    expect(rows.first).to_be_attached()
    return [row.locator("td").all_text_contents() for row in rows.all()]


def type_metadata(page: Page, name: str, value: str) -> None:
    """Types the first pair, and stays in its second field."""
    page.get_by_text("Metadata (optional)").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Value", exact=True).fill(value)


def fill_form(
    page: Page,
    *,
    ledger: str,
    currency: str | None = None,
    identity: str | None = None,
    who: str | None = None,
) -> None:
    """Chooses in the form for one balance, each choice by its name."""
    _choose(page, ledger)
    if currency is not None:
        page.get_by_role("combobox", name="Currency").fill(currency)
        page.get_by_role("option", name=re.compile(f"^{currency} ")).click()
    if identity is not None:
        page.get_by_role("textbox", name="Identity").fill(identity)
        _choose(page, identity)
    settle(page)
    if who is not None:
        give_name(page, who)


def _choose(page: Page, name: str) -> None:
    page.get_by_test_id("stRadio").locator("label").filter(has_text=name).click()
    expect(page.get_by_role("button", name="Change", exact=True).first).to_be_visible()
    settle(page)


def give_name(page: Page, who: str) -> None:
    box = page.get_by_role("textbox", name="Your name")
    box.fill(who)
    box.press("Enter")
    settle(page)


def upload(page: Page, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "text/csv", "buffer": data}
    uploader = page.get_by_test_id("stFileUploader")
    # The field is there a moment before the code that listens to it.
    expect(uploader.get_by_role("button", name="Upload", exact=True)).to_be_visible()
    uploader.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]


def download_link(page: Page, label: str, kind: str = "CSV") -> Locator:
    line = page.locator("[class*=st-key-download-]").filter(has_text=re.compile(label))
    return line.get_by_role("link", name=re.compile(kind))


def download(page: Page, label: str, kind: str = "CSV") -> tuple[str, bytes]:
    """The file name and the contents that the download button of a line gives."""
    with page.expect_download() as coming:
        download_link(page, label, kind).click()
    return coming.value.suggested_filename, Path(coming.value.path()).read_bytes()


def search(page: Page, label: str, text: str) -> None:
    """Types into a search field, and waits for the results."""
    box = page.get_by_label(label, exact=True)
    box.fill(text)
    box.press("Enter")
    settle(page)


def open_step(page: Page, name: str) -> None:
    """Opens a step of a draft as soon as it can be opened, and waits until the page is at rest."""
    row = page.locator(".st-key-steps")
    here = row.locator("[aria-current=step]").filter(has_text=name)
    ready = row.locator("button:enabled").filter(has_text=name)
    expect(here.or_(ready)).to_be_visible()
    settle(page)
    if not here.count():
        ready.click()
    expect(here).to_be_visible()
    settle(page)


def wait_for_count(page: Page, word: str, n: str) -> None:
    """Waits until the counts of a draft show this many rows: “ready” or “invalid”."""
    foot = page.locator(".st-key-foot").get_by_test_id("stMarkdown").filter(has_text="ready")
    expect(foot).to_have_text(re.compile(rf"(^|\s){n} {word}\b"))
    settle(page)


def fix_cell(page: Page, *, row: int, column: int, value: str) -> None:
    """Selects a cell of a draft's table with the keyboard, and chooses another value for it. `row` and
    `column` count from 0, in the table and in the file."""
    grid = page.locator(".st-key-row-table").get_by_test_id("stDataFrame")
    expect(grid.locator("tbody td").first).to_be_attached()
    first_cell = {"x": 30, "y": 52}
    grid.locator("canvas").first.click(position=first_cell, force=True)  # type: ignore[arg-type]
    for arrow in ["ArrowDown"] * row + ["ArrowRight"] * (2 + column):
        page.keyboard.press(arrow)
    settle(page)
    editor = page.locator(".st-key-cell-editor")
    expect(editor.get_by_text(re.compile(r"^Row \d+ · "))).to_be_visible()
    settle(page)
    box = editor.get_by_role("combobox")
    box.click()
    box.fill(value)
    page.get_by_role("option", name=re.compile(f"^{value}\\b")).click()
    editor.get_by_role("button", name="Apply").click()
    see_text(page, f"is now “{value}”.")
