"""What every HTTP answer carries: headers that keep other sites out, and a browser's own cookie."""

import re
import secrets
from collections.abc import Callable, Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BROWSER_COOKIE = "desk_browser"
"""A random value that tells browsers apart: names are asked once per browser. It proves nothing."""

_YEAR_SECONDS = 365 * 24 * 3600
_ATTRIBUTES = "HttpOnly; SameSite=Lax"
_VALUE = re.compile(r"[A-Za-z0-9_-]{22,64}")

_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class SecurityHeaders:
    """Adds the headers that an answer does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class KnownHosts:
    """Refuses requests under a host name that is not this server's, which a foreign page in a browser on this
    machine could make (DNS rebinding). `hosts` says the names at each request; none means any name."""

    def __init__(self, app: ASGIApp, hosts: Callable[[], Collection[str]]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            asked = _host_name(Headers(scope=scope).get("host", ""))
            hosts = self._hosts()
            if hosts and not any(is_named(asked, name) for name in hosts):
                await self._refuse(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        text = (
            "This server answers only under its own name, such as http://localhost. To serve it under "
            "another one, start it with --server.allowedHosts NAME.\n"
        )
        await PlainTextResponse(text, 403)(scope, receive, send)


LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


def hosts_of(address: str | None, allowed: Collection[str]) -> Collection[str]:
    """The names of a server: those that its settings allow, else only local ones while it listens locally."""
    if allowed:
        return [*(name.lower() for name in allowed), *LOCAL_NAMES]
    return LOCAL_NAMES if address in LOCAL_NAMES else ()


def is_named(asked: str, name: str) -> bool:
    """As Streamlit reads server.allowedHosts: `*` is any name, `*.example.com` any below that."""
    return name in ("*", asked) or (name.startswith("*.") and asked.endswith(name[1:]))


def _host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


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
    """The browser's own value, if it sent one that we may have given."""
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
