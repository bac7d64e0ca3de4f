"""Looks up rows in Blnk before they may be claimed, and the canary after it was created."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from blnk_api.blnk.endpoints import REFS_PER_LOOK
from blnk_api.errors import AccessDenied, BlnkError
from blnk_api.lookup.existing import (
    ROWS_PER_FILL,
    few_enough_to_walk,
    settle,
    walk_up,
)
from blnk_api.lookup.looker import Looker
from blnk_api.lookup.retry_policy import WhileWanted
from blnk_api.lookup.verdict import Verdict
from blnk_api.models import Balance
from blnk_api.sending.gateway import Gateway
from blnk_api.sending.import_being_sent import Lane
from blnk_api.sending.other_desks import OtherDesks, Sight
from blnk_api.settings import Waits
from blnk_api.store import import_acts, import_changes, imports
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import attempts
from blnk_api.store.sending.ready_rows import Ready, ready_rows
from blnk_api.store.states import PausedBy, Ramp, RowState

_NOT_SHOWN = (
    "The first balance was created, but Blnk's search does not find it. Without the search, a lost answer "
    "cannot be looked up."
)


class Preflight:
    """For one engine. `insist` writes to the store until it accepts it."""

    def __init__(
        self,
        store: AsyncStore,
        gateway: Gateway,
        looker: Looker,
        waits: Waits,
        settle_seconds: float,
        *,
        other_desks: OtherDesks,
        insist: Callable[..., Awaitable[None]],
    ) -> None:
        self.can_look = True
        """False once Blnk has said that these credentials may not read."""
        self._store = store
        self._gate = gateway
        self._looker = looker
        self._waits = waits
        self._settle_seconds = settle_seconds
        self._neighbours = other_desks
        self._insist = insist

    async def fill(self, lane: Lane) -> None:
        """Reads READY rows into the lane, without those that Blnk holds already.

        The first hundred are looked up by themselves: they leave while all others are. If the import stopped
        meanwhile, nothing that was found out counts: another desk may have created its rows since.
        """
        stops = lane.stops
        try:
            are_first = lane.after == 0 and not lane.is_looked_up
            if not are_first and not lane.is_looked_up:
                is_walked = await self._walk_up(lane)
                if lane.stops != stops:
                    return
                lane.is_looked_up, lane.is_walked = True, is_walked
            n = REFS_PER_LOOK if are_first else ROWS_PER_FILL
            rows = await self._store.read(ready_rows, lane.import_.number, after=lane.after, limit=n)
            if not rows:
                # Rows that came back, or that wait for another row's ref, are read again from the start.
                lane.fill_at = self._gate.clock() + self._waits.rescan
                if not lane.ready:
                    lane.after, lane.is_walked = 0, False
                return
            met: list[Balance] = []
            verdicts = await self._settle(lane, rows, met) if self.can_look else {}
            if lane.stops != stops:
                return
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

    async def _settle(self, lane: Lane, rows: Sequence[Ready], met: list[Balance]) -> dict[int, Verdict]:
        if lane.is_walked:
            # A row that was sent before may have been fixed since the walk compared it: it is asked for by
            # name, under the ref that it has now and those that it was sent under.
            rows = [row for row in rows if row.tries]
            if not rows:
                return {}
        return await settle(self._store, self._looker, lane.import_, rows, met=met)

    def _offer(self, lane: Lane, rows: Iterable[Ready]) -> None:
        """Rows that may be claimed. Two that brought the same ref are never offered together, because no
        claim could hold both."""
        offered = {row.ref for row in lane.ready}
        for row in rows:
            if row.ref not in offered:
                offered.add(row.ref)
                lane.ready.append(row)

    async def _walk_up(self, lane: Lane) -> bool:
        """Once in each process: looks up all rows of a large import by one walk. A small one's are looked up
        as they come. Returns whether it walked."""
        # Rows that fix others are looked up in lists: under their old refs, too.
        if not self.can_look or lane.import_.fixes is not None:
            return False
        ready = lane.import_.counts.get(RowState.READY, 0)
        there_are = await few_enough_to_walk(self._looker, ready)
        if there_are is None:
            return False
        patience = WhileWanted(lambda: lane.sends, self._waits.journal_retry)
        await walk_up(self._store, self._looker.patient(patience), lane.import_, there_are)
        return True

    async def confirm_canary(self, lane: Lane, ref: str) -> None:
        """The first created balance must be found by its ref; else nothing lost could ever be found."""
        stops = lane.stops
        if await self._is_well(lane, [ref], must_be_shown=True) and lane.stops == stops:
            await self.raise_ramp(lane, Ramp.FEW)
        lane.is_confirming_canary = False

    async def confirm_few(self, lane: Lane) -> None:
        """The first rows together must be shown by Blnk, or not for as long as a replica may lag, and no
        other desk may have made any of them, before all others go."""
        stops = lane.stops
        if await self._is_well(lane, lane.made) and lane.stops == stops:
            await self.raise_ramp(lane, Ramp.ALL)
        lane.is_confirming_few = False

    async def _is_well(self, lane: Lane, refs: Collection[str], *, must_be_shown: bool = False) -> bool:
        """False when the import was paused: Blnk does not show these refs, which it must, or another desk is
        at work on its rows.

        For other desks nobody looks where nothing more would leave: verification names each second balance.
        """
        while self.can_look:
            try:
                import_ = await self._store.read(imports.by_number, lane.import_.number)
                is_more = bool(import_.counts.get(RowState.READY))
                if not is_more and not must_be_shown:
                    return True
                sight = await self._look(lane, refs, newest=is_more)
                if must_be_shown and not sight.refs.issuperset(refs):
                    await self.pause(lane, PausedBy.CANARY, _NOT_SHOWN)
                    return False
                return not is_more or await self._neighbours.judge(lane, sight.balances)
            except AccessDenied as denied:
                await self.denied(denied)
            except (BlnkError, SQLAlchemyError, OSError):
                await asyncio.sleep(self._waits.journal_retry)
        return True

    async def _look(self, lane: Lane, refs: Collection[str], *, newest: bool) -> Sight:
        """As soon as these are shown, or at the end of the settle time: a replica may lag."""
        deadline = self._gate.clock() + self._settle_seconds
        while True:
            sight = await self._neighbours.look(lane, newest=newest)
            if sight.refs.issuperset(refs) or self._gate.clock() > deadline:
                return sight
            await asyncio.sleep(min(1.0, self._settle_seconds / 4))

    async def raise_ramp(self, lane: Lane, ramp: Ramp) -> None:
        lane.ramp = ramp
        await self._insist(import_changes.set_facts, lane.import_.number, ramp=int(ramp))

    async def pause(self, lane: Lane, by: PausedBy, reason: str) -> None:
        lane.sends = False
        await self._insist(import_acts.pause, lane.import_.number, by=by, who=attempts.WHO, reason=reason)

    async def denied(self, denied: AccessDenied) -> None:
        """403: these credentials may not look, and we go on without; 401: they serve for nothing."""
        if denied.status == 403:
            self.can_look = False
            return
        self._gate.denied = denied.message
        await asyncio.sleep(self._waits.journal_retry)
