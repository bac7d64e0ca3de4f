"""How fast the desk answers a person, and what it costs: the app as its real processes, headless Chromium.

    python -m tests.bench.desk [--quick]

Prints a table and writes it to tests/bench/RESULTS.md. Takes about eight minutes (`--quick`: two minutes,
each thing once, and nothing is written). The machine should have nothing else to do.

A click's time is the browser's own: from the click to the first frame in which the page shows what was asked
for and is at rest. Nineteen of the twenty watchers are sessions without a browser (watchers.py); the
twentieth is a tab of Chromium, in which the clicks are made.
"""

import argparse
import os
import re
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page

from blnk_api import settings as settings_module
from blnk_api.store import Store
from tests.bench.sending import bare_server, checked_import, confirm, cpu_seconds, kept, write_results
from tests.bench.watchers import Watchers
from tests.support.app import App
from tests.support.browser import chromium, open_tab, see, settle

ROWS = 100_000
ROWS_PER_MINUTE = 6_000
WATCHERS = 20
SESSIONS = 10
HEADING_SECONDS = 2.5
END_SECONDS = 5.0
CLICK_MS = 300.0
LOST_MS = 10_000.0
MOST_MB = 600.0
MOST_CPU_PERCENT = 25.0

PAGES = {
    "create_balance": "Create a balance",
    "import_file": "Import a file",
    "imports": "Imports",
    "balances": "Balances",
    "connection": "Connection",
}
IMPORT = "import=imp_bench&connection=here"
FILE = "bench.csv"

_TIME_A_CLICK = """([text, comes, lost]) => {
    window.answered = new Promise(done => addEventListener("click", () => {
        const clicked = performance.now();
        const look = () => {
            const rests = document.querySelector("[data-testid=stApp][data-test-script-state=notRunning]");
            const page = document.querySelector("[data-testid=stMain]");
            const passed = performance.now() - clicked;
            if (rests && page.textContent.includes(text) === comes || passed >= lost) done(passed);
            else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
    }, {capture: true, once: true}));
}"""


@dataclass(frozen=True)
class Times:
    """How much is measured."""

    rounds: int
    watched_seconds: float


@contextmanager
def app_with_an_import(folder: Path) -> Iterator[App]:
    """The app while it sends an import, a hundred rows a second."""
    with bare_server(latency_seconds=0.05) as url:
        secrets = folder / ".streamlit" / "secrets.toml"
        secrets.parent.mkdir(parents=True)
        secrets.write_text(
            f'[connections.here]\nbase_url = "{url}"\ninstance_id = "i"\nenvironment = "sandbox"\n'
            f'access_token = "t"\nrequests_per_minute = {ROWS_PER_MINUTE}\n'
        )
        (folder / ".data").mkdir()
        chosen = settings_module.load(
            {"BLNK_DATA_DIR": str(folder / ".data"), "BLNK_SECRETS_FILE": str(secrets)}
        )
        store = Store(chosen.database_url)
        store.migrate()
        confirm(store, checked_import(store, chosen.connections["here"].instance, ROWS))
        store.close()
        with App(folder, waits={}) as app:
            yield app


def first_headings(browser: Browser, times: Times) -> Iterator[str]:
    """From the visit to the first heading, on a server that has just started and that nobody has visited."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(Path(folder), waits={})
        for path, heading in PAGES.items():
            took = []
            for _ in range(times.rounds):
                with app:
                    page = browser.new_context().new_page()
                    began = time.monotonic()
                    page.goto(f"{app.url}/{path}", wait_until="commit")
                    page.get_by_role("heading", name=heading, exact=True).wait_for()
                    took.append(time.monotonic() - began)
                    page.context.close()
            yield line(f"first heading of “{heading}”, cold", took, "s", HEADING_SECONDS, ".2f")


def endings(browser: Browser, times: Times) -> Iterator[str]:
    """From Ctrl-C, with a tab open, until no process of the app is left."""
    took = []
    with tempfile.TemporaryDirectory() as folder:
        app = App(Path(folder), waits={})
        for _ in range(times.rounds):
            with app:
                open_tab(browser, f"{app.url}/create_balance", PAGES["create_balance"])
                began = time.monotonic()
                os.killpg(app.process.pid, signal.SIGINT)
                while app.processes():
                    app.process.poll()
                    time.sleep(0.02)
                took.append(time.monotonic() - began)
    yield line("Ctrl-C with a tab open, until all has ended", took, "s", END_SECONDS, ".1f")


def clicks(page: Page) -> dict[str, Callable[[], float]]:
    """What can be clicked on the import's page, in this order. Each click returns milliseconds."""

    def button(name: str) -> Callable[[], None]:
        return page.get_by_role("button", name=name).click

    to_all = page.get_by_test_id("stSidebar").get_by_role("link", name="Imports").click
    to_it = page.get_by_test_id("stMain").get_by_role("link", name=FILE).click
    asks = "Nothing is sent while you decide."
    return {
        "the next rows": lambda: answer(page, button("Next"), "Rows 102 to 201."),
        "the rows before": lambda: answer(page, button("Back"), "Rows 2 to 101."),
        "“Cancel import…” asks": lambda: answer(page, button("Cancel import…"), asks),
        "“Keep import”": lambda: answer(page, button("Keep import"), asks, comes=False),
        "from it to all imports": lambda: answer(page, to_all, "A month's totals"),
        "from all imports to it": lambda: answer(page, to_it, "Rows 2 to 101."),
    }


def answer(page: Page, click: Callable[[], None], text: str, *, comes: bool = True) -> float:
    """Milliseconds from the click until the text has appeared, or disappeared, and the page is at rest.

    A click that is lost, because the page moved under it, costs ten seconds and is made again.
    """
    took, one = 0.0, LOST_MS
    while one >= LOST_MS:
        settle(page)
        page.evaluate(_TIME_A_CLICK, [text, comes, LOST_MS])
        click()
        one = page.evaluate("window.answered")
        took += one
    return took


def open_import(browser: Browser, app: App) -> Page:
    page = open_tab(browser, f"{app.url}/imports?{IMPORT}", FILE)
    see(page, "Rows")
    return page


def answers(browser: Browser, app: App, times: Times) -> Iterator[str]:
    page = open_import(browser, app)
    asked = clicks(page)
    took: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(times.rounds):
        for name, click in asked.items():
            took[name].append(click())
    page.context.close()
    for name, each in took.items():
        yield line(f"{ROWS:,} rows open, a click: {name}", each, "ms", CLICK_MS, ".0f")


def memory(browser: Browser, app: App) -> Iterator[str]:
    """Half of the sessions on the import that is being sent, each of the others on a page of its own."""
    idle = rss_mb(app.process.pid)
    open_ = [open_import(browser, app) for _ in range(SESSIONS - len(PAGES))]
    for path, heading in PAGES.items():
        open_.append(open_tab(browser, f"{app.url}/{path}?connection=practice", re.compile(f"^{heading}$")))
    for page in open_[: SESSIONS - len(PAGES)]:
        for click in clicks(page).values():
            click()
    now = rss_mb(app.process.pid)
    for page in open_:
        page.context.close()
    yield f"| the server's memory before the first visit | {idle:.0f} MB | |"
    yield line(f"its memory with {SESSIONS} sessions open", [now], "MB", MOST_MB, ".0f")


def watched(browser: Browser, app: App, times: Times) -> Iterator[str]:
    """The server's own CPU time, and clicks in one of the watching tabs meanwhile."""
    cpu, took = [], []
    pid = app.process.pid
    page = open_import(browser, app)
    with Watchers(app.url, "imports", IMPORT, WATCHERS - 1) as others:
        for _ in range(times.rounds):
            before, began, runs = cpu_seconds(pid), time.monotonic(), others.runs
            page.wait_for_timeout(times.watched_seconds * 1000)
            passed = time.monotonic() - began
            cpu.append(100 * (cpu_seconds(pid) - before) / passed)
            each = (others.runs - runs) / passed / (WATCHERS - 1)
            took += [click() for _ in range(2) for click in list(clicks(page).values())[:2]]
    page.context.close()
    name = f"{WATCHERS} watchers of an import that moves"
    yield line(f"{name}: CPU of one core", cpu, "%", MOST_CPU_PERCENT, ".0f")
    yield f"| each of them asks | {each:.1f} times a second | |"
    yield line(f"{name}: a click for other rows", took, "ms", CLICK_MS, ".0f")


def line(what: str, figures: list[float], unit: str, bound: float, form: str) -> str:
    """One figure beside its bound, and whether it is within it."""
    middle = median(figures)
    all_ = f" of {min(figures):{form}} to {max(figures):{form}}" if len(figures) > 1 else ""
    return f"| {what} | {middle:{form}} {unit}{all_} | {bound:g} {unit}: {kept(middle <= bound)} |"


def rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    times = Times(1, 10) if options.quick else Times(5, 30)
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        told = [*first_headings(browser, times), *endings(browser, times)]
        with app_with_an_import(Path(folder)) as app:
            told += [*memory(browser, app), *answers(browser, app, times), *watched(browser, app, times)]
    table = "\n".join(["| what | measured, median | at most |", "| --- | --- | --- |", *told])
    print(table)
    if not options.quick:
        write_results("Desk", "python -m tests.bench.desk", table)


if __name__ == "__main__":
    main()
