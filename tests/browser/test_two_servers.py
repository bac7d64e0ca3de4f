"""Two page servers and a sender on one Postgres, as three machines would be: nothing else is shared, and no
data folder can even be made."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from blnk_api import practice as practice_package
from tests.support.app import QUICK, ROOT, App, balances_of_link
from tests.support.browser import download, open_import, open_step, open_tab, see_text, upload
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk

SAMPLE = Path(practice_package.__file__).with_name("sample.csv")


class Machines:
    """`first` and `second` show pages; a process of its own sends."""

    def __init__(self, folder: Path, blnk: PracticeBlnk, database_url: str, until_end: ExitStack) -> None:
        self.blnk = blnk
        self.nowhere = folder / "a file"
        self.nowhere.touch()
        keys = {"base_url": blnk.url, "instance_id": blnk.instance_id, "environment": "sandbox"}
        keys["access_token"] = blnk.token
        lines = ["[connections.here]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
        secrets = folder / "secrets.toml"
        secrets.write_text("\n".join(lines))
        env = {
            "BLNK_DATABASE_URL": database_url,
            "BLNK_SECRETS_FILE": str(secrets),
            "BLNK_DATA_DIR": str(self.nowhere / "data"),
        }
        pages = env | {"BLNK_SENDER": "elsewhere"}
        self.first = until_end.enter_context(App(folder / "one", env=pages))
        self.second = until_end.enter_context(App(folder / "two", env=pages))
        self.log = folder / "sender.log"
        waits = {f"BLNK_WAIT_{name}": value for name, value in QUICK.items()}
        with self.log.open("wb") as log:
            self.sender = subprocess.Popen(
                [sys.executable, "-m", "blnk_api.worker.main"],
                env={**os.environ, **env, **waits, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        until_end.callback(self.sender.wait)
        until_end.callback(self.sender.terminate)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory, postgres: Postgres) -> Iterator[Machines]:
    folder = tmp_path_factory.mktemp("machines")
    with ExitStack() as until_end:
        blnk = until_end.enter_context(PracticeBlnk(folder / "blnk"))
        yield Machines(folder, blnk, postgres.new_database(like="migrated"), until_end)


def path_of(page: Page, label: str | re.Pattern[str]) -> str:
    """The path of a link on the page, without its query."""
    link = page.get_by_role("link", name=label).first
    expect(link).to_be_visible()
    return urlsplit(link.get_attribute("href") or "").path


def test_a_file_that_one_server_took_is_watched_and_downloaded_on_another(
    machines: Machines, browser: Browser
) -> None:
    page = open_import(browser, machines.first.url)
    upload(page, "customers.csv", SAMPLE.read_bytes())
    open_step(page, "Confirm")
    page.get_by_role("button", name=re.compile("Create 54 balances")).click()
    see_text(page, "Verified: all 54 balances are in Blnk.")
    assert len(balances_of_link(machines.blnk, page.url)) == 54

    here = urlsplit(page.url)
    other = open_tab(browser, f"{machines.second.url}{here.path}?{here.query}", "customers.csv")
    see_text(other, "Verified: all 54 balances are in Blnk.")
    assert download(other, "All rows") == download(page, "All rows")
    expect(page.get_by_text("Another process is the sender")).to_have_count(0)

    receipts = [path_of(one, re.compile("^Receipt 1")) for one in (page, other)]
    results = {
        requests.get(f"{server.url}{receipt}.csv", timeout=300).content
        for server in (machines.first, machines.second)
        for receipt in receipts
    }
    assert len(results) == 1, "each server opens the links of both"
    assert results.pop().count(b"Created") == 54
    evidence = requests.get(f"{machines.second.url}{path_of(page, 'Evidence bundle')}", timeout=300).content
    with zipfile.ZipFile(io.BytesIO(evidence)) as bundle:
        assert bundle.read("file/customers.csv") == SAMPLE.read_bytes()
        assert "missing.txt" not in bundle.namelist()

    assert machines.nowhere.is_file()
    assert [each.name for app in (machines.first, machines.second) for each in app.folder.iterdir()] == [
        "app.log",
        "app.log",
    ]
