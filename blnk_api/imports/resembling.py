"""Rows that look like balances this tool made before, but differ in a column: a corrected cell, most likely.

A content address says that such a row is new; a person may know better. So these rows are left out of the
draft, with what they look like, until somebody says that they are to be created too.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection

from blnk_api import wire
from blnk_api.imports.journal.moves import move
from blnk_api.imports.journal.ready import Ready
from blnk_api.imports.journal.states import RowState
from blnk_api.imports.looking import Looker
from blnk_api.imports.mapping import FINDABLE
from blnk_api.models import IMPORT_ID, IMPORT_REF, Balance
from blnk_api.shown import shown

KIND = "looks_like"
MOST_ROWS = 5_000
"""New rows beyond this number are not compared: they are a new file, and each column would cost a look for
every 99 of them."""
MOST_COLUMNS = 3
_MOST_VALUES_PER_LOOK = wire.REFS_PER_LOOK
_TELLING = 0.5
"""A column tells rows apart when at least this part of its values is different."""
_SHARED = 2
"""A value that more balances than this share tells none of them apart, whatever the column."""


@dataclass(frozen=True, slots=True)
class Resemblance:
    """A row and the balance it looks like; `columns` are the metadata names in which they differ."""

    row: int
    balance: Balance
    columns: tuple[str, ...]
    message: str


async def find_resembling(looker: Looker, new: Sequence[Ready], sample: Sequence[bytes]) -> list[Resemblance]:
    """Of rows that Blnk does not hold, those that differ little from a balance that it holds.

    `sample` are bodies of the whole file: they show which columns tell its rows apart, and two that agree
    in none of these are not alike. Raises from the errors tree when Blnk does not answer.
    """
    asked = {row.id: orjson.loads(row.body) for row in new}
    own_refs = {row.ref for row in new}
    telling = telling_fields([orjson.loads(body) for body in sample])
    found: dict[str, Balance] = {}
    for field in telling:
        values = list(dict.fromkeys(value for body in asked.values() if (value := _value(body, field))))
        for start in range(0, len(values), _MOST_VALUES_PER_LOOK):
            part = values[start : start + _MOST_VALUES_PER_LOOK]
            for balance in await looker.with_values(field, part):
                found[balance.balance_id] = balance
    sharing = _by_value(telling, (one for one in found.values() if one.import_ref not in own_refs))
    alike = []
    for id, body in asked.items():
        near = [
            one
            for field in telling
            if len(same := sharing.get((*_place_of(body), field, _value(body, field)), [])) <= _SHARED
            for one in same
            if _differs_little(body, one)
        ]
        if near:
            best = min(near, key=lambda one: len(differing(body, one)))
            columns = tuple(differing(body, best))
            alike.append(Resemblance(id, best, columns, _say(body, best, columns)))
    return alike


def _by_value(telling: Sequence[str], balances: Iterable[Balance]) -> dict[tuple[Any, ...], list[Balance]]:
    """Balances by ledger, currency, identity, and a field with its value."""
    sharing: dict[tuple[Any, ...], list[Balance]] = {}
    for balance in balances:
        told = balance.model_dump()
        for field in telling:
            if (value := _value(told, field)) is not None:
                sharing.setdefault((*_place_of(told), field, value), []).append(balance)
    return sharing


def telling_fields(bodies: Sequence[Mapping[str, Any]]) -> list[str]:
    """The fields that tell a file's rows apart, and that Blnk's filters can look for; the best first."""
    columns: dict[str, Counter[str]] = {}
    for body in bodies:
        names = [f"meta_data.{name}" for name in _own_metadata(body) if FINDABLE.fullmatch(name)]
        for field in ("identity_id", *names):
            if value := _value(body, field):
                columns.setdefault(field, Counter())[value] += 1
    ranked = sorted(columns.items(), key=lambda item: -len(item[1]))
    return [field for field, values in ranked if len(values) >= values.total() * _TELLING][:MOST_COLUMNS]


def _value(body: Mapping[str, Any], field: str) -> str | None:
    """A text value of a field, by the name that a filter has for it."""
    value = (
        (body.get("meta_data") or {}).get(field[10:]) if field.startswith("meta_data.") else body.get(field)
    )
    return value if isinstance(value, str) else None


def _own_metadata(body: Mapping[str, Any]) -> dict[str, Any]:
    meta_data = body.get("meta_data") or {}
    return {name: value for name, value in meta_data.items() if name not in (IMPORT_REF, IMPORT_ID)}


def _place_of(told: Mapping[str, Any]) -> tuple[str, str, str]:
    return told["ledger_id"], told["currency"], told.get("identity_id") or ""


def differing(body: Mapping[str, Any], balance: Balance) -> list[str]:
    """The metadata names in which a row and a balance differ."""
    ours, theirs = _own_metadata(body), _own_metadata({"meta_data": balance.meta_data})
    return [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]


def _differs_little(body: Mapping[str, Any], balance: Balance) -> bool:
    """At most half of what both say differs."""
    different = differing(body, balance)
    names = {*_own_metadata(body), *_own_metadata({"meta_data": balance.meta_data})}
    return bool(different) and len(different) <= max(1, len(names) / 2)


def _say(body: Mapping[str, Any], balance: Balance, columns: Sequence[str]) -> str:
    ours = _own_metadata(body)
    parts = [
        f"{name}: {shown(str(ours.get(name, 'nothing')))} here, "
        f"{shown(str(balance.meta_data.get(name, 'nothing')))} there"
        for name in columns[:3]
    ]
    return (
        f"Looks like {balance.balance_id}, which this tool made on {balance.created_at[:10]}, "
        f"but differs ({'; '.join(parts)})."
    )


def leave_out(tx: Connection, alike: Sequence[Resemblance]) -> None:
    """READY → LEFT_OUT until a person says otherwise; the reason stands with the row."""
    for one in alike:
        move(tx, [one.row], from_=RowState.READY, to=RowState.LEFT_OUT, message=one.message, why=KIND)
