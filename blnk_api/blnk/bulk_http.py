"""Sends many requests at once, each over a connection of a pool. `answer_meaning` interprets the replies.

One call is one request: no redirects, no retries, no cookies. A claim that has expired when its connection is
ready never leaves: its age is checked in the same step of the event loop that writes it. A request that is
given up is aborted, so that no byte of it leaves later.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlencode, urlsplit

from blnk_api.blnk import USER_AGENT
from blnk_api.blnk.boot_clock import boottime
from blnk_api.blnk.bulk_connections.connection_pool import ConnectionPool, host_of
from blnk_api.blnk.bulk_connections.http_connection import (
    AnswerIncomplete,
    AnswerTooLarge,
    HttpConnection,
    Received,
)
from blnk_api.blnk.replies import TOO_LARGE, Answer, AnswerLost, ConnectFailed, Reply, Request
from blnk_api.common import open_files

_SWEEP_SECONDS = 0.1
_MOST_HEADS = 256
_LEFT_AS_IT_IS = "/%:@!$&'()*+,;="
"""What needs no quoting in a path. A percent sign was put there by whoever quoted an id."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """The claim had expired when the connection was ready, or sending was stopped: nothing left this
    machine."""


def _always() -> bool:
    return True


class BulkClient:
    """One per instance. Use it within one event loop, and close it."""

    def __init__(
        self, url: str, *, most_at_once: int, connect_seconds: float, request_timeout_seconds: float
    ) -> None:
        self._url = url
        self._timeout_seconds = request_timeout_seconds
        self._pool = ConnectionPool(
            url,
            most=most_at_once,
            connect_seconds=connect_seconds,
            user_timeout_seconds=request_timeout_seconds,
        )
        self._deadlines: dict[asyncio.Future[Received], float] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._heads: dict[tuple[str, str, tuple[tuple[str, str], ...], str], bytes] = {}

    async def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        self._pool.close()
        await asyncio.sleep(0)  # in which connections end

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
        deadline = asyncio.get_running_loop().time() + self._timeout_seconds
        try:
            written = self._written(request, token)
            connection = self._pool.acquire_now()
            if connection is None:
                async with asyncio.timeout_at(deadline):
                    connection = await self._pool.acquire()
        except TimeoutError:
            return ConnectFailed("Blnk could not be reached in time.")
        except (OSError, ValueError) as problem:
            return ConnectFailed(
                open_files.ran_out(problem) or f"Blnk could not be reached: {_why(problem)}."
            )
        try:
            if not may_leave() or boottime() > leave_before:
                return NotSent()
            return await self._answered(connection, written, request.most_answer_bytes, deadline, token)
        finally:
            self._pool.release(connection)

    async def _answered(
        self, connection: HttpConnection, written: bytes, most_bytes: int, deadline: float, token: str
    ) -> Reply:
        answer = connection.exchange(written, most_bytes)
        self._due(answer, deadline)
        try:
            got = await answer
        except TimeoutError:
            connection.abort()
            return AnswerLost("Blnk did not answer in time.")
        except AnswerTooLarge:
            return AnswerLost(TOO_LARGE)
        except AnswerIncomplete:
            return AnswerLost("The connection to Blnk was lost before its answer was complete.")
        except asyncio.CancelledError:
            connection.abort()
            raise
        finally:
            self._deadlines.pop(answer, None)
        return Answer.of(got.status, got.body, got.headers, (token,))

    def _due(self, answer: asyncio.Future[Received], deadline: float) -> None:
        """Sets the deadline of an answer. One timer serves all requests: one for each would cost more than
        reading the answer."""
        self._deadlines[answer] = deadline
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._give_up_overdue)

    def _give_up_overdue(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for answer, deadline in self._deadlines.items():
            if deadline <= now and not answer.done():
                answer.set_exception(TimeoutError())
        self._sweep = loop.call_later(_SWEEP_SECONDS, self._give_up_overdue) if self._deadlines else None

    def _written(self, request: Request, token: str) -> bytes:
        """The whole request as it leaves. Its head is the same for every row, and built once. Raises
        ValueError if something in it would end a header."""
        key = (request.method, request.path, request.query, token)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= _MOST_HEADS:
                self._heads.clear()
            head = self._heads[key] = _head(self._url, *key)
        body = request.body
        return head + b"\r\n" if body is None else b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


def _head(url: str, method: str, path: str, query: tuple[tuple[str, str], ...], token: str) -> bytes:
    """The first line and the headers, but for the length of the body and the empty line."""
    parts = urlsplit(url)
    target = quote(parts.path + path, safe=_LEFT_AS_IT_IS)
    host = host_of(parts)
    host = f"[{host}]" if ":" in host else host
    lines = (
        f"{method} {target}{'?' if query else ''}{urlencode(query)} HTTP/1.1",
        f"Host: {host}" if parts.port is None else f"Host: {host}:{parts.port}",
        "Content-Type: application/json",
        "Accept: application/json",
        "Accept-Encoding: gzip, deflate",
        f"User-Agent: {USER_AGENT}",
        f"Authorization: Bearer {token}",
    )
    if any(sign < " " or sign == "\x7f" for line in lines for sign in line):
        raise ValueError("a header would contain a control character")
    return "\r\n".join([*lines, ""]).encode()


def _why(problem: Exception) -> str:
    if isinstance(problem, socket.gaierror):
        return "its host name was not found"
    if isinstance(problem, ssl.SSLError):
        return "its certificate or encryption was rejected"
    reason = getattr(problem, "strerror", None)
    return str(reason) if reason else "no connection"
