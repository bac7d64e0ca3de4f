"""The gate: with sign-in enabled, nothing is served without a session. New routes are closed by default."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blnk_api import settings as settings_
from blnk_api.common.origins import Site
from blnk_api.desk import sign_in_required
from blnk_api.desk.desk import open_store
from blnk_api.errors import SettingsProblem
from blnk_api.settings import Settings
from blnk_api.sign_in import addresses, cookies, proxy_header, session_here
from blnk_api.sign_in.failures import SignInFailed
from blnk_api.sign_in_settings import SignIn
from blnk_api.store import LaterVersion, StoreUnavailable

_NO_STORE = {"Cache-Control": "no-store"}
_MOST_AT_SIGN_IN = 8
"""At once: anyone can begin a sign-in, and each may wait for a provider that does not answer. Those who are
signed in need the other threads."""


@dataclass(frozen=True)
class _ComesIn:
    """Admitted; with a cookie for the browser if a proxy's header has just started a session."""

    cookie: str | None = None


class Gate:
    """`site` returns the address on which this server listens; it is called for each request.

    `everyones` are the paths of files that are the same in every installation, such as scripts. An ended
    session still opens them: a page that is open when it ends may have to load one to show anything.
    """

    def __init__(self, app: ASGIApp, site: Callable[[], Site], everyones: Collection[str] = ()) -> None:
        self._app = app
        self._site = site
        self._everyones = frozenset(everyones)
        self._at_sign_in = asyncio.Semaphore(_MOST_AT_SIGN_IN)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            sign_in = sign_in_required.now(only_reads=_only_reads(scope))
            decided = await self._decided(sign_in, scope) if sign_in else _ComesIn()
        except SettingsProblem as problem:
            decided = _unavailable(
                f"{problem}\n\nFix the setting, then reload this page. Nothing was sent.\n"
            )
        except LaterVersion:
            decided = _unavailable("Balance Desk is being updated. Try again in a minute.\n")
        except (StoreUnavailable, SQLAlchemyError):
            decided = _unavailable(
                "The database cannot be used at the moment. Nothing was sent. Try again.\n"
            )
        if isinstance(decided, _ComesIn):
            await self._app(scope, receive, _with_cookie(send, decided.cookie) if decided.cookie else send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await decided(scope, receive, send)

    async def _decided(self, sign_in: SignIn, scope: Scope) -> _ComesIn | Response:
        if not addresses.is_own(scope["path"]):
            return await run_in_threadpool(self._decide, sign_in, scope)
        async with self._at_sign_in:
            return await run_in_threadpool(self._decide, sign_in, scope)

    def _is_everyones(self, scope: Scope) -> bool:
        return scope["type"] == "http" and _only_reads(scope) and scope["path"] in self._everyones

    def _decide(self, sign_in: SignIn, scope: Scope) -> _ComesIn | Response:
        settings = settings_.load()
        self._refuse_unsigned_from_others(sign_in)
        connection = HTTPConnection(scope)
        if self._is_everyones(scope) and session_here.was_here(
            open_store(settings), sign_in, connection.cookies
        ):
            return _ComesIn()
        if addresses.is_own(scope["path"]):
            # Loaded only when someone signs in.
            from blnk_api.sign_in import routes

            return routes.answer(settings, sign_in, Request(scope)) if scope["type"] == "http" else _refuse()
        if sign_in.proxy is not None:
            return _through_proxy(settings, sign_in, connection)
        store = open_store(settings)
        session = session_here.find(store, sign_in, connection.cookies)
        if session is not None:
            session_here.use(store, sign_in, session)
            return _ComesIn()
        return _to_sign_in(sign_in, scope) if _opens_a_page(connection) else _refuse()

    def _refuse_unsigned_from_others(self, sign_in: SignIn) -> None:
        unsigned = sign_in.proxy is not None and sign_in.proxy.trust_unsigned
        if unsigned and not self._site().listens_to_this_machine_alone:
            raise SettingsProblem(
                "sign_in.proxy.trust_unsigned works only while the server listens to this machine alone: "
                "anyone else could write the header. Start it with --server.address localhost, or use a "
                "proxy that signs its header."
            )


def _through_proxy(settings: Settings, sign_in: SignIn, connection: HTTPConnection) -> _ComesIn | Response:
    """The header is checked with each request, and a session belongs to the person whom it names."""
    assert sign_in.proxy is not None
    try:
        who = proxy_header.who(sign_in.proxy, connection.headers)
    except SignInFailed as failed:
        if failed.why:
            proxy_header.log(failed)
        return _to_sign_in(sign_in, connection.scope) if _opens_a_page(connection) else _refuse()
    store = open_store(settings)
    session = session_here.find(store, sign_in, connection.cookies)
    if session is not None and session.who.is_same_as(who):
        session_here.use(store, sign_in, session)
        return _ComesIn()
    if not _opens_a_page(connection):
        return _refuse()
    begun = session_here.begin(settings, sign_in, proxy_header.NAME, who, connection.cookies)
    return _ComesIn(cookies.keep_session(sign_in, begun))


def _only_reads(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] in ("GET", "HEAD")


def _opens_a_page(connection: HTTPConnection) -> bool:
    scope = connection.scope
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and "text/html" in connection.headers.get("accept", "")
        and not scope["path"].startswith("/_stcore")
    )


def _to_sign_in(sign_in: SignIn, scope: Scope) -> Response:
    query = scope["query_string"].decode("latin-1")
    to = scope["path"] + (f"?{query}" if query else "")
    return RedirectResponse(addresses.sign_in(sign_in.url, to), 303, _NO_STORE)


def _refuse() -> Response:
    return PlainTextResponse("Sign in first. Nothing was done.\n", 401, _NO_STORE)


def _unavailable(text: str) -> Response:
    return PlainTextResponse(text, 503, _NO_STORE)


def _with_cookie(send: Send, cookie: str) -> Send:
    async def with_cookie(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).append("Set-Cookie", cookie)
        await send(message)

    return with_cookie
