"""An address that notifications are sent to: a real HTTP server that keeps what arrives."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from tests.support.importer import wait_until
from tests.support.json_object import JsonObject


class Inbox:
    """Use it in a `with` statement. `address` is what the settings contain; its path is a secret."""

    def __init__(self) -> None:
        self.got: list[JsonObject] = []
        self.status = 200
        self.answers = threading.Event()
        """When cleared, what arrives is kept, but not answered until it is set."""
        self.answers.set()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                inbox.got.append(json.loads(body))
                inbox.answers.wait()
                self.send_response(inbox.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self._server.server_port}/s3cr3t"

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.got]

    def wait_for(self, n: int) -> list[JsonObject]:
        """The first n requests."""
        wait_until(lambda: len(self.got) >= n, lambda: f"only {len(self.got)} of {n} notifications arrived")
        return self.got[:n]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
