"""What a host reveals before it receives any credentials: its time, and when its certificate expires."""

import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from blnk_api.blnk import USER_AGENT
from blnk_api.blnk.answer_meaning import http_date

_GREET_SECONDS = 5.0
_MOST_SECONDS = 2 * _GREET_SECONDS


@dataclass(frozen=True)
class ProbeResult:
    """What a host reveals before it receives any credentials. None: it did not say."""

    clock_ahead_seconds: float | None = None
    certificate_ends: datetime | None = None


def greet(url: str) -> ProbeResult:
    """Requests the host's front page. Returns nothing if the connection would go through a proxy."""
    parts = urlsplit(url)
    if not parts.hostname:
        return ProbeResult()
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    line = kind(parts.hostname, parts.port, timeout=_GREET_SECONDS)
    ends = date = None
    # A socket's own timeout restarts with each byte, so a server that sends one now and then would be
    # read forever.
    over = threading.Timer(_MOST_SECONDS, lambda: _hang_up(line))
    over.daemon = True
    over.start()
    try:
        line.connect()
        if isinstance(line.sock, ssl.SSLSocket):
            not_after = (line.sock.getpeercert() or {}).get("notAfter")
            if isinstance(not_after, str):
                ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(not_after), UTC)
        asked_at = time.time()
        line.request("HEAD", "/", headers={"User-Agent": USER_AGENT})
        date = line.getresponse().getheader("Date")
        midway = (asked_at + time.time()) / 2
    except (OSError, HTTPException):
        return ProbeResult(certificate_ends=ends)
    finally:
        over.cancel()
        line.close()
    server_time = http_date(date)
    # A Date header is cut to whole seconds: on average it is half a second behind.
    return ProbeResult(None if server_time is None else midway - 0.5 - server_time.timestamp(), ends)


def _hang_up(line: HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        line.sock.shutdown(socket.SHUT_RDWR)
