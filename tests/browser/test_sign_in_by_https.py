"""Sign-in behind a proxy that ends TLS: the cookie is for this host alone, and all else goes through it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.app import App
from tests.support.browser import PATIENCE_MS, launch, see
from tests.support.provider import PERSON, Provider
from tests.support.signed_in import ROLES
from tests.support.tls_proxy import Proxy, Served, free_port

NAME = "desk.example.com"


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[str]:
    """Its address, which `[sign_in]` alone tells the app."""
    provider.knows("ada", **PERSON)
    direct, port = free_port(), free_port()
    url = f"https://{NAME}:{port}"
    folder = tmp_path_factory.mktemp("https")
    options = ("--server.port", str(direct), "--server.address", "127.0.0.1")
    to = f"127.0.0.1:{direct}"
    with (
        App(folder, secrets=provider.secrets(url) + ROLES, options=options, url=f"http://{to}"),
        Proxy(folder / "proxy", [Served(NAME, port, to)]),
    ):
        yield url


def test_a_browser_signs_in_behind_the_proxy_and_out_again(served: str, provider: Provider) -> None:
    with sync_playwright() as playwright:
        browser = launch(
            playwright, f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--ignore-certificate-errors"
        )
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{served}/connection?connection=practice")
        page.get_by_placeholder("sub").fill("ada")
        page.get_by_role("button", name="Authorize").click()
        see(page, "Connection")
        assert page.url == f"{served}/connection?connection=practice"
        expect(page.get_by_test_id("stSidebar").get_by_text("Ada Lovelace")).to_be_visible()
        [cookie] = [one for one in context.cookies() if "session" in str(one.get("name"))]
        assert (cookie.get("name"), cookie.get("domain")) == ("__Host-desk_session", NAME)
        assert (cookie.get("secure"), cookie.get("httpOnly"), cookie.get("sameSite")) == (True, True, "Lax")
        assert cookie.get("expires") == -1
        # A link that was not clicked on a page of ours asks first, and its form leads to the provider.
        page.goto(f"{served}/sign-in/end")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{provider.url}/oauth2/end_session?**")
        page.get_by_role("button", name="End session").click()
        expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        assert [one for one in context.cookies() if "session" in str(one.get("name"))] == []
        browser.close()
