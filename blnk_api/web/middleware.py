"""Middleware in front of Streamlit: keeps other sites out, adds headers, gives browsers their cookie."""

import base64
import hashlib
import logging
import re
import secrets
from collections.abc import Callable, Collection
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blnk_api.common.origins import Site

BROWSER_COOKIE = "desk_browser"
"""A random value that identifies a browser, so that names are asked for once per browser. It proves
nothing."""

_READS = ("GET", "HEAD")
_MOST_LOGGED = 20
_YEAR_SECONDS = 365 * 24 * 3600
_ATTRIBUTES = "HttpOnly; SameSite=Lax"
_VALUE = re.compile(r"[A-Za-z0-9_-]{22,64}")

_CLOSED = re.compile(r"(^|/)_stcore/(metrics|agent)(/|$)")

_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(
        f"{feature}=()"
        for feature in (
            "accelerometer",
            "browsing-topics",
            "camera",
            "display-capture",
            "geolocation",
            "gyroscope",
            "magnetometer",
            "microphone",
            "midi",
            "payment",
            "serial",
            "usb",
        )
    ),
}
_HSTS = f"max-age={_YEAR_SECONDS}"

_POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' {sockets}; "
    "worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'"
)
"""Pages load nothing from other sites, whatever a cell or name contains. Streamlit needs inline styles."""


_log = logging.getLogger(__name__)


class SecurityHeaders:
    """Adds headers that an answer does not set itself. `scripts` are the inline scripts of pages; no others
    run."""

    def __init__(self, app: ASGIApp, site: Callable[[], Site], scripts: Collection[str] = ()) -> None:
        self._app = app
        self._site = site
        self._scripts = "".join(f" '{_hash(script)}'" for script in scripts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host, site = Headers(scope=scope).get("host", ""), self._site()
        policy = _POLICY.format(scripts=self._scripts, sockets=site.sockets(host))
        added = {"Content-Security-Policy": policy, **_HEADERS}
        if site.is_behind_tls(scope["scheme"], host):
            added["Strict-Transport-Security"] = _HSTS

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in added.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


def _hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


class OwnOrigin:
    """Rejects requests under a foreign name, and WebSockets and writes sent by a foreign page.

    `site` is called for each request. Starlette's TrustedHostMiddleware does not fit: it cannot allow "any IP
    address", keeps the names it started with, reads only the first of several Host headers, and its error
    does not say how to serve the name.
    """

    def __init__(self, app: ASGIApp, site: Callable[[], Site]) -> None:
        self._app = app
        self._site = site
        self._logged: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers, site = Headers(scope=scope), self._site()
        host, origins = headers.get("host", ""), headers.getlist("origin")
        if len(headers.getlist("host")) != 1 or not site.is_ours(host):
            self._log_once(f"The request was sent to {host[:200]!r}, which is not a name of this server.")
            await _refuse(scope, receive, send, _FOREIGN_NAME)
            return
        acts = scope["type"] == "websocket" or scope["method"] not in _READS
        if acts and origins and (len(origins) > 1 or not site.is_from_us(origins[0], host)):
            self._log_once(f"A page of {origins[0][:200]!r} sent the request to {host[:200]!r}.")
            await _refuse(scope, receive, send, _FOREIGN_PAGE)
            return
        if scope["type"] == "websocket":
            scope = {**scope, "headers": _for_streamlit(scope["headers"], site.host_for_streamlit(host))}
        await self._app(scope, receive, send)

    def _log_once(self, what: str) -> None:
        """Logs each text once, and a limited number of them: the texts come from strangers."""
        if what not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(what)
            _log.warning(
                "A request was rejected. %s If that address is yours, start the server with "
                "--server.allowedHosts NAME or, for a proxy, with BLNK_PUBLIC_URL.",
                what,
            )


_FOREIGN_NAME = (
    "This server answers only under its own names, such as http://localhost. Nothing was done. To serve it "
    "under another name, start it with --server.allowedHosts NAME.\n"
)
_FOREIGN_PAGE = (
    "A page of another site sent this request, so it was rejected. Nothing was done. If a proxy serves "
    "Balance Desk at another address, set BLNK_PUBLIC_URL to that address.\n"
)


async def _refuse(scope: Scope, receive: Receive, send: Send, text: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await PlainTextResponse(text, 403)(scope, receive, send)


def _for_streamlit(headers: list[tuple[bytes, bytes]], host: str) -> list[tuple[bytes, bytes]]:
    """Removes the origin, which was checked here: Streamlit would compare it with its own list."""
    kept = [(name, value) for name, value in headers if name not in (b"origin", b"host")]
    return [*kept, (b"host", host.encode("latin-1"))]


class ClosedPaths:
    """Closes Streamlit's metrics, which reveal activity, and its API for agents. Neither is used here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _CLOSED.search(scope["path"]):
            await PlainTextResponse("Not found\n", 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class BrowserCookie:
    """Gives a browser its cookie with the first page that it opens, before the page connects back."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _opens_a_page(scope) or browser_of(_cookies(scope)) is not None:
            await self._app(scope, receive, send)
            return
        cookie = (
            f"{BROWSER_COOKIE}={secrets.token_urlsafe(24)}; Path=/; Max-Age={_YEAR_SECONDS}; {_ATTRIBUTES}"
        )
        cookie += "; Secure" if scope["scheme"] == "https" else ""

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self._app(scope, receive, with_cookie)


def browser_of(cookies: dict[str, str]) -> str | None:
    """The browser's own value, if it sent one that we may have issued."""
    value = cookies.get(BROWSER_COOKIE, "")
    return value if _VALUE.fullmatch(value) else None


def _opens_a_page(scope: Scope) -> bool:
    return scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", "")


def _cookies(scope: Scope) -> dict[str, str]:
    try:
        parsed = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in parsed.items()}
