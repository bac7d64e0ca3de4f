"""Goes ahead of the sending: looks rows up in Blnk before they may be claimed, and the canary after it."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.blnk.protocol import PAGE_LIMIT, REFS_PER_LOOK
from blnk_api.errors import AccessDenied, BlnkError
from blnk_api.lookup.looker import Looker, Verdict, bound_of, judge
from blnk_api.lookup.retry_policy import WhileWanted
from blnk_api.models import Balance
from blnk_api.sending.gateway import Gate
from blnk_api.sending.lane import Lane, Ramp
from blnk_api.sending.other_desks import Neighbours
from blnk_api.settings import Waits
from blnk_api.store import imports
from blnk_api.store.async_store import JournalThread
from blnk_api.store.imports import Import
from blnk_api.store.sending import attempts
from blnk_api.store.sending.attempts import WHO
from blnk_api.store.sending.ready import Ready, ready_rows, ready_with_refs
from blnk_api.store.states import PausedBy, RowState
from blnk_api.store.transitions import move_each, note

LOOKS_PER_FILL = 5
ROWS_PER_FILL = REFS_PER_LOOK * LOOKS_PER_FILL
FEWEST_LOOKS_FOR_A_WALK = 10
"""Below this, asking how many balances there are costs more than it saves."""


async def look_up(
    looker: Looker, import_: Import, rows: Sequence[Ready], met: list[Balance] | None = None
) -> dict[int, Verdict]:
    """What Blnk holds already of rows that are about to be sent, by row. No date bounds this look. All that
    was found is added to `met`.

    Raises from the errors tree when any part of it is not answered.
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
"""Called in each transaction that writes; raises where nothing must be written any more."""


def unguarded(tx: Connection) -> None:
    """The guard of a sender: its moves are from READY only, and hold by themselves."""


def guarded(tx: Connection, guard: Guard, act: Callable[..., None], *args: Any) -> None:
    guard(tx)
    act(tx, *args)


async def walk_up(thread: JournalThread, looker: Looker, import_: Import, guard: Guard = unguarded) -> None:
    """As `look_up`, for all READY rows of an import: reads every balance that carries a ref, and compares.

    For a large file this asks less of Blnk than lists of refs do, each of which it searches all balances for.
    A walk that was shown fewer balances than there are proves nothing: then lists ask for each ref by name.
    """
    there_are = await looker.count_with_refs()
    met = 0
    async for balances in looker.walk():
        met += len(balances)
        by_ref: dict[str, list[Balance]] = {}
        for balance in balances:
            if balance.import_ref is not None:
                by_ref.setdefault(balance.import_ref, []).append(balance)
        rows = await thread.read(ready_with_refs, import_.number, list(by_ref))
        verdicts = {row.id: judge(row.body, import_.id, by_ref[row.ref]) for row in rows}
        if verdicts:
            await thread.write(guarded, guard, apply_verdicts, import_.number, verdicts)
    if there_are is not None and met < there_are:
        await list_up(thread, looker, import_, guard)


async def list_up(thread: JournalThread, looker: Looker, import_: Import, guard: Guard = unguarded) -> None:
    """As `look_up`, for all READY rows of an import, by lists of their refs."""
    after = 0
    while rows := await thread.read(ready_rows, import_.number, after=after, limit=ROWS_PER_FILL):
        await settle(thread, looker, import_, rows, guard)
        after = rows[-1].id


async def settle(
    thread: JournalThread,
    looker: Looker,
    import_: Import,
    rows: Sequence[Ready],
    guard: Guard = unguarded,
    *,
    met: list[Balance] | None = None,
) -> dict[int, Verdict]:
    """Looks these rows up, and keeps what was found."""
    verdicts = await look_up(looker, import_, rows, met)
    if verdicts:
        await thread.write(guarded, guard, apply_verdicts, import_.number, verdicts)
    return verdicts


async def walking_is_cheaper(looker: Looker, ready: int) -> bool:
    """Whether a walk over all balances with a ref takes fewer questions than lists of this import's refs."""
    looks = ready / REFS_PER_LOOK
    if looks < FEWEST_LOOKS_FOR_A_WALK:
        return False
    total = await looker.count_with_refs()
    return total is not None and total / PAGE_LIMIT < looks


def apply_verdicts(tx: Connection, number: int, verdicts: dict[int, Verdict]) -> None:
    """Rows that need not be sent any more: they exist, were made by this import before, or would clash."""
    made = [row for row, verdict in verdicts.items() if verdict.to is RowState.CREATED]
    for row in attempts.refs_held(tx, made):
        # Two rows that brought one ref: the balance is the other's.
        verdicts[row] = replace(verdicts[row], to=RowState.EXISTS, message="Another row is this balance.")
    for to in {verdict.to for verdict in verdicts.values()}:
        facts = {
            row: {"balance_id": verdict.balance_id, "message": verdict.message}
            for row, verdict in verdicts.items()
            if verdict.to is to
        }
        moved = move_each(tx, number, facts, from_=RowState.READY, to=to)
        if to is RowState.CREATED:
            for row in moved:
                note(tx, number, who=WHO, what="found", row=row, balance_id=verdicts[row].balance_id)


class Scout:
    """One engine's. `insist` writes to the journal until it takes it."""

    def __init__(
        self,
        journal: JournalThread,
        gate: Gate,
        looker: Looker,
        waits: Waits,
        settle_seconds: float,
        *,
        neighbours: Neighbours,
        insist: Callable[..., Awaitable[None]],
    ) -> None:
        self.can_look = True
        """False once Blnk has said that these credentials may not."""
        self._journal = journal
        self._gate = gate
        self._looker = looker
        self._waits = waits
        self._settle_seconds = settle_seconds
        self._neighbours = neighbours
        self._insist = insist

    async def fill(self, lane: Lane) -> None:
        """Reads READY rows into the lane, without those that Blnk holds already."""
        try:
            if not lane.is_looked_up:
                await self._look_all_up(lane)
            rows = await self._journal.read(
                ready_rows, lane.import_.number, after=lane.after, limit=ROWS_PER_FILL
            )
            if not rows:
                # Rows that came back, or that wait for another row's ref, are met again from the start.
                lane.fill_at = self._gate.clock() + self._waits.rescan
                if not lane.ready:
                    lane.after, lane.is_walked = 0, False
                return
            is_known = lane.is_walked or not self.can_look
            met: list[Balance] = []
            verdicts = (
                {} if is_known else await settle(self._journal, self._looker, lane.import_, rows, met=met)
            )
            lane.after = rows[-1].id
            if not await self._neighbours.judge(lane, met):
                return
            self._offer(lane, (row for row in rows if row.id not in verdicts))
        except AccessDenied as denied:
            await self.denied(denied)
        except (BlnkError, SQLAlchemyError, OSError):
            lane.fill_at = self._gate.clock() + self._waits.journal_retry
        finally:
            lane.is_filling = False

    def _offer(self, lane: Lane, rows: Iterable[Ready]) -> None:
        """Rows that may be claimed. Two that brought one ref never together: no claim could hold both."""
        offered = {row.ref for row in lane.ready}
        for row in rows:
            if row.ref not in offered:
                offered.add(row.ref)
                lane.ready.append(row)

    async def _look_all_up(self, lane: Lane) -> None:
        """Once in each process: a large import by one walk; a small one's rows are looked up as they come."""
        ready = lane.import_.counts.get(RowState.READY, 0)
        if self.can_look and await walking_is_cheaper(self._looker, ready):
            patience = WhileWanted(lambda: lane.sends, self._waits.journal_retry)
            await walk_up(self._journal, self._looker.patient(patience), lane.import_)
            lane.is_walked = True
        lane.is_looked_up = True

    async def confirm_canary(self, lane: Lane, ref: str) -> None:
        """The first created balance must be found by its ref; else nothing lost could ever be found."""
        found = not self.can_look
        while not found:
            try:
                found = await self._find([ref], bound_of(lane.created_from))
            except AccessDenied as denied:
                found = await self.denied(denied)
                continue
            except BlnkError:
                await asyncio.sleep(self._waits.journal_retry)
                continue
            if not found:
                reason = (
                    "The first balance was created, but Blnk's search does not find it. "
                    "Without that, a lost answer could not be looked up."
                )
                await self.pause(lane, PausedBy.CANARY, reason)
                lane.is_confirming_canary = False
                return
        if await self._nobody_else(lane):
            await self.raise_ramp(lane, Ramp.FEW)
        lane.is_confirming_canary = False

    async def confirm_few(self, lane: Lane) -> None:
        """The first rows together must be shown by Blnk, or not for as long as a replica may lag, and no
        other desk may have made any of them, before all others go."""
        if await self._nobody_else(lane):
            await self.raise_ramp(lane, Ramp.ALL)
        lane.is_confirming_few = False

    async def _nobody_else(self, lane: Lane) -> bool:
        """False when the import was paused because another desk is at work on its rows.

        Not asked where nothing more would leave: verification names each second balance.
        """
        while self.can_look:
            try:
                import_ = await self._journal.read(imports.by_number, lane.import_.number)
                if not import_.counts.get(RowState.READY):
                    return True
                await self._find(lane.made, bound_of(lane.created_from))
                return await self._neighbours.sent(lane)
            except AccessDenied as denied:
                await self.denied(denied)
            except (BlnkError, SQLAlchemyError, OSError):
                await asyncio.sleep(self._waits.journal_retry)
        return True

    async def _find(self, refs: Collection[str], created_from: str | None) -> bool:
        """Whether all of these are found within the settle time: a replica may lag."""
        deadline = self._gate.clock() + self._settle_seconds
        while refs:
            found = await self._looker.find_together(list(refs), created_from=created_from)
            if set(refs) <= set(found):
                return True
            if self._gate.clock() > deadline:
                return False
            await asyncio.sleep(min(1.0, self._settle_seconds / 4))
        return True

    async def raise_ramp(self, lane: Lane, ramp: Ramp) -> None:
        lane.ramp = ramp
        await self._insist(imports.set_facts, lane.import_.number, ramp=int(ramp))

    async def pause(self, lane: Lane, by: PausedBy, reason: str) -> None:
        lane.sends = False
        await self._insist(imports.pause, lane.import_.number, by=by, who=attempts.WHO, reason=reason)

    async def denied(self, denied: AccessDenied) -> bool:
        """403: these credentials may not look, and we go on without; 401: they serve for nothing."""
        if denied.status == 403:
            self.can_look = False
            return True
        self._gate.denied = denied.message
        await asyncio.sleep(self._waits.journal_retry)
        return False
