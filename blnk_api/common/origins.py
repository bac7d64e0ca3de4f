"""Which requests may come in: those under one of the server's own names and, where a page sent them, from one
of its own pages. Decided before Streamlit, whose own check believes any page on this machine, and asks an
outside address for this machine's before it refuses one."""

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
    """Where a page is from: three things that all have to be equal."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def as_hosts(self) -> list[tuple[str, int | None]]:
        """The name and port that a request to it may say."""
        by_default = self.port == _DEFAULT_PORTS[self.scheme]
        return [(self.host, self.port), *([(self.host, None)] if by_default else [])]

    @property
    def netloc(self) -> str:
        """As a browser writes it in Host, without a default port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def origin_of(text: str) -> Origin | None:
    """None for what is no address of a site over HTTP: `null`, a path, a name and password."""
    scheme, divider, _ = text.partition("://")
    scheme = scheme.lower()
    if not divider or scheme not in _DEFAULT_PORTS:
        return None
    said = _host_and_port(text[len(scheme) + 3 :])
    if said is None:
        return None
    host, port = said
    return Origin(scheme, host, _DEFAULT_PORTS[scheme] if port is None else port)


def _host_and_port(text: str) -> tuple[str, int | None] | None:
    """A Host header's two parts; None for anything else."""
    said = _HOST.fullmatch(text)
    if said is None or int(said["port"] or 0) > 65_535:
        return None
    name = (said["ip6"] or said["name"]).lower().rstrip(".")
    return name, int(said["port"]) if said["port"] else None


@dataclass(frozen=True)
class Site:
    """What this server is called, as its settings say it."""

    address: str | None = None
    """On which it listens (server.address)."""
    shown_address: str | None = None
    """Where people's browsers are sent (browser.serverAddress)."""
    allowed_hosts: Sequence[str] = ()
    """server.allowedHosts; none means every name that nobody else can have."""
    listed_origins: Collection[str] = ()
    """Other sites that are trusted (server.corsAllowedOrigins)."""
    public: Origin | None = None
    """BLNK_PUBLIC_URL: where a proxy serves it."""

    @property
    def is_for_others(self) -> bool:
        """Whether more than this machine can reach it: it listens to the network, or has a name there."""
        names = [self.address, *self.allowed_hosts]
        names += [self.shown_address] if self.shown_address else []
        names += [self.public.host] if self.public else []
        return any(_plain(name) not in LOCAL_NAMES for name in names)

    @property
    def listens_to_this_machine_alone(self) -> bool:
        """Whatever its names are: a proxy on this machine may pass on what others send."""
        return _plain(self.address) in LOCAL_NAMES

    def is_ours(self, host: str) -> bool:
        """Whether this Host header names this server.

        A page under any other name could be a stranger's, whose name leads here for a moment (DNS rebinding).
        """
        said = _host_and_port(host)
        if said is None:
            return False
        name, _ = said
        if name in LOCAL_NAMES or (self.public is not None and name == self.public.host):
            return True
        if self.allowed_hosts:
            return any(is_named(name, allowed) for allowed in self.allowed_hosts)
        return _is_ip(name) or name in {*_machine_names(), *map(_plain, (self.address, self.shown_address))}

    def is_from_us(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may act under this Host header."""
        from_, to = origin_of(origin), _host_and_port(host)
        if from_ is None or to is None:
            return False
        if from_ == self.public or any(from_ == origin_of(one.strip("/ ")) for one in self.listed_origins):
            return True
        if self.public is not None and to in self.public.as_hosts:
            return False  # at best the same host and port, and another scheme
        # A proxy may end TLS, so the scheme that we see says nothing: a port that is not named is the page's.
        default = _DEFAULT_PORTS[from_.scheme]
        return (from_.host, from_.port) == (to[0], default if to[1] is None else to[1])

    def sockets(self, host: str) -> str:
        """The WebSockets that a page under this Host header may open, as a policy lists them."""
        hosts = [host] if _host_and_port(host) is not None else []
        hosts += [self.public.netloc] if self.public is not None and self.public.netloc != host else []
        return " ".join(f"ws://{each} wss://{each}" for each in hosts)

    def is_behind_tls(self, scheme: str, host: str) -> bool:
        """Whether browsers may be told never to come without TLS. Not for this machine's own names, which
        belong to all that run on it."""
        said = _host_and_port(host)
        if said is None or said[0] in LOCAL_NAMES or _is_ip(said[0]):
            return False
        return scheme == "https" or (self.public is not None and self.public.scheme == "https")

    def host_for_streamlit(self, host: str) -> str:
        """A Host that Streamlit's own list of names lets pass: it does not know all that we let pass."""
        said = _host_and_port(host)
        if not self.allowed_hosts or said is None:
            return host
        if any(is_named(said[0], allowed) for allowed in self.allowed_hosts):
            return host
        return self.allowed_hosts[0].strip().lstrip("*") or host


def is_named(asked: str, allowed: str) -> bool:
    """As Streamlit reads server.allowedHosts: `*` is any name, `*.example.com` any below that."""
    name = _plain(allowed)
    return name in ("*", asked) or (name.startswith("*.") and asked.endswith(name[1:]))


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
    """As the machine says itself, not as the network's DNS does: that may be anyone's."""
    name = _plain(socket.gethostname())
    first = name.partition(".")[0]
    return frozenset(filter(None, (name, first, first and f"{first}.local")))
