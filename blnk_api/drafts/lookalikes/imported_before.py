"""Recognizes rows by number if the same file was imported into this instance before.

An import_ref depends on what is sent. If a newer version reads the same bytes differently (an encoding, a
date, a number format), all refs differ, and every row would look new. But the bytes are the same, and so is
the row: it already exists if only the reading differs; otherwise a person decides.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, Executable, select

from blnk_api.drafts.lookalikes import near_duplicates
from blnk_api.drafts.lookalikes.near_duplicates import differences, fields_of
from blnk_api.drafts.lookalikes.same_value import names_that_differ
from blnk_api.facts.mapping import Use
from blnk_api.lookup.existing import Guard, guarded
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.search import balance_origins
from blnk_api.store.states import RowState
from blnk_api.store.tables import repairs as repairs_table
from blnk_api.store.tables import rows as table
from blnk_api.store.transitions import IDS_PER_STATEMENT, move_each

_WITH_BALANCE = (RowState.CREATED, RowState.EXISTS)
_IN_DOUBT = (RowState.UNKNOWN, RowState.SENDING)


class Row(NamedTuple):
    """A row of this draft, or of an earlier import of the same file."""

    id: int
    import_: int
    number: int
    state: RowState
    ledger_id: str | None
    currency: str | None
    ref: str | None
    balance_id: str | None
    body: bytes | None
    cells: str | None


@dataclass(frozen=True, slots=True)
class SameFileImport:
    """An import of the same bytes. `is_aligned`: it found as many records as the current reading, so row
    numbers mean the same. `is_alike`: nobody changed cells or columns since."""

    number: int
    day: str
    is_aligned: bool
    is_alike: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The new state of a row: EXISTS with its balance, or LEFT_OUT."""

    to: RowState
    message: str
    balance_id: str | None = None


def earlier_imports(tx: Connection, draft: Import) -> list[SameFileImport]:
    """Confirmed imports of the same file into the same instance, newest first."""
    same = balance_origins.of_same_file(tx, draft)
    numbers = [draft.number, *(one.number for one in same)]
    changed = select(repairs_table.c.import_).distinct().where(repairs_table.c.import_.in_(numbers))
    repaired = set(tx.execute(changed).scalars())
    found = []
    for one in same:
        if _sheet(one) != _sheet(draft) and (draft.options.sheet or one.options.sheet):
            continue  # someone chose another sheet: these are other rows
        if _has_another_name(one, draft):
            continue  # someone chose other names: these are other balances
        found.append(
            SameFileImport(
                number=one.number,
                day=f"{datetime.fromtimestamp(one.confirmed_at or one.created_at, UTC):%-d %b %Y}",
                is_aligned=one.totals.records == draft.totals.records,
                is_alike=_meaning(one) == _meaning(draft) and not repaired & {one.number, draft.number},
            )
        )
    return found


def _sheet(import_: Import) -> str | None:
    return import_.shape.sheet if import_.shape else None


def _meaning(import_: Import) -> tuple[object, ...]:
    """The meaning of its columns, whatever their names."""
    columns = [(one.position, one.use) for one in import_.columns]
    mapping = import_.mapping
    return (
        columns,
        mapping and mapping.for_all_rows,
        mapping and mapping.match_columns,
        _sheet(import_),
    )


def _has_another_name(one: Import, draft: Import) -> bool:
    """Whether a column with the same header is stored under another name."""
    ours, theirs = _named(draft), _named(one)
    return any(name != theirs[at] for at, name in ours.items() if at in theirs)


def _named(import_: Import) -> dict[tuple[int, str], str]:
    return {(one.position, one.header): one.name for one in import_.columns if one.name}


def judge(
    row: Row, before: Sequence[Row], earlier: Mapping[int, SameFileImport], for_all: Collection[str]
) -> Verdict | None:
    """Judges a row with a new ref by the earlier imports of its file. Returns None if nothing speaks against
    sending it.

    `before` are the rows with its number, the newest import's first. `for_all` are the fields that a person
    set for all rows ("ledger_id", "currency").
    """
    for one in before:
        if one.state is RowState.SUPERSEDED and (one.currency or row.currency) == row.currency:
            message = (
                f"This file was imported on {earlier[one.import_].day}, and this row was fixed in "
                "another import, so its balance may exist with the fixed values."
            )
            return Verdict(RowState.LEFT_OUT, message)
    if any(one.ref == row.ref for one in before):
        return None  # the same row with the same content: the look-up in Blnk decides
    mine = [one for one in before if (one.ledger_id, one.currency) == (row.ledger_id, row.currency)]
    for one in mine:
        if one.state in _WITH_BALANCE and one.balance_id:
            return _is_or_looks_like(row, one, earlier[one.import_])
    for one in mine:
        if one.state in _IN_DOUBT:
            day = earlier[one.import_].day
            message = (
                f"This file was imported on {day}, and this row's balance is still being checked in Blnk."
            )
            return Verdict(RowState.LEFT_OUT, message)
    others = [one for one in before if one.state in _WITH_BALANCE and one.balance_id]
    if others:
        one = others[0]
        if _differs_by_choice(row, one, for_all):
            return None
        message = (
            f"This file was imported on {earlier[one.import_].day} and is now read differently: its row "
            f"{row.number:,} was then {one.balance_id}, a {one.currency} balance in {one.ledger_id}."
        )
        return Verdict(RowState.LEFT_OUT, message)
    newest = next(iter(earlier.values()))
    same_import = [one for one in before if one.import_ == newest.number]
    if same_import and (newest.is_aligned or any(one.cells == row.cells for one in same_import)):
        return None
    message = (
        f"This file was imported on {newest.day} and is now read differently: this row was not in it then. "
        "Its balance may exist in another form."
    )
    return Verdict(RowState.LEFT_OUT, message)


def _differs_by_choice(row: Row, one: Row, for_all: Collection[str]) -> bool:
    """Whether the only difference is a value that a person set for all rows."""
    differ = {
        name
        for name, ours, theirs in (
            ("ledger_id", row.ledger_id, one.ledger_id),
            ("currency", row.currency, one.currency),
        )
        if ours != theirs
    }
    return differ <= set(for_all)


def _is_or_looks_like(row: Row, one: Row, earlier: SameFileImport) -> Verdict:
    assert one.balance_id is not None
    if one.body is None:
        message = (
            f"This file was imported on {earlier.day}, and this row was {one.balance_id} then. Its contents "
            "have since been deleted, so the two cannot be compared."
        )
        return Verdict(RowState.LEFT_OUT, message)
    ours, theirs = fields_of(orjson.loads(row.body or b"{}")), fields_of(orjson.loads(one.body))
    really, by_reading = names_that_differ(ours, theirs)
    changes = differences(ours, theirs, [*really, *by_reading])
    if not really or (earlier.is_alike and earlier.is_aligned):
        how = f", read differently then ({changes})" if changes else ""
        message = f"Created on {earlier.day} from this row of the same file{how}. Nothing was sent."
        return Verdict(RowState.EXISTS, message, one.balance_id)
    message = (
        f"Looks like {one.balance_id}, created on {earlier.day} from this row of the same file, but differs "
        f"({changes})."
    )
    return Verdict(RowState.LEFT_OUT, message)


async def settle(thread: AsyncStore, draft: Import, guard: Guard, *, among: Collection[int] | None) -> None:
    """Moves the draft's READY rows (only those in `among`, if given) that an earlier import of the file
    created."""
    earlier = {one.number: one for one in await thread.read(earlier_imports, draft)}
    if not earlier:
        return
    used = {column.use for column in draft.columns}
    for_all = {
        field for field, use in (("ledger_id", Use.LEDGER), ("currency", Use.CURRENCY)) if use not in used
    }
    async for part in _new_rows(thread, draft.number, among):
        before = await thread.read(_with_numbers, list(earlier), [row.number for row in part])
        verdicts = {
            row.id: verdict
            for row in part
            if (verdict := judge(row, before.get(row.number, []), earlier, for_all)) is not None
        }
        if verdicts:
            await thread.write(guarded, guard, partial(_apply, verdicts=verdicts), draft.number)


_ROW = (
    table.c.id,
    table.c.import_,
    table.c.number,
    table.c.state,
    table.c.ledger_id,
    table.c.currency,
    table.c.ref,
    table.c.balance_id,
    table.c.body,
    table.c.cells,
)


async def _new_rows(
    thread: AsyncStore, import_: int, among: Collection[int] | None
) -> AsyncIterator[list[Row]]:
    ready = select(*_ROW).where(table.c.import_ == import_, table.c.state == RowState.READY)
    if among is not None:
        ids = sorted(among)
        for start in range(0, len(ids), IDS_PER_STATEMENT):
            part = ids[start : start + IDS_PER_STATEMENT]
            yield await thread.read(_rows, ready.where(table.c.id.in_(part)))
        return
    after = 0
    while found := await thread.read(
        _rows, ready.where(table.c.id > after).order_by(table.c.id).limit(IDS_PER_STATEMENT)
    ):
        yield found
        after = found[-1].id


def _rows(tx: Connection, query: Executable) -> list[Row]:
    return [Row(*one)._replace(state=RowState(one.state)) for one in tx.execute(query)]


def _with_numbers(tx: Connection, earlier: Sequence[int], numbers: Sequence[int]) -> dict[int, list[Row]]:
    """Rows by number: those of the newest import first, and created ones before others."""
    found: dict[int, list[Row]] = {}
    query = select(*_ROW).where(table.c.import_.in_(earlier), table.c.number.in_(sorted(set(numbers))))
    for one in _rows(tx, query):
        found.setdefault(one.number, []).append(one)
    for same in found.values():
        same.sort(key=lambda one: (one.state is not RowState.CREATED, -one.import_, one.id))
    return found


def _apply(tx: Connection, number: int, *, verdicts: Mapping[int, Verdict]) -> None:
    exist = {
        row: {"balance_id": one.balance_id, "message": one.message}
        for row, one in verdicts.items()
        if one.balance_id is not None
    }
    move_each(tx, number, exist, from_=RowState.READY, to=RowState.EXISTS)
    left_out = {row: one.message for row, one in verdicts.items() if one.to is RowState.LEFT_OUT}
    near_duplicates.leave_out(tx, number, left_out)
