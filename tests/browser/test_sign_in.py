"""The whole app with sign-in, in a real browser: a link is kept, and a sign-out stops every tab."""

import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.app import ROOT, App
from tests.support.browser import PATIENCE_MS, new_visitor, open_step, see, settle, upload
from tests.support.importer import wait_until
from tests.support.provider import PERSON, Provider
from tests.support.signed_in import Browser as Stranger
from tests.support.tls_proxy import free_port

_STREAMLITS_SCRIPTS = Path(streamlit.__file__).parent / "static" / "static" / "js"
ROLES = """[roles]
preparer = ["ada@acme.example", "grace@acme.example"]
admin = ["grace@acme.example"]
"""


def one_row() -> bytes:
    """A file with a balance that nobody created yet, however often a test is tried."""
    row = f"ldg_00000001-0000-4000-8000-000000000001,USD,{secrets.token_hex(4)}"
    return f"ledger_id,currency,customer\n{row}\n".encode()


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[App]:
    """An app where Ada and Grace may sign in."""
    provider.knows("ada", **PERSON)
    provider.knows("grace", name="Grace Hopper", email="grace@acme.example", email_verified=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    options = ("--server.port", str(port), "--server.address", "127.0.0.1")
    with App(
        tmp_path_factory.mktemp("signed"), secrets=provider.secrets(url) + ROLES, options=options, url=url
    ) as app:
        yield app


def sign_in(browser: Browser, app: App, subject: str, path: str, heading: str) -> Page:
    """A tab of a browser in which a person signed in, on the page of this path."""
    page = new_visitor(browser, 1280, app.url)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{app.url}{path}")
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize").click()
    see(page, heading)
    return page


def open_beside(tab: Page, url: str, heading: str) -> Page:
    """Another tab of the same browser."""
    page = tab.context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(url)
    see(page, heading)
    return page


def sign_out(page: Page, provider: Provider) -> None:
    page.get_by_role("link", name="Sign out").click()
    page.wait_for_url(f"{provider.url}/oauth2/end_session?**")
    page.get_by_role("button", name="End session").click()
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()


CONNECTION = "/connection?connection=practice"


def test_a_link_leads_through_sign_in_and_back_and_the_page_says_who_signed_in(
    signed: App, browser: Browser
) -> None:
    page = sign_in(browser, signed, "ada", CONNECTION, "Connection")
    assert page.url == f"{signed.url}{CONNECTION}"
    sidebar = page.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text("Ada Lovelace")).to_be_visible()
    expect(sidebar.get_by_text("ada@acme.example")).to_be_visible()
    expect(page.get_by_text("Your name")).to_have_count(0)
    expect(page.get_by_role("heading", name="Signed in")).to_have_count(0)


def test_a_sign_out_in_one_tab_stops_acts_and_refreshes_in_the_others(
    signed: App, browser: Browser, provider: Provider
) -> None:
    watches = sign_in(browser, signed, "ada", "/import_file?connection=practice", "Import a file")
    signed.practice.order_fault("latency", seconds=600)
    upload(watches, "one.csv", one_row())
    open_step(watches, "Confirm")
    watches.get_by_role("button", name="Create 1 balance").click()
    expect(watches.get_by_role("button", name="Pause")).to_be_visible()
    acts = open_beside(watches, f"{signed.url}{CONNECTION}", "Connection")
    signs_out = open_beside(watches, f"{signed.url}/imports?connection=practice", "Imports")
    sign_out(signs_out, provider)
    expect(watches.get_by_role("button", name="Pause")).to_have_count(0)
    acts.get_by_role("button", name="Stop sending for all connections").click()
    see(acts, "You are signed out")
    signed.practice.clear_faults()
    acts.get_by_role("link", name="Sign in again").click()
    acts.get_by_placeholder("sub").fill("ada")
    acts.get_by_role("button", name="Authorize").click()
    see(acts, "Connection")
    assert acts.url == f"{signed.url}{CONNECTION}"
    expect(acts.get_by_role("button", name="Stop sending for all connections")).to_be_visible()


def test_a_tab_can_load_a_part_of_its_page_after_a_sign_out_in_another(
    signed: App, browser: Browser, provider: Provider
) -> None:
    loads = sign_in(browser, signed, "ada", "/import_file?connection=practice", "Import a file")
    held: list[Route] = []
    loads.route("**/static/js/DataFrame.*", lambda asked: held.append(asked))
    upload(loads, "one.csv", one_row())
    wait_until(lambda: held, lambda: "no table was loaded", pause=lambda: loads.wait_for_timeout(10))
    sign_out(open_beside(loads, f"{signed.url}{CONNECTION}", "Connection"), provider)
    for one in held:
        one.continue_()
    expect(loads.get_by_test_id("stDataFrame").first).to_be_visible()
    loads.get_by_role("link", name="Imports", exact=True).click()
    see(loads, "You are signed out")
    loads.get_by_role("link", name="Sign in again").click()
    expect(loads.get_by_placeholder("sub")).to_be_visible()


def test_an_admin_sees_who_is_signed_in_and_ends_a_session(signed: App, browser: Browser) -> None:
    ada = sign_in(browser, signed, "ada", "/imports?connection=practice", "Imports")
    grace = sign_in(browser, signed, "grace", CONNECTION, "Connection")
    listed = grace.locator(".st-key-sessions")
    lines = listed.locator("[data-testid=stHorizontalBlock]")
    hers = lines.filter(has_text="Ada Lovelace")
    expect(hers.first).to_be_visible()
    settle(grace)
    for left in reversed(range(hers.count())):
        hers.first.get_by_role("button", name="End session").click()
        expect(hers).to_have_count(left)
        settle(grace)
    expect(lines.filter(has_text="Grace Hopper").first).to_be_visible()
    ada.get_by_role("link", name="Balances").click()
    see(ada, "You are signed out")


def test_no_route_of_the_app_answers_a_stranger(signed: App) -> None:
    code = """
import app
whole = app.app
whole._runtime = whole._create_runtime()
for route in whole._build_starlette_app().routes:
    print(route.path, *(getattr(route, "methods", None) or ["GET"]))
"""
    listed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    routes = [line.split() for line in listed.splitlines() if line.startswith("/")]
    paths = {re.sub(r"{[^}]*}", "x", path) for path, *_ in routes}
    assert {"/_stcore/upload_file/x/x", "/_stcore/stream", "/_stcore/metrics", "/media/x"} <= paths
    assert {"/download/x", "/receipt/x", "/listing/x"} <= paths
    stranger = Stranger(signed.url)
    assert not stranger.connects()
    for path, *methods in routes:
        for method in {*methods, "GET", "PUT", "POST", "DELETE", "OPTIONS"}:
            answer = stranger.ask(method, re.sub(r"{[^}]*}", "x", path))
            assert answer.status_code == 401, (method, path)
    for path in (
        "/static/index.html",
        "/static/../index.html",
        "/static/js",
        "/static/js/",
        "/static/js/x.js",
        *(f"/static/js/{one.name}" for one in _STREAMLITS_SCRIPTS.glob("index.*.js")),
    ):
        assert stranger.ask("GET", path).status_code == 401, path
    assert stranger.ask("GET", "/healthz").status_code == 200
    assert stranger.ask("GET", "/readyz").status_code == 200
    assert "s3cr3t-of-the-desk" not in signed.log()
