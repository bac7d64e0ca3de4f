"""The app as it is really served, here and to a team: who gets in over real sockets, and who does not."""

import re
import shlex
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import sync_playwright

from tests.support import papers
from tests.support.app import App
from tests.support.browser import launch, open_tab
from tests.support.tls_proxy import Proxy, Served, free_port

NAME = "desk.example.com"
SOCKET = "/_stcore/stream"
UPLOAD = "/_stcore/upload_file/some-session/some-file"


class Door:
    """An address of the app, asked with any Host and Origin: what the app makes of them."""

    def __init__(self, port: int, *, tls: bool = False) -> None:
        self.port = port
        self._tls = tls

    def ask(self, method: str, path: str, *headers: str) -> str:
        """The answer's head."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=180) as plain:
            wire = _any_certificate().wrap_socket(plain, server_hostname=NAME) if self._tls else plain
            lines = (f"{method} {path} HTTP/1.1", *headers, "Content-Length: 0", "", "")
            wire.sendall("\r\n".join(lines).encode())
            head = b""
            while b"\r\n\r\n" not in head and (piece := wire.recv(1 << 16)):
                head += piece
            if self._tls:
                wire.close()
        return head.partition(b"\r\n\r\n")[0].decode("latin-1")

    def status(self, method: str, path: str, host: str, origin: str | None = None) -> int:
        said = self.ask(method, path, f"Host: {host}", *_origin(origin), "Connection: close")
        return int(said.split()[1])

    def connects(self, host: str, origin: str | None = None) -> bool:
        """Whether the WebSocket opens that a page lives by."""
        upgrade = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        status = int(self.ask("GET", SOCKET, f"Host: {host}", *_origin(origin), *upgrade, key).split()[1])
        assert status in (101, 403)
        return status == 101


def _origin(origin: str | None) -> list[str]:
    return [] if origin is None else [f"Origin: {origin}"]


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Outside:
    """A proxy for all that would leave this machine, which only counts who tries."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.asked: list[bytes] = []
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        with suppress(OSError):
            while True:
                came, _ = self._listening.accept()
                with came:
                    self.asked.append(came.recv(1000))

    def env(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        return {"http_proxy": url, "https_proxy": url, "no_proxy": "127.0.0.1,localhost"}

    def close(self) -> None:
        self._listening.close()


@pytest.fixture(scope="module")
def here(app: App) -> Door:
    """As it is started without any option."""
    return Door(urlsplit(app.url).port or 0)


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    counts = Outside()
    yield counts
    counts.close()


@pytest.fixture(scope="module")
def open_(tmp_path_factory: pytest.TempPathFactory, outside: Outside) -> Iterator[Door]:
    """Opened to the network, without a list of names."""
    port = free_port()
    options = ("--server.address", "0.0.0.0", "--server.port", str(port), "--browser.serverAddress", NAME)
    folder = tmp_path_factory.mktemp("open")
    with App(folder, options=options, env=outside.env(), url=f"http://127.0.0.1:{port}"):
        yield Door(port)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, Door, Door]]:
    """As docs/operating.md says: direct, behind a proxy that passes Host on, and behind one that does not."""
    [command] = [one for one in papers.commands("docs/operating.md") if "streamlit run" in one]
    command = command.partition("app.py ")[2]
    direct, passing, silent = free_port(), free_port(), free_port()
    options = shlex.split(command.replace("8501", str(direct)))
    folder = tmp_path_factory.mktemp("team")
    to = f"127.0.0.1:{direct}"
    served = [Served(NAME, passing, to), Served(NAME, silent, to, passes_host=False)]
    env = {"BLNK_PUBLIC_URL": f"https://{NAME}:{silent}"}
    with App(folder, options=options, env=env, url=f"http://{to}"), Proxy(folder / "proxy", served):
        yield Door(direct), Door(passing, tls=True), Door(silent, tls=True)


def test_its_own_pages_connect(here: Door, open_: Door) -> None:
    for door in (here, open_):
        for host in (f"localhost:{door.port}", f"127.0.0.1:{door.port}", f"[::1]:{door.port}"):
            assert door.status("GET", "/", host) == 200
            assert door.connects(host, f"http://{host}")
            assert door.connects(host)
    for host in (f"{NAME}:{open_.port}", f"192.0.2.7:{open_.port}", f"{socket.gethostname()}:{open_.port}"):
        assert open_.status("GET", "/", host) == 200
        assert open_.connects(host, f"http://{host}")
        assert open_.status("OPTIONS", UPLOAD, host, f"http://{host}") == 204


def test_a_page_of_another_site_controls_nothing_not_even_on_this_machine(here: Door, open_: Door) -> None:
    for door in (here, open_):
        for host in (f"localhost:{door.port}", f"127.0.0.1:{door.port}"):
            for origin in (
                "http://localhost:3000",
                "http://127.0.0.1:9999",
                "http://0.0.0.0:8501",
                "null",
                "http://evil.example",
                f"http://evil.example:{door.port}",
                "https://localhost",
                "http://",
            ):
                assert not door.connects(host, origin), origin
                for method in ("PUT", "POST", "DELETE", "OPTIONS"):
                    assert door.status(method, UPLOAD, host, origin) == 403, origin
            assert door.status("GET", "/", host, "http://evil.example") == 200


def test_a_foreign_host_name_that_leads_here_opens_nothing(here: Door, open_: Door) -> None:
    for door in (here, open_):
        for host in ("evil.example", f"evil.example:{door.port}", f"localhost.evil.example:{door.port}"):
            assert not door.connects(host)
            assert not door.connects(host, f"http://{host}")
            for path in ("/", "/imports", "/_stcore/health", "/_stcore/host-config", "/favicon.png"):
                assert door.status("GET", path, host) == 403


def test_rejecting_someone_asks_no_outside_server(open_: Door, outside: Outside) -> None:
    for origin in ("http://evil.example", "null", "http://localhost:3000"):
        assert not open_.connects(f"{NAME}:{open_.port}", origin)
    assert outside.asked == []


def test_the_documented_command_for_a_team_serves_it_under_its_name_alone(
    team: tuple[Door, Door, Door],
) -> None:
    direct = team[0]
    for host in (f"{NAME}:{direct.port}", f"localhost:{direct.port}", f"127.0.0.1:{direct.port}"):
        assert direct.status("GET", "/", host) == 200
        assert direct.connects(host, f"http://{host}")
        assert not direct.connects(host, "http://evil.example")
    for host in ("evil.example", f"192.0.2.7:{direct.port}"):
        assert direct.status("GET", "/", host) == 403
        assert not direct.connects(host, f"http://{host}")


def test_behind_a_proxy_that_terminates_tls_its_pages_connect_and_no_others(
    team: tuple[Door, Door, Door],
) -> None:
    _, passing, silent = team
    for host, origin in (
        (NAME, f"https://{NAME}"),
        (f"{NAME}:443", f"https://{NAME}"),
        (f"{NAME}:{passing.port}", f"https://{NAME}:{passing.port}"),
    ):
        assert passing.connects(host, origin)
        assert passing.status("OPTIONS", UPLOAD, host, origin) == 204
    assert silent.connects(NAME, f"https://{NAME}:{silent.port}")
    for origin in ("https://evil.example", "null", f"http://{NAME}:{silent.port}", f"https://{NAME}:1"):
        assert not passing.connects(f"{NAME}:{passing.port}", origin)
        assert not silent.connects(NAME, origin)


def test_a_browser_works_behind_the_proxy(team: tuple[Door, Door, Door]) -> None:
    with sync_playwright() as playwright:
        browser = launch(
            playwright, f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--ignore-certificate-errors"
        )
        for door in team[1:]:
            page = open_tab(browser, f"https://{NAME}:{door.port}/connection", "Connection")
            assert page.get_by_text("open to the network").is_visible()
        browser.close()


def test_under_tls_browsers_are_told_to_stay_there(team: tuple[Door, Door, Door], here: Door) -> None:
    _, passing, _ = team
    assert "max-age=31536000" in passing.ask("GET", "/", f"Host: {NAME}", "Connection: close")
    assert "strict-transport" not in here.ask("GET", "/", "Host: localhost", "Connection: close").lower()


def test_every_page_says_what_it_may_load_and_who_may_use_it(app: App) -> None:
    answer = requests.get(app.url, timeout=180)
    policy = answer.headers["Content-Security-Policy"]
    host = urlsplit(app.url).netloc
    for part in (
        "default-src 'none'",
        "img-src 'self' data: blob:",
        "base-uri 'none'",
        "object-src 'none'",
        f"connect-src 'self' ws://{host} wss://{host}",
        "frame-ancestors 'none'",
    ):
        assert part in policy.split("; ")
    [scripts] = re.findall(r"script-src ([^;]*)", policy)
    assert "unsafe" not in scripts
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in answer.headers["Permissions-Policy"]


def test_streamlits_metrics_and_api_are_closed(here: Door) -> None:
    for path in (
        "/_stcore/metrics",
        "/_stcore/metrics/",
        "/_stcore/metrics?families=x",
        "/%5Fstcore/metrics",
        "/_stcore/agent/openapi.json",
        "/_stcore/agent/mcp",
        "/_stcore/agent/interact",
        "/_stcore/agent",
    ):
        for method in ("GET", "POST", "HEAD", "OPTIONS"):
            assert here.status(method, path, f"localhost:{here.port}") == 404, path
    assert here.status("GET", "/_stcore/health", f"localhost:{here.port}") == 200
