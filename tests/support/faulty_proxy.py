"""A proxy between the sender and Practice that lets a test decide what happens to single requests.

For answers that Practice cannot give, and for faults of one row alone:

with Between(practice_blnk) as between:
    between.on_create = lambda sent: sent.answer(404) if sent.customer == "3" else None
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import orjson
import requests
from requests import Response

from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk

ANSWER_SECONDS = 120.0


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Sent:
    """One request on its way. `forward` lets Blnk answer; the test chooses what the sender gets."""

    def __init__(
        self, between: "Between", method: str, path: str, headers: dict[str, str], body: bytes
    ) -> None:
        self._between = between
        self.method, self.path, self.headers, self.body = method, path, headers, body

    @property
    def json(self) -> JsonObject:
        read: JsonObject = orjson.loads(self.body)
        return read

    @property
    def customer(self) -> str:
        """Which of `requests_for` this is."""
        return str(self.json["meta_data"]["customer"])

    def forward(self) -> Reply:
        answer: Response = requests.request(
            self.method,
            self._between.blnk.url + self.path,
            data=self.body,
            headers={
                key: value for key, value in self.headers.items() if key in ("Authorization", "Content-Type")
            },
            timeout=ANSWER_SECONDS,
        )
        kept = {key: value for key, value in answer.headers.items() if key.lower() == "retry-after"}
        return Reply(answer.status_code, answer.content, kept)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> Reply:
        return Reply(status, body, {key.replace("_", "-"): value for key, value in headers.items()})


class _Quiet(ThreadingHTTPServer):
    """A sender that ends cuts off its connections. That is not an error."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


Fate = Callable[[Sent], Reply | None]


class Between:
    """`on_create` decides about POSTs of balances, `on_read` about everything else; None lets them pass."""

    def __init__(self, blnk: PracticeBlnk) -> None:
        self.blnk = blnk
        self.on_create: Fate = lambda _: None
        self.on_read: Fate = lambda _: None
        between = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                reply = between._decide(
                    Sent(between, self.command, self.path, dict(self.headers.items()), body)
                )
                self.send_response(reply.status)
                for key, value in reply.headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _decide(self, sent: Sent) -> Reply:
        is_create = sent.method == "POST" and sent.path.startswith("/proxy/balances?")
        fate = self.on_create if is_create else self.on_read
        return fate(sent) or sent.forward()
