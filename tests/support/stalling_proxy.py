"""Connects a process to a server, passes everything on, and stops on demand: a network that
swallows everything, without a word to either end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_BYTES = 65536


class StallingProxy:
    """`port` leads to the server. After `stall` nothing passes; after `cut` every connection has ended."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._flows = threading.Event()
        self._flows.set()
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        self._flows.clear()

    def resume(self) -> None:
        """Passes on what has waited."""
        self._flows.set()

    def cut(self) -> None:
        """Ends every connection, as a network that was gone for long does; new connections pass again."""
        for one in self._connections:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._flows.set()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                try:
                    there = socket.create_connection(("127.0.0.1", self._server_port))
                except OSError:  # the server is not running
                    here.close()
                    continue
                self._connections += here, there
                for from_, to in ((here, there), (there, here)):
                    threading.Thread(target=self._pass_on, args=[from_, to], daemon=True).start()

    def _pass_on(self, from_: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while data := from_.recv(_BYTES):
                self._flows.wait()
                to.sendall(data)
        for one in (from_, to):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def stalling(server_port: int) -> Iterator[StallingProxy]:
    proxy = StallingProxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()
