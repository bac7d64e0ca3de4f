"""The app as processes: how it starts, that nothing of it is left behind, and that a crash costs nothing."""

import csv
import io
import os
import re
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import Browser, expect

from blnk_api.store import Store, imports
from blnk_api.store.states import ImportState, RowState
from tests.support.app import LEDGER, PRACTICE, SENDER, App, pids
from tests.support.browser import download_link, fill_form, open_import, open_step, open_tab, see, upload
from tests.support.importer import wait_until
from tests.support.papers import released

END_SECONDS = 120.0


@pytest.fixture(scope="module")
def stays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app for the tests that do not end it."""
    with App(tmp_path_factory.mktemp("stays")) as app:
        yield app


def wait_for_end(app: App) -> None:
    """Nothing that was started in the app's folder is running anymore."""
    wait_until(lambda: not app.processes(), lambda: f"still there: {app.processes()}")


def test_without_configuration_it_opens_and_creates_nothing(tmp_path: Path, browser: Browser) -> None:
    with App(tmp_path) as app:
        open_tab(browser, app.url, "Import a file")
        assert app.practice.balances() == []
        assert [each.name for each in app.folder.iterdir() if each.is_dir()] == [".data"]
        [sender] = wait_until(lambda: pids(app, SENDER), app.log)
        wait_until(lambda: "Sender: " in app.log() and "Practice: " in app.log(), app.log)
        practice = app.practice
        assert sorted(logged(app)) == [
            f"blnk.app Address: {app.url} (this machine only)",
            f"blnk.app Balance Desk {released()}",
            f"blnk.app Data folder: {app.data_dir}",
            f"blnk.app Practice: {practice.url}, process {practice.pid}",
            f"blnk.worker Sender: process {sender} is sending. Rows left in doubt by the previous sender: 0.",
        ]


def logged(app: App) -> list[str]:
    """Each line that was logged, whoever did, without its time."""
    return re.findall(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (.*)$", app.log(), re.MULTILINE)


def test_a_second_start_takes_the_next_port_and_leaves_the_sending_to_the_first(
    tmp_path: Path, browser: Browser
) -> None:
    with App(tmp_path) as first, App(tmp_path, log="second") as second:
        assert first.url != second.url
        assert first.is_healthy()
        [practice] = pids(first, PRACTICE)
        page = open_tab(browser, f"{second.url}/create_balance", "Create a balance")
        expect(page.get_by_text("Another process is the sender")).to_be_visible()
        assert f"blnk.app Address: {second.url} (this machine only)" in logged(second)
        wait_until(lambda: "Sender: another process is sending." in second.log(), second.log)
        fill_form(page, ledger="Savings", currency="USD", who="Ada")
        page.get_by_role("button", name="Create balance").click()
        see(page, "The balance was created")
        assert second.practice.pid == practice

        first.process.send_signal(signal.SIGTERM)
        first.process.wait(END_SECONDS)
        page.goto(f"{second.url}/create_balance")
        see(page, "Create a balance")
        fill_form(page, ledger="Savings", currency="EUR")
        page.get_by_role("button", name="Create balance").click()
        see(page, "The balance was created")
        assert second.practice.pid != practice
        assert [balance["currency"] for balance in second.practice.balances()] == ["USD", "EUR"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_everything_ends_although_a_browser_is_open(
    tmp_path: Path, browser: Browser, number: signal.Signals
) -> None:
    with App(tmp_path) as app:
        open_tab(browser, app.url, "Import a file")
        assert len(app.processes()) == 3
        if number is signal.SIGINT:
            os.killpg(app.process.pid, number)  # as a terminal does on Ctrl-C
        else:
            app.process.send_signal(number)
        wait_for_end(app)
        assert "Traceback" not in app.log()


def test_nothing_is_left_after_the_app_is_killed(tmp_path: Path, browser: Browser) -> None:
    with App(tmp_path) as app:
        open_tab(browser, app.url, "Import a file")
        assert len(app.processes()) == 3
        app.process.kill()
        app.process.wait()
        wait_for_end(app)


def test_only_the_app_holds_its_port(stays: App) -> None:
    """Else the next start, right after a crash, would go to another port."""
    [sender] = wait_until(lambda: pids(stays, SENDER), stays.log)
    [practice] = wait_until(lambda: pids(stays, PRACTICE), stays.log)
    port = f"{urlsplit(stays.url).port:04X}"
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {f"socket:[{one[9]}]" for one in listening if one[1].endswith(f":{port}")}
    held = {process: sockets(process) & ours for process in stays.processes()}
    assert held.pop(stays.process.pid)
    assert held == {sender: set(), practice: set()}


def sockets(pid: int) -> set[str]:
    held = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            held.add(str(each.readlink()))
    return held


@pytest.mark.parametrize("module", [SENDER, PRACTICE])
def test_a_helper_that_dies_is_started_again(stays: App, module: str) -> None:
    [old] = wait_until(lambda: pids(stays, module), stays.log)
    os.kill(old, signal.SIGKILL)
    wait_until(lambda: set(pids(stays, module)) - {old}, stays.log)
    assert stays.practice.balances() == []


def secrets_of(app: App) -> str:
    """The Practice of the app as if it were a sandbox, with a time-out that a test can wait for."""
    return f"""[connections.here]
label = "Here"
environment = "sandbox"
base_url = "{app.practice.url}"
instance_id = "{app.practice.instance_id}"
access_token = "{app.practice.token}"
requests_per_minute = 12000
request_timeout_seconds = 1
"""


def test_a_thousand_rows_survive_a_kill_of_every_process_in_the_middle(
    tmp_path: Path, browser: Browser
) -> None:
    with App(tmp_path) as app:
        app.write_secrets(secrets_of(app))
        app.practice.order_fault("latency", seconds=0.5)
        page = open_import(browser, f"{app.url}/?connection=here")
        lines = [f"{LEDGER},NGN,{at:04}" for at in range(1000)]
        upload(page, "thousand.csv", "\n".join(["ledger_id,currency,customer", *lines]).encode())
        open_step(page, "Confirm")
        page.get_by_role("button", name="Create 1,000 balances").click()
        results = download_link(page, "All rows").get_attribute("href")
        wait_until(lambda: len(app.practice.balances()) >= 200, lambda: "it does not get going")
        app.kill_all()
        page.close()

        store = Store(f"sqlite:///{app.data_dir / 'journal.db'}")
        id = parse_qs(urlsplit(page.url).query)["import"][0]
        with store.read() as tx:
            import_ = imports.find(tx, id)
            assert import_ is not None
            assert import_.counts.get(RowState.CREATED, 0) < 1000
            assert import_.counts.get(RowState.SENDING, 0) > 0

        app.start()  # and nobody visits

        def is_done() -> bool:
            with store.read() as tx:
                found = imports.find(tx, id)
            return found is not None and found.state is ImportState.DONE

        wait_until(is_done, lambda: f"{app.log()} {imports_told(store, id)}")
        told = requests.get(f"{app.url}{results}", timeout=120).content.decode("utf-8-sig")
        table = list(csv.DictReader(io.StringIO(told, newline="")))
        held = app.practice.balances()
        assert sorted(one["meta_data"]["customer"] for one in held) == [f"{at:04}" for at in range(1000)]
        assert len(set(app.practice.refs())) == 1000
        assert {row["status"] for row in table} == {"Created"}
        assert {row["customer"]: row["balance_id"] for row in table} == {
            one["meta_data"]["customer"]: one["balance_id"] for one in held
        }


def imports_told(store: Store, id: str) -> str:
    with store.read() as tx:
        return str(imports.find(tx, id))
