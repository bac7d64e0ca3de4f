"""Health checks for container platforms: whether the process answers (/healthz) and can work (/readyz).

Both are answered before everything else, under any host name and without sign-in, because a platform uses an
address of its own. The answer is a single word.
"""

import asyncio

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from blnk_api.desk.desk import open_desk
from blnk_api.errors import SettingsProblem
from blnk_api.store import LaterVersion, StoreUnavailable

_ALIVE, _READY = "/healthz", "/readyz"
_MOST_SECONDS = 3.0
"""A database that takes longer would make pages wait."""

_NO_STORE = {"Cache-Control": "no-store"}


class Probes:
    """Answers the two paths. Simultaneous requests share one check, so that a database that hangs does not
    use up the threads that pages need."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._look: asyncio.Task[str | None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
        elif scope["path"] == _ALIVE:
            await PlainTextResponse("ok\n", headers=_NO_STORE)(scope, receive, send)
        elif scope["path"] == _READY:
            why_not = await self._why_not()
            answer = PlainTextResponse(f"{why_not or 'ok'}\n", 503 if why_not else 200, _NO_STORE)
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _why_not(self) -> str | None:
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(run_in_threadpool(_why_not))
        try:
            return await asyncio.wait_for(asyncio.shield(self._look), _MOST_SECONDS)
        except TimeoutError:
            return "database"


def _why_not() -> str | None:
    try:
        desk = open_desk()
        with desk.store.read() as tx:
            return None if desk.store.is_current(tx) else "schema"
    except SettingsProblem:
        return "settings"
    except LaterVersion:
        return "schema"
    except (StoreUnavailable, SQLAlchemyError, OSError):
        return "database"
