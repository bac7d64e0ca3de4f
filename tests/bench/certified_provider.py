"""Signs in and out with npm's certified `oidc-provider`, in a real browser:
python -m tests.bench.certified_provider

It needs node and npm, and fetches that package into a folder of its own. The provider demands PKCE, knows a
person with 201 groups, and ends its own session when the desk asks for it.
"""

import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import requests
from playwright.sync_api import Page, expect

from tests.support.app import App
from tests.support.browser import PATIENCE_MS, chromium, see
from tests.support.importer import wait_until
from tests.support.tls_proxy import free_port

PACKAGE = "oidc-provider@8.8.1"
HERE = Path(__file__).with_suffix(".mjs")


@contextmanager
def provider(folder: Path, port: int, desk: str) -> Iterator[str]:
    script = Path(shutil.copy(HERE, folder))
    subprocess.run(["npm", "install", "--no-fund", "--no-audit", PACKAGE], cwd=folder, check=True)
    with (folder / "provider.log").open("w") as log:
        process = subprocess.Popen(["node", script, str(port), desk], stdout=log, stderr=log)
    url = f"http://localhost:{port}"
    try:
        wait_until(lambda: _answers(url), lambda: (folder / "provider.log").read_text())
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/.well-known/openid-configuration", timeout=10).ok
    except requests.ConnectionError:
        return False


def secrets(desk: str, issuer: str) -> str:
    return f"""[sign_in]
url = "{desk}"
[sign_in.providers.acme]
label = "Acme"
issuer = "{issuer}"
client_id = "desk"
client_secret = "s3cr3t-of-the-desk"
scopes = ["groups"]
[roles]
admin = ["group:finance"]
"""


def sign_in(page: Page, url: str) -> None:
    """From a link through sign-in and back to it."""
    page.goto(url)
    page.locator("input[name=login]").fill("ada")
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Continue").click()
    see(page, "Connection")
    assert page.url == url


def walk(app: App, issuer: str) -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        sign_in(page, f"{app.url}/connection?connection=practice")
        expect(page.get_by_test_id("stSidebar").get_by_text("ada@acme.example")).to_be_visible()
        expect(page.get_by_role("heading", name="Signed in")).to_be_visible()
        with closing(sqlite3.connect(app.data_dir / "journal.db")) as db:
            [(claims,)] = db.execute("SELECT claims FROM sessions")
        assert claims.count("group-") == 200
        page.get_by_role("link", name="Sign out").click()
        page.get_by_role("button", name="Yes, sign me out").click()
        expect(page.get_by_role("heading", name="You are signed out")).to_be_visible()
        page.goto(f"{app.url}/imports")
        expect(page.locator("input[name=login]")).to_be_visible()
        page.get_by_text("[ Cancel ]").click()
        expect(page.get_by_text("The sign-in was canceled or denied.")).to_be_visible()
    asked = {"client_id": "desk", "response_type": "code", "scope": "openid"}
    asked["redirect_uri"] = f"{app.url}/sign-in/callback"
    refused = requests.get(f"{issuer}/auth", asked, allow_redirects=False, timeout=60)
    assert "requires+PKCE" in refused.headers["Location"], "the provider demands it"
    assert "s3cr3t" not in app.log()


def main() -> None:
    port, desk_port = free_port(), free_port()
    desk = f"http://127.0.0.1:{desk_port}"
    options = ("--server.port", str(desk_port), "--server.address", "127.0.0.1")
    with tempfile.TemporaryDirectory() as folder, provider(Path(folder), port, desk) as issuer:
        text = secrets(desk, issuer)
        with App(Path(folder) / "desk", secrets=text, options=options, url=desk) as app:
            walk(app, issuer)
    print("Signed in with PKCE and 201 groups, back at the link, signed out at the provider too.")


if __name__ == "__main__":
    main()
