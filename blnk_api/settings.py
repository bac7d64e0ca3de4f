"""Connections and options, from `.streamlit/secrets.toml` and the environment, checked once.

A wrong secret raises SettingsProblem, whose text names the key and what it should look like, never a value.
"""

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from blnk_api.common import database_url
from blnk_api.common.origins import Origin, origin_of
from blnk_api.common.practice_address import last_known
from blnk_api.errors import SettingsProblem

BLNK_CLOUD = "https://api.cloud.blnkfinance.com"
UTC = ZoneInfo("UTC")
PRACTICE = "practice"
"""The practice Blnk's name as a connection, and its base URL: its address may change between starts."""

Environment = Literal["production", "sandbox", "practice"]


@dataclass(frozen=True)
class Instance:
    """Which Blnk: what an import belongs to, whatever its connection is called today."""

    base_url: str
    instance_id: str
    environment: Environment


@dataclass(frozen=True)
class OAuth:
    """Credentials that are renewed; a client that uses them needs a token store."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True)
class Connection:
    """A name in secrets for one Blnk and the credentials for it."""

    name: str
    label: str
    instance: Instance
    url: str
    """Where to reach it: the instance's base URL, or where the practice Blnk runs ("" when it does not)."""
    credentials: str | OAuth = field(repr=False)
    """An access token, or OAuth. Never printed."""
    requests_per_minute: int = 5_000
    request_timeout_seconds: float = 30.0
    custom_currencies: frozenset[str] = frozenset()

    @property
    def is_practice(self) -> bool:
        return self.instance.base_url == PRACTICE

    @property
    def is_production(self) -> bool:
        return self.instance.environment == "production"


@dataclass(frozen=True)
class Waits:
    """Every wait of the product, in seconds; each can be set with BLNK_WAIT_NAME, which tests do."""

    connect: float = 5.0
    settle_least: float = 10.0
    settle_least_production: float = 60.0
    claim_good: float = 5.0
    worker_notices: float = 0.2
    lock_retry: float = 0.5
    breaker_first: float = 5.0
    breaker_most: float = 120.0
    retry_after_most: float = 3_600.0
    """The longest wait that Blnk may ask for and that is kept without asking a person."""
    journal_retry: float = 1.0
    check_answers: float = 30.0
    """How long a command's check may go without an answer before the command ends and says so."""
    read_again: float = 0.25
    """Before a question that Blnk did not answer is asked once more; twice as long each time after."""
    rescan: float = 0.5
    resolve: float = 0.5
    late_looks: float = 5.0
    """Between two questions to our own database which rows are due to be looked up again."""
    page_refresh: float = 2.0
    form_refresh: float = 0.5
    download_link: float = 86_400.0
    practice_start: float = 10.0


@dataclass(frozen=True)
class Settings:
    """Everything that was configured when it was read; `load` reads it again."""

    data_dir: Path
    database_url: str = field(repr=False)  # may hold a password
    secrets_path: Path
    connections: Mapping[str, Connection]
    """By name, as in the secrets file; "practice" among them unless it is off."""
    waits: Waits = Waits()
    most_at_once: int = 256
    """Requests of one instance that may be under way at the same moment (BLNK_MOST_AT_ONCE)."""
    time_zone: ZoneInfo = UTC
    """In which months are cut (time_zone)."""
    purge_after_days: int | None = None
    """How long after its end an import's file and rows' contents are kept (BLNK_PURGE_AFTER_DAYS)."""
    drafts_after_days: int = 30
    """How long a draft that nobody touches stays open, and a cancelled import keeps its file
    (BLNK_DRAFTS_AFTER_DAYS)."""
    most_drafts: int = 200
    """Files that may be open as drafts at the same time (BLNK_MOST_DRAFTS)."""
    disk_reserve_bytes: int = 500_000_000
    """What uploads leave free on the data folder's disk, for the import database (BLNK_DISK_RESERVE_MB)."""
    public_url: Origin | None = None
    """Where a proxy serves the pages (BLNK_PUBLIC_URL)."""

    @property
    def uploads_dir(self) -> Path:
        return self.data_dir / "uploads"

    @property
    def receipts_dir(self) -> Path:
        """Results as they stood when a receipt was written."""
        return self.data_dir / "receipts"

    def settle_seconds(self, connection: Connection) -> float:
        """How long an unknown row waits before a look may call it absent (docs/architecture.md)."""
        waits = self.waits
        least = waits.settle_least_production if connection.is_production else waits.settle_least
        return max(2 * connection.request_timeout_seconds, least)

    def connection_of(self, instance: Instance) -> Connection | None:
        """The connection that means this instance today, if any."""
        return next((one for one in self.connections.values() if one.instance == instance), None)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads the secrets file and the environment. Nothing is contacted, and nothing is created.

    Args:
        environ: Environment variables in place of the process's own.

    Returns:
        The settings, with every connection by its name.

    Raises:
        SettingsProblem: A setting cannot work. The text names the key and what it should look like, never
            its value.
    """
    env = os.environ if environ is None else environ
    data_dir = Path(env.get("BLNK_DATA_DIR") or ".data").absolute()
    chosen = env.get("BLNK_SECRETS_FILE")
    path = Path(chosen or ".streamlit/secrets.toml").absolute()
    secrets = _read_secrets(path, must_exist=bool(chosen))
    connections = _connections(secrets.get("connections", {}))
    practice = secrets.get("practice", True)
    if not isinstance(practice, bool):
        raise SettingsProblem("practice must be true or false.")
    if practice:
        connections[PRACTICE] = practice_connection(data_dir)
    return Settings(
        data_dir=data_dir,
        database_url=_database_url(env, data_dir),
        secrets_path=path,
        connections=connections,
        waits=_waits(env),
        most_at_once=_whole_number(env, "BLNK_MOST_AT_ONCE", 256, least=1, most=10_000),
        time_zone=_time_zone(secrets.get("time_zone", "UTC")),
        purge_after_days=_purge_after_days(env),
        drafts_after_days=_whole_number(env, "BLNK_DRAFTS_AFTER_DAYS", 30, least=1, most=36_500),
        most_drafts=_whole_number(env, "BLNK_MOST_DRAFTS", 200, least=1, most=100_000),
        disk_reserve_bytes=1_000_000
        * _whole_number(env, "BLNK_DISK_RESERVE_MB", 500, least=0, most=100_000_000),
        public_url=public_url(env),
    )


def practice_connection(data_dir: Path) -> Connection:
    """The practice Blnk as it says of itself in its data; unreachable until it has been started once."""
    known = last_known(data_dir)
    return Connection(
        name=PRACTICE,
        label="Practice",
        instance=Instance(PRACTICE, known.instance_id if known else "", "practice"),
        url=known.url if known else "",
        credentials=known.token if known else "",
        requests_per_minute=60_000,
    )


def _read_secrets(path: Path, *, must_exist: bool) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        if must_exist:
            raise SettingsProblem(
                f"BLNK_SECRETS_FILE names {path}, which does not exist. Correct it or unset it."
            ) from None
        return {}
    except OSError as problem:
        raise SettingsProblem(f"The secrets file {path} cannot be read: {problem.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # The parser's own words may quote the line, and the line may be a token.
        raise SettingsProblem(
            f'The secrets file {path} is not valid TOML. Text values stand in double quotes: key = "value".'
        ) from None


def _connections(tables: Any) -> dict[str, Connection]:
    if not isinstance(tables, dict):
        raise SettingsProblem("connections must be tables: [connections.NAME].")
    found: dict[str, Connection] = {}
    for name, table in tables.items():
        if name == PRACTICE:
            raise SettingsProblem(
                "A connection cannot be named practice: that name is reserved for the practice Blnk."
            )
        if not isinstance(table, dict):
            raise SettingsProblem(f"connections.{name} must be a table: [connections.{name}].")
        found[name] = _connection(name, table)
    return found


class _Table:
    """One [connections.NAME] table, read key by key; problems name the key and the remedy."""

    def __init__(self, name: str, table: Mapping[str, object]) -> None:
        self.name = name
        self.table = table

    def problem(self, key: str, remedy: str) -> SettingsProblem:
        return SettingsProblem(f"connections.{self.name}.{key} {remedy}")

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


_KEYS = {
    "label",
    "base_url",
    "instance_id",
    "environment",
    "requests_per_minute",
    "request_timeout_seconds",
    "custom_currencies",
    "access_token",
    "client_id",
    "client_secret",
    "refresh_token",
}


def _connection(name: str, values: Mapping[str, object]) -> Connection:
    table = _Table(name, values)
    for key in values:
        if key not in _KEYS:
            raise table.problem(key, f"is not a known key. Known keys are: {', '.join(sorted(_KEYS))}.")
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
    )


def _credentials(table: _Table) -> str | OAuth:
    oauth_keys = ("client_id", "client_secret", "refresh_token")
    if not any(key in table.table for key in oauth_keys):
        return table.token("access_token")
    if "access_token" in table.table:
        raise table.problem(
            "access_token", f"cannot be combined with {', '.join(oauth_keys)}. Keep one or the other."
        )
    return OAuth(*(table.token(key) for key in oauth_keys))


def _base_url(table: _Table) -> str:
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


def _custom_currencies(table: _Table) -> frozenset[str]:
    codes = table.table.get("custom_currencies", [])
    if not isinstance(codes, list) or not all(
        isinstance(code, str) and len(code.split()) == 1 for code in codes
    ):
        raise table.problem(
            "custom_currencies", 'should be a list of codes without spaces, like ["POINTS", "MILES"].'
        )
    return frozenset(codes)


def _time_zone(name: Any) -> ZoneInfo:
    try:
        if isinstance(name, str):
            return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        pass
    raise SettingsProblem('time_zone should be the name of a time zone, like "Africa/Lagos".')


def _whole_number(env: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 12 or not least <= int(text) <= most:
        raise SettingsProblem(f"{name} should be a whole number from {least:,} to {most:,}.")
    return int(text)


def _purge_after_days(env: Mapping[str, str]) -> int | None:
    text = env.get("BLNK_PURGE_AFTER_DAYS", "")
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise SettingsProblem(
            "BLNK_PURGE_AFTER_DAYS should be a whole number of days, 1 or more; unset it to keep everything."
        )
    return int(text)


def _database_url(env: Mapping[str, str], data_dir: Path) -> str:
    chosen = env.get("BLNK_DATABASE_URL")
    return database_url.checked(chosen) if chosen else f"sqlite:///{data_dir / 'journal.db'}"


def public_url(env: Mapping[str, str]) -> Origin | None:
    """Where a proxy serves the pages (BLNK_PUBLIC_URL). Raises SettingsProblem."""
    text = env.get("BLNK_PUBLIC_URL", "")
    if not text:
        return None
    found = origin_of(text.strip().removesuffix("/"))
    if found is None:
        raise SettingsProblem(
            "BLNK_PUBLIC_URL should be the address of the pages without a path, like https://desk.example.com."
        )
    return found


def _waits(env: Mapping[str, str]) -> Waits:
    chosen: dict[str, float] = {}
    for one in fields(Waits):
        key = f"BLNK_WAIT_{one.name.upper()}"
        if key in env:
            try:
                seconds = float(env[key])
            except ValueError:
                seconds = math.nan
            if not 0 <= seconds < math.inf:
                raise SettingsProblem(f"{key} should be a number of seconds.")
            chosen[one.name] = seconds
    return Waits(**chosen)
