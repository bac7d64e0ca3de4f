"""The gate in front of a small app on a port of its own: what it lets in and what it does not, without
Streamlit."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from blnk_api.common.origins import Site
from blnk_api.desk.desk import open_store
from blnk_api.settings import Settings, load
from blnk_api.sign_in.gate import Gate
from blnk_api.store import tables
from blnk_api.store.people import sessions
from blnk_api.store.people.sessions import Session
from blnk_api.web import middleware as web
from tests.support.provider import Provider
from tests.support.web import served

HTML = {"Accept": "text/html,application/xhtml+xml"}
ROLES = '[roles]\nadmin = ["ada@acme.example"]\n'
INSIDE = "You are inside."
EVERYONES = "/static/everyones.js"


class Desk:
    """What is behind the gate answers each path with the same sentence."""

    def __init__(self, url: str, secrets: Path) -> None:
        self.url = url
        self._secrets = secrets

    def write_secrets(self, text: str) -> None:
        self._secrets.write_text(text)

    @property
    def settings(self) -> Settings:
        return load()

    def sessions(self) -> list[Session]:
        """All sessions that ever existed, newest first."""
        with open_store(self.settings).read() as tx:
            return sessions.last(tx, limit=100)

    def let_pass(self, seconds: float) -> None:
        """As if all sessions had begun and been used this much earlier."""
        with open_store(self.settings).write() as tx:
            earlier = {"begun_at": tables.sessions.c.begun_at - seconds}
            earlier |= {"seen_at": tables.sessions.c.seen_at - seconds}
            tx.execute(update(tables.sessions).values(earlier))

    def browser(self) -> "Browser":
        return Browser(self.url)


class Browser:
    """Makes requests as a browser does: it keeps cookies, and follows one redirect at a time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()

    def open(self, path: str, **headers: str) -> requests.Response:
        """A page, or any complete address."""
        address = path if "://" in path else f"{self.url}{path}"
        return self.http.get(address, headers={**HTML, **headers}, allow_redirects=False, timeout=120)

    def ask(self, method: str, path: str, **headers: str) -> requests.Response:
        """Anything but a page."""
        url = f"{self.url}{path}"
        return self.http.request(method, url, headers=headers, allow_redirects=False, timeout=120)

    def connects(self, **headers: str) -> bool:
        """Whether a WebSocket opens."""
        where = urlsplit(self.url)
        cookie = "; ".join(f"{one.name}={one.value}" for one in self.http.cookies)
        lines = [
            "GET /_stcore/stream HTTP/1.1",
            f"Host: {where.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            *([f"Cookie: {cookie}"] if cookie else []),
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        with socket.create_connection((where.hostname or "", where.port or 0), timeout=120) as wire:
            wire.sendall("\r\n".join([*lines, "", ""]).encode())
            status = int(wire.recv(1 << 16).split()[1])
        assert status in (101, 403)
        return status == 101

    def sign_in(self, provider: Provider, subject: str, to: str = "/") -> requests.Response:
        """From a page through sign-in and back to that page; returns the last redirect's answer."""
        asked = self.open(to)
        assert asked.status_code == 303, asked.text
        way_there = self.open(asked.headers["Location"])
        assert way_there.status_code == 303, way_there.text
        return self.open(provider.comes_back(way_there.headers["Location"], subject))

    def is_inside(self) -> bool:
        return INSIDE in self.open("/").text


async def _inside(_: Request) -> PlainTextResponse:
    return PlainTextResponse(INSIDE)


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


def _app(site: Site) -> Starlette:
    methods = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[WebSocketRoute("/_stcore/stream", _socket), Route("/{any:path}", _inside, methods=methods)],
        middleware=[
            Middleware(web.SecurityHeaders, lambda: site),
            Middleware(web.OwnOrigin, lambda: site),
            Middleware(Gate, lambda: site, [EVERYONES]),
        ],
    )


@contextmanager
def desk(folder: Path, monkeypatch: pytest.MonkeyPatch, site: Site | None = None) -> Iterator[Desk]:
    """A desk with its data in this folder, without `[sign_in]` until its secrets contain it."""
    secrets = folder / "secrets.toml"
    secrets.write_text("")
    monkeypatch.setenv("BLNK_DATA_DIR", str(folder))
    monkeypatch.setenv("BLNK_SECRETS_FILE", str(secrets))
    monkeypatch.delenv("BLNK_DATABASE_URL", raising=False)
    with served(_app(site or Site(address="127.0.0.1"))) as url:
        yield Desk(url, secrets)


def cookie(answer: requests.Response, name: str) -> str:
    """The whole Set-Cookie header of this name."""
    [found] = [one for one in answer.raw.headers.getlist("Set-Cookie") if re.match(rf"{name}=", one)]
    return str(found)
