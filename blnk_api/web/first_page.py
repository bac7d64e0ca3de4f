"""Streamlit's page, with which every address of a page begins, with the address of its server.

Without that it looks below its own address first, as in /imports/_stcore/health, and when nothing is there it
waits for more than a tenth of a second.
"""

from collections.abc import Iterable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

NAMES_SERVER = "window.__streamlit = { BACKEND_BASE_URL: new URL('./', location.href).href }"
"""A script, which the server's policy must allow."""

_HEAD = "<head>"
_NO_CACHE = {"Cache-Control": "no-cache"}


def routes(page: Path, addresses: Iterable[str]) -> list[Route]:
    """`page` is the file that comes with Streamlit, which serves it at all other addresses."""
    html = page.read_text("utf-8").replace(_HEAD, f"{_HEAD}<script>{NAMES_SERVER}</script>", 1)

    async def show(_: Request) -> Response:
        return HTMLResponse(html, headers=_NO_CACHE)

    return [Route(address, show) for address in addresses]
