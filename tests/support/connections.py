"""How tests reach a Blnk: connections to one, and servers that break off at an exact moment."""

import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import uvloop

from blnk_api.blnk.bulk_http import BulkClient
from blnk_api.settings import Connection, Instance
from tests.support.practice import PracticeBlnk

T = TypeVar("T")

TOKEN = "blnk_at_s3cr3t"
PATIENCE_SECONDS = 120.0


def connection_to(
    url: str, token: str = TOKEN, instance_id: str = "ins_1", timeout: float = PATIENCE_SECONDS
) -> Connection:
    return Connection(
        name="acme",
        label="Acme",
        instance=Instance(url, instance_id, "sandbox"),
        url=url,
        credentials=token,
        request_timeout_seconds=timeout,
    )


def connection_of(blnk: PracticeBlnk, timeout: float = PATIENCE_SECONDS) -> Connection:
    return connection_to(blnk.url, blnk.token, blnk.instance_id, timeout)


Talk = Callable[[socket.socket], None]


@contextmanager
def server(talk: Talk, *, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on this machine that answers each caller as the test says, and then closes the connection.
    Returns its port."""

    def serve() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk_to, args=(caller,), daemon=True).start()

    def talk_to(caller: socket.socket) -> None:
        try:
            with tls.wrap_socket(caller, server_side=True) if tls else caller as line:
                talk(line)
                caller.close()
        except OSError:
            pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def read_request(line: socket.socket) -> bytes:
    """The head of a request and its body, if there is one, or what had arrived when the connection was
    closed."""
    got = b""
    while b"\r\n\r\n" not in got or (got.startswith(b"POST") and not got.endswith(b"}")):
        piece = line.recv(65536)
        if not piece:
            break
        got += piece
    return got


class Listener:
    """A server that plays its answers one after the other, each on whatever connection asks."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0

    def talk(self, line: socket.socket) -> None:
        self.connections += 1
        while self._answers and (request := read_request(line)):
            self.requests.append(request)
            line.sendall(self._answers.pop(0))


def with_bulk_client(
    url: str,
    act: Callable[[BulkClient], Awaitable[T]],
    *,
    timeout: float = PATIENCE_SECONDS,
    connect: float = PATIENCE_SECONDS,
) -> T:
    async def run() -> T:
        client = BulkClient(url, most_at_once=10, connect_seconds=connect, request_timeout_seconds=timeout)
        try:
            return await act(client)
        finally:
            await client.close()

    return uvloop.run(run())
