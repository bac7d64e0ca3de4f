"""Rows that resemble balances created here before but differ in one column, most likely a corrected cell.

By its ref such a row is new, but a person may know better. So these rows are skipped, with the balance they
resemble, until someone includes them. This module compares one row with one balance, and is pure;
`candidates` finds the pairs, `balances_to_compare` reads them from Blnk.
"""

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, literal_column, update

from blnk_api.common.quoting import shown
from blnk_api.drafts.lookalikes.same_value import names_that_differ, only_reading
from blnk_api.lookup.refs import Fields
from blnk_api.models import IMPORT_ID, IMPORT_REF
from blnk_api.store.bulk import given, run_at_once
from blnk_api.store.states import RowState
from blnk_api.store.tables import rows as table
from blnk_api.store.transitions import count, require_move
from blnk_api.wording import phrases

KIND = "looks_like"
MOST_COLUMNS = 3
SAMPLE_ROWS = 5_000
"""How many rows of the file are sampled to see which columns are distinctive."""
SHARED = 2
"""A value shared by more balances than this is not distinctive, in any column."""
IDENTITY = "identity_id"
_METADATA = "meta_data."
_TELLING = 0.5
"""A column is distinctive if at least this share of its values is different."""
_UNIQUE = 0.95
"""How often all other columns together must differ before a distinctive column may be the changed one."""
_FEWEST_ROWS = 20
"""With fewer rows, any two columns differ, which proves nothing."""
_MOST_TOGETHER = 12


@dataclass(frozen=True, slots=True)
class Sameness:
    """What makes rows of one file the same, by the field names that filters use: all `fields` of its rows;
    the distinctive ones, best first; and those in which alone a row may differ from its balance."""

    fields: tuple[str, ...]
    telling: tuple[str, ...]
    droppable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """A candidate balance: its values, and its ledger and currency."""

    balance_id: str
    created_at: str
    fields: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Resemblance:
    """A row and the balance it resembles."""

    row: int
    balance_id: str
    message: str


def fields_of(request: Fields) -> dict[str, object]:
    """The fields that distinguish balances of one ledger and currency, by the names that filters use."""
    meta_data = request.get("meta_data") or {}
    own = {
        _METADATA + name: value for name, value in meta_data.items() if name not in (IMPORT_REF, IMPORT_ID)
    }
    return {IDENTITY: identity, **own} if (identity := request.get(IDENTITY)) else own


def sameness(sample: Sequence[Mapping[str, object]]) -> Sameness:
    """Derived from the first rows of a file."""
    records = [fields_of(body) for body in sample]
    values: dict[str, Counter[object]] = {}
    for fields in records:
        for field, value in fields.items():
            if isinstance(value, str):
                values.setdefault(field, Counter())[value] += 1
    ranked = sorted(values.items(), key=lambda item: -len(item[1]))
    telling = [field for field, found in ranked if len(found) >= found.total() * _TELLING][:MOST_COLUMNS]
    droppable = []
    if len(records) >= _FEWEST_ROWS and len(values) <= _MOST_TOGETHER:
        least = _UNIQUE if telling else _TELLING
        for field in values:
            if field in telling or field == IDENTITY or not telling:
                rest = {tuple(sorted((k, str(v)) for k, v in one.items() if k != field)) for one in records}
                if len(rest) >= least * len(records):
                    droppable.append(field)
    return Sameness(tuple(values), tuple(telling), tuple(droppable))


def judge(row: int, body: Mapping[str, object], near: Iterable[Near], same: Sameness) -> Resemblance | None:
    """The balance that a row most likely is, with the reason, or None."""
    ours = fields_of(body)
    best: tuple[int, int, Near, list[str], list[str]] | None = None
    for one in near:
        really, by_reading = names_that_differ(ours, one.fields)
        if (really or by_reading) and _is_alike(ours, one.fields, really, same):
            found = (len(really), len(by_reading), one, really, by_reading)
            best = found if best is None or found[:2] < best[:2] else best
    if best is None:
        return None
    _, _, one, really, by_reading = best
    return Resemblance(row, one.balance_id, say(ours, one, really, by_reading))


def _is_alike(
    ours: Mapping[str, object], theirs: Mapping[str, object], really: Collection[str], same: Sameness
) -> bool:
    if not really:
        return True
    names = {*ours, *theirs} - {IDENTITY}
    is_little = IDENTITY not in really and len(really) <= max(1, len(names) / 2)
    if is_little and any(_agree(ours, theirs, field) for field in same.telling):
        return True
    return len(really) == 1 and next(iter(really)) in same.droppable


def _agree(ours: Mapping[str, object], theirs: Mapping[str, object], field: str) -> bool:
    one, other = ours.get(field), theirs.get(field)
    return isinstance(one, str) and isinstance(other, str) and only_reading(one, other)


def say(ours: Mapping[str, object], near: Near, really: Sequence[str], by_reading: Sequence[str]) -> str:
    """Describes the balance and the differences for the person who decides."""
    changes = differences(ours, near.fields, really or by_reading)
    balance = f"{near.balance_id}, which Balance Desk created on {phrases.blnk_day(near.created_at)}"
    if really:
        return f"Looks like {balance}, but differs ({changes})."
    return f"Looks like {balance} from a file that was read differently ({changes})."


def differences(ours: Mapping[str, object], theirs: Mapping[str, object], fields: Sequence[str]) -> str:
    """ "branch: Abuja here, Lagos there"; at most three differences."""
    return "; ".join(
        f"{field.removeprefix(_METADATA)}: {_quoted(ours.get(field))} here, "
        f"{_quoted(theirs.get(field))} there"
        for field in fields[:3]
    )


def _quoted(value: object) -> str:
    return "empty" if value in (None, "") else f"“{shown(str(value))}”"


_ALIKE = given("alike", at_row=table.c.id, message=table.c.message, at=table.c.changed_at)
_LEAVE_OUT = (
    update(table)
    .where(table.c.id == _ALIKE.c.at_row, table.c.state == literal_column(f"'{RowState.READY}'"))
    .values(
        state=literal_column(f"'{RowState.LEFT_OUT}'"),
        why=literal_column(f"'{KIND}'"),
        message=_ALIKE.c.message,
        changed_at=_ALIKE.c.at,
    )
    .returning(table.c.id)
)


def leave_out(tx: Connection, import_: int, messages: Mapping[int, str]) -> None:
    """READY → LEFT_OUT until a person includes them. The reason is stored with each row."""
    require_move(RowState.READY, RowState.LEFT_OUT)
    now = time.time()
    moved = len(run_at_once(tx, _LEAVE_OUT, [(row, message, now) for row, message in messages.items()]))
    count(tx, import_, {RowState.READY: -moved, RowState.LEFT_OUT: moved})
