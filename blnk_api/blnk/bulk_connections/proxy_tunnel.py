"""A connection to an https host through a proxy, which passes on what it cannot read (CONNECT, RFC 9110)."""

import asyncio
import base64
import ssl
from dataclasses import dataclass, field
from socket import socket
from typing import Self
from urllib.parse import unquote, urlsplit

from blnk_api.blnk import USER_AGENT
from blnk_api.blnk.bulk_connections.http_connection import HttpConnection

_MOST_HEAD_BYTES = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Proxy:
    """`authorization` is the value of the header, without its line end, or empty."""

    host: str
    port: int
    is_secure: bool
    authorization: str = field(repr=False)

    @classmethod
    def of(cls, address: str) -> Self:
        """Reads what stands in HTTPS_PROXY: a host with or without a port, a scheme, a name and a password.
        Raises ValueError if it names no host."""
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError("the proxy is no http or https address")
        named = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        is_secure = parts.scheme == "https"
        return cls(
            parts.hostname,
            parts.port or (443 if is_secure else 80),
            is_secure,
            "" if named == ":" else f"Basic {base64.b64encode(named.encode()).decode()}",
        )


class ProxyRefused(OSError):
    def __init__(self, status: str) -> None:
        super().__init__(0, f"the proxy answered {status}")


class _Handshake(asyncio.Protocol):
    """Reads the proxy's answer to CONNECT, which has no body."""

    def __init__(self) -> None:
        self.head: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._got = b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self.head.done():
            return
        if self._got.endswith(_END_OF_HEAD):
            self.head.set_result(self._got)
        elif _END_OF_HEAD in self._got or len(self._got) > _MOST_HEAD_BYTES:
            self.head.set_exception(ConnectionAbortedError())

    def connection_lost(self, problem: Exception | None) -> None:
        if not self.head.done():
            self.head.set_exception(ConnectionResetError())


async def through(proxy: Proxy, made: socket, host: str, port: int, tls: ssl.SSLContext) -> HttpConnection:
    """A connection to `host`, encrypted from here to there. `made` is connected to the proxy, and closed if
    this raises: OSError, also if the proxy refuses. Nothing of a request has left then."""
    loop = asyncio.get_running_loop()
    try:
        transport, handshake = await loop.create_connection(
            _Handshake,
            sock=made,
            ssl=ssl.create_default_context() if proxy.is_secure else None,
            server_hostname=proxy.host if proxy.is_secure else None,
        )
    except BaseException:
        made.close()
        raise
    try:
        there = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {there} HTTP/1.1", f"Host: {there}", f"User-Agent: {USER_AGENT}"]
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        transport.write("\r\n".join([*lines, "", ""]).encode())
        status = (await handshake.head).partition(b"\r\n")[0].split()[1:2]
        if not status or not status[0].startswith(b"2"):
            raise ProxyRefused(status[0].decode("ascii", "replace")[:3] if status else "with something else")
        connection = HttpConnection()
        encrypted = await loop.start_tls(transport, connection, tls, server_hostname=host)
        if encrypted is None:
            raise ConnectionAbortedError
        connection.connection_made(encrypted)
        return connection
    except BaseException:
        transport.abort()
        raise
