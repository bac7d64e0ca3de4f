"""Which rows' balances already exist in Blnk, found by lists of refs or by one walk through all balances."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from blnk_api.blnk.endpoints import PAGE_LIMIT, REFS_PER_LOOK
from blnk_api.lookup.looker import Looker
from blnk_api.lookup.split_walk import SplitWalk
from blnk_api.lookup.verdict import Verdict, judge
from blnk_api.models import IMPORT_ID, Balance
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.events import EventKind, Particulars, note
from blnk_api.store.imports import Import
from blnk_api.store.sending import claims, superseded
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.sending.ready_rows import Ready, ready_rows, ready_with_refs
from blnk_api.store.sending.superseded import OldRef
from blnk_api.store.states import RowState
from blnk_api.store.transitions import move_each

LOOKS_PER_FILL = 5


ROWS_PER_FILL = REFS_PER_LOOK * LOOKS_PER_FILL


FEWEST_LOOKS_FOR_A_WALK = 10
"""Below this number of lists, counting the balances costs more than it saves."""


async def look_up(
    looker: Looker, import_: Import, rows: Sequence[Ready], met: list[Balance] | None = None
) -> dict[int, Verdict]:
    """Returns what Blnk already has of rows that are about to be sent, by row, without a limit on dates.
    Everything found is added to `met`.

    Raises a BlnkError if any part is not answered.
    """
    parts = [rows[start : start + REFS_PER_LOOK] for start in range(0, len(rows), REFS_PER_LOOK)]
    found = await asyncio.gather(*(looker.find_together([row.ref for row in part]) for part in parts))
    if met is not None:
        met += (one for answer in found for each in answer.values() for one in each)
    return {
        row.id: judge(row.body, import_.id, answer[row.ref])
        for part, answer in zip(parts, found, strict=True)
        for row in part
        if row.ref in answer
    }


Guard = Callable[[Connection], None]
"""Called in each writing transaction. Raises if nothing may be written anymore."""


def unguarded(tx: Connection) -> None:
    """The guard of a sender. Its moves are only from READY, so they need no other protection."""


def guarded(tx: Connection, guard: Guard, act: Callable[..., None], *args: Any) -> None:
    guard(tx)
    act(tx, *args)


async def walk_up(
    thread: AsyncStore, looker: Looker, import_: Import, there_are: int, guard: Guard = unguarded
) -> None:
    """As `look_up`, for all READY rows of an import: reads every balance that carries a ref, and compares.

    For a large file this asks less of Blnk than lists of refs do, each of which it searches all balances for.
    A walk that was shown fewer balances than `there_are` proves nothing: then lists ask for each ref by name.
    """
    walk = SplitWalk(looker, None, datetime.now(UTC), total=there_are)
    async with aclosing(walk.pages()) as pages:
        async for balances in pages:
            by_ref: dict[str, list[Balance]] = {}
            for balance in balances:
                if balance.import_ref is not None:
                    by_ref.setdefault(balance.import_ref, []).append(balance)
            rows = await thread.read(ready_with_refs, import_.number, list(by_ref))
            verdicts = {row.id: judge(row.body, import_.id, by_ref[row.ref]) for row in rows}
            if verdicts:
                await thread.write(guarded, guard, apply_verdicts, import_.number, verdicts)
    if walk.shown < there_are:
        await list_up(thread, looker, import_, guard)


async def list_up(thread: AsyncStore, looker: Looker, import_: Import, guard: Guard = unguarded) -> None:
    """Like `look_up`, for all READY rows of an import, by lists of their refs."""
    after = 0
    while rows := await thread.read(ready_rows, import_.number, after=after, limit=ROWS_PER_FILL):
        await settle(thread, looker, import_, rows, guard)
        after = rows[-1].id


async def settle(
    thread: AsyncStore,
    looker: Looker,
    import_: Import,
    rows: Sequence[Ready],
    guard: Guard = unguarded,
    *,
    met: list[Balance] | None = None,
) -> dict[int, Verdict]:
    """Looks up these rows, and stores the result."""
    verdicts = await look_up(looker, import_, rows, met)
    if verdicts:
        await thread.write(guarded, guard, apply_verdicts, import_.number, verdicts)
    new = [row.id for row in rows if row.id not in verdicts]
    return verdicts | await _settle_made_before(thread, looker, import_, new, guard)


async def _settle_made_before(
    thread: AsyncStore,
    looker: Looker,
    import_: Import,
    row_ids: Sequence[int],
    guard: Guard = unguarded,
) -> dict[int, Verdict]:
    """For rows that were fixed, here or in another import, also looks up the refs under which they were sent
    before."""
    olds = await thread.read(_old_refs, import_, row_ids)
    refs = list(dict.fromkeys(old.ref for each in olds.values() for old in each))
    parts = [refs[start : start + REFS_PER_LOOK] for start in range(0, len(refs), REFS_PER_LOOK)]
    found: dict[str, list[Balance]] = {}
    for answer in await asyncio.gather(*(looker.find_together(part) for part in parts)):
        found |= answer
    made_before = {
        row: (old, balance.balance_id)
        for row, each in olds.items()
        for old in each
        for balance in found.get(old.ref, ())
        if balance.meta_data.get(IMPORT_ID) == old.import_id
    }
    if made_before:
        await thread.write(guarded, guard, _were_made_before, import_.number, made_before)
    return {
        row: Verdict(RowState.EXISTS, balance_id, superseded.made_before(balance_id))
        for row, (_, balance_id) in made_before.items()
    }


def _old_refs(tx: Connection, import_: Import, row_ids: Sequence[int]) -> dict[int, list[OldRef]]:
    olds = superseded.own_old_refs(tx, import_.number, import_.id, row_ids)
    if import_.fixes is not None:
        for id, each in superseded.old_refs(tx, import_.number, row_ids).items():
            olds[id] = [*olds.get(id, ()), *each]
    return olds


def _were_made_before(tx: Connection, number: int, made_before: dict[int, tuple[OldRef, str]]) -> None:
    """Their balances are those of the rows that they fix, or their own from before they were fixed."""
    facts = {
        row: {"balance_id": balance_id, "message": superseded.made_before(balance_id)}
        for row, (_, balance_id) in made_before.items()
    }
    moved = set(move_each(tx, number, facts, from_=RowState.READY, to=RowState.EXISTS))
    for row, (old, balance_id) in made_before.items():
        if old.row != row:
            superseded.appeared(tx, old.row, balance_id, message="Found in Blnk.", what=EventKind.FOUND)
        elif row in moved:
            detail = Particulars(balance_id=balance_id)
            note(tx, number, who=WHO, what=EventKind.FOUND, row=row, detail=detail)


async def few_enough_to_walk(looker: Looker, ready: int) -> int | None:
    """How many balances carry a ref, where a walk over them asks less than lists of this import's refs do;
    None otherwise."""
    looks = ready / REFS_PER_LOOK
    if looks < FEWEST_LOOKS_FOR_A_WALK:
        return None
    total = await looker.count_with_refs()
    return total if total is not None and total / PAGE_LIMIT < looks else None


def apply_verdicts(tx: Connection, number: int, verdicts: dict[int, Verdict]) -> None:
    """Moves rows that need not be sent: they exist, were created by this import before, or would conflict."""
    made = [row for row, verdict in verdicts.items() if verdict.to is RowState.CREATED]
    for row in claims.refs_held(tx, made):
        # Two rows brought the same ref: the balance belongs to the other one.
        verdicts[row] = replace(verdicts[row], to=RowState.EXISTS, message="Another row is the same balance.")
    for to in {verdict.to for verdict in verdicts.values()}:
        facts = {
            row: {"balance_id": verdict.balance_id, "message": verdict.message}
            for row, verdict in verdicts.items()
            if verdict.to is to
        }
        moved = move_each(tx, number, facts, from_=RowState.READY, to=to)
        if to is RowState.CREATED:
            for row in moved:
                detail = Particulars(balance_id=verdicts[row].balance_id)
                note(tx, number, who=WHO, what=EventKind.FOUND, row=row, detail=detail)
