"""Options from environment variables named `BLNK_…`, checked when they are read. Raises SettingsProblem."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from blnk_api.common import database_url as database_urls
from blnk_api.common.origins import Origin, origin_of
from blnk_api.errors import SettingsProblem


@dataclass(frozen=True)
class Waits:
    """Every wait of the product, in seconds. Each can be set with BLNK_WAIT_NAME, as the tests do."""

    connect: float = 5.0
    settle_least: float = 10.0
    settle_least_production: float = 60.0
    claim_good: float = 5.0
    lease: float = 10.0
    """On Postgres: how long a sender that is not heard from keeps an instance from being sent to by another.
    It trusts its own lease for half of that. The same for all senders of a database."""
    worker_notices: float = 0.2
    lock_retry: float = 0.5
    end: float = 20.0
    """How long a sender or worker takes to end at most, if its database does not answer."""
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


def whole_number(env: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    """A number from `least` to `most`, or `default` if the variable is unset."""
    text = env.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 12 or not least <= int(text) <= most:
        raise SettingsProblem(f"{name} should be a whole number from {least:,} to {most:,}.")
    return int(text)


def purge_after_days(env: Mapping[str, str]) -> int | None:
    """After how many days contents are deleted (BLNK_PURGE_AFTER_DAYS). None keeps them."""
    text = env.get("BLNK_PURGE_AFTER_DAYS", "")
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= 36_500:
        raise SettingsProblem(
            "BLNK_PURGE_AFTER_DAYS should be a whole number of days, 1 or more; unset it to keep everything."
        )
    return int(text)


def refuse_unknown_log(env: Mapping[str, str]) -> None:
    """Rejects unknown log formats (BLNK_LOG)."""
    if env.get("BLNK_LOG", "") not in ("", "json"):
        raise SettingsProblem("BLNK_LOG should be json; unset it for lines that people read.")


def sender_elsewhere(env: Mapping[str, str]) -> bool:
    """True if the sender runs separately (BLNK_SENDER)."""
    chosen = env.get("BLNK_SENDER", "")
    if chosen not in ("", "elsewhere"):
        raise SettingsProblem("BLNK_SENDER should be elsewhere; unset it where the app starts the sender.")
    return bool(chosen)


def metrics(env: Mapping[str, str]) -> tuple[str, int] | None:
    """The host and port at which the sender serves metrics for Prometheus (BLNK_METRICS)."""
    text = env.get("BLNK_METRICS", "")
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and 0 < int(port) < 65_536):
        raise SettingsProblem(
            "BLNK_METRICS should be an address and a port, like 127.0.0.1:9464, or a port alone."
        )
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)


def database_url(env: Mapping[str, str], data_dir: Path) -> str:
    """The database's address (BLNK_DATABASE_URL), by default a SQLite file in the data folder."""
    chosen = env.get("BLNK_DATABASE_URL")
    password = _password(env.get("BLNK_DATABASE_PASSWORD_FILE"))
    if chosen:
        return database_urls.checked(chosen, password=password)
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


def waits(env: Mapping[str, str]) -> Waits:
    """All waits, with those set through BLNK_WAIT_NAME."""
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
