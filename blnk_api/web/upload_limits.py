"""Limits the server memory that uploads may take: Streamlit keeps each file until its session ends.

Streamlit checks only the size of each file, so a session could upload any number of them, even to a page
without a file field.
"""

import contextlib
import logging
import re
from collections import Counter
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_SESSION_BYTES = 150_000_000
"""One file of the largest size, and room for fixed rows of another one."""

MOST_BYTES = 600_000_000
"""All sessions together."""

_UPLOAD = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)/?")
_TOO_MUCH = (
    "Too many files are being uploaded at the moment, so this one was not accepted. Nothing was sent. Wait a "
    "minute, reload the page, and upload the file again.\n"
)

_log = logging.getLogger(__name__)


class TooMuch(Exception):
    """An upload exceeds the available room."""


class UploadLimits:
    """Rejects with 413 what would exceed the memory for uploads.

    `held` returns the bytes that Streamlit keeps now: for one session, and for all.
    """

    def __init__(
        self,
        app: ASGIApp,
        held: Callable[[str], tuple[int, int]],
        *,
        most_session_bytes: int = MOST_SESSION_BYTES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._app = app
        self._held = held
        self._most_session_bytes = most_session_bytes
        self._most_bytes = most_bytes
        self._coming: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = _UPLOAD.search(scope["path"]) if scope["type"] == "http" else None
        if upload is None or scope["method"] != "PUT":
            await self._app(scope, receive, send)
            return
        session = upload[1]
        counted, received, started = 0, 0, False
        length = Headers(scope=scope).get("content-length", "")

        def take(size: int) -> None:
            nonlocal counted
            if not self._has_room(session, size):
                raise TooMuch
            self._coming[session] += size
            counted += size

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > counted:
                take(received - counted)
            return message

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            take(int(length) if length.isdecimal() and len(length) < 16 else 0)
            await self._app(scope, counting, noting)
        except TooMuch:
            _log.warning("A file was not accepted: uploads would take more memory than is reserved for them.")
            if not started:
                with contextlib.suppress(OSError):
                    await PlainTextResponse(_TOO_MUCH, 413, {"Connection": "close"})(scope, receive, send)
        finally:
            self._coming[session] -= counted
            if self._coming[session] <= 0:
                del self._coming[session]

    def _has_room(self, session: str, size: int) -> bool:
        of_session, of_all = self._held(session)
        return (
            of_session + self._coming[session] + size <= self._most_session_bytes
            and of_all + self._coming.total() + size <= self._most_bytes
        )
