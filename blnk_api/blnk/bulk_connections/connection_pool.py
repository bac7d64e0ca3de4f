"""Open connections to one host, kept for the next request, and no more of them than allowed.

Those that wait for a connection get one in the order in which they came. The names of hosts are looked up
again every few seconds, because what they lead to may move.
"""

import asyncio
import socket
import ssl
from collections import deque
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohappyeyeballs

from blnk_api.blnk.bulk_connections import proxy_tunnel
from blnk_api.blnk.bulk_connections.http_connection import HttpConnection

_IDLE_SECONDS = 15.0
"""For how long a connection without a request stays open."""
_ADDRESSES_SECONDS = 10.0
_NEXT_ADDRESS_SECONDS = 0.25
"""How long one address of a host is tried before another one is tried beside it (RFC 8305)."""


class ConnectionPool:
    """`acquire` returns a connection for one request, which `release` gives back. Use it within one event
    loop. `url` is an http or https address; what follows its host is ignored."""

    def __init__(self, url: str, *, most: int, connect_seconds: float, user_timeout_seconds: float) -> None:
        parts = urlsplit(url)
        is_secure = parts.scheme == "https"
        self.host = host_of(parts)
        self.port = parts.port or (443 if is_secure else 80)
        self._tls = _tls() if is_secure else None
        self._proxy = _proxy_for(self.host) if is_secure else None
        self._most = most
        self._connect_seconds = connect_seconds
        self._user_timeout_ms = int(user_timeout_seconds * 1000)
        self._in_use = 0
        self._idle: deque[tuple[float, HttpConnection]] = deque()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._addresses: list[aiohappyeyeballs.AddrInfoType] = []
        self._addresses_until = 0.0
        self._looking_up = asyncio.Lock()
        self._sweep: asyncio.TimerHandle | None = None

    async def acquire(self) -> HttpConnection:
        """An idle connection, or a new one. Raises OSError or ValueError if none can be made, and of these
        TimeoutError if it took too long."""
        if self._in_use >= self._most:
            await self._turn()
        else:
            self._in_use += 1
        try:
            return self._reused() or await self._connected()
        except BaseException:
            self._leave()
            raise

    def acquire_now(self) -> HttpConnection | None:
        """An idle connection, if there is one and nobody waits."""
        if self._in_use >= self._most or (reused := self._reused()) is None:
            return None
        self._in_use += 1
        return reused

    def release(self, connection: HttpConnection) -> None:
        """Call once for each connection that was acquired, also if its request failed."""
        if connection.is_usable:
            loop = asyncio.get_running_loop()
            self._idle.append((loop.time() + _IDLE_SECONDS, connection))
            if self._sweep is None:
                self._sweep = loop.call_later(_IDLE_SECONDS, self._close_idle)
        else:
            connection.close()
        self._leave()

    def close(self) -> None:
        """Closes what is idle. Those in use end with their requests."""
        self._idle_until(float("inf"))
        if self._sweep is not None:
            self._sweep.cancel()

    async def _turn(self) -> None:
        """Waits for a place among those in use, which is then ours."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # the place was ours already: the next one gets it
            raise

    def _leave(self) -> None:
        """Gives a place to the one who waits longest, or back."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._in_use -= 1

    def _reused(self) -> HttpConnection | None:
        """The connection that was used last: the others grow old and are closed."""
        while self._idle:
            _, connection = self._idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return None

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        self._idle_until(loop.time())
        self._sweep = loop.call_at(self._idle[0][0], self._close_idle) if self._idle else None

    def _idle_until(self, until: float) -> None:
        while self._idle and self._idle[0][0] <= until:
            self._idle.popleft()[1].close()

    async def _connected(self) -> HttpConnection:
        async with asyncio.timeout(self._connect_seconds):
            loop = asyncio.get_running_loop()
            async with self._looking_up:
                if loop.time() >= self._addresses_until:
                    there = self._proxy or self
                    self._addresses = list(
                        await loop.getaddrinfo(there.host, there.port, type=socket.SOCK_STREAM)
                    )
                    self._addresses_until = loop.time() + _ADDRESSES_SECONDS
            made = await aiohappyeyeballs.start_connection(
                self._addresses, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, socket_factory=self._socket
            )
            if self._proxy is not None:
                assert self._tls is not None
                return await proxy_tunnel.through(self._proxy, made, self.host, self.port, self._tls)
            try:
                _, connection = await loop.create_connection(
                    HttpConnection,
                    sock=made,
                    ssl=self._tls,
                    server_hostname=self.host if self._tls is not None else None,
                )
            except BaseException:
                made.close()
                raise
            return connection

    def _socket(self, address: aiohappyeyeballs.AddrInfoType) -> socket.socket:
        made = socket.socket(*address[:3])
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._user_timeout_ms)
        return made


def host_of(parts: SplitResult) -> str:
    """The host of an address as it is looked up and written, in ASCII."""
    assert parts.hostname is not None, "settings accept no address without a host"
    return parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()


def _tls() -> ssl.SSLContext:
    made = ssl.create_default_context()
    made.set_alpn_protocols(["http/1.1"])
    return made


def _proxy_for(host: str) -> proxy_tunnel.Proxy | None:
    """The environment's proxy. For https only: plain http stays on this machine."""
    address = None if proxy_bypass(host) else getproxies().get("https")
    return None if address is None else proxy_tunnel.Proxy.of(address)
