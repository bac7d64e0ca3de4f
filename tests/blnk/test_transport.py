"""What is known of a request depends on the moment at which its connection failed."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from blnk_api import errors
from blnk_api.client import BlnkClient
from blnk_api.models import BalanceRequest
from tests.support.certificate import certificate_for
from tests.support.connections import (
    PATIENCE_SECONDS,
    TOKEN,
    connection_of,
    connection_to,
    read_request,
    server,
)
from tests.support.practice import PracticeBlnk

ASKED = BalanceRequest(ledger_id="ldg_00000001-0000-4000-8000-000000000001", currency="USD")


def creates(blnk: PracticeBlnk) -> int:
    """How many POSTs arrived that ask for a balance."""
    return int(blnk.requests()["by_kind"].get("create", 0))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_for("localhost", tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))


def attempt(
    url: str, *, timeout: float = PATIENCE_SECONDS, connect: float = PATIENCE_SECONDS
) -> errors.BlnkError:
    """What one balance asked of this server came to."""
    client = BlnkClient(connection_to(url, timeout=timeout), connect_seconds=connect)
    with client, pytest.raises(errors.BlnkError) as raised:
        client.create_balance(ASKED, ref="ref-1")
    return raised.value


def test_a_missing_server_created_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    problem = attempt(f"http://127.0.0.1:{port}")

    assert isinstance(problem, errors.NotConnected)
    assert str(problem) == "127.0.0.1 could not be reached: connection refused."


def test_practice_that_is_not_running_created_nothing() -> None:
    problem = attempt("")

    assert isinstance(problem, errors.NotConnected)
    assert str(problem) == "Practice is not running."


def test_an_unknown_host_name_created_nothing() -> None:
    problem = attempt("https://blnk.invalid")

    assert isinstance(problem, errors.NotConnected)
    assert str(problem) == "blnk.invalid could not be reached: its host name was not found."


def test_a_certificate_that_is_not_accepted_created_nothing(tls: ssl.SSLContext) -> None:
    with server(lambda line: None, tls=tls) as port:
        problem = attempt(f"https://localhost:{port}")

    assert isinstance(problem, errors.NotConnected)
    assert "its certificate was rejected (self-signed certificate)" in str(problem)


def test_a_server_without_tls_created_nothing(blnk: PracticeBlnk) -> None:
    problem = attempt(blnk.url.replace("http://127.0.0.1", "https://localhost"))

    assert isinstance(problem, errors.NotConnected)
    assert creates(blnk) == 0


def test_a_handshake_that_never_ends_created_nothing() -> None:
    def silent(line: socket.socket) -> None:
        while line.recv(4096):
            pass

    with server(silent) as port:
        problem = attempt(f"https://localhost:{port}", connect=0.3)

    assert isinstance(problem, errors.NotConnected)
    assert "no connection within 0.3 seconds" in str(problem)


@pytest.mark.usefixtures("trusted")
def test_tls_that_breaks_after_the_request_may_have_created(tls: ssl.SSLContext) -> None:
    """The same kind of exception as a refused certificate, at another moment."""
    heard: list[bytes] = []

    with server(lambda line: heard.append(read_request(line)), tls=tls) as port:
        problem = attempt(f"https://localhost:{port}")

    assert isinstance(problem, errors.MaybeCreated)
    assert b"POST /proxy/balances?instance_id=ins_1 " in heard[0]


@pytest.mark.usefixtures("trusted")
def test_a_netrc_of_this_machine_does_not_replace_our_token(
    tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine localhost login me password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    heard: list[bytes] = []

    with server(lambda line: heard.append(read_request(line)), tls=tls) as port:
        attempt(f"https://localhost:{port}")

    assert f"Authorization: Bearer {TOKEN}\r\n".encode() in heard[0]


def test_a_missing_file_of_certificates_created_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")

    assert isinstance(attempt("https://localhost:9"), errors.NotConnected)


def test_a_proxy_that_refuses_created_nothing_and_keeps_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")

    with server(refuse) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pr0xy-s3cr3t@127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        problem = attempt("https://blnk.invalid")

    assert isinstance(problem, errors.NotConnected)
    assert "s3cr3t" not in str(problem)


def test_blnk_on_this_machine_is_not_reached_through_a_proxy(
    blnk: PracticeBlnk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    BlnkClient(connection_of(blnk)).create_balance(ASKED)

    assert len(blnk.balances()) == 1


def dribble(line: socket.socket, beginning: bytes, hung_up: threading.Event) -> None:
    """An answer that ends only in minutes, a byte at a time: no single wait is long."""
    read_request(line)
    try:
        line.sendall(beginning)
        for _ in range(9_000):
            line.sendall(b"x")
            time.sleep(0.02)  # the server's own slowness is what is tested
    except OSError:
        hung_up.set()


def wait_and_fall_silent(line: socket.socket, beginning: bytes) -> None:
    """The first bytes come after a while, and then none."""
    read_request(line)
    time.sleep(0.3)
    line.sendall(beginning)
    line.recv(1)


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 201 Created\r\nx-", b"HTTP/1.1 201 Created\r\ncontent-length: 9999\r\n\r\n{"],
    ids=["head", "body"],
)
def test_an_answer_that_trickles_ends_at_the_deadline(beginning: bytes) -> None:
    hung_up = threading.Event()
    began = time.monotonic()
    with server(lambda line: dribble(line, beginning, hung_up)) as port:
        problem = attempt(f"http://127.0.0.1:{port}", timeout=0.5)
        assert hung_up.wait(PATIENCE_SECONDS)

    assert isinstance(problem, errors.MaybeCreated)
    assert "did not answer within 0.5 seconds" in str(problem)
    assert time.monotonic() - began > 0.5


def test_the_last_wait_does_not_restart_with_the_first_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait for bytes is for what is left of the time, some of which was gone before the first came."""
    waits: list[float] = []
    set_time_out = socket.socket.settimeout

    def note(line: socket.socket, seconds: float | None) -> None:
        waits.append(seconds or 0.0)
        set_time_out(line, seconds)

    with server(lambda line: wait_and_fall_silent(line, b"HTTP/1.1 201 Created\r\n\r\n{")) as port:
        monkeypatch.setattr(socket.socket, "settimeout", note)
        problem = attempt(f"http://127.0.0.1:{port}", timeout=3.0)

    assert isinstance(problem, errors.MaybeCreated)
    assert waits[-1] <= 3.0 - 0.3


def test_a_redirect_is_not_followed(blnk: PracticeBlnk) -> None:
    def elsewhere(line: socket.socket) -> None:
        read_request(line)
        place = f"{blnk.url}/proxy/balances?instance_id={blnk.instance_id}"
        line.sendall(f"HTTP/1.1 307 Moved\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n".encode())

    with server(elsewhere) as port:
        problem = attempt(f"http://127.0.0.1:{port}")

    assert isinstance(problem, errors.MaybeCreated)
    assert problem.status == 307
    assert creates(blnk) == 0
