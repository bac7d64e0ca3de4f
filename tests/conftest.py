"""What every test may use: one Practice for the whole run, emptied before each test, and an importer.

A test that is to hold on both databases takes `store` or `database_url`, which make it run on each, or says
`@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)`.

Nothing is imported here before a test asks for it: the pure ones are to begin at once, on a machine that has
neither a database server nor a browser.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.support.examples import SEARCH
from tests.support.waiting import may_be_tried_again

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from blnk_api.store import Store
    from tests.support.app import App
    from tests.support.command_line import Commands
    from tests.support.importer import Importer
    from tests.support.postgres import Postgres
    from tests.support.practice import PracticeBlnk
    from tests.support.provider import Provider

MEASURED = ("pure", "files")
"""Tests that run our code in their own process: only of such coverage says something. It nearly doubles the
processor time of what it measures, and those of the store take too much of that for each run."""
UNMEASURED = (
    "test_fuzz_files",
    "test_imported_before",
    "test_odd_files",
    "test_plain_rows",
    "test_swallowed_rows",
)
"""Files of theirs with hundreds of cases, each of which would take twice as long and runs mostly what others
do. Asked for alone, they are measured."""
MEASURED_FILES = pytest.StashKey[set[Path]]()
LONGEST = ("worker", "sending", "cli", "store", "drafts", "review")
SHORTEST = "pure"
"""Folders whose files go first, and last, so that no process waits long for another one at the end. Those
that drive a browser, which takes a processor for itself, are spread evenly among the former."""

NEVER_AGAIN = ("pure", "files")
"""Folders of tests that wait for nobody: what fails in them is wrong. Of all others, a test that waited in
vain is tried once more: minutes were not enough for what must come at all, which says something about the
machine. Of those that saw something wrong, each test process tries one again, so a run with more of them
fails. A browser that gets no processor for long enough may miss what it is asked: whatever fails in it is
tried once more. The end of the run names what needed that, and why: it may have found something."""

settings.register_profile("any machine", deadline=None, derandomize=True)
settings.register_profile(SEARCH, deadline=None, print_blob=True)
settings.load_profile("any machine")


def pytest_collection(session: pytest.Session) -> None:
    """All test processes import the same now, which the first of them measures for all.

    In each of them pytest-cov has begun twice. What began first is asked for nothing, and would go on beneath
    whenever the other one pauses: all tests would take the time of measured ones.
    """
    if (coverage := _coverage(session.config)) is None:
        return
    only_distributes = session.config.getoption("dist", "no") != "no"
    is_first = os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"
    coverage.pause()
    while (beneath := type(coverage.cov).current()) is not None:
        beneath.stop()
    if is_first and not only_distributes:
        coverage.resume()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In which order, and what coverage does not measure."""
    items.sort(key=lambda item: (item.path.parent.name == SHORTEST, item.path.parent.name not in LONGEST))
    browsers, others = (
        list(dict.fromkeys(item.path for item in items if (item.path.parent.name == "browser") is drives))
        for drives in (True, False)
    )
    browsers.sort(key=lambda path: path.stat().st_size, reverse=True)
    longer = sum(path.parent.name != SHORTEST for path in others)
    apart = max(1, longer // (len(browsers) + 1))
    turns = {path: (at // apart, 1) for at, path in enumerate(others)}
    turns |= {path: (at, 0) for at, path in enumerate(browsers)}
    items.sort(key=lambda item: turns[item.path])
    for item in items if not config.getoption("usepdb") else ():  # it is to stop where a test fails
        if item.path in browsers:
            item.add_marker(pytest.mark.flaky(reruns=1))
        elif item.path.parent.name not in NEVER_AGAIN:
            item.add_marker(pytest.mark.flaky(reruns=1, condition=may_be_tried_again))
    files = {item.path for item in items}
    measured = {path for path in files if path.parent.name in MEASURED and path.stem not in UNMEASURED}
    config.stash[MEASURED_FILES] = measured or files  # others alone were asked for


def pytest_collection_finish() -> None:
    """Garbage is looked for more seldom, and not in what was imported and collected, which stays."""
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measures what a test needs if it measures the test, and only then: a fixture may cost more than it."""
    wanted = item.path in item.config.stash[MEASURED_FILES]
    coverage = _coverage(item.config)
    if coverage is not None and wanted is not coverage.started:
        coverage.resume() if wanted else coverage.pause()
    return (yield)


def _coverage(config: pytest.Config) -> Any:
    """What pauses and resumes coverage, if this run measures it."""
    plugin = config.pluginmanager.getplugin("_cov")
    return plugin and plugin.cov_controller


@pytest.fixture(scope="session")
def _one_practice_blnk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeBlnk]:
    from tests.support.practice import ENVIRONMENT, PracticeBlnk

    with PracticeBlnk(tmp_path_factory.mktemp("practice"), seed=ENVIRONMENT) as blnk:
        yield blnk


@pytest.fixture
def practice_blnk(_one_practice_blnk: PracticeBlnk) -> PracticeBlnk:
    """A Practice that has nothing but its ledgers and identities, and has no faults."""
    _one_practice_blnk.reset()
    return _one_practice_blnk


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One server for the whole run; its database "migrated" is an empty store, for copies."""
    from blnk_api.store import Store
    from tests.support.postgres import Postgres

    with Postgres() as server:
        server.execute("CREATE DATABASE migrated")
        template = Store(server.url("migrated"))
        template.migrate()
        template.close()
        yield server


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite store as migrations leave it, for copies: migrating takes a tenth of a second."""
    from blnk_api.store import Store

    path = tmp_path_factory.mktemp("empty") / "journal.db"
    made = Store(f"sqlite:///{path}")
    made.migrate()
    made.close()
    return path


@pytest.fixture(params=("sqlite", "postgres"))
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of this test's own, on each kind of database."""
    return _empty_store(request, request.param, tmp_path)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store, on each kind of database."""
    from blnk_api.store import Store

    opened = Store(database_url)
    yield opened
    opened.close()


@pytest.fixture
def importer(
    request: pytest.FixtureRequest,
    practice_blnk: PracticeBlnk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Importer]:
    """A store of its own, connected to Practice as a sandbox, with short waits."""
    from tests.support.importer import Importer

    url = _empty_store(request, getattr(request, "param", "sqlite"), tmp_path / "data")
    with Importer(practice_blnk, tmp_path / "data", monkeypatch, database_url=url) as made:
        yield made


def _empty_store(request: pytest.FixtureRequest, kind: str, folder: Path) -> str:
    from tests.support.compiled import compile_once

    compile_once()
    if kind == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.new_database(like="migrated")
        request.addfinalizer(lambda: server.drop_database(url))
        return url
    folder.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(request.getfixturevalue("empty_store"), folder / "journal.db")
    return f"sqlite:///{folder / 'journal.db'}"


@pytest.fixture
def commands(
    importer: Importer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Commands]:
    """The command line on the importer's data, in a folder of its own, without a terminal."""
    from tests.support.command_line import ROOT, Commands

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with open(os.devnull) as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        yield Commands(importer, tmp_path, capsys)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """As it is started by somebody who has configured nothing; what one test made is there for the next."""
    from tests.support.app import App

    with App(tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """One for the whole run; each test says whom it knows."""
    from tests.support.provider import Provider

    with Provider() as provider:
        yield provider


@pytest.fixture
def blnk(app: App) -> PracticeBlnk:
    """The Practice of the app, without faults."""
    blnk = app.practice
    blnk.clear_faults()
    blnk.forget_requests()
    return blnk


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real one, for one module: while it is open, nothing else in this process can run an event loop."""
    from tests.support.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _tabs_end_with_their_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """A page that is left open goes on asking, and costs the next test its time. A module's own stay."""
    browser: Browser | None = (
        request.getfixturevalue("browser") if "browser" in request.fixturenames else None
    )
    stay = [] if browser is None else [page for context in browser.contexts for page in context.pages]
    yield
    if browser is not None:
        from tests.support.browser import close_tabs

        close_tabs(browser, but=stay)
