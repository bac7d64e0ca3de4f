"""One HTTP/1.1 connection: a request leaves at once when it is written, and its answer is parsed by llhttp.

A connection serves one request at a time, and the next one only if the answer was complete and nothing else
arrived with it. Whatever a server sends, it costs bounded memory.
"""

import asyncio
import contextlib
import socket
import struct
import zlib
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from blnk_api.blnk.replies import REQUEST_ID_HEADERS

_KNOWN = {name.lower().encode(): name for name in ("Retry-After", "Date", *REQUEST_ID_HEADERS)}
_MOST_OVERHEAD_BYTES = 64 * 1024
"""For headers. Chunks of a single byte each, which a server may choose, take five times what they carry."""
_OVERHEAD_OF_CHUNKS = 8
_ANY_HEADER = 32
"""zlib detects the header of gzip and of deflate by itself if this is added to the size of its window."""
_COMPRESSED = (b"gzip", b"x-gzip", b"deflate")


class AnswerIncomplete(Exception):
    """The request was written, and there will be no whole answer."""


class AnswerTooLarge(AnswerIncomplete):
    pass


class Received:
    """A complete answer, not yet interpreted. `headers` are those that `Answer` knows."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class HttpConnection(asyncio.Protocol):
    """`exchange` writes a request and returns a future: its `Received`, or AnswerIncomplete. Whoever gives up
    waiting for it has to `abort` the connection."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser = HttpResponseParser(self)
        # What servers send that are not quite right, and every client accepts.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Received] | None = None
        self._is_used_up = False
        """Whether this connection may serve no further request."""
        self._begin(0)

    def _begin(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._arrived = 0
        self._status = 0
        self._headers: dict[str, str] = {}
        self._encoding = b""
        self._pieces: list[bytes] = []
        self._body_bytes = 0
        self._is_length_known = False
        self._has_head = False
        self._is_complete = False

    @property
    def is_usable(self) -> bool:
        return (
            self._answer is None
            and not self._is_used_up
            and self._transport is not None
            and not self._transport.is_closing()
        )

    def exchange(self, request: bytes, most_bytes: int) -> asyncio.Future[Received]:
        """Writes a request now. `most_bytes` limits the body of the answer, also once it is decompressed."""
        assert self._transport is not None
        self._begin(most_bytes)
        answer: asyncio.Future[Received] = self._loop.create_future()
        self._answer = answer
        self._transport.write(request)
        return answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Resets the connection, so that everything unsent in our buffers and the kernel's is dropped. A
        close would continue to send it until the other side has received it."""
        self._is_used_up = True
        if self._transport is None:
            return
        with contextlib.suppress(OSError, ValueError, AttributeError):  # it is already closed
            self._transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are of no such class

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # no request is waiting for it
            return
        self._arrived += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._is_used_up = True
            if not self._is_complete:
                self._fail(AnswerIncomplete())
                return
        if self._is_complete:
            self._finish()
        elif self._is_too_large():
            self._fail(AnswerTooLarge())

    def connection_lost(self, problem: Exception | None) -> None:
        self._is_used_up = True
        if self._answer is None:
            return
        if problem is None and self._has_head and not self._is_length_known:
            self._finish()  # the end of the connection is the end of such an answer
        else:
            self._fail(AnswerIncomplete())

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._is_complete:
            raise AnswerIncomplete  # a second answer follows: the parser stops here

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_head:
            return  # it follows the body, and says nothing about it
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            self._is_length_known = True
        elif name == b"content-encoding":
            self._encoding = value.strip().lower()
        elif (known := _KNOWN.get(name)) is not None:
            self._headers.setdefault(known, value.decode("utf-8", "replace").strip())

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._has_head = self._status >= 200

    def on_body(self, piece: bytes) -> None:
        self._body_bytes += len(piece)
        if self._body_bytes <= self._most_bytes:
            self._pieces.append(piece)

    def on_message_complete(self) -> None:
        if self._has_head:
            self._is_complete = True
            self._is_used_up |= not self._parser.should_keep_alive()
        else:
            self._begin(self._most_bytes)  # a status below 200 only announces the answer

    def _is_too_large(self) -> bool:
        overhead = self._arrived - self._body_bytes
        most_overhead = _MOST_OVERHEAD_BYTES + _OVERHEAD_OF_CHUNKS * self._body_bytes
        return self._body_bytes > self._most_bytes or overhead > most_overhead

    def _finish(self) -> None:
        """Nothing of the request may leave after its answer: a server that answers before it has everything
        gets no more of it."""
        assert self._transport is not None
        assert self._answer is not None
        if self._body_bytes > self._most_bytes:
            self._fail(AnswerTooLarge())
            return
        if self._transport.get_write_buffer_size():
            self.abort()
        elif self._is_used_up:
            self._transport.close()
        answer, self._answer = self._answer, None
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces = []
        if answer.done():
            return
        try:
            if self._encoding in _COMPRESSED:
                body = _decompressed(body, self._encoding, self._most_bytes)
        except AnswerIncomplete as problem:
            answer.set_exception(problem)
        else:
            answer.set_result(Received(self._status, self._headers, body))

    def _fail(self, problem: AnswerIncomplete) -> None:
        answer, self._answer = self._answer, None
        self._pieces = []
        self.abort()
        if answer is not None and not answer.done():
            answer.set_exception(problem)


def _decompressed(body: bytes, encoding: bytes, most_bytes: int) -> bytes:
    """Raises AnswerIncomplete or AnswerTooLarge."""
    if not body:
        return body
    is_raw = encoding == b"deflate" and body[0] & 0x0F != zlib.DEFLATED
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS if is_raw else zlib.MAX_WBITS | _ANY_HEADER)
    try:
        unpacked = unpacker.decompress(body, most_bytes + 1)
    except zlib.error:
        raise AnswerIncomplete from None
    if len(unpacked) > most_bytes:
        raise AnswerTooLarge
    if not unpacker.eof:
        raise AnswerIncomplete
    return unpacked
