"""Counts, times and names as all sentences have them: plurals, dates, sizes, people, instances."""

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

from blnk_api.access.actors import Actor, ActorKind
from blnk_api.common.quoting import shown
from blnk_api.settings import Connection, Environment, Instance

ENVIRONMENT: Mapping[Environment, str] = {
    "production": "PRODUCTION",
    "sandbox": "SANDBOX",
    "practice": "PRACTICE",
}

ENVIRONMENT_MEANS: Mapping[Environment, str] = {
    "production": "Balances created here are real and cannot be deleted.",
    "sandbox": "A Blnk instance for testing. Its balances cannot be deleted either.",
    "practice": "An embedded Blnk for trying things out. Nothing here is real.",
}


def plural(n: int, thing: str) -> str:
    """ "1 row", "9,988 rows", "2 identities" """
    if n == 1:
        return f"1 {thing}"
    return f"{n:,} {thing.removesuffix('y') + 'ies' if thing.endswith('y') else thing + 's'}"


def number_of_days(n: int) -> str:
    """ "1 day", "7 days" """
    return "1 day" if n == 1 else f"{n:,} days"


def part_of(first: int, n: int, total: int, thing: str) -> str:
    """ "3 imports", or "26 to 50 of 312 imports" where that is a part of them"""
    if n >= total:
        return plural(total, thing)
    return f"{first:,} to {first + n - 1:,} of {plural(total, thing)}"


def part_of_many(first: int, n: int, total: int | None, thing: str, *, is_more: bool) -> str:
    """Like `part_of`; "1 to 100 of more than 100 balances" if the total is unknown."""
    last = first + n - 1
    if total is None and is_more:
        return f"{first:,} to {last:,} of more than {plural(last, thing)}"
    return part_of(first, n, last if total is None else max(total, last), thing)


def days(first: date | None, last: date | None) -> str:
    """ "1 Mar 2026 to 31 Mar 2026", "from 1 Mar 2026", "until 31 Mar 2026" """
    ends = [f"{one:%-d %b %Y}" if one else "" for one in (first, last)]
    if all(ends):
        return f"{ends[0]} to {ends[1]}"
    return f"from {ends[0]}" if ends[0] else f"until {ends[1]}"


def listed(parts: list[str]) -> str:
    """ "a, b and c" """
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def zone(name: str | None) -> tzinfo:
    """A browser's time zone, or UTC if it is unknown."""
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, KeyError, OSError):
        return ZoneInfo("UTC")


def when(seconds: float, in_zone: tzinfo) -> str:
    """ "22 Nov 2026, 16:07" """
    return f"{datetime.fromtimestamp(seconds, in_zone):%-d %b %Y, %H:%M}"


def when_in_zone(seconds: float, in_zone: tzinfo) -> str:
    """ "22 Nov 2026, 16:07 UTC": also for the command line, where the time zone is not shown elsewhere."""
    return f"{when(seconds, in_zone)} {datetime.fromtimestamp(seconds, in_zone):%Z}"


def exactly(seconds: float, in_zone: tzinfo) -> str:
    """ "22 Nov 2026, 16:07:03" """
    return f"{datetime.fromtimestamp(seconds, in_zone):%-d %b %Y, %H:%M:%S}"


def blnk_day(created_at: str) -> str:
    """A time from Blnk as "22 Nov 2026", or unchanged if it is not a time."""
    return _blnk_time(created_at, "%-d %b %Y")


def blnk_time(created_at: str) -> str:
    """A time from Blnk, which is in UTC, as "22 Nov 2026, 16:07:03", or unchanged if it is not a time."""
    return _blnk_time(created_at, "%-d %b %Y, %H:%M:%S")


def _blnk_time(created_at: str, form: str) -> str:
    try:
        return datetime.fromisoformat(created_at[:19]).strftime(form)
    except ValueError:
        return created_at


def size(n: int | None) -> str:
    if n is None:
        return ""
    return f"{n / 1e6:,.1f} MB" if n >= 1_000_000 else f"{max(1, round(n / 1000)):,} kB" if n else "0 kB"


def instance(instance: Instance, connection: Connection | None) -> str:
    """A Blnk instance, for people: the connection's label, or its address without a connection to it."""
    if connection is not None:
        return connection.label
    return (
        "Practice" if instance.environment == "practice" else f"{instance.base_url} ({instance.instance_id})"
    )


def actor(who: Actor) -> str:
    """Who did it: the app itself, or someone by name, with how the name is known. No name that a person
    enters or has looks like the app's, or like that of someone who signed in."""
    name = shown(who.name, 80)
    match who.kind:
        case ActorKind.SYSTEM:
            return "Balance Desk"
        case ActorKind.NAME:
            return f"{name} (not verified)"
        case ActorKind.MACHINE:
            return f"{name} (command line)"
        case ActorKind.PERSON:
            email = shown(who.email, 120) if who.email else "signed in"
            return email if who.name == who.email else f"{name} ({email})"
