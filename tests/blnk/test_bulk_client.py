"""The sender's HTTP: one call is one request on the wire, and what was given up never leaves later."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from blnk_api.blnk import bulk_http, endpoints
from blnk_api.blnk.boot_clock import boottime
from blnk_api.blnk.bulk_http import BulkClient, NotSent
from blnk_api.blnk.replies import Answer, AnswerLost, ConnectFailed, Reply
from tests.support.connections import Listener, read_request, server, with_bulk_client
from tests.support.practice import PracticeBlnk

BODY = b'{"ledger_id":"general_ledger_id","currency":"USD","meta_data":{"import_ref":"a"}}'
POST = endpoints.post_balance("ins_1", BODY)
PATIENCE_SECONDS = 120.0
OK = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def sent(
    url: str, *, timeout: float = PATIENCE_SECONDS, connect: float = PATIENCE_SECONDS
) -> Reply | NotSent:
    reply: Reply | NotSent = with_bulk_client(
        url, lambda client: client.send(POST, "t"), timeout=timeout, connect=connect
    )
    return reply


def test_it_sends_on_a_system_without_linux_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")
    before = boottime()
    with listening(OK) as (url, listener):
        assert isinstance(sent(url), Answer)
    assert boottime() > before
    assert len(listener.requests) == 1


@contextmanager
def listening(*answers: bytes) -> Iterator[tuple[str, Listener]]:
    listener = Listener(*answers)
    with server(listener.talk) as port:
        yield f"http://127.0.0.1:{port}", listener


def test_an_answer_is_returned_unchanged() -> None:
    answer = (
        b"HTTP/1.1 503 Service Unavailable\r\nDate: Sun, 22 Nov 2026 12:00:00 GMT\r\nRetry-After: 7\r\n"
        b'Content-Length: 15\r\n\r\n{"error":"no" }'
    )
    with listening(answer) as (url, listener):
        assert sent(url) == Answer(503, b'{"error":"no" }', "7", "Sun, 22 Nov 2026 12:00:00 GMT")
    (request,) = listener.requests
    assert request.startswith(b"POST /proxy/balances?instance_id=ins_1 HTTP/1.1\r\n")
    assert request.endswith(BODY)
    assert b"Authorization: Bearer t\r\n" in request


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with listening(OK) as (elsewhere, other):
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {elsewhere}/x\r\nContent-Length: 0\r\n\r\n"
        with listening(moved.encode()) as (url, _):
            assert sent(url) == Answer(status, b"")
        assert other.requests == []


def test_a_host_that_nobody_listens_on_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert isinstance(sent(f"http://127.0.0.1:{port}"), ConnectFailed)


def test_a_name_that_does_not_exist_is_no_connection() -> None:
    reply = sent("http://blnk.invalid")
    assert isinstance(reply, ConnectFailed)
    assert "ins_1" not in reply.reason


def test_a_server_that_does_not_accept_is_no_connection() -> None:
    """Its queue is full: the connection is never made, so nothing can have left."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        try:
            assert isinstance(sent(f"http://127.0.0.1:{port}", connect=0.3), ConnectFailed)
        finally:
            for one in waiting:
                one.close()


def test_a_certificate_that_is_not_trusted_is_no_connection() -> None:
    """Nor is one that is none: the server answers the handshake with something else."""
    with server(lambda line: line.sendall(OK)) as port:
        assert isinstance(sent(f"https://127.0.0.1:{port}"), ConnectFailed)


@pytest.mark.parametrize(
    "half", [b"", b"HTTP/1.1 201 Cre", OK[:-2], OK[:-1], OK.replace(b"Length: 2", b"Length: 9")]
)
def test_an_incomplete_answer_is_lost(half: bytes) -> None:
    with listening(half) as (url, listener):
        assert isinstance(sent(url), AnswerLost)
    assert len(listener.requests) == 1, "it is not sent again"


def test_an_answer_in_chunks_is_read_whole() -> None:
    chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
    with listening(chunked) as (url, _):
        assert sent(url) == Answer(201, b"{}")


def test_incomplete_chunks_are_no_answer() -> None:
    with listening(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n") as (url, _):
        assert isinstance(sent(url), AnswerLost)


def test_an_answer_that_is_too_large_is_lost() -> None:
    request = replace(POST, most_answer_bytes=10)
    with listening(b"HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n" + b"x" * 11) as (url, _):
        assert isinstance(with_bulk_client(url, lambda client: client.send(request, "t")), AnswerLost)


def test_the_time_out_is_for_the_whole_exchange() -> None:
    """A byte now and then does not keep it waiting for ever."""
    hung_up = threading.Event()

    def drip(line: socket.socket) -> None:
        read_request(line)
        line.sendall(OK.replace(b"Length: 2", b"Length: 9999"))
        try:
            for _ in range(9_000):
                line.sendall(b"x")
                time.sleep(0.02)
        except OSError:
            hung_up.set()

    with server(drip) as port:
        assert isinstance(sent(f"http://127.0.0.1:{port}", timeout=0.4), AnswerLost)
        assert hung_up.wait(PATIENCE_SECONDS)


def test_a_request_that_timed_out_is_aborted_and_not_closed() -> None:
    """A close would send what is still in the buffer; a reset throws it away. The other side sees which."""
    ended = threading.Event()
    how: list[str] = []

    def listen_on(line: socket.socket) -> None:
        read_request(line)
        line.settimeout(PATIENCE_SECONDS)
        try:
            how.append("closed" if line.recv(1) == b"" else "more")
        except ConnectionResetError:
            how.append("reset")
        ended.set()

    with server(listen_on) as port:
        assert isinstance(sent(f"http://127.0.0.1:{port}", timeout=0.3), AnswerLost)
        assert ended.wait(PATIENCE_SECONDS)
    assert how == ["reset"]


def test_a_body_that_could_not_leave_in_time_never_arrives_whole() -> None:
    """The other side reads nothing while we wait, and everything afterwards."""
    given_up = threading.Event()
    arrived: list[int] = []
    done = threading.Event()

    def dawdle(line: socket.socket) -> None:
        given_up.wait(PATIENCE_SECONDS)
        got = 0
        try:
            while part := line.recv(1 << 16):
                got += len(part)
        except ConnectionResetError:
            pass
        arrived.append(got)
        done.set()

    large = endpoints.post_balance("ins_1", b"x" * 20_000_000)
    with server(dawdle) as port:
        reply = with_bulk_client(
            f"http://127.0.0.1:{port}", lambda client: client.send(large, "t"), timeout=0.5
        )
        assert isinstance(reply, AnswerLost)
        given_up.set()
        assert done.wait(PATIENCE_SECONDS)
    assert arrived[0] < 20_000_000


def test_a_claim_that_is_too_old_does_not_leave() -> None:
    with listening(OK) as (url, listener):
        stale = with_bulk_client(url, lambda client: client.send(POST, "t", leave_before=boottime() - 0.01))
        assert isinstance(stale, NotSent)
        assert listener.requests == []


def test_a_claim_that_grows_old_while_waiting_for_its_turn_does_not_leave() -> None:
    """Each of ten lines is busy, and the eleventh row waits longer than its claim is good."""
    release, all_busy = threading.Event(), threading.Event()
    seen: list[bytes] = []

    def hold(line: socket.socket) -> None:
        while request := read_request(line):
            seen.append(request)
            if len(seen) == 10:
                all_busy.set()
            release.wait(PATIENCE_SECONDS)
            line.sendall(OK)

    async def act(client: BulkClient) -> list[Reply | NotSent]:
        first = [asyncio.create_task(client.send(POST, "t")) for _ in range(10)]
        assert await asyncio.to_thread(all_busy.wait, PATIENCE_SECONDS)
        late = asyncio.create_task(client.send(POST, "t", leave_before=boottime() + 0.1))
        await asyncio.sleep(0.3)
        release.set()
        return list(await asyncio.gather(*first, late))

    with server(hold) as port:
        *others, late = with_bulk_client(f"http://127.0.0.1:{port}", act)
    assert isinstance(late, NotSent)
    assert others == [Answer(201, b"{}")] * 10
    assert len(seen) == 10


def test_a_claim_that_expires_at_the_last_moment_does_not_leave(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process stands still after it got its connection, before the first byte."""
    now = [100.0]
    monkeypatch.setattr(bulk_http, "boottime", lambda: now[0])

    def stand_still() -> bool:
        now[0] = 200.0
        return True

    with listening(OK) as (url, listener):
        sent = with_bulk_client(
            url, lambda client: client.send(POST, "t", leave_before=150.0, may_leave=stand_still)
        )
        assert sent == NotSent()
        assert listener.requests == []


def test_an_expired_request_does_not_leave_even_on_an_open_connection() -> None:
    """Sending was stopped, or the lock was lost, between the claim and the first byte."""
    with listening(OK, OK) as (url, listener):
        held = with_bulk_client(url, lambda client: client.send(POST, "t", may_leave=lambda: False))
        assert held == NotSent()
        assert listener.requests == []
        assert with_bulk_client(url, lambda client: client.send(POST, "t", may_leave=lambda: True)) == Answer(
            201, b"{}"
        )


def test_a_connection_that_was_returned_stale_serves_the_next_request() -> None:
    async def act(client: BulkClient) -> list[Reply | NotSent]:
        return [
            await client.send(POST, "t"),
            await client.send(POST, "t", leave_before=boottime() - 1),
            await client.send(POST, "t"),
        ]

    with listening(OK, OK) as (url, listener):
        assert with_bulk_client(url, act) == [Answer(201, b"{}"), NotSent(), Answer(201, b"{}")]
    assert listener.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_not_used_twice_for_one_post() -> None:
    """The server hangs up as our next POST leaves: nobody knows whether it read it, so it is not repeated."""
    seen: list[bytes] = []

    def answer_once(line: socket.socket) -> None:
        seen.append(read_request(line))
        line.sendall(OK)
        seen.append(read_request(line))  # and hang up without a word

    async def act(client: BulkClient) -> list[Reply | NotSent]:
        return [await client.send(POST, "t"), await client.send(POST, "t")]

    with server(answer_once) as port:
        first, second = with_bulk_client(f"http://127.0.0.1:{port}", act)
    assert first == Answer(201, b"{}")
    assert isinstance(second, AnswerLost)
    assert len(seen) == 2


def test_cookies_are_not_kept() -> None:
    with_cookie = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n")

    async def act(client: BulkClient) -> None:
        await client.send(POST, "t")
        await client.send(POST, "t")

    with listening(with_cookie, OK) as (url, listener):
        # By name: of an address that is a number, aiohttp would keep none anyway.
        with_bulk_client(url.replace("127.0.0.1", "localhost"), act)
    assert b"cookie" not in listener.requests[1].lower()


def test_the_kernel_drops_unsent_bytes_with_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[object, ...]] = []

    class Seen(socket.socket):
        def setsockopt(self, *option: Any) -> None:
            told.append(option)
            super().setsockopt(*option)

    async def act(client: BulkClient) -> Reply | NotSent:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", Seen)
            return await client.send(POST, "t")

    with listening(OK) as (url, _):
        with_bulk_client(url, act, timeout=7.0)
    assert (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 7000) in told


def test_a_real_answer_reads_as_a_balance(practice_blnk: PracticeBlnk) -> None:
    request = endpoints.post_balance(practice_blnk.instance_id, BODY)
    reply = with_bulk_client(practice_blnk.url, lambda client: client.send(request, practice_blnk.token))
    assert isinstance(reply, Answer)
    assert reply.status == 201
    assert practice_blnk.refs() == ["a"]
