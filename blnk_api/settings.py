"""Connections and options, from `.streamlit/secrets.toml` and the environment, checked when they are read.

A wrong setting raises SettingsProblem, whose text names the key and what it should look like, never a value.
"""

import os
import tempfile
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from blnk_api import environment_settings as environment
from blnk_api.access.role_grants import Grants, read_grants
from blnk_api.common.origins import Origin
from blnk_api.common.practice_address import RUNNING_FILE, folder_of
from blnk_api.connections import (
    PRACTICE,
    Connection,
    Environment,
    Instance,
    OAuth,
    practice_connection,
    read_tables,
)
from blnk_api.environment_settings import Waits, public_url
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
class Settings:
    """All settings as they were when `load` read them."""

    data_dir: Path
    database_url: str = field(repr=False)  # may hold a password
    secrets_path: Path
    connections: Mapping[str, Connection]
    """Connections by name, as in the secrets file, including "practice" unless it is switched off."""
    waits: Waits = field(default_factory=Waits)
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
    environment.refuse_unknown_log(env)
    data_dir = Path(env.get("BLNK_DATA_DIR") or ".data").absolute()
    secrets = read_secrets(env)
    connections = read_tables(secrets.get("connections", {}), has_sign_in="sign_in" in secrets)
    _refuse_two_approvals(connections.values())
    sender_elsewhere = environment.sender_elsewhere(env)
    if _practice(secrets, sender_elsewhere=sender_elsewhere):
        connections[PRACTICE] = practice_connection(data_dir)
    return Settings(
        data_dir=data_dir,
        database_url=environment.database_url(env, data_dir),
        secrets_path=secrets_path(env),
        connections=connections,
        waits=environment.waits(env),
        most_at_once=environment.whole_number(env, "BLNK_MOST_AT_ONCE", 256, least=1, most=10_000),
        time_zone=_time_zone(secrets.get("time_zone", "UTC")),
        purge_after_days=environment.purge_after_days(env),
        drafts_after_days=environment.whole_number(env, "BLNK_DRAFTS_AFTER_DAYS", 30, least=1, most=36_500),
        most_drafts=environment.whole_number(env, "BLNK_MOST_DRAFTS", 200, least=1, most=100_000),
        disk_reserve_bytes=1_000_000
        * environment.whole_number(env, "BLNK_DISK_RESERVE_MB", 500, least=0, most=100_000_000),
        sender_elsewhere=sender_elsewhere,
        metrics=environment.metrics(env),
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
                f"{key} has no effect without [sign_in]: nobody signs in, so people cannot be distinguished. "
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


def files_as_of_now(settings: Settings) -> Collection[tuple[int, int, int] | None]:
    """What tells a later state of the files that `load` reads from this one, without reading them."""
    paths = settings.secrets_path, folder_of(settings.data_dir) / RUNNING_FILE
    return [_as_of_now(path) for path in paths]


def _as_of_now(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_secrets(environ: Mapping[str, str] | None = None) -> Mapping[str, Any]:
    """Returns the contents of the secrets file, unchecked. Raises SettingsProblem if it cannot be read."""
    env = os.environ if environ is None else environ
    return _read_secrets(secrets_path(env), must_exist=bool(env.get("BLNK_SECRETS_FILE")))


def _read_secrets(path: Path, *, must_exist: bool) -> Mapping[str, Any]:
    try:
        return _parsed(path.read_bytes())
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


@lru_cache(maxsize=2)
def _parsed(secrets: bytes) -> Mapping[str, Any]:
    """The file is read for each request, and is seldom another one than before."""
    return tomllib.loads(secrets.decode())


def _time_zone(name: Any) -> ZoneInfo:
    try:
        if isinstance(name, str):
            return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        pass
    raise SettingsProblem('time_zone should be the name of a time zone, like "Africa/Lagos".')


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
