"""Gives each HTTP request an id, to match our log with a proxy's."""

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blnk_api.common.log import request_id

_HEADER = "X-Request-ID"
_ANOTHERS = re.compile(r"[A-Za-z0-9._=+/-]{1,64}")


class RequestIds:
    """Uses a proxy's id if it sent one, and returns it in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        sent_id = Headers(scope=scope).get(_HEADER, "")
        id = sent_id if _ANOTHERS.fullmatch(sent_id) else secrets.token_hex(8)
        request_id.set(id)

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[_HEADER] = id
            await send(message)

        await self._app(scope, receive, with_id)
