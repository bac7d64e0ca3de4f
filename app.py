"""The composition root: Streamlit's pages, our own routes, and the processes that run as long as the
server."""

import asyncio
import gc
import inspect
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from streamlit.watcher.polling_path_watcher import PollingPathWatcher

from blnk_api import currencies
from blnk_api.common import log, open_files, private_files
from blnk_api.common.process_start import loading
from blnk_api.desk import startup_check
from blnk_api.sign_in import gate
from blnk_api.web import (
    first_files,
    first_page,
    middleware,
    probes,
    request_ids,
    resting_server,
    routes,
    upload_limits,
)
from blnk_api.worker import supervise
from pages.kit import error_page, held_uploads, look, startup_log
from pages.kit.server_names import site
from pages.run import browser_notice

private_files.keep_files_private()
loading.without_plugins()

_NEEDED_BY_PAGES = (
    # Streamlit itself loads these as it runs a page for the first time.
    "numpy",
    "PIL.ImageFile",
    "streamlit.material_icon_names",
    "streamlit.runtime.scriptrunner.magic_funcs",
    "pages.kit.sidebar",
    "pages.balance.form",
    "pages.balance.result",
    "pages.draft.draft_page",
    "pages.run.import_page",
    "pages.history.imports_list",
    "pages.history.yours",
    "pages.draft.upload",
    "pages.balance.balances_table",
    "pages.balance.one_balance",
    "pages.history.month",
    "pages.health.checks",
    "pages.health.notifications",
    "pages.health.signed_in",
    "pages.health.workers",
    "pages.health.practice_faults",
)


_NEEDED_BY_TABLES = ("pandas", "pyarrow")
_FIRST_VISIT_SECONDS = 5.0
"""Tables take as long to load as a whole page to be shown: the first visitor's comes first."""


def _load() -> None:
    """Loads what the first visitor would otherwise wait for, while Practice starts.

    Streamlit collects all generations of garbage after each run; what is loaded here is exempt.
    """
    loading.load(*_NEEDED_BY_PAGES)
    currencies.all_codes()
    # Streamlit asks this about each page's code. The first time Python looks where all modules come from.
    inspect.getmodule(inspect.currentframe())


def _load_tables() -> None:
    """Afterwards, what the first visitors loaded by themselves is exempt as well."""
    loading.load(*_NEEDED_BY_TABLES)
    gc.collect()
    gc.freeze()


def _log_and_check() -> None:
    startup_log.write()
    startup_check.check_all()


def _stop_watching_settings() -> None:
    """Streamlit looks five times a second whether its own settings were edited, which costs more than all
    else that a server with no visitor does. They are read at the start."""

    def never(_: PollingPathWatcher) -> None:
        pass

    setattr(PollingPathWatcher, "_schedule", never)  # noqa: B010 - it is not for others


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, object]]:
    open_files.raise_limit()
    log.to_stderr()
    _stop_watching_settings()
    resting_server.tick_once_a_second()
    loaded = asyncio.create_task(asyncio.to_thread(_load))
    async with supervise.helpers(before_sender=loaded):
        await loaded
        # In threads that nobody waits for, so a connection that does not answer delays neither start
        # nor end.
        threading.Thread(target=_log_and_check, daemon=True).start()
        tables = threading.Timer(_FIRST_VISIT_SECONDS, _load_tables)
        tables.daemon = True
        tables.start()
        yield {}


_STREAMLITS_FOLDER = Path(st.__file__).parent / "static"
_STREAMLITS_PAGE = _STREAMLITS_FOLDER / "index.html"
_NO_ADDRESSES = ("__init__", "home", "shell")


def addresses_of_pages() -> list[str]:
    names = (one.stem for one in (Path(__file__).parent / "pages").glob("*.py"))
    return ["/", *(f"/{one}" for one in names if one not in _NO_ADDRESSES)]


def scripts_in_pages() -> list[str]:
    """Streamlit's own page has one, which changes with its version."""
    streamlits = re.findall(r"<script>(.*?)</script>", _STREAMLITS_PAGE.read_text("utf-8"), re.DOTALL)
    return [*streamlits, first_page.NAMES_SERVER, look.TO_THE_TOP, *browser_notice.SCRIPTS]


def streamlits_files() -> list[str]:
    """The paths of the scripts, styles and fonts that come with Streamlit."""
    files = (_STREAMLITS_FOLDER / "static").rglob("*")
    return [f"/{one.relative_to(_STREAMLITS_FOLDER).as_posix()}" for one in files if one.is_file()]


app = st.App(
    "pages/shell.py",
    lifespan=lifespan,
    routes=[*routes.routes(), *first_page.routes(_STREAMLITS_PAGE, addresses_of_pages())],
    on_script_error=error_page.show,
    middleware=[
        Middleware(request_ids.RequestIds),
        Middleware(middleware.SecurityHeaders, site, scripts_in_pages()),
        Middleware(probes.Probes),
        Middleware(middleware.OwnOrigin, site),
        Middleware(gate.Gate, site, streamlits_files()),
        Middleware(first_files.FirstFiles, first_files.named_in(_STREAMLITS_PAGE)),
        Middleware(middleware.ClosedPaths),
        Middleware(upload_limits.UploadLimits, held_uploads.held),
        Middleware(middleware.BrowserCookie),
    ],
)
