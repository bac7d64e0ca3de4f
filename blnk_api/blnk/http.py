"""One HTTP exchange with Blnk through requests: no retry, no redirect, no cookie, one deadline for all of it.

The result is a value: an answer, a connection that certainly was not made, or an answer that was lost.
`exchange` raises nothing, so no library's error text, which might quote a header or an address, gets out.
"""

import io
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NameResolutionError

from blnk_api.blnk import USER_AGENT
from blnk_api.blnk.replies import TOO_LARGE, Answer, AnswerLost, ConnectFailed, Reply, Request
from blnk_api.common import open_files

_PIECE_BYTES = 256 * 1024


class _Exchange(threading.local):
    """The current exchange of this thread: its deadline, and what prevented it from starting."""

    deadline: float = 0.0
    connect_problem: Exception | None = None

    def begin(self, total_seconds: float) -> None:
        self.deadline = time.monotonic() + total_seconds
        self.connect_problem = None


_exchange = _Exchange()


@contextmanager
def _before_anything_leaves() -> Iterator[None]:
    """Marks exceptions raised inside as raised before any byte of the request left this machine.

    The exception type does not show that: a TLS connection that breaks after Blnk's commit raises the same
    SSLError as a rejected certificate.
    """
    try:
        yield
    except Exception as problem:
        _exchange.connect_problem = problem
        raise


class _TimedReader(io.RawIOBase):
    """Reads from a socket until the deadline, however slowly the bytes arrive: a socket's own timeout
    restarts with each byte."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._deadline = _exchange.deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds_left = self._deadline - time.monotonic()
        if seconds_left <= 0:
            raise TimeoutError
        self._sock.settimeout(seconds_left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _Plain(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        with _before_anything_leaves():
            super().connect()


class _Secure(HTTPSConnection):
    response_class = _Response

    def connect(self) -> None:
        with _before_anything_leaves():
            super().connect()


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    def __init__(self, total_seconds: float) -> None:
        options = [
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            # A close aborts the connection, so unsent data never leaves once we give up.
            (socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0"),
        ]
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(total_seconds * 1000)))
        self._socket_options = options
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, socket_options=self._socket_options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs, socket_options=self._socket_options)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        return manager

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        with _before_anything_leaves():
            return super().get_connection_with_tls_context(*args, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        with _before_anything_leaves():
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


def _read(answer: requests.Response, most_bytes: int) -> bytes | None:
    """The answer's body, decompressed piece by piece. If it is too large, returns None and closes the
    connection."""
    body = bytearray()
    with answer:
        while piece := answer.raw.read(_PIECE_BYTES, decode_content=True):
            body += piece
            if len(body) > most_bytes:
                return None
    return bytes(body)


class Transport:
    """Exchanges with one base URL. Safe to share between threads."""

    def __init__(self, base_url: str, *, connect_seconds: float, total_seconds: float) -> None:
        self._base_url = base_url
        self._host = urlsplit(base_url).hostname or ""
        self._connect_seconds = min(connect_seconds, total_seconds)
        self._total_seconds = total_seconds
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.mount("https://", _Adapter(total_seconds))
        self._session.mount("http://", _Adapter(total_seconds))
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Offices have proxies. Plain http stays on this machine and uses none.
        self._session.trust_env = base_url.startswith("https://")

    def exchange(
        self,
        request: Request,
        auth: AuthBase,
        *,
        secrets: tuple[str, ...] = (),
        content_type: str = "application/json",
    ) -> Reply:
        """Never raises. An explicit `auth` keeps the machine's .netrc from being used. `secrets` are those in
        the request's header or body."""
        if not self._base_url:
            return ConnectFailed("Practice is not running.")
        _exchange.begin(self._total_seconds)
        try:
            answer = self._session.request(
                request.method,
                self._base_url + request.path,
                params=request.query,
                data=request.body,
                headers={"Content-Type": content_type} if request.body is not None else None,
                auth=auth,
                timeout=(self._connect_seconds, self._total_seconds),
                allow_redirects=False,
                stream=True,
            )
            body = _read(answer, request.most_answer_bytes)
        except Exception:  # any type: when it was raised decides what it means
            if _exchange.connect_problem is not None:
                return ConnectFailed(self._why_not_connected(_exchange.connect_problem))
            if time.monotonic() >= _exchange.deadline:
                return AnswerLost(f"Blnk did not answer within {self._total_seconds:g} seconds.")
            return AnswerLost("The connection to Blnk was lost before its answer was complete.")
        if body is None:
            return AnswerLost(TOO_LARGE)
        return Answer.of(answer.status_code, body, answer.headers, secrets)

    def _why_not_connected(self, problem: Exception) -> str:
        """Our own sentence, because the library's may contain a proxy's password."""
        if sentence := open_files.ran_out(problem.__cause__):
            return sentence
        match problem, problem.__cause__:
            case (NameResolutionError(), _):
                why = "its host name was not found"
            case (ssl.SSLCertVerificationError() as refused, _):
                why = f"its certificate was rejected ({refused.verify_message})"
            case (ssl.SSLError(), _):
                why = "the TLS handshake failed"
            case (_, TimeoutError()) | (TimeoutError(), _):
                why = f"no connection within {self._connect_seconds:g} seconds"
            case (_, OSError(errno=int() as number)):
                why = os.strerror(number).lower()
            case _:
                why = "the proxy or certificate file is configured incorrectly"
        return f"{self._host} could not be reached: {why}."

    def close(self) -> None:
        self._session.close()
