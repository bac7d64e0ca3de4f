"""Connections and options, from `.streamlit/secrets.toml` and the environment, checked when they are read.

A wrong setting raises SettingsProblem, whose text names the key and what it should look like, never a value.
"""

import math
import os
import tempfile
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from blnk_api.access.role_grants import Grants, read_grants
from blnk_api.common import database_url
from blnk_api.common.origins import Origin, origin_of
from blnk_api.connections import (
    PRACTICE,
    Connection,
    Environment,
    Instance,
    OAuth,
    practice_connection,
    read_tables,
)
from blnk_api.errors import SettingsProblem
from blnk_api.sign_in_settings import SignIn, read_sign_in

__all__ = [
    "PRACTICE",
    "Connection",
    "Environment",
    "Instance",
    "OAuth",
    "Settings",
    "Waits",
    "load",
    "practice_connection",
    "public_url",
]

UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class Waits:
    """Every wait of the product, in seconds. Each can be set with BLNK_WAIT_NAME, as the tests do."""

    connect: float = 5.0
    settle_least: float = 10.0
    settle_least_production: float = 60.0
    claim_good: float = 5.0
    worker_notices: float = 0.2
    lock_retry: float = 0.5
    breaker_first: float = 5.0
    breaker_most: float = 120.0
    retry_after_most: float = 3_600.0
    """The longest wait that Blnk may ask for. After a longer one a person must decide."""
    journal_retry: float = 1.0
    check_answers: float = 30.0
    """How long a command's check waits for an answer before the command gives up."""
    read_again: float = 0.25
    """Before the first repeat of a read that Blnk did not answer. It doubles with each repeat."""
    rescan: float = 0.5
    resolve: float = 0.5
    late_looks: float = 5.0
    """Between two searches of the import database for rows that are due for another look-up."""
    outage_told: float = 900.0
    """How long Blnk may not answer before people are notified: most outages are shorter."""
    notice_retry: float = 60.0
    """Before the first repeat of a notification that an address rejected. It triples with each repeat."""
    notices_sent: float = 20.0
    """How long a command waits for its notifications to be sent before it ends."""
    page_refresh: float = 2.0
    form_refresh: float = 0.5
    download_link: float = 86_400.0
    practice_start: float = 10.0


@dataclass(frozen=True)
class Settings:
    """All settings as they were when `load` read them."""

    data_dir: Path
    database_url: str = field(repr=False)  # may hold a password
    secrets_path: Path
    connections: Mapping[str, Connection]
    """Connections by name, as in the secrets file, including "practice" unless it is switched off."""
    waits: Waits = Waits()
    most_at_once: int = 256
    """The maximum number of simultaneous requests to one instance (BLNK_MOST_AT_ONCE)."""
    time_zone: ZoneInfo = UTC
    """The time zone of the beginning and end of a month (time_zone)."""
    purge_after_days: int | None = None
    """How many days after its end an import loses its file and the contents of its rows. None keeps them
    (BLNK_PURGE_AFTER_DAYS)."""
    drafts_after_days: int = 30
    """How many days after its last change a draft is discarded, and a canceled import loses its file
    (BLNK_DRAFTS_AFTER_DAYS)."""
    most_drafts: int = 200
    """The maximum number of drafts that may be open at the same time (BLNK_MOST_DRAFTS)."""
    disk_reserve_bytes: int = 500_000_000
    """Disk space, in bytes, that uploads leave free for the import database (BLNK_DISK_RESERVE_MB)."""
    sender_elsewhere: bool = False
    """True if the sender runs separately, so the app does not start one (BLNK_SENDER)."""
    metrics: tuple[str, int] | None = None
    """The host and port at which the sender serves metrics for Prometheus (BLNK_METRICS)."""
    public_url: Origin | None = None
    """The address at which a proxy serves the pages (BLNK_PUBLIC_URL)."""
    roles: Grants | None = None
    """Who has which role (`[roles]`). None without `[sign_in]`: everyone may do everything."""
    sign_in: SignIn | None = None
    """How people sign in (`[sign_in]`). None: nobody signs in, and names are not verified."""

    @property
    def scratch_dir(self) -> Path:
        """The folder for temporary files. With Postgres there may be no data folder."""
        is_sqlite = self.database_url.startswith("sqlite")
        return self.data_dir if is_sqlite else Path(tempfile.gettempdir())

    def settle_seconds(self, connection: Connection) -> float:
        """How many seconds a row in doubt waits before a look-up may call it absent (architecture.md)."""
        waits = self.waits
        least = waits.settle_least_production if connection.is_production else waits.settle_least
        return max(2 * connection.request_timeout_seconds, least)

    def connection_of(self, instance: Instance) -> Connection | None:
        """Returns the connection to this instance, or None."""
        return next((one for one in self.connections.values() if one.instance == instance), None)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Reads and checks the secrets file and the environment. Contacts no server and creates no file.

    Args:
        environ: Environment variables to use instead of the process's own.

    Returns:
        The settings, with every connection by its name.

    Raises:
        SettingsProblem: A setting is missing or wrong. The text names the key and what it should look like,
            never its value.
    """
    env = os.environ if environ is None else environ
    _refuse_unknown_log(env)
    data_dir = Path(env.get("BLNK_DATA_DIR") or ".data").absolute()
    secrets = read_secrets(env)
    connections = read_tables(secrets.get("connections", {}), has_sign_in="sign_in" in secrets)
    _refuse_two_approvals(connections.values())
    sender_elsewhere = _sender_elsewhere(env)
    if _practice(secrets, sender_elsewhere=sender_elsewhere):
        connections[PRACTICE] = practice_connection(data_dir)
    return Settings(
        data_dir=data_dir,
        database_url=_database_url(env, data_dir),
        secrets_path=secrets_path(env),
        connections=connections,
        waits=_waits(env),
        most_at_once=_whole_number(env, "BLNK_MOST_AT_ONCE", 256, least=1, most=10_000),
        time_zone=_time_zone(secrets.get("time_zone", "UTC")),
        purge_after_days=_purge_after_days(env),
        drafts_after_days=_whole_number(env, "BLNK_DRAFTS_AFTER_DAYS", 30, least=1, most=36_500),
        most_drafts=_whole_number(env, "BLNK_MOST_DRAFTS", 200, least=1, most=100_000),
        disk_reserve_bytes=1_000_000
        * _whole_number(env, "BLNK_DISK_RESERVE_MB", 500, least=0, most=100_000_000),
        sender_elsewhere=sender_elsewhere,
        metrics=_metrics(env),
        public_url=public_url(env),
        roles=_roles(secrets, connections.values()),
        sign_in=read_sign_in(secrets),
    )


def _roles(secrets: Mapping[str, object], connections: Collection[Connection]) -> Grants | None:
    """Roles without sign-in would have no effect; sign-in without roles would allow nobody anything."""
    narrower = [one for one in connections if one.roles is not None]
    if "sign_in" not in secrets:
        if "roles" in secrets or narrower:
            key = "roles" if "roles" in secrets else f"connections.{narrower[0].name}.roles"
            raise SettingsProblem(
                f"{key} has no effect without [sign_in]: nobody signs in, so nobody can be told apart. "
                "Set up [sign_in], or remove the roles."
            )
        return None
    if "roles" not in secrets:
        raise SettingsProblem(
            "roles is missing, so nobody who signs in could do anything. Add [roles] with, for a start, "
            'admin = ["you@example.com"].'
        )
    for one in narrower:
        for other in connections:
            if other.instance == one.instance and other.roles != one.roles:
                raise SettingsProblem(
                    f"connections.{one.name}.roles and connections.{other.name}.roles should be the same: "
                    "both connections are to the same Blnk instance."
                )
    return read_grants(secrets["roles"], "roles")


def _refuse_two_approvals(connections: Collection[Connection]) -> None:
    """An instance has one approval rule, even if several connections lead to it."""
    for one in connections:
        for other in connections:
            if other.instance == one.instance and other.approval != one.approval:
                raise SettingsProblem(
                    f"connections.{one.name}.approval and connections.{other.name}.approval should be the "
                    "same, with approvers and approval_days: both connections are to the same Blnk instance."
                )


def secrets_path(environ: Mapping[str, str] | None = None) -> Path:
    """Returns the path of the secrets file, which may not exist."""
    env = os.environ if environ is None else environ
    return Path(env.get("BLNK_SECRETS_FILE") or ".streamlit/secrets.toml").absolute()


def read_secrets(environ: Mapping[str, str] | None = None) -> dict[str, object]:
    """Returns the contents of the secrets file, unchecked. Raises SettingsProblem if it cannot be read."""
    env = os.environ if environ is None else environ
    return _read_secrets(secrets_path(env), must_exist=bool(env.get("BLNK_SECRETS_FILE")))


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
        # The parser's message may quote the line, which may contain a token.
        raise SettingsProblem(
            f'The secrets file {path} is not valid TOML. Text values need double quotes: key = "value".'
        ) from None


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


def _refuse_unknown_log(env: Mapping[str, str]) -> None:
    if env.get("BLNK_LOG", "") not in ("", "json"):
        raise SettingsProblem("BLNK_LOG should be json; unset it for lines that people read.")


def _sender_elsewhere(env: Mapping[str, str]) -> bool:
    chosen = env.get("BLNK_SENDER", "")
    if chosen not in ("", "elsewhere"):
        raise SettingsProblem("BLNK_SENDER should be elsewhere; unset it where the app starts the sender.")
    return bool(chosen)


def _practice(secrets: Mapping[str, object], *, sender_elsewhere: bool) -> bool:
    """Practice runs beside one app and its sender: a sender on another machine could not reach it."""
    practice = secrets.get("practice", not sender_elsewhere)
    if not isinstance(practice, bool):
        raise SettingsProblem("practice must be true or false.")
    if practice and sender_elsewhere:
        raise SettingsProblem(
            "practice must be false with BLNK_SENDER=elsewhere: Practice needs an app that starts the sender."
        )
    return practice


def _metrics(env: Mapping[str, str]) -> tuple[str, int] | None:
    text = env.get("BLNK_METRICS", "")
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65_536):
        raise SettingsProblem(
            "BLNK_METRICS should be an address and a port, like 127.0.0.1:9464, or a port alone."
        )
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def _database_url(env: Mapping[str, str], data_dir: Path) -> str:
    chosen = env.get("BLNK_DATABASE_URL")
    password = _password(env.get("BLNK_DATABASE_PASSWORD_FILE"))
    if chosen:
        return database_url.checked(chosen, password=password)
    if password is not None:
        raise SettingsProblem("BLNK_DATABASE_PASSWORD_FILE is the password of BLNK_DATABASE_URL. Set both.")
    return f"sqlite:///{data_dir / 'journal.db'}"


def _password(path: str | None) -> str | None:
    if not path:
        return None
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except OSError as problem:
        raise SettingsProblem(
            f"BLNK_DATABASE_PASSWORD_FILE names {path}, which cannot be read: {problem.strerror}."
        ) from None
    except UnicodeDecodeError:
        raise SettingsProblem("The file that BLNK_DATABASE_PASSWORD_FILE names is not UTF-8 text.") from None


def public_url(env: Mapping[str, str]) -> Origin | None:
    """Returns the address at which a proxy serves the pages (BLNK_PUBLIC_URL). Raises SettingsProblem."""
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
