"""Which requests are accepted: those to one of the server's own names and, if a page sent them, from one of
its own pages. Checked before Streamlit, whose own check trusts any page on this machine, and asks an outside
service for this machine's address before it rejects one."""

import re
import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import NamedTuple

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")

_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(?:\[(?P<ip6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9_.-]+))(?::(?P<port>[0-9]{0,5}))?")


class Origin(NamedTuple):
    """A page's origin. Two origins are equal if all three parts are."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def as_hosts(self) -> list[tuple[str, int | None]]:
        """The names and ports that the Host header of a request to it may contain."""
        by_default = self.port == _DEFAULT_PORTS[self.scheme]
        return [(self.host, self.port), *([(self.host, None)] if by_default else [])]

    @property
    def netloc(self) -> str:
        """The Host header that a browser sends, without a default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def origin_of(text: str) -> Origin | None:
    """None for anything that is not the address of an HTTP site: `null`, a path, a user name and password."""
    scheme, divider, _ = text.partition("://")
    scheme = scheme.lower()
    if not divider or scheme not in _DEFAULT_PORTS:
        return None
    parsed = _host_and_port(text[len(scheme) + 3 :])
    if parsed is None:
        return None
    host, port = parsed
    return Origin(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port)


def _host_and_port(text: str) -> tuple[str, int | None] | None:
    """The two parts of a Host header, or None if it is not valid."""
    parsed = _HOST.fullmatch(text)
    if parsed is None or int(parsed["port"] or 0) > 65_535:
        return None
    name = (parsed["ip6"] or parsed["name"]).lower().rstrip(".")
    return name, int(parsed["port"]) if parsed["port"] else None


@dataclass(frozen=True)
class Site:
    """The names of this server, from its settings."""

    address: str | None = None
    """The address it listens on (server.address)."""
    shown_address: str | None = None
    """The address that people's browsers open (browser.serverAddress)."""
    allowed_hosts: Sequence[str] = ()
    """server.allowedHosts. Empty allows every name that nobody else can own."""
    listed_origins: Collection[str] = ()
    """Other sites that are trusted (server.corsAllowedOrigins)."""
    public: Origin | None = None
    """BLNK_PUBLIC_URL: the address at which a proxy serves it."""

    @property
    def is_for_others(self) -> bool:
        """Whether other machines can reach it: it listens on the network, or has a name there."""
        names = [self.address, *self.allowed_hosts]
        names += [self.shown_address] if self.shown_address else []
        names += [self.public.host] if self.public else []
        return any(_plain(name) not in LOCAL_NAMES for name in names)

    @property
    def listens_to_this_machine_alone(self) -> bool:
        """Regardless of its names: a proxy on this machine may forward requests from others."""
        return _plain(self.address) in LOCAL_NAMES

    def is_ours(self, host: str) -> bool:
        """Whether this Host header names this server.

        A page under any other name could belong to a stranger whose name temporarily points here (DNS
        rebinding).
        """
        parsed = _host_and_port(host)
        if parsed is None:
            return False
        name, _ = parsed
        if name in LOCAL_NAMES or (self.public is not None and name == self.public.host):
            return True
        if self.allowed_hosts:
            return any(is_named(name, allowed) for allowed in self.allowed_hosts)
        return _is_ip(name) or name in {*_machine_names(), *map(_plain, (self.address, self.shown_address))}

    def is_from_us(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may send requests with this Host header."""
        from_, to = origin_of(origin), _host_and_port(host)
        if from_ is None or to is None:
            return False
        if from_ == self.public or any(from_ == origin_of(one.strip("/ ")) for one in self.listed_origins):
            return True
        if self.public is not None and to in self.public.as_hosts:
            return False  # at best the same host and port with a different scheme
        # A proxy may end TLS, so the scheme we see proves nothing: without a port, it is the page's.
        default = _DEFAULT_PORTS[from_.scheme]
        return (from_.host, from_.port) == (to[0], default if to[1] is None else to[1])

    def sockets(self, host: str) -> str:
        """The WebSocket addresses that a page under this Host header may open, for a content security
        policy."""
        hosts = [host] if _host_and_port(host) is not None else []
        hosts += [self.public.netloc] if self.public is not None and self.public.netloc != host else []
        return " ".join(f"ws://{each} wss://{each}" for each in hosts)

    def is_behind_tls(self, scheme: str, host: str) -> bool:
        """Whether browsers may be told to always use TLS. Not for this machine's own names, which all
        programs on it share."""
        parsed = _host_and_port(host)
        if parsed is None or parsed[0] in LOCAL_NAMES or _is_ip(parsed[0]):
            return False
        return scheme == "https" or (self.public is not None and self.public.scheme == "https")

    def host_for_streamlit(self, host: str) -> str:
        """A Host header that Streamlit's own check accepts: it does not know all the names that we accept."""
        parsed = _host_and_port(host)
        if not self.allowed_hosts or parsed is None:
            return host
        if any(is_named(parsed[0], allowed) for allowed in self.allowed_hosts):
            return host
        return self.allowed_hosts[0].strip().lstrip("*") or host


def is_named(host: str, allowed: str) -> bool:
    """Reads server.allowedHosts as Streamlit does: `*` is any name, `*.example.com` any name below it."""
    name = _plain(allowed)
    return name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:]))


def _plain(name: str | None) -> str:
    return (name or "").strip().lower().rstrip(".")


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


@cache
def _machine_names() -> frozenset[str]:
    """The names that the machine itself reports. The network's DNS could return anyone's."""
    name = _plain(socket.gethostname())
    first = name.partition(".")[0]
    return frozenset(filter(None, (name, first, first and f"{first}.local")))
