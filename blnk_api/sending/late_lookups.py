"""Looks up again, hours later, what was called not created after a byte of it had left, and once more what
another desk may have created at the same moment, and reports what it finds.

A balance that appears is never fixed by sending, and always reported: a row without a balance becomes Created
if possible, and if a row has more than one balance, all ids are named.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError, OperationalError

from blnk_api import errors
from blnk_api.blnk.endpoints import REFS_PER_LOOK
from blnk_api.lookup.balances_of_import import all_of
from blnk_api.lookup.looker import bound_of, sortable
from blnk_api.models import IMPORT_ID, Balance
from blnk_api.sending.engine import Engine
from blnk_api.sending.second_balances import SecondBalances
from blnk_api.settings import Waits
from blnk_api.store import imports
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.sending import late_records as late
from blnk_api.store.sending import superseded
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.sending.late_records import Due
from blnk_api.store.states import HELD, RowState
from blnk_api.store.tables import is_one_of, rows
from blnk_api.store.transitions import move

_WITNESSES = 2
_PER_LOOK = REFS_PER_LOOK - _WITNESSES
_AT_ONCE = 10 * _PER_LOOK


class LateLookups:
    """The late look-ups of one instance. `wall` is the time of day in seconds since 1970, because they are
    due across restarts."""

    def __init__(
        self, engine: Engine, instance: int, waits: Waits, *, wall: Callable[[], float] = time.time
    ) -> None:
        self._engine = engine
        self._store = engine.store
        self._instance = instance
        self._waits = waits
        self._wall = wall

    async def run(self) -> None:
        """Runs until canceled. Overdue look-ups come first, at once."""
        while True:
            try:
                while self._engine.preflight.can_look and await self._look():
                    pass
            except (errors.BlnkError, OperationalError, IntegrityError, OSError):
                await asyncio.sleep(self._waits.breaker_first)
            await asyncio.sleep(self._waits.late_looks)

    async def _look(self) -> bool:
        """Returns whether anything was due."""
        due, for_duplicates = await self._store.read(
            _all_due, self._instance, self._wall(), self._engine.settle_seconds
        )
        for import_number, listed in _lists(due, _PER_LOOK):
            await self._ask(await self._store.read(imports.by_number, import_number), listed)
        for import_number, listed in _lists(for_duplicates, REFS_PER_LOOK):
            await self._ask_for_duplicates(await self._store.read(imports.by_number, import_number), listed)
        return bool(due or for_duplicates)

    async def _ask(self, import_: Import, due: Sequence[Due]) -> None:
        witnesses = await self._store.read(_witnesses, import_.number)
        refs = list(dict.fromkeys([*(one.ref for one in due), *witnesses]))
        held = await self._held(import_, refs)
        now, settle = self._wall(), self._engine.settle_seconds
        if witnesses and not any(one in held for one in witnesses):
            # It lags, or is another Blnk instance: balances that we saw created are missing.
            await self._store.write(late.put_off, due, until=now + settle)
            return
        await self._store.write(settle_late, import_.number, due, held, at=now, settle_seconds=settle)

    async def _ask_for_duplicates(self, import_: Import, due: Sequence[Due]) -> None:
        held = await self._held(import_, [one.ref for one in due])
        now, settle = self._wall(), self._engine.settle_seconds
        await self._store.write(name_duplicates, import_.number, due, held, at=now, settle_seconds=settle)

    async def _held(self, import_: Import, refs: Sequence[str]) -> dict[str, list[Balance]]:
        held: dict[str, list[Balance]] = {}
        for balance in await all_of(self._engine.looker, refs, bound_of(import_.created_from)):
            held.setdefault(balance.import_ref or "", []).append(balance)
        return held


def _all_due(tx: Connection, instance: int, now: float, settle_seconds: float) -> tuple[list[Due], list[Due]]:
    """Rows that were called not created, and rows that another desk may have created too."""
    return (
        late.due(tx, instance, now, limit=_AT_ONCE),
        late.due_for_duplicates(tx, instance, now, settle_seconds=settle_seconds, limit=_AT_ONCE),
    )


def _lists(due: Sequence[Due], most: int) -> Iterator[tuple[int, list[Due]]]:
    """For each import, lists of as many as one request may ask for."""
    for number, of_import in groupby(sorted(due, key=lambda one: one.import_), lambda one: one.import_):
        listed = list(of_import)
        for start in range(0, len(listed), most):
            yield number, listed[start : start + most]


def _witnesses(tx: Connection, number: int) -> list[str]:
    """Refs of the first and the last created row: an answer without any of them proves nothing."""
    made = select(rows.c.ref).where(rows.c.import_ == number, rows.c.state == RowState.CREATED).limit(1)
    ends = (tx.execute(made.order_by(order)).scalar() for order in (rows.c.id, rows.c.id.desc()))
    return list(dict.fromkeys(ref for ref in ends if ref is not None))


def settle_late(
    tx: Connection,
    number: int,
    due: Sequence[Due],
    held: Mapping[str, Sequence[Balance]],
    *,
    at: float,
    settle_seconds: float,
) -> None:
    """Records the answer to due look-ups of one import. `held` has the balances of their refs."""
    import_ = imports.by_number(tx, number)
    teller = SecondBalances(tx)
    on_its_way = set()
    for one in due:
        found = sorted(held.get(one.ref, ()), key=lambda balance: sortable(balance.created_at))
        if found and not _settle(tx, teller, import_, one, found):
            on_its_way.add(one)
    then = {one: late.next_after(one.since, at, settle_seconds) for one in due if one not in on_its_way}
    late.looked(tx, then, at=at)
    late.put_off(tx, list(on_its_way), until=at + settle_seconds)
    if then and not late.any_open(tx, number):
        detail = Particulars(rows=late.of_import(tx, number).over)
        note(tx, number, who=WHO, what=EventKind.LOOKED_UP, detail=detail)


def name_duplicates(
    tx: Connection,
    number: int,
    due: Sequence[Due],
    held: Mapping[str, Sequence[Balance]],
    *,
    at: float,
    settle_seconds: float,
) -> None:
    """Reports rows of one import that another desk created too. An answer that does not show a row's own
    balance says nothing about others, and is asked for again."""
    import_ = imports.by_number(tx, number)
    teller = SecondBalances(tx)
    then: dict[Due, float | None] = {}
    for one in due:
        row = tx.execute(_ROW.where(rows.c.id == one.row)).one()
        found = sorted(held.get(one.ref, ()), key=lambda balance: sortable(balance.created_at))
        then[one] = None
        if row.ref == one.ref and row.state in _MAY_BE_CREATED:
            if row.balance_id is not None and any(each.balance_id == row.balance_id for each in found):
                _settle(tx, teller, import_, one, found)
            else:
                then[one] = late.next_after(one.since, at, settle_seconds)
    late.looked_for_duplicates(tx, then)


def _settle(
    tx: Connection, teller: SecondBalances, import_: Import, due: Due, found: Sequence[Balance]
) -> bool:
    """Reports what was found for one row. Returns False if the row is on its way, so that its outcome is not
    known."""
    row = tx.execute(_ROW.where(rows.c.id == due.row)).one()
    if row.state == RowState.SENDING or (row.state == RowState.UNKNOWN and not row.waits_for_person):
        return False
    holder = tx.execute(
        _ROW.where(rows.c.instance == import_.instance_number, rows.c.ref == due.ref, is_one_of(rows, HELD))
    ).first()
    if holder is not None and holder.id != row.id:
        # Another import's row has the same content, and was sent when this one was called not created.
        if holder.balance_id is None:
            return False
        ids = [holder.balance_id, *(one.balance_id for one in found)]
        teller.second(imports.by_number(tx, holder.import_), holder, ids)
        if any(_is_of(import_, one) and one.balance_id != holder.balance_id for one in found):
            teller.second(import_, row, ids)
        return True
    taken = _others(tx, import_, row, [one.balance_id for one in found])
    ids = [one.balance_id for one in found if one.balance_id not in taken]
    ours = next((one for one in found if one.balance_id in ids and _is_of(import_, one)), None)
    if not ids:
        return True
    is_same = row.ref == due.ref
    fixes = superseded.fixing(tx, row.id) if ours is not None else []
    if any(one.is_on_its_way for one in fixes):
        return False
    if (
        is_same
        and ours is not None
        and row.state in _NOT_CREATED
        and row.balance_id in (None, ours.balance_id)
    ):
        moved = move(
            tx,
            [row.id],
            from_=RowState(row.state),
            to=RowState.CREATED,
            balance_id=ours.balance_id,
            waits_for_person=False,
            message="Found in Blnk later: the balance was created after it had been looked up.",
        )
        if moved:
            detail = Particulars(balance_id=ours.balance_id)
            note(tx, import_.number, who=WHO, what=EventKind.FOUND, row=row.id, detail=detail)
            row = tx.execute(_ROW.where(rows.c.id == due.row)).one()
    if ours is not None and fixes:
        _tell_of_fixes(tx, teller, import_, row, ours.balance_id)
    if row.balance_id is not None:
        teller.second(import_, row, [row.balance_id, *ids])
    else:
        teller.late(import_, row, due.ref, ids)
    return True


def _tell_of_fixes(
    tx: Connection, teller: SecondBalances, import_: Import, row: Any, balance_id: str
) -> None:
    """A row that is fixed in another import already has its balance: the fix is not sent, or both balances
    are named in both imports."""
    superseded.hold_back(tx, row.id, balance_id)
    for fix in superseded.fixing(tx, row.id):
        if fix.state is RowState.CREATED and fix.balance_id is not None:
            mine = tx.execute(_ROW.where(rows.c.id == fix.id)).one()
            ids = [fix.balance_id, balance_id]
            teller.second(imports.by_number(tx, fix.import_), mine, ids)
            teller.second(import_, row, ids[::-1])


def _is_of(import_: Import, balance: Balance) -> bool:
    return bool(balance.meta_data.get(IMPORT_ID) == import_.id)


def _others(tx: Connection, import_: Import, row: Any, ids: Sequence[str]) -> set[str]:
    """Which of these became another row's balance by a person's decision, so that they are not unexpected."""
    held = select(rows.c.balance_id).where(
        rows.c.instance == import_.instance_number,
        rows.c.balance_id.in_(ids),
        is_one_of(rows, [RowState.CREATED]),
        rows.c.id != row.id,
    )
    return set(tx.execute(held).scalars())


_MAY_BE_CREATED = (RowState.READY, RowState.SENDING, RowState.UNKNOWN, RowState.CREATED)
_NOT_CREATED = (RowState.UNKNOWN, RowState.READY, RowState.REFUSED, RowState.SUPERSEDED)
_ROW = select(
    rows.c.id,
    rows.c.number,
    rows.c.part,
    rows.c.import_,
    rows.c.ref,
    rows.c.state,
    rows.c.balance_id,
    rows.c.waits_for_person,
)
