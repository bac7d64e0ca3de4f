"""Connections to Blnk instances, with their credentials, read from the tables of the secrets file.

A wrong secret raises SettingsProblem, whose text names the key and what it should look like, never a value.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from blnk_api.access.approval_rule import KEYS as APPROVAL_KEYS
from blnk_api.access.approval_rule import ApprovalRule, read_rule
from blnk_api.access.role_grants import Grants, read_grants
from blnk_api.common.practice_address import last_known
from blnk_api.errors import SettingsProblem

BLNK_CLOUD = "https://api.cloud.blnkfinance.com"
PRACTICE = "practice"
"""The name of Practice as a connection, and its base URL: its address may change between starts."""

Environment = Literal["production", "sandbox", "practice"]


@dataclass(frozen=True)
class Instance:
    """One Blnk instance. An import belongs to an instance, whatever its connection is called."""

    base_url: str
    instance_id: str
    environment: Environment


@dataclass(frozen=True)
class OAuth:
    """Credentials that are renewed. A client with these needs a token store."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True)
class Connection:
    """A named Blnk instance and the credentials for it, as in the secrets file."""

    name: str
    label: str
    instance: Instance
    url: str
    """The address to use: the instance's base URL, or Practice's ("" while Practice is not running)."""
    credentials: str | OAuth = field(repr=False)
    """An access token, or OAuth. Never printed."""
    requests_per_minute: int = 5_000
    request_timeout_seconds: float = 30.0
    custom_currencies: frozenset[str] = frozenset()
    records_included: int | None = None
    """How many records the plan includes: ledgers, identities, balances and transactions together."""
    roles: Grants | None = None
    """Who has which role for this connection, instead of the desk's `[roles]`. None: the desk's roles
    apply."""
    approval: ApprovalRule = field(default_factory=ApprovalRule)
    """From how many balances on an import needs the approval of a second person."""
    notify: tuple[str, ...] = field(default=(), repr=False, compare=False)
    """Apprise addresses that are notified about imports. They may contain passwords, so they are never
    printed. Changing them does not make it another connection: its sender continues."""

    @property
    def is_practice(self) -> bool:
        return self.instance.base_url == PRACTICE

    @property
    def is_production(self) -> bool:
        return self.instance.environment == "production"


def practice_connection(data_dir: Path) -> Connection:
    """The connection to Practice, read from its data folder. It has no address until Practice has started
    once."""
    known = last_known(data_dir)
    return Connection(
        name=PRACTICE,
        label="Practice",
        instance=Instance(PRACTICE, known.instance_id if known else "", "practice"),
        url=known.url if known else "",
        credentials=known.token if known else "",
        requests_per_minute=60_000,
    )


def read_tables(tables: Any, *, has_sign_in: bool = False) -> dict[str, Connection]:
    """The connections in the `[connections.NAME]` tables, by name. Raises SettingsProblem.

    `has_sign_in`: whether people sign in, which approval rules require.
    """
    if not isinstance(tables, dict):
        raise SettingsProblem("connections must be tables: [connections.NAME].")
    found: dict[str, Connection] = {}
    for name, table in tables.items():
        if name == PRACTICE:
            raise SettingsProblem(
                "A connection cannot be named practice: that name is reserved for Practice."
            )
        if not isinstance(table, dict):
            raise SettingsProblem(f"connections.{name} must be a table: [connections.{name}].")
        found[name] = _connection(name, table, has_sign_in=has_sign_in)
    return found


class SettingsTable:
    """One table such as [connections.NAME]. Problems name the key and how to fix it."""

    def __init__(self, name: str, table: Mapping[str, object]) -> None:
        self.name = name
        self.table = table

    def problem(self, key: str, remedy: str) -> SettingsProblem:
        return SettingsProblem(f"{self.name}.{key} {remedy}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.table.get(key, default)
        if value is None:
            raise self.problem(key, 'is missing. It should be text: key = "value".')
        if not isinstance(value, str) or not value.strip():
            raise self.problem(key, "should be text in double quotes, and not empty.")
        return value

    def token(self, key: str) -> str:
        value = self.text(key)
        if not value.isascii() or any(
            character.isspace() or not character.isprintable() for character in value
        ):
            raise self.problem(
                key, "contains a space, a line break or an unusual character. It should be one unbroken word."
            )
        return value

    def number(self, key: str, default: float, *, least: float, most: float) -> float:
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.problem(key, f"should be a number from {least:g} to {most:,.0f}, without quotes.")
        return value

    def refuse_other_keys(self, known: Collection[str]) -> None:
        for key in self.table:
            if key not in known:
                raise self.problem(key, f"is not a known key. Known keys are: {', '.join(sorted(known))}.")


_KEYS = {
    "label",
    "base_url",
    "instance_id",
    "environment",
    "requests_per_minute",
    "request_timeout_seconds",
    "custom_currencies",
    "records_included",
    "notify",
    "access_token",
    "client_id",
    "client_secret",
    "refresh_token",
    "roles",
    *APPROVAL_KEYS,
}


def _connection(name: str, values: Mapping[str, object], *, has_sign_in: bool) -> Connection:
    table = SettingsTable(f"connections.{name}", values)
    table.refuse_other_keys(_KEYS)
    environment = table.text("environment", "production")
    if environment not in ("production", "sandbox"):
        raise table.problem("environment", 'should be "production" or "sandbox".')
    instance = Instance(_base_url(table), table.token("instance_id"), environment)  # type: ignore[arg-type]
    return Connection(
        name=name,
        label=table.text("label", name),
        instance=instance,
        url=instance.base_url,
        credentials=_credentials(table),
        requests_per_minute=int(table.number("requests_per_minute", 5_000, least=1, most=1_000_000)),
        request_timeout_seconds=table.number("request_timeout_seconds", 30.0, least=1, most=600),
        custom_currencies=_custom_currencies(table),
        records_included=_records_included(table),
        roles=read_grants(values["roles"], f"connections.{name}.roles") if "roles" in values else None,
        approval=read_rule(name, values, is_production=environment == "production", has_sign_in=has_sign_in),
        notify=_notify(table),
    )


def _credentials(table: SettingsTable) -> str | OAuth:
    oauth_keys = ("client_id", "client_secret", "refresh_token")
    if not any(key in table.table for key in oauth_keys):
        return table.token("access_token")
    if "access_token" in table.table:
        raise table.problem(
            "access_token", f"cannot be combined with {', '.join(oauth_keys)}. Keep one or the other."
        )
    return OAuth(*(table.token(key) for key in oauth_keys))


def _base_url(table: SettingsTable) -> str:
    text = table.text("base_url", BLNK_CLOUD)
    should = "should look like https://host or https://host:port"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise table.problem("base_url", f"{should}.") from None
    if parts.scheme not in ("https", "http") or not host or any(letter.isspace() for letter in text):
        raise table.problem("base_url", f"{should}.")
    if any(mark in text for mark in "@?#"):
        raise table.problem("base_url", f"{should}, with no @, ? or # in it.")
    if parts.scheme == "http" and host not in ("127.0.0.1", "localhost", "::1"):
        raise table.problem(
            "base_url", "must begin with https:// (http:// is allowed only for this machine itself)."
        )
    return text.rstrip("/")


def _records_included(table: SettingsTable) -> int | None:
    if "records_included" not in table.table:
        return None
    return int(table.number("records_included", 0, least=1, most=1_000_000_000))


def _custom_currencies(table: SettingsTable) -> frozenset[str]:
    codes = table.table.get("custom_currencies", [])
    if not isinstance(codes, list) or not all(
        isinstance(code, str) and len(code.split()) == 1 for code in codes
    ):
        raise table.problem(
            "custom_currencies", 'should be a list of codes without spaces, like ["POINTS", "MILES"].'
        )
    return frozenset(codes)


_MOST_ADDRESSES = 20
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def _notify(table: SettingsTable) -> tuple[str, ...]:
    """Does not check that Apprise knows the kind of address: `notifications.addresses`, which loads Apprise,
    does."""
    addresses = table.table.get("notify", [])
    if (
        not isinstance(addresses, list)
        or len(addresses) > _MOST_ADDRESSES
        or not all(isinstance(one, str) and _ADDRESS.fullmatch(one) for one in addresses)
    ):
        raise table.problem(
            "notify",
            f'should be a list of at most {_MOST_ADDRESSES} addresses without spaces, like ["slack://…", '
            '"mailto://…"].',
        )
    return tuple(dict.fromkeys(addresses))
