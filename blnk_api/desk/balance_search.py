"""Searches balances in Blnk and lists them as a table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import orjson

from blnk_api.blnk.endpoints import PAGE_LIMIT, Filter
from blnk_api.client import BlnkClient
from blnk_api.files.table import Cell
from blnk_api.models import GENERAL_LEDGER_ID, IMPORT_ID, Balance

MOST = 10_000
"""The most balances in one list. Each hundred takes a request, from the same rate limit as sending."""

METADATA = "meta_data."
KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class NoMatches(Exception):
    """No balance can match. The text says why. Blnk was not searched."""


@dataclass(frozen=True)
class Wanted:
    """Search conditions, which must all match. Empty ones match every balance."""

    ledger: str = ""
    """An id, or part of a name, which searches all ledgers with a matching name."""
    currency: str = ""
    identity: str = ""
    """An id, or part of a name or an email address."""
    indicator: str = ""
    key: str = ""
    """A metadata key and its value as text, so that "7" also finds 7. An empty value matches any."""
    value: str = ""
    other_key: str = ""
    """A second metadata key and its value."""
    other_value: str = ""
    import_ids: tuple[str, ...] | None = None
    """Created by one of these imports."""
    created_from: str = ""
    """Blnk's own time, in UTC with Z. Older balances are not searched, which makes searches by metadata
    fast."""

    @property
    def is_empty(self) -> bool:
        return self == Wanted()


def filters(client: BlnkClient, wanted: Wanted) -> list[Filter]:
    """The conditions as Blnk's filters. Names are looked up first. Raises NoMatches, or what reads raise."""
    conditions = [
        Filter(name, "eq", value)
        for name, value in (("currency", wanted.currency.strip()), ("indicator", wanted.indicator.strip()))
        if value
    ]
    if ledger := wanted.ledger.strip():
        conditions.append(
            _one_of("ledger_id", _ledgers(client, ledger), f"There is no ledger named “{ledger}”.")
        )
    if identity := wanted.identity.strip():
        conditions.append(
            _one_of("identity_id", _identities(client, identity), f"There is no identity named “{identity}”.")
        )
    for key, value in ((wanted.key, wanted.value), (wanted.other_key, wanted.other_value)):
        if key.strip():
            conditions.append(_metadata(key.strip(), value.strip()))
    if wanted.import_ids is not None:
        conditions.append(
            _one_of(f"{METADATA}{IMPORT_ID}", wanted.import_ids, "There is no import with that name.")
        )
    if wanted.created_from:
        conditions.append(Filter("created_at", "gte", wanted.created_from))
    return conditions


def _metadata(key: str, value: str) -> Filter:
    if not KEY.fullmatch(key):
        raise NoMatches(f"Blnk cannot search by the key “{key}”. Use only letters, digits and _.")
    field = f"{METADATA}{key}"
    return Filter(field, "in", values=[value]) if value else Filter(field, "isnotnull")


def _one_of(field: str, values: Sequence[str], nothing: str) -> Filter:
    """Never an `in` without values, which Core would ignore."""
    if not values:
        raise NoMatches(nothing)
    return Filter(field, "eq", values[0]) if len(values) == 1 else Filter(field, "in", values=values)


def _ledgers(client: BlnkClient, text: str) -> list[str]:
    if text.startswith("ldg_") or text == GENERAL_LEDGER_ID:
        return [text]
    return [one.ledger_id for one in client.search_ledgers(text)]


def _identities(client: BlnkClient, text: str) -> list[str]:
    if text.startswith("idt_"):
        return [text]
    return [one.identity_id for one in client.search_identities(text)]


@dataclass(frozen=True)
class Page:
    """At most 100 balances, newest first, and the total number if Blnk returns it."""

    balances: Sequence[Balance]
    total: int | None


def page(client: BlnkClient, wanted: Wanted, number: int) -> Page:
    """Pages count from 1. A page with fewer than 100 is the last."""
    return Page(*client.find_balances_counted(filters(client, wanted), page=number))


def found_whole(client: BlnkClient, wanted: Wanted) -> list[Balance]:
    """All of them, at most MOST, without repeats even if new balances shift the pages."""
    conditions = filters(client, wanted)
    found: dict[str, Balance] = {}
    for number in count(1):
        got = client.find_balances(conditions, page=number)
        found |= {one.balance_id: one for one in got}
        if len(got) < PAGE_LIMIT or len(found) >= MOST:
            break
    return list(found.values())[:MOST]


_FIRST = ("balance_id", "ledger_id", "currency", "identity_id", "indicator")
_MONEY = ("balance", "credit_balance", "debit_balance")
_LAST = ("created_at",)


def as_table(balances: Sequence[Balance]) -> tuple[list[str], list[list[Cell]]]:
    """A header and records: Blnk's fields, then each metadata key that any of them has. Numbers stay
    numbers."""
    dumped = [one.model_dump(exclude_none=True) for one in balances]
    known = (*_FIRST, *_MONEY, *_LAST)
    others = {name for one in dumped for name in one if name not in (*known, "meta_data")}
    used = [name for name in _FIRST if name != "indicator" or any(one.get(name) for one in dumped)]
    fields = [*used, *_MONEY, *_LAST, *sorted(others)]
    keys = sorted({key for one in balances for key in one.meta_data})
    records = [
        [*(_cell(one.get(name)) for name in fields), *(_cell(of.meta_data.get(key)) for key in keys)]
        for one, of in zip(dumped, balances, strict=True)
    ]
    return [*fields, *(f"{METADATA}{key}" for key in keys)], records


def _cell(value: Any) -> Cell:
    return value if isinstance(value, int) and not isinstance(value, bool) else as_text(value)


def as_text(value: Any) -> str:
    """Nested values are shown as they came. Whole numbers lose no digits."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case dict() | list():
            return orjson.dumps(value).decode()
    return str(value)
