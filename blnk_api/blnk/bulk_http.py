"""Sends many requests at once through aiohttp. `answer_meaning` interprets the replies.

One call is one request: no redirects, no retries (aiohttp repeats only idempotent methods on a connection
that was closed, never POST). A request that is given up is aborted, so that no byte of it leaves later. A
claim that expires while the connection is being made never leaves at all.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload
from yarl import URL

from blnk_api.blnk import USER_AGENT
from blnk_api.blnk.boot_clock import boottime
from blnk_api.blnk.replies import TOO_LARGE, Answer, AnswerLost, ConnectFailed, Reply, Request
from blnk_api.common import open_files

_SWEEP_SECONDS = 0.1
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class NotSent:
    """The claim had expired when the connection was ready, or sending was stopped: nothing left this
    machine."""


class _Stale(Exception):
    pass


_leave_before: ContextVar[float] = ContextVar("leave_before", default=float("inf"))
_transports: ContextVar[list[asyncio.Transport | None]] = ContextVar("transports")


class _Connector(aiohttp.TCPConnector):
    """Returns no connection for a claim that expired while it was being made."""

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        connection = await super().connect(*args, **kwargs)
        if boottime() > _leave_before.get():
            connection.release()
            raise _Stale
        _transports.get().append(connection.transport)
        return connection


def _always() -> bool:
    return True


class _Body(BytesPayload):
    """Checks the age of its claim at the moment of writing: aiohttp writes one event loop turn after it has
    the connection, and this process may be suspended between the two."""

    def __init__(self, value: bytes, leave_before: float, may_leave: Callable[[], bool]) -> None:
        super().__init__(value)
        self._leave_before = leave_before
        self._may_leave = may_leave
        self.is_stale = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if boottime() > self._leave_before or not self._may_leave():
            self.is_stale = True
            raise _Stale
        await super().write_with_length(writer, content_length)


class BulkClient:
    """One per instance. Use it within one event loop, and close it."""

    def __init__(
        self, url: str, *, most_at_once: int, connect_seconds: float, request_timeout_seconds: float
    ) -> None:
        self._url = url
        self._deadlines: dict[asyncio.Task[object], float] = {}
        self._overdue: set[asyncio.Task[object]] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._timeout_seconds = request_timeout_seconds
        user_timeout_ms = int(request_timeout_seconds * 1000)

        def make_socket(address: Any) -> socket.socket:
            made = socket.socket(address[0], address[1], address[2])
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, user_timeout_ms)
            return made

        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=most_at_once, socket_factory=make_socket, keepalive_timeout=15),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=_proxy_for(url),
            auto_decompress=True,
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json",
                "User-Agent": USER_AGENT,
            },
        )

    async def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        await self._session.close()

    async def send(
        self,
        request: Request,
        token: str,
        *,
        leave_before: float = float("inf"),
        may_leave: Callable[[], bool] = _always,
    ) -> Reply | NotSent:
        """The result of one request. `leave_before` is a time of `boottime()`, and `may_leave` is called at
        the moment when the request is written. Raises nothing but cancellation."""
        _leave_before.set(leave_before)
        transports: list[asyncio.Transport | None] = []
        _transports.set(transports)
        body = None if request.body is None else _Body(request.body, leave_before, may_leave)
        task = asyncio.current_task()
        assert task is not None
        self._due(task)
        try:
            return await self._exchange(request, body, token)
        except _Stale:
            return NotSent()
        except aiohttp.ConnectionTimeoutError:
            return ConnectFailed("Blnk could not be reached in time.")
        except (aiohttp.ClientConnectorError, ssl.SSLError) as problem:
            if transports:
                _abort(transports)
                return AnswerLost("The connection to Blnk was lost.")
            return ConnectFailed(
                open_files.ran_out(problem) or f"Blnk could not be reached: {_why(problem)}."
            )
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            # These messages may quote the URL, which contains the instance id.
            if not transports:
                return ConnectFailed(open_files.ran_out(problem) or "Blnk could not be reached.")
            _abort(transports)
            if body is not None and body.is_stale:
                return NotSent()
            return AnswerLost("The connection to Blnk was lost before its answer was complete.")
        except asyncio.CancelledError:
            _abort(transports)
            if task not in self._overdue:
                raise
            task.uncancel()
            if not transports:
                return ConnectFailed("Blnk could not be reached in time.")
            return AnswerLost("Blnk did not answer in time.")
        finally:
            self._deadlines.pop(task, None)
            self._overdue.discard(task)

    def _due(self, task: asyncio.Task[object]) -> None:
        """Sets the deadline of this task's request. One timer serves all requests: one for each would cost
        more than reading the answer."""
        loop = asyncio.get_running_loop()
        self._deadlines[task] = loop.time() + self._timeout_seconds
        if self._sweep is None:
            self._sweep = loop.call_later(_SWEEP_SECONDS, self._give_up_overdue)

    def _give_up_overdue(self) -> None:
        loop = asyncio.get_running_loop()
        for task, deadline in list(self._deadlines.items()):
            if deadline > loop.time():
                break  # requests have the same timeout, so later ones have later deadlines
            del self._deadlines[task]
            self._overdue.add(task)
            task.cancel()
        self._sweep = loop.call_later(_SWEEP_SECONDS, self._give_up_overdue) if self._deadlines else None

    async def _exchange(self, request: Request, body: _Body | None, token: str) -> Reply:
        most = request.most_answer_bytes
        response = await self._session.request(
            request.method,
            _address(self._url, request.path, request.query),
            data=body,
            headers={"Authorization": f"Bearer {token}"},
            allow_redirects=False,
        )
        try:
            got = await response.content.read(_PIECE_BYTES)
            if got and not response.content.at_eof():
                pieces = bytearray(got)
                while len(pieces) <= most and not response.content.at_eof():
                    pieces += await response.content.read(_PIECE_BYTES)
                got = bytes(pieces)
        finally:
            response.release()  # closes the connection if the answer was not read to its end
        if len(got) > most:
            return AnswerLost(TOO_LARGE)
        return Answer.of(response.status, got, response.headers, (token,))


@lru_cache(maxsize=256)
def _address(url: str, path: str, query: tuple[tuple[str, str], ...]) -> URL:
    """Built once, because it costs more than the rest of a request and is the same for every row."""
    return URL(url + path).with_query(query)


def _proxy_for(url: str) -> str | None:
    """The environment's proxy, determined once: aiohttp would do it in a thread for each request.

    For https only: plain http stays on this machine.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get("https")


_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def _abort(transports: list[asyncio.Transport | None]) -> None:
    """Resets connections, so that everything unsent in our buffers and the kernel's is dropped. A close would
    continue to send it until the other side has received it."""
    for transport in transports:
        if transport is not None:
            with contextlib.suppress(OSError, ValueError):  # it is already closed
                line = transport.get_extra_info("socket")
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            transport.abort()


def _why(problem: Exception) -> str:
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return "its host name was not found"
    if isinstance(problem, aiohttp.ClientSSLError | ssl.SSLError):
        return "its certificate or encryption was rejected"
    reason = getattr(problem, "strerror", None)
    return str(reason) if reason else "no connection"
