"""A proxy that terminates TLS, as a team puts one in front of the app: Debian's nginx, with its own
certificate.

with Proxy(folder, [Served("desk.example.com", port=9443, to="127.0.0.1:8501")]):
    ...

It ends with the process that started it, even if that is killed. A missing nginx fails the test.
"""

import shutil
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.support.certificate import certificate_for
from tests.support.importer import wait_until

_ENDS_WITH_US = '"$@" & server=$!; cat >/dev/null; kill -TERM $server; wait $server'


@dataclass(frozen=True)
class Served:
    """One address that the proxy serves."""

    name: str
    port: int
    to: str
    passes_host: bool = True

    def config(self) -> str:
        host = "proxy_set_header Host $http_host;" if self.passes_host else ""
        return f"""server {{
  listen 127.0.0.1:{self.port} ssl; server_name {self.name};
  ssl_certificate certificate.pem; ssl_certificate_key certificate.pem;
  location / {{
    proxy_pass http://{self.to}; proxy_http_version 1.1; {host}
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Forwarded-Proto https;
  }}
}}
"""


class Proxy:
    def __init__(self, folder: Path, served: list[Served]) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._served = served
        certificate_for(served[0].name, folder)
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"""daemon off; master_process off; pid {folder}/pid; error_log {folder}/log;
events {{}}
http {{
access_log off; {temporary}
map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
{"".join(each.config() for each in served)}}}
"""
        )
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if nginx is None:
            pytest.fail("There is no nginx. Install nginx-light; sh tests/run does that by itself.")
        self._process = subprocess.Popen(
            ["sh", "-c", _ENDS_WITH_US, "sh", nginx, "-p", self._folder, "-c", self._folder / "nginx.conf"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for each in self._served:
            wait_until(lambda each=each: _answers(each.port), self._said)  # type: ignore[misc]
        return self

    def _said(self) -> str:
        log = self._folder / "log"
        return f"nginx says: {log.read_text() if log.exists() else 'nothing'}"

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
