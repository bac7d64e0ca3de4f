"""The composition root: Streamlit's pages, our own routes, and the helpers that live as long as they do."""

import asyncio
import gc
import importlib
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from blnk_api import currencies, first_check, handles, private, routes, supervise, upload_limits, web
from pages.parts import held_uploads, look, trouble
from pages.parts.served import site

private.keep_files_private()

_NEEDED_BY_PAGES = (
    *("pandas", "pyarrow", "pages.parts.ask", "pages.parts.outcome"),
    *("pages.parts.draft", "pages.parts.import_view", "pages.parts.history", "pages.parts.upload"),
    *("pages.parts.balances_table", "pages.parts.balance_view", "pages.parts.month"),
    *("pages.parts.checks", "pages.parts.faults"),
)


def _load() -> None:
    """What the first visitor would wait for, while the helpers start."""
    for name in _NEEDED_BY_PAGES:
        importlib.import_module(name)
    currencies.all_codes()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
    handles.raise_limit()
    loading = asyncio.create_task(asyncio.to_thread(_load))
    async with supervise.helpers():
        await loading
        # Streamlit collects all generations after each run: what lives as long as the server is left out.
        gc.collect()
        gc.freeze()
        # A thread that nobody waits for: a connection that does not answer holds neither start nor end up.
        threading.Thread(target=first_check.ask_all, daemon=True).start()
        yield {}


def scripts_in_pages() -> list[str]:
    """Streamlit's own page has one, which changes with its version."""
    page = Path(st.__file__).parent / "static" / "index.html"
    return [*re.findall(r"<script>(.*?)</script>", page.read_text("utf-8"), re.DOTALL), look.TO_THE_TOP]


app = st.App(
    "pages/shell.py",
    lifespan=lifespan,
    routes=routes.routes(),
    on_script_error=trouble.show,
    middleware=[
        Middleware(web.SecurityHeaders, site, scripts_in_pages()),
        Middleware(web.OwnOrigin, site),
        Middleware(web.ClosedPaths),
        Middleware(upload_limits.UploadLimits, held_uploads.held),
        Middleware(web.BrowserCookie),
    ],
)
