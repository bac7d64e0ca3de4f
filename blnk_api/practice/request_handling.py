"""Receives requests to Core and Cloud: reads them, applies faults, and answers, or does not.

Faults need the connection itself, which ASGI hides; server.py adds it to the scope's state.
"""

import asyncio
import re
import time
from secrets import token_hex
from typing import TYPE_CHECKING, assert_never
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope, Send

from blnk_api.practice.api import filter_durations
from blnk_api.practice.api.creating import BODY_LIMIT_BYTES
from blnk_api.practice.api.exchange import ApiRequest, Reply, core_error, json_reply
from blnk_api.practice.faults import Fault, MatchedFaults, RequestKind
from blnk_api.practice.request_log import Entry

if TYPE_CHECKING:
    from blnk_api.practice.instance import World

HTML = "text/html; charset=utf-8"
_REF = re.compile(rb'"import_ref"\s*:\s*"([^"\\]*)"')
_SHORT_WAIT_SECONDS = 1.0
"""A shorter wait does not check whether the caller is still connected: that costs more than it saves."""


class Line:
    """The connection of one request whose body was read."""

    def __init__(self, transport: asyncio.Transport, receive: Receive) -> None:
        self._transport = transport
        self._receive = receive

    async def drop(self, last_words: bytes = b"") -> None:
        if last_words:
            self._transport.write(last_words)
        self._transport.close()
        await self.gone(None)

    async def gone(self, within_seconds: float | None) -> bool:
        """Waits until the caller disconnects, or for that long. Returns whether the caller disconnected."""
        try:
            async with asyncio.timeout(within_seconds):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return False
        return True


class Front:
    """The ASGI app for everything except the control routes."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = time.monotonic()
        request = await _read(scope, receive)
        if request is None:
            return
        kind = kind_of(request)
        entry = Entry(kind, request.method, scope["path"], arrived)
        if kind == "create" and (ref := _REF.search(request.body)):
            entry.import_ref = ref[1].decode("utf-8", "replace")
        self._world.log.began(entry)
        reply = self._over_limit(request, kind, arrived)
        if reply is None:
            met = self._world.faults.meet(kind)
            entry.fault = met.fault.kind if met.fault else None
            reply = await self._conduct(request, met, Line(scope["state"]["transport"], receive))
        self._world.log.ended(entry, None if reply is None else reply.status)
        if reply is not None:
            await _send(reply, send)

    def _over_limit(self, request: ApiRequest, kind: RequestKind, now: float) -> Reply | None:
        wait_seconds = None if kind == "token" else self._world.limit.refuses_for(now)
        return None if wait_seconds is None else _too_many(request, str(wait_seconds))

    async def _conduct(self, request: ApiRequest, met: MatchedFaults, line: Line) -> Reply | None:
        """The answer, or None if the connection is gone."""
        reply = await self._struck(request, met, line) if met.fault else self._world.serve(request, met.view)
        wait_seconds = met.latency_seconds
        if met.as_measured:
            wait_seconds += filter_durations.seconds(request, self._world.store.balances_made())
        if reply is None or not wait_seconds:
            return reply
        if wait_seconds < _SHORT_WAIT_SECONDS:
            await asyncio.sleep(wait_seconds)
            return reply
        return None if await line.gone(wait_seconds) else reply

    async def _struck(self, request: ApiRequest, met: MatchedFaults, line: Line) -> Reply | None:
        fault, serve = met.fault, self._world.serve
        assert fault is not None
        match fault.kind:
            case "latency" | "as_measured" | "lagging_reads" | "short_filter":
                return serve(request, met.view)
            case "drop_before_commit":
                await line.drop()
                return None
            case "drop_after_commit":
                serve(request, met.view)
                await line.drop()
                return None
            case "status_before_commit":
                return _failed(fault)
            case "status_after_commit":
                serve(request, met.view)
                return _failed(fault)
            case "rate_limited":
                return _too_many(request, fault.retry_after)
            case "truncated_201":
                reply = serve(request, met.view)
                if reply.status not in (200, 201):
                    return reply
                await line.drop(_half(reply))
                return None
            case "html_200":
                return Reply(200, b"<!doctype html><title>Welcome</title><p>Please sign in.", HTML)
            case "wrong_ref_201":
                return self._with_another_ref(serve(request, met.view))
            case "commit_late":
                self._world.serve_later(request, fault.seconds)
                await (line.drop() if fault.answer == "drop" else line.gone(None))
                return None
            case "full_stop":
                return serve(request, met.view) if await self._sat_out(met, line) else None
            case "revoke":
                return _revoked(request)
            case "forbid":
                return _forbidden(request)
            case "hang":
                await line.gone(None)
                return None
            case _:
                assert_never(fault.kind)

    async def _sat_out(self, met: MatchedFaults, line: Line) -> bool:
        """Returns whether the caller is still connected when the full stop ends."""
        while (seconds := self._world.faults.stopped_for(met.order)) > 0:
            if await line.gone(min(seconds, _SHORT_WAIT_SECONDS / 10)):
                return False
        return True

    def _with_another_ref(self, reply: Reply) -> Reply:
        if reply.status != 201:
            return reply
        body = orjson.loads(reply.body)
        body["meta_data"] = {
            **(body["meta_data"] or {}),
            "import_ref": self._world.other_ref(body["balance_id"]),
        }
        return json_reply(201, body)


def kind_of(request: ApiRequest) -> RequestKind:
    match (request.method, *request.path):
        case ("POST", "proxy" | "core", "balances"):
            return "create"
        case ("POST", "oauth", "token"):
            return "token"
        case ("POST", *_, "filter"):
            return "filter"
        case ("GET", *_):
            return "get"
        case _:
            return "other"


async def _read(scope: Scope, receive: Receive) -> ApiRequest | None:
    """The request, with only enough of a body over Core's limit to show that. None if it did not arrive
    completely."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        more = message.get("more_body", False)
        if len(body) <= BODY_LIMIT_BYTES:
            body += message.get("body", b"")
    return ApiRequest(
        method=scope["method"],
        path=tuple(scope["path"].strip("/").split("/")),
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=bytes(body),
    )


async def _send(reply: Reply, send: Send) -> None:
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
        (b"x-request-id", token_hex(8).encode()),
        *((name.encode(), value.encode()) for name, value in reply.headers),
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


def _failed(fault: Fault) -> Reply:
    if fault.answer == "html":
        return Reply(fault.status, b"<html><body><h1>It did not work</h1></body></html>", HTML)
    return json_reply(fault.status, {"error": "Practice was told to fail"})


def _half(reply: Reply) -> bytes:
    head = (
        f"HTTP/1.1 {reply.status} Cut off\r\ncontent-type: {reply.content_type}\r\n"
        f"content-length: {len(reply.body)}\r\n\r\n"
    )
    return head.encode() + reply.body[: len(reply.body) // 2]


def _too_many(request: ApiRequest, retry_after: str | None) -> Reply:
    headers = () if retry_after is None else (("retry-after", retry_after),)
    text = "Rate limit exceeded"
    if request.path[0] == "core":
        refused = core_error(429, "GEN_RATE_LIMITED", text)
        return Reply(429, refused.body, headers=headers)
    return json_reply(429, {"error": text}, *headers)


def _revoked(request: ApiRequest) -> Reply:
    if request.path[0] == "core":
        return core_error(401, "AUTH_INVALID_API_KEY", "Invalid API key")
    if request.path == ("oauth", "token"):
        return json_reply(400, {"error": "invalid_grant"})
    return json_reply(401, {"error": "Invalid or expired access token"})


def _forbidden(request: ApiRequest) -> Reply:
    if request.path[0] == "core":
        return core_error(403, "AUTH_INSUFFICIENT_PERMISSIONS", "Insufficient permissions for balances:write")
    return json_reply(403, {"error": "Insufficient scope: proxy:write is required"})
