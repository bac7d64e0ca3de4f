"""The app's own routes and middleware, on a port of their own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from blnk_api.common.origins import Site
from blnk_api.web import middleware as web
from blnk_api.web import probes, request_ids, routes
from tests.support.importer import Importer, wait_until

_HTML = {"Accept": "text/html,application/xhtml+xml"}


async def page(_: Request) -> HTMLResponse:
    return HTMLResponse("<h1>page</h1>")


@pytest.fixture
def host(importer: Importer) -> Iterator[str]:
    """The routes and the middleware of the app, on a port of their own."""
    middleware = [
        Middleware(request_ids.RequestIds),
        Middleware(web.SecurityHeaders, Site),
        Middleware(probes.Probes),
        Middleware(web.OwnOrigin, Site),
        Middleware(web.BrowserCookie),
    ]
    with served(Starlette(routes=[*routes.routes(), Route("/", page)], middleware=middleware)) as url:
        yield url


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Any app, on a port of its own on this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    wait_until(lambda: server.started, lambda: "the server did not start")
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=120)
