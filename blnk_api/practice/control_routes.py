"""The control routes under /_practice: they set faults, and show what Practice has and what was requested.

They require the control key in the header X-Practice-Door. Only `health` is open to all, and reveals no
secret.
"""

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from blnk_api.practice.api import json_rows
from blnk_api.practice.api.core import version_of
from blnk_api.practice.api.limits import Window
from blnk_api.practice.faults import read_fault
from blnk_api.practice.instance import World

Endpoint = Callable[[Request], Awaitable[Response]]


class Door:
    """Routes that answer with JSON. A wrong order gets a 400 that says what is wrong with it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        return [
            Route("/health", self.health),
            self._locked("/faults", self.faults, "GET", "POST", "DELETE"),
            self._locked("/balances", self.balances, "GET"),
            self._locked("/requests", self.requests, "GET", "DELETE"),
            self._locked("/tokens", self.new_token, "POST"),
            self._locked("/oauth-clients", self.new_client, "POST"),
            self._locked("/core", self.core_version, "POST"),
            self._locked("/cloud", self.cloud_habits, "POST"),
            self._locked("/limits", self.limits, "POST"),
            self._locked("/reset", self.reset, "POST"),
        ]

    async def health(self, _: Request) -> Response:
        return _json({"instance_id": self._world.instance_id, "pid": os.getpid()})

    async def faults(self, request: Request) -> Response:
        match request.method:
            case "POST":
                self._world.faults.order(read_fault(await _body(request)))
            case "DELETE":
                self._world.faults.clear()
        return _json({"faults": self._world.faults.listed()})

    async def balances(self, _: Request) -> Response:
        """All balances in commit order, as one JSON list, streamed."""

        async def pages() -> AsyncIterator[bytes]:
            before = b"["
            for rows in self._world.store.balances_in_order():
                yield before + orjson.dumps([json_rows.balance_held(row) for row in rows])[1:-1]
                before = b","
            yield b"[]" if before == b"[" else b"]"

        return StreamingResponse(pages(), media_type="application/json")

    async def requests(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._world.log.clear()
        return _json(self._world.log.as_json())

    async def new_token(self, request: Request) -> Response:
        order = await _body(request)
        token = f"blnk_practice_{secrets.token_urlsafe(32)}"
        self._world.access.keep_token(token, order.get("scopes", ["*"]), order.get("expires_in"))
        return _json({"token": token})

    async def new_client(self, request: Request) -> Response:
        order = await _body(request)
        scopes, lifetime_seconds = order.get("scopes", ["*"]), float(order.get("lifetime_seconds", 3600))
        return _json(self._world.access.new_client(scopes, lifetime_seconds))

    async def core_version(self, request: Request) -> Response:
        version = version_of((await _body(request)).get("version"))
        self._world.core.version = version
        return _json({"version": version})

    async def cloud_habits(self, request: Request) -> Response:
        """{"sorts": false}: filters of the Cloud then ignore sort_by and sort_order."""
        self._world.cloud.sorts = bool((await _body(request))["sorts"])
        return _json({"sorts": self._world.cloud.sorts})

    async def limits(self, request: Request) -> Response:
        """{"requests_per_minute": N or null}; "window_seconds" shortens the minute."""
        order = await _body(request)
        requests, seconds = order["requests_per_minute"], float(order.get("window_seconds", 60))
        self._world.limit = Window(None if requests is None else int(requests), seconds)
        return _json({"requests_per_minute": requests, "window_seconds": seconds})

    async def reset(self, _: Request) -> Response:
        self._world.reset()
        return _json({})

    def _locked(self, path: str, endpoint: Endpoint, *methods: str) -> Route:
        async def guarded(request: Request) -> Response:
            key = request.headers.get("x-practice-door", "")
            if not secrets.compare_digest(key.encode(), self._world.door_key.encode()):
                return _json({"error": "only tests and Practice's own page may call this"}, 403)
            try:
                return await endpoint(request)
            except (ValueError, TypeError, KeyError) as error:
                return _json({"error": f"{type(error).__name__}: {error}"}, 400)

        return Route(path, guarded, methods=methods, name=path)


async def _body(request: Request) -> dict[str, Any]:
    """Raises ValueError if the body is not a JSON object. An empty body is an empty object."""
    raw = await request.body()
    order = orjson.loads(raw) if raw else {}
    if not isinstance(order, dict):
        raise ValueError("send a JSON object")
    return order


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
