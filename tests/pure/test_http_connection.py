"""An answer means the same, however the network cuts it into pieces."""

import asyncio
import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blnk_api.blnk.bulk_connections.http_connection import AnswerIncomplete, HttpConnection, Received

BODY = b'{"balance_id":"bln_1"}'
PACKED = gzip.compress(BODY, mtime=0)
WHOLE = {
    "with its length": b"HTTP/1.1 201 Created\r\nDate: today\r\nContent-Length: 22\r\n\r\n" + BODY,
    "in chunks": b"HTTP/1.1 201 Created\r\nDate: today\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\n" + BODY[:5] + b"\r\n11;x=y\r\n" + BODY[5:] + b"\r\n0\r\nRetry-After: 9\r\n\r\n",
    "compressed": b"HTTP/1.1 201 Created\r\nDate: today\r\nContent-Encoding: gzip\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(PACKED), PACKED),
    "announced": b"HTTP/1.1 103 Early Hints\r\nDate: never\r\nContent-Encoding: gzip\r\n\r\n"
    b"HTTP/1.1 201 Created\r\nDate: today\r\nContent-Length: 22\r\n\r\n" + BODY,
}


class Wire(asyncio.Transport):
    """A connection without a network: what is written goes nowhere."""

    def write(self, data: object) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


async def received(pieces: list[bytes], *, ends: bool = False) -> tuple[Received | None, bool]:
    """The answer that these pieces are, None if it is lost, and whether the connection may serve another
    request."""
    connection = HttpConnection()
    connection.connection_made(Wire())
    answer = connection.exchange(b"POST", 1_000)
    for piece in pieces:
        connection.data_received(piece)
    if ends:
        connection.connection_lost(None)
    assert answer.done(), "neither an answer nor lost"
    if answer.exception() is not None:
        assert isinstance(answer.exception(), AnswerIncomplete)
        return None, connection.is_usable
    return answer.result(), connection.is_usable


def cut(whole: bytes, places: set[int]) -> list[bytes]:
    at = [0, *sorted(place % len(whole) for place in places), len(whole)]
    return [whole[start:end] for start, end in pairwise(at) if end > start]


@given(st.sampled_from(sorted(WHOLE)), st.sets(st.integers(0, 300), max_size=12))
def test_an_answer_is_the_same_in_any_pieces(kind: str, places: set[int]) -> None:
    answer, is_usable = asyncio.run(received(cut(WHOLE[kind], places)))
    assert answer is not None
    assert (answer.status, answer.body, answer.headers) == (201, BODY, {"Date": "today"})
    assert is_usable


@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 300), st.sets(st.integers(0, 300), max_size=3))
def test_a_part_of_an_answer_is_no_answer(kind: str, length: int, places: set[int]) -> None:
    whole = WHOLE[kind]
    part = whole[: length % len(whole)]
    pieces = cut(part, places) if part else []
    assert asyncio.run(received(pieces, ends=True)) == (None, False)


@given(st.sampled_from(sorted(WHOLE)), st.binary(min_size=1, max_size=40), st.sets(st.integers(0, 300)))
def test_what_follows_an_answer_does_not_change_it_and_ends_its_connection(
    kind: str, more: bytes, places: set[int]
) -> None:
    answer, is_usable = asyncio.run(received(cut(WHOLE[kind] + more, places)))
    assert answer is not None
    assert (answer.status, answer.body) == (201, BODY)
    assert not is_usable or not more.strip(b"\r\n")  # empty lines before an answer mean nothing


@pytest.mark.parametrize("kind", sorted(WHOLE))
@given(data=st.data())
def test_damaged_bytes_are_an_answer_or_lost_and_nothing_else(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    asyncio.run(received([bytes(damaged)], ends=True))
