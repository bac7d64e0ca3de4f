"""Whatever a Blnk answers, it costs bounded memory and time, and its words stay short and fit to print."""

import contextlib
import functools
import gzip
import json
import socket
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from blnk_api.blnk import answer_meaning
from blnk_api.blnk.outcomes import NotApplied, Refused, Stop, Unknown
from blnk_api.blnk.probe import greet
from blnk_api.blnk.replies import Answer
from tests.support.connections import read_request, server

MB = 1024 * 1024
NOW = datetime(2026, 11, 29, tzinfo=UTC)

_EXCHANGE = """
import asyncio, resource, sys
from datetime import UTC, datetime
from requests.auth import HTTPBasicAuth
from blnk_api.blnk import answer_meaning as meaning, endpoints
from blnk_api.blnk.probe import greet
from blnk_api.blnk.bulk_http import BulkClient
from blnk_api.blnk.http import Transport

url, which, what = sys.argv[1:]
read, create = endpoints.list_page("ins_1", "ledgers", page=1), endpoints.post_balance("ins_1", b"{}")
request = read if what == "read" else create

async def bulk():
    client = BulkClient(url, most_at_once=1, connect_seconds=30, request_timeout_seconds=120)
    try:
        return await client.send(request, "token")
    finally:
        await client.close()

def ask():
    if which == "bulk":
        return asyncio.run(bulk())
    transport = Transport(url, connect_seconds=30, total_seconds=120)
    return transport.exchange(request, HTTPBasicAuth("a", "b"))

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reply = ask()
try:
    outcome = meaning.classify(reply, b"{}", now=datetime.now(UTC)) if what == "create" else None
    said = meaning.read_json(reply, now=datetime.now(UTC)) if what == "read" else type(outcome).__name__
except Exception as problem:
    said = type(problem).__name__
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
print(said if isinstance(said, str) else "read", grown, sep="|")
"""


def exchanged(url: str, which: str, what: str) -> tuple[str, int]:
    """The outcome of one exchange in a process of its own, and the most megabytes that it used."""
    done = subprocess.run(
        [sys.executable, "-c", _EXCHANGE, url, which, what], capture_output=True, text=True, check=True
    )
    meaning, grown = done.stdout.strip().split("|")
    return meaning, int(grown)


def answer(body: bytes, *headers: str) -> Callable[[socket.socket], None]:
    head = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]

    def talk(line: socket.socket) -> None:
        read_request(line)
        line.sendall("\r\n".join([*head, "", ""]).encode() + body)

    return talk


def endless(line: socket.socket) -> None:
    read_request(line)
    line.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        line.sendall(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")


def bomb(times: int) -> Callable[[socket.socket], None]:
    """An answer that is packed so many times. It is made when it is asked for: what lies here is made by
    each process that collects tests."""

    def talk(line: socket.socket) -> None:
        answer(_packed(times), f"Content-Encoding: {', '.join(['gzip'] * times)}")(line)

    return talk


@functools.cache
def _packed(times: int) -> bytes:
    if times > 1:
        return gzip.compress(_packed(times - 1))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = b"[" * MB
    # Packed once, to a whole number of bytes and without a look back, so that it can stand there 460 times.
    block = packer.compress(raw) + packer.flush(zlib.Z_FULL_FLUSH)
    crc = 0
    for _ in range(460):
        crc = zlib.crc32(raw, crc)
    head = b"\x1f\x8b\x08" + b"\0" * 6 + b"\xff"
    return head + block * 460 + b"\x03\0" + struct.pack("<II", crc, 460 * MB)


@pytest.mark.parametrize("which", ["bulk", "requests"])
@pytest.mark.parametrize("what", ["read", "create"])
@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(bomb(1), id="unpacks to 460 MB"),
        pytest.param(bomb(2), id="unpacks to 460 MB in two steps"),
        pytest.param(endless, id="never ends"),
    ],
)
def test_an_answer_of_any_size_is_dropped_in_bounded_memory(
    which: str, what: str, talk: Callable[[socket.socket], None]
) -> None:
    with server(talk) as port:
        meaning, megabytes = exchanged(f"http://127.0.0.1:{port}", which, what)
    # A balance may have been created: it is looked up. A read is no answer, never absence.
    assert meaning == {"create": "Unknown", "read": "ReadFailed"}[what]
    assert megabytes < 150


def test_a_page_of_balances_with_large_metadata_is_read_whole() -> None:
    """What Blnk may truly answer is far below the limit: 20 MB here."""
    page = json.dumps({"data": [{"note": "x" * MB} for _ in range(20)]}).encode()
    for body, headers in ((page, []), (gzip.compress(page), ["Content-Encoding: gzip"])):
        for which in ("bulk", "requests"):
            with server(answer(body, *headers)) as port:
                assert exchanged(f"http://127.0.0.1:{port}", which, "read")[0] == "read"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 422, 429, 500, 503])
def test_blnks_words_are_shortened_and_made_printable(status: int) -> None:
    words = "no such \x1b[31mledger\u202e " + "x" * (2 * MB)
    body = json.dumps({"error": words, "error_detail": {"code": "C" * MB, "message": words}}).encode()
    match answer_meaning.classify(Answer(status, body), b"{}", now=NOW):
        case Refused(code=code, message=message):
            assert len(code) <= 101
        case Stop(message=message) | Unknown(message=message):
            pass
        case NotApplied(message=message):
            pass
        case other:
            raise AssertionError(other)
    assert len(message) < 1_100
    assert message.isprintable()


def test_a_field_that_came_back_different_is_reported_briefly() -> None:
    sent = b'{"ledger_id":"ldg_1","currency":"USD","meta_data":{"note":"a"}}'
    back = {
        "balance_id": "bln_1",
        "ledger_id": "ldg_1",
        "currency": "U" * MB,
        "meta_data": {"note": "b" * MB},
    }
    outcome = answer_meaning.classify(Answer(201, json.dumps(back).encode()), sent, now=NOW)
    told = getattr(outcome, "warnings", ())
    assert [len(one) < 300 for one in told] == [True, True]


def test_a_host_that_drips_its_answer_is_not_read_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection's check ends, whatever the host does: the drops come until the caller hangs up."""
    monkeypatch.setattr("blnk_api.blnk.probe._MOST_SECONDS", 0.5)
    hung_up = threading.Event()

    def drip(line: socket.socket) -> None:
        line.settimeout(0.05)
        line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        try:
            while True:
                line.sendall(b"x")
                with contextlib.suppress(TimeoutError):
                    if line.recv(65536) == b"":
                        break
        except OSError:
            pass
        hung_up.set()

    with server(drip) as port:
        assert greet(f"http://127.0.0.1:{port}").clock_ahead_seconds is None
        assert hung_up.wait(60)
