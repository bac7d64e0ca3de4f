"""The sender's connections: which of them serve a second request, and what servers send that is not right."""

import asyncio
import gzip
import socket
import ssl
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from blnk_api.blnk import endpoints
from blnk_api.blnk.bulk_connections import connection_pool
from blnk_api.blnk.bulk_http import BulkClient, NotSent
from blnk_api.blnk.replies import Answer, AnswerLost, ConnectFailed, Reply
from tests.support.certificate import certificate_for
from tests.support.connections import Listener, read_request, server, with_bulk_client

POST = endpoints.post_balance("ins_1", b'{"currency":"USD"}')
OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
PATIENCE_SECONDS = 120.0


async def twice(client: BulkClient) -> list[Reply | NotSent]:
    return [await client.send(POST, "t"), await client.send(POST, "t")]


def exchanged(answers: Listener) -> list[Reply | NotSent]:
    with server(answers.talk) as port:
        return with_bulk_client(f"http://127.0.0.1:{port}", twice)


def test_a_connection_serves_one_request_after_the_other() -> None:
    answers = Listener(OK, OK)
    assert exchanged(answers) == [Answer(201, b"{}")] * 2
    assert answers.connections == 1


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), id="it says so"),
        pytest.param(OK.replace(b"1.1", b"1.0"), id="an old server"),
        pytest.param(OK + b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n[]", id="a second answer follows"),
        pytest.param(OK + b"HTTP/1.1 500 No\r\nContent-Le", id="part of a second answer follows"),
        pytest.param(OK + b"rubbish", id="something follows"),
    ],
)
def test_a_connection_that_should_not_serve_again_does_not(first: bytes) -> None:
    """What follows an answer is nobody's answer, least of all that of the next row."""
    answers = Listener(first, OK)
    assert exchanged(answers) == [Answer(201, b"{}")] * 2
    assert answers.connections == 2


def test_what_arrives_on_an_idle_connection_is_not_the_answer_to_the_next_row() -> None:
    asked_once, said_more = threading.Event(), threading.Event()
    connections = []

    def talk(line: socket.socket) -> None:
        connections.append(line)
        read_request(line)
        line.sendall(OK)
        if len(connections) == 1:
            asked_once.wait(PATIENCE_SECONDS)
            line.sendall(OK.replace(b"{}", b"[]"))
            said_more.set()
            line.recv(1)  # until the client hangs up

    async def act(client: BulkClient) -> list[Reply | NotSent]:
        first = await client.send(POST, "t")
        asked_once.set()
        assert await asyncio.to_thread(said_more.wait, PATIENCE_SECONDS)
        return [first, await client.send(POST, "t")]

    with server(talk) as port:
        first, second = with_bulk_client(f"http://127.0.0.1:{port}", act)
    assert first == Answer(201, b"{}")
    # If it arrived only after the next row was written, nobody can tell whose answer it is.
    assert second == Answer(201, b"{}")
    assert len(connections) == 2


def test_an_answer_before_the_request_was_read_ends_the_connection() -> None:
    """Nothing that is left of the request goes on to leave after its answer."""
    big = endpoints.post_balance("ins_1", b"x" * 20_000_000)
    ended = threading.Event()
    arrived: list[int] = []

    def talk(line: socket.socket) -> None:
        got = len(line.recv(1000))
        line.sendall(OK.replace(b"201 Created", b"413 Too Large"))
        answered.wait(PATIENCE_SECONDS)
        try:
            while part := line.recv(1 << 16):
                got += len(part)
        except ConnectionResetError:
            pass
        arrived.append(got)
        ended.set()

    answered = threading.Event()
    with server(talk) as port:
        reply = with_bulk_client(f"http://127.0.0.1:{port}", lambda client: client.send(big, "t"))
        answered.set()
        assert ended.wait(PATIENCE_SECONDS)
    assert reply == Answer(413, b"{}")
    assert arrived[0] < 20_000_000


def test_announcements_are_not_the_answer() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\nContent-Length: 7\r\n\r\n"
    answers = Listener(b"HTTP/1.1 100 Continue\r\n\r\n" + early + OK, OK)
    assert exchanged(answers) == [Answer(201, b"{}")] * 2
    assert answers.connections == 1


def test_a_change_of_protocol_is_no_answer() -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    first, second = exchanged(Listener(switched, OK))
    assert isinstance(first, AnswerLost)
    assert second == Answer(201, b"{}")


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    plain = b"HTTP/1.1 201 Created\r\nX-Request-Id: r1\r\n\r\n{}"
    with server(Listener(plain).talk) as port:
        reply = with_bulk_client(f"http://127.0.0.1:{port}", lambda client: client.send(POST, "t"))
    assert reply == Answer(201, b"{}", request_id="r1")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/2 201\r\n\r\n{}",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
        b"HTTP/1.1 201 Created\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    ],
)
def test_what_is_no_http_answer_is_lost(answer: bytes) -> None:
    first, second = exchanged(Listener(answer, OK))
    assert isinstance(first, AnswerLost)
    assert second == Answer(201, b"{}")


@pytest.mark.parametrize("flood", [b"X: " + b"y" * 65536, b"X: y\r\n" * 10_000, b" " * 65536])
def test_headers_without_end_are_lost(flood: bytes) -> None:
    hung_up = threading.Event()

    def talk(line: socket.socket) -> None:
        read_request(line)
        line.sendall(b"HTTP/1.1 201 Created\r\n")
        try:
            while True:
                line.sendall(flood)
        except OSError:
            hung_up.set()

    with server(talk) as port:
        reply = with_bulk_client(f"http://127.0.0.1:{port}", lambda client: client.send(POST, "t"))
    assert isinstance(reply, AnswerLost)
    assert hung_up.wait(PATIENCE_SECONDS)


def test_an_answer_in_chunks_of_one_byte_is_read_whole() -> None:
    body = b'{"a":"' + b"x" * 50_000 + b'"}'
    pieces = b"".join(b"1\r\n%c\r\n" % one for one in body)
    chunked = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"
    assert exchanged(Listener(chunked, OK)) == [Answer(201, body), Answer(201, b"{}")]


def test_headers_behind_the_body_change_nothing() -> None:
    head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Encoding\r\n\r\n"
    chunked = head + b"2\r\n{}\r\n0\r\nContent-Encoding: gzip\r\nRetry-After: 9\r\n\r\n"
    assert exchanged(Listener(chunked, OK)) == [Answer(201, b"{}")] * 2


def packed(encoding: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 201 Created\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"{}", mtime=0)),
        ("GZIP", gzip.compress(b"{}", mtime=0)),
        ("x-gzip", gzip.compress(b"{}", mtime=0)),
        ("deflate", zlib.compress(b"{}")),
        ("deflate", zlib.compress(b"{}", wbits=-zlib.MAX_WBITS)),
        ("identity", b"{}"),
    ],
)
def test_a_compressed_answer_is_read(encoding: str, body: bytes) -> None:
    assert exchanged(Listener(packed(encoding, body), OK)) == [Answer(201, b"{}")] * 2


@pytest.mark.parametrize("body", [gzip.compress(b"{}" * 99, mtime=0)[:-9], b"no gzip", b"\x1f\x8b\x08"])
def test_an_answer_that_cannot_be_decompressed_is_lost(body: bytes) -> None:
    first, second = exchanged(Listener(packed("gzip", body), OK))
    assert isinstance(first, AnswerLost)
    assert second == Answer(201, b"{}")


def test_idle_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may close them at any moment, and the row that is sent at that moment would be in doubt."""
    monkeypatch.setattr(connection_pool, "_IDLE_SECONDS", 0.2)
    hung_up = threading.Event()

    def talk(line: socket.socket) -> None:
        read_request(line)
        line.sendall(OK)
        if not read_request(line):
            hung_up.set()

    async def act(client: BulkClient) -> None:
        await client.send(POST, "t")
        assert await asyncio.to_thread(hung_up.wait, PATIENCE_SECONDS)

    with server(talk) as port:
        with_bulk_client(f"http://127.0.0.1:{port}", act)


def test_a_request_that_waits_too_long_for_a_connection_created_nothing() -> None:
    busy, release = threading.Semaphore(0), threading.Event()

    def talk(line: socket.socket) -> None:
        read_request(line)
        busy.release()
        release.wait(PATIENCE_SECONDS)

    async def act(client: BulkClient) -> list[Reply | NotSent]:
        first = [asyncio.create_task(client.send(POST, "t")) for _ in range(10)]
        for _ in first:
            await asyncio.to_thread(busy.acquire)
        last = await client.send(POST, "t")
        release.set()
        return [*await asyncio.gather(*first), last]

    with server(talk) as port:
        *first, last = with_bulk_client(f"http://127.0.0.1:{port}", act, timeout=1.0)
    assert all(isinstance(one, AnswerLost) for one in first)
    assert isinstance(last, AnswerLost | ConnectFailed)


def test_places_of_those_who_gave_up_are_used_again() -> None:
    """Canceled while they wait for a connection, or while they have one."""

    def talk(line: socket.socket) -> None:
        while read_request(line):
            if not is_open.is_set():
                return
            line.sendall(OK)

    is_open = threading.Event()

    async def act(client: BulkClient) -> list[Reply | NotSent]:
        for _ in range(3):
            tasks = [asyncio.create_task(client.send(POST, "t")) for _ in range(25)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        is_open.set()
        return list(await asyncio.gather(*(client.send(POST, "t") for _ in range(25))))

    with server(talk) as port:
        assert with_bulk_client(f"http://127.0.0.1:{port}", act) == [Answer(201, b"{}")] * 25


@pytest.mark.parametrize("token", ["t\r\nX: y", "t\n", "t\0", "\x7f"])
def test_a_token_cannot_add_a_header(token: str) -> None:
    answers = Listener(OK)
    with server(answers.talk) as port:
        reply = with_bulk_client(f"http://127.0.0.1:{port}", lambda client: client.send(POST, token))
    assert isinstance(reply, ConnectFailed)
    assert answers.connections == 0


def test_an_address_is_written_as_http_wants_it() -> None:
    heads = []

    def talk(line: socket.socket) -> None:
        heads.append(read_request(line))
        line.sendall(OK)

    request = endpoints.get_balance("ins 1&x=/ä", "a/b ?%")
    with server(talk) as port:
        with_bulk_client(f"http://127.0.0.1:{port}/base", lambda client: client.send(request, "t"))
    first, host = heads[0].split(b"\r\n")[:2]
    assert first == b"GET /base/data/balances/a%2Fb%20%3F%25?instance_id=ins+1%26x%3D%2F%C3%A4 HTTP/1.1"
    assert host == f"Host: 127.0.0.1:{port}".encode()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_for("localhost", tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate, which clients of this test trust."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_rows_leave_encrypted(tls: ssl.SSLContext) -> None:
    answers = Listener(OK, OK)
    with server(answers.talk, tls=tls) as port:
        assert with_bulk_client(f"https://localhost:{port}", twice) == [Answer(201, b"{}")] * 2
    assert answers.connections == 1


def test_a_certificate_for_another_host_is_no_connection(tls: ssl.SSLContext) -> None:
    with server(Listener(OK).talk, tls=tls) as port:
        reply = with_bulk_client(f"https://127.0.0.1:{port}", lambda client: client.send(POST, "t"))
    assert isinstance(reply, ConnectFailed)
    assert "certificate" in reply.reason


class Proxy:
    """Answers CONNECT as the test says, and passes on what follows."""

    def __init__(self, answer: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n") -> None:
        self._answer = answer
        self.asked: list[bytes] = []

    def __call__(self, line: socket.socket) -> None:
        self.asked.append(read_request(line))
        line.sendall(self._answer)
        if b" 200 " not in self._answer:
            return
        host, _, port = self.asked[-1].split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port))) as there:
            back = threading.Thread(target=passed_on, args=(there, line))
            back.start()
            passed_on(line, there)
            back.join()


def passed_on(from_: socket.socket, to: socket.socket) -> None:
    try:
        while piece := from_.recv(65536):
            to.sendall(piece)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def through(proxy: Proxy, monkeypatch: pytest.MonkeyPatch, named: str = "") -> Iterator[None]:
    with server(proxy) as port:
        monkeypatch.setenv("https_proxy", f"http://{named}127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        yield


def test_https_goes_through_the_proxy_of_the_environment(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which learns the host and nothing else: the token and the rows are encrypted."""
    proxy, answers = Proxy(), Listener(OK, OK)
    with server(answers.talk, tls=tls) as port, through(proxy, monkeypatch, "ada:p%40ss@"):
        assert with_bulk_client(f"https://localhost:{port}", twice) == [Answer(201, b"{}")] * 2
    assert answers.connections == 1
    (asked,) = proxy.asked
    assert asked.startswith(f"CONNECT localhost:{port} HTTP/1.1\r\nHost: localhost:{port}\r\n".encode())
    assert b"\r\nProxy-Authorization: Basic YWRhOnBAc3M=\r\n" in asked
    assert b"Bearer" not in asked


def test_a_host_that_needs_no_proxy_gets_none(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    with server(Listener(OK, OK).talk, tls=tls) as port, through(proxy, monkeypatch):
        monkeypatch.setenv("no_proxy", "localhost")
        assert with_bulk_client(f"https://localhost:{port}", twice) == [Answer(201, b"{}")] * 2
    assert proxy.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
        b"rubbish\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\n\r\nand more",
    ],
)
def test_a_proxy_that_refuses_is_no_connection(
    answer: bytes, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Listener(OK)
    with server(answers.talk, tls=tls) as port, through(Proxy(answer), monkeypatch, "ada:s3cr3t@"):
        reply = with_bulk_client(f"https://localhost:{port}", lambda client: client.send(POST, "t"))
    assert isinstance(reply, ConnectFailed)
    assert "s3cr3t" not in reply.reason
    assert ("407" in reply.reason) is (b"407" in answer)
