"""How people sign in: `[sign_in]` of the secrets file.

A wrong setting raises SettingsProblem, whose text names the key and what it should look like, never a value.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from blnk_api.common.origins import LOCAL_NAMES, Origin, origin_of
from blnk_api.connections import SettingsTable
from blnk_api.errors import SettingsProblem

_SHARED_ISSUERS = ("common", "organizations", "consumers")
_MICROSOFT = ("microsoftonline.com", "microsoftonline.us", "microsoftonline.cn", "windows.net")
_NAME = re.compile(r"[A-Za-z0-9-]{1,40}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")


@dataclass(frozen=True)
class Provider:
    """An OpenID Connect provider, as in `[sign_in.providers.NAME]`."""

    name: str
    label: str
    """The name on the sign-in button."""
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ()
    """Requested in addition to openid, email and profile."""
    trust_email: bool = False
    """Whether to trust an email address that the provider does not mark as verified."""


@dataclass(frozen=True)
class ProxyHeader:
    """A proxy that signs people in and names them in a header, as in `[sign_in.proxy]`."""

    header: str
    jwks: str = ""
    """The address of the proxy's public keys."""
    issuer: str = ""
    audience: str = ""
    trust_email: bool = False
    trust_unsigned: bool = False
    """Whether to accept a plain name or email address. Safe only while no other machine can reach the
    server."""
    sign_out_url: str = ""
    """The proxy's own sign-out page."""


@dataclass(frozen=True)
class SignIn:
    """How people sign in: through providers or a proxy."""

    url: Origin
    """The address at which browsers reach the pages."""
    providers: Mapping[str, Provider]
    proxy: ProxyHeader | None = None
    longest_seconds: float = 12 * 3600.0
    idle_seconds: float = 3600.0

    @property
    def is_https(self) -> bool:
        return self.url.scheme == "https"

    @cached_property
    def cookie(self) -> str:
        """The name of the session cookie. Its prefix keeps subdomains from setting it."""
        return "__Host-desk_session" if self.is_https else "desk_session"


_KEYS = ("url", "longest_hours", "idle_minutes", "providers", "proxy")
_PROVIDER_KEYS = ("issuer", "client_id", "client_secret", "label", "scopes", "trust_email")
_PROXY_KEYS = ("header", "jwks", "issuer", "audience", "trust_email", "trust_unsigned", "sign_out_url")


def read_sign_in(secrets: Mapping[str, object]) -> SignIn | None:
    """`[sign_in]` of the secrets file, or None if there is none. Raises SettingsProblem."""
    if "sign_in" not in secrets:
        return None
    if not isinstance(secrets["sign_in"], dict):
        raise SettingsProblem("sign_in must be a table: [sign_in].")
    table = SettingsTable("sign_in", secrets["sign_in"])
    table.refuse_other_keys(_KEYS)
    tables = secrets["sign_in"].get("providers", {})
    if not isinstance(tables, dict):
        raise SettingsProblem("sign_in.providers must be tables: [sign_in.providers.NAME].")
    proxy = secrets["sign_in"].get("proxy")
    if bool(tables) is (proxy is not None):
        raise SettingsProblem(
            "sign_in needs either providers, [sign_in.providers.NAME], or a proxy, [sign_in.proxy], and not "
            "both."
        )
    return SignIn(
        url=_url(table),
        providers={name: _provider(name, each) for name, each in tables.items()},
        proxy=None if proxy is None else _proxy(proxy),
        longest_seconds=3600 * table.number("longest_hours", 12, least=0.01, most=24 * 31),
        idle_seconds=60 * table.number("idle_minutes", 60, least=0.05, most=60 * 24 * 31),
    )


def _url(table: SettingsTable) -> Origin:
    url = origin_of(table.text("url").strip().removesuffix("/"))
    if url is None:
        raise table.problem(
            "url", "should be the address of the pages without a path, like https://desk.example.com."
        )
    if url.scheme == "http" and url.host not in LOCAL_NAMES:
        raise table.problem(
            "url", "must begin with https:// (http:// is allowed only for this machine itself)."
        )
    return url


def _provider(name: str, values: Any) -> Provider:
    if not _NAME.fullmatch(name):
        raise SettingsProblem("The NAME of [sign_in.providers.NAME] should be letters, digits and hyphens.")
    if not isinstance(values, dict):
        raise SettingsProblem(f"sign_in.providers.{name} must be a table: [sign_in.providers.{name}].")
    table = SettingsTable(f"sign_in.providers.{name}", values)
    table.refuse_other_keys(_PROVIDER_KEYS)
    return Provider(
        name=name,
        label=table.text("label", name),
        issuer=_issuer(table),
        client_id=table.token("client_id"),
        client_secret=table.token("client_secret"),
        scopes=_scopes(table),
        trust_email=_switch(table, "trust_email"),
    )


def _issuer(table: SettingsTable) -> str:
    issuer = _address(table, "issuer")
    parts = urlsplit(issuer)
    first = parts.path.strip("/").partition("/")[0].lower()
    if first in _SHARED_ISSUERS and (parts.hostname or "").endswith(_MICROSOFT):
        raise table.problem(
            "issuer",
            "would let people from every Microsoft tenant sign in. Name your own tenant: "
            "https://login.microsoftonline.com/TENANT-ID/v2.0.",
        )
    return issuer


def _address(table: SettingsTable, key: str) -> str:
    """The address of another server: https, or http on this machine."""
    text = table.token(key)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("https", "http") or any(mark in text for mark in "@?#\\"):
        raise table.problem(key, "should look like https://host/path, with no @, ? or # in it.")
    if parts.scheme == "http" and host not in LOCAL_NAMES:
        raise table.problem(
            key, "must begin with https:// (http:// is allowed only for this machine itself)."
        )
    return text


def _scopes(table: SettingsTable) -> tuple[str, ...]:
    scopes = table.table.get("scopes", [])
    if not isinstance(scopes, list) or not all(
        isinstance(one, str) and len(one.split()) == 1 and one.isascii() for one in scopes
    ):
        raise table.problem("scopes", 'should be a list of words, like ["groups"].')
    return tuple(scopes)


def _switch(table: SettingsTable, key: str) -> bool:
    value = table.table.get(key, False)
    if not isinstance(value, bool):
        raise table.problem(key, "should be true or false, without quotes.")
    return value


def _proxy(values: Any) -> ProxyHeader:
    if not isinstance(values, dict):
        raise SettingsProblem("sign_in.proxy must be a table: [sign_in.proxy].")
    table = SettingsTable("sign_in.proxy", values)
    table.refuse_other_keys(_PROXY_KEYS)
    header = table.text("header")
    if not _HEADER.fullmatch(header):
        raise table.problem("header", "should be the name of a header, like Cf-Access-Jwt-Assertion.")
    sign_out_url = _sign_out_url(table) if "sign_out_url" in values else ""
    if _switch(table, "trust_unsigned"):
        for key in ("jwks", "issuer", "audience", "trust_email"):
            if key in values:
                raise table.problem(
                    key, "cannot be combined with trust_unsigned: an unsigned header does not need it."
                )
        return ProxyHeader(header, trust_unsigned=True, sign_out_url=sign_out_url)
    return ProxyHeader(
        header,
        jwks=_address(table, "jwks"),
        issuer=table.token("issuer"),
        audience=table.token("audience"),
        trust_email=_switch(table, "trust_email"),
        sign_out_url=sign_out_url,
    )


def _sign_out_url(table: SettingsTable) -> str:
    text = table.token("sign_out_url")
    if re.fullmatch(r"/(?![/\\])[^\\]*", text) or re.fullmatch(r"https://[^/\\@]+(/[^\\]*)?", text):
        return text
    raise table.problem("sign_out_url", "should be a path like /oauth2/sign_out, or begin with https://.")
