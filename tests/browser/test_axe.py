"""axe-core, in the real browser, finds nothing serious on any page, in light and in dark."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from tests.support.app import App
from tests.support.browser import (
    AT_ONCE,
    fill_form,
    give_name,
    open_all,
    open_step,
    open_tab,
    see,
    see_text,
    settle,
    upload,
    wait_for_count,
    wait_for_script,
)

PRACTICE = "connection=practice"
WITHOUT_LEDGER = b"customer,note\n1,a\n2,b\n"
RUN = """scheme => axe.run(document, {
        resultTypes: ["violations"],
        ...(scheme === "dark" && {runOnly: ["color-contrast"]})
    }).then(({violations}) => violations
    .filter(({impact}) => ["serious", "critical"].includes(impact))
    .flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) =>
        `${id}: ${html.slice(0, 300)} ${failureSummary}`)))"""
HAS_CHANGED_TO = """scheme => {
    const app = document.querySelector("[data-testid=stApp]")
    return !app || getComputedStyle(app).colorScheme === scheme }"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """With Practice, and with a production that the same Practice plays."""
    with App(tmp_path_factory.mktemp("app")) as app:
        blnk = app.practice
        app.write_secrets(
            f"""[connections.acme]
base_url = "{blnk.url}"
instance_id = "{blnk.instance_id}"
access_token = "{blnk.token}"
"""
        )
        yield app


@pytest.fixture(scope="module")
def page(app: App, browser: Browser) -> Page:
    """One tab for all, of a person whose name has been known since their first file."""
    page = open_tab(browser, app.url, "Choose a connection")
    go(page, app, "import_file", "Import a file")
    give_name(page, "Ada")
    upload(page, "people.csv", WITHOUT_LEDGER)
    see_text(page, "No column is mapped to the ledger")
    return page


@pytest.fixture(scope="module")
def made(page: Page) -> str:
    """The link to the sample file, imported: 54 balances created and six rows invalid."""
    open_sample(page)
    open_step(page, "Confirm")
    page.get_by_role("button", name="Create 54 balances").click()
    see_text(page, "Verified: all 54 balances are in Blnk.", seconds=90)
    expect(page.get_by_role("link", name="Receipt 1")).to_be_visible()
    return page.url


def go(page: Page, app: App, path: str, heading: str, query: str = PRACTICE) -> None:
    page.goto(f"{app.url}/{path}?{query}")
    see(page, heading)


def turn_to(page: Page, name: str) -> None:
    """Another page of Practice, by the sidebar, which costs a quarter of loading it."""
    sidebar = page.get_by_test_id("stSidebarUserContent")
    sidebar.get_by_role("link", name=name, exact=True).click()
    see(page, name)


def open_sample(page: Page) -> None:
    turn_to(page, "Import a file")
    page.get_by_role("button", name="Try a sample file").click()
    wait_for_count(page, "ready", "54")
    see(page, "Problems")


def findings(page: Page) -> list[str]:
    """What is serious or critical, in light and in dark, with the element and what to do.

    All but the colours is the same in both schemes, and is looked at once.
    """
    found = []
    page.mouse.move(0, 0)  # a hint under the mouse would be fading
    expect(page.get_by_role("tooltip")).to_have_count(0)
    if page.get_by_test_id("stApp").count():  # axe would measure colours half-way between the two schemes
        page.add_style_tag(content=AT_ONCE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        wait_for_script(page, HAS_CHANGED_TO, scheme)
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(AXE_SCRIPT)
        found += [f"{scheme}: {one}" for one in page.evaluate(RUN, scheme)]
    return found


def test_text_with_too_little_contrast_would_be_found_in_both_color_schemes(app: App, page: Page) -> None:
    go(page, app, "imports", "Imports")
    faint = "[data-testid=stHeading] h1 { color: rgba(128, 128, 128, 0.4) !important }"
    page.add_style_tag(content=faint)
    found = [one for one in findings(page) if "color-contrast" in one]
    assert [one.split(":")[0] for one in found] == ["light", "dark"]


def test_the_choice_of_a_connection(app: App, browser: Browser) -> None:
    assert findings(open_tab(browser, app.url, "Choose a connection")) == []


def test_the_form_and_its_result(app: App, page: Page) -> None:
    go(page, app, "create_balance", "Create a balance")
    open_all(page)
    assert findings(page) == []
    go(page, app, "create_balance", "Create a balance")
    fill_form(page, ledger="Customer wallets", currency="NGN", identity="Grace Mwangi")
    page.get_by_role("button", name="Create balance").click()
    see(page, "The balance was created")
    open_all(page)
    assert findings(page) == []


def test_the_page_that_takes_files(page: Page) -> None:
    turn_to(page, "Import a file")
    open_all(page)
    assert findings(page) == []
    upload(page, "people.csv", WITHOUT_LEDGER)
    see_text(page, "No column is mapped to the ledger")
    open_all(page)
    assert findings(page) == []


@pytest.mark.parametrize("step", ["File", "Columns", "Fix", "Confirm"])
def test_each_step_of_a_file_with_rows_to_fix(page: Page, step: str) -> None:
    if step == "File":
        open_sample(page)
    open_step(page, step)
    open_all(page)
    assert findings(page) == []


def test_a_finished_import_with_a_row_opened(app: App, page: Page, made: str) -> None:
    page.goto(made)
    see(page, "sample customers.csv")
    expect(page.get_by_role("link", name="Receipt 1")).to_be_visible()
    open_all(page)
    assert findings(page) == []
    page.goto(f"{made}&row=2")
    see(page, "Row 2")
    open_all(page)
    assert findings(page) == []


def test_a_receipt(app: App, page: Page, made: str) -> None:
    page.goto(made)
    link = page.get_by_role("link", name="Receipt 1")
    expect(link).to_be_visible()
    page.goto(f"{app.url}{link.get_attribute('href')}")
    expect(page.get_by_role("heading", name=re.compile("Receipt 1"))).to_be_visible()
    assert findings(page) == []


def test_the_imports_and_a_months_totals(app: App, page: Page, made: str) -> None:
    go(page, app, "imports", "Imports")
    expect(page.get_by_text("sample customers.csv").first).to_be_visible()
    open_all(page)
    assert findings(page) == []
    page.get_by_role("searchbox", name="Search imports").fill("nothing is called so")
    page.keyboard.press("Enter")
    see_text(page, "No matching imports.")
    assert findings(page) == []
    go(page, app, "imports", "Imports", f"{PRACTICE}&view=A month's totals")
    expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()
    assert findings(page) == []


def test_the_balances_and_one_of_them(app: App, page: Page, made: str) -> None:
    turn_to(page, "Balances")
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    open_all(page)
    assert findings(page) == []
    page.get_by_role("searchbox", name="Search balances").fill("bln_of_nobody")
    page.keyboard.press("Enter")
    settle(page)
    assert findings(page) == []
    id = app.practice.balances()[-1]["balance_id"]
    go(page, app, "balances", "Balance", f"{PRACTICE}&id={id}")
    see(page, "Balance in Blnk")
    open_all(page)
    assert findings(page) == []


def test_the_connection(page: Page) -> None:
    turn_to(page, "Connection")
    see(page, "Simulate faults")
    open_all(page)
    assert findings(page) == []


def test_the_audit_trail(app: App, page: Page) -> None:
    go(page, app, "audit_trail", "Audit trail")
    see_text(page, "Import by import, each entry with its number")
    assert findings(page) == []


def test_production_before_anything_was_created_and_its_confirm_page(app: App, page: Page) -> None:
    production = "connection=acme"
    go(page, app, "imports", "Imports", production)
    assert findings(page) == []
    go(page, app, "import_file", "Import a file", production)
    upload(page, "two.csv", b"ledger_id,currency,note\nSavings,USD,a\nSavings,EUR,b\n")
    open_step(page, "Confirm")
    open_all(page)
    assert findings(page) == []


def test_an_import_while_it_runs_and_when_it_is_canceled(app: App, page: Page) -> None:
    go(page, app, "import_file", "Import a file")
    upload(page, "runs.csv", b"ledger_id,currency,note\nSavings,USD,runs\nSavings,EUR,runs\n")
    open_step(page, "Confirm")
    app.practice.order_fault("full_stop", on="create", seconds=600)
    page.get_by_role("button", name="Create 2 balances").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    settle(page)
    assert findings(page) == []
    page.get_by_role("button", name="Cancel").click()
    settle(page)
    assert findings(page) == []
    app.practice.clear_faults()
