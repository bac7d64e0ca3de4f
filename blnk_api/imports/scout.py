"""Goes ahead of the sending: looks rows up in Blnk before they may be claimed, and the canary after it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from blnk_api.errors import AccessDenied, BlnkError
from blnk_api.imports.gate import Gate
from blnk_api.imports.journal import imports, sending
from blnk_api.imports.journal.imports import Import
from blnk_api.imports.journal.moves import move, note
from blnk_api.imports.journal.sending import WHO, Ready
from blnk_api.imports.journal.states import PausedBy, RowState
from blnk_api.imports.journal_thread import JournalThread
from blnk_api.imports.lanes import Lane, Ramp
from blnk_api.imports.looking import Looker, Verdict, bound_of, judge
from blnk_api.settings import Waits
from blnk_api.wire import REFS_PER_LOOK

LOOKS_PER_FILL = 5
ROWS_PER_FILL = REFS_PER_LOOK * LOOKS_PER_FILL


async def look_up(looker: Looker, import_: Import, rows: Sequence[Ready]) -> dict[int, Verdict]:
    """What Blnk holds already of rows that are about to be sent, by row. No date bounds this look.

    Raises from the errors tree when any part of it is not answered.
    """
    parts = [rows[start : start + REFS_PER_LOOK] for start in range(0, len(rows), REFS_PER_LOOK)]
    found = await asyncio.gather(*(looker.find_together([row.ref for row in part]) for part in parts))
    return {
        row.id: judge(row.body, import_.id, answer[row.ref])
        for part, answer in zip(parts, found, strict=True)
        for row in part
        if row.ref in answer
    }


def apply_verdicts(tx: Connection, number: int, verdicts: dict[int, Verdict]) -> None:
    """Rows that need not be sent any more: they exist, were made by this import before, or would clash."""
    for row, verdict in verdicts.items():
        moved = move(
            tx,
            [row],
            from_=RowState.READY,
            to=verdict.to,
            balance_id=verdict.balance_id,
            message=verdict.message,
        )
        if moved and verdict.to is RowState.CREATED:
            note(tx, number, who=WHO, what="found", row=row, balance_id=verdict.balance_id)


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
        insist: Callable[..., Awaitable[None]],
    ) -> None:
        self.can_look = True
        """False once Blnk has said that these credentials may not."""
        self._journal = journal
        self._gate = gate
        self._looker = looker
        self._waits = waits
        self._settle_seconds = settle_seconds
        self._insist = insist

    async def fill(self, lane: Lane) -> None:
        """Reads READY rows into the lane, without those that Blnk holds already."""
        try:
            rows = await self._journal.read(
                sending.ready_rows, lane.import_.number, after=lane.after, limit=ROWS_PER_FILL
            )
            if not rows:
                # Rows that came back, or that wait for another row's ref, are met again from the start.
                lane.after = lane.after if lane.ready else 0
                lane.fill_at = self._gate.clock() + self._waits.rescan
                return
            verdicts = await look_up(self._looker, lane.import_, rows) if self.can_look else {}
            if verdicts:
                await self._journal.write(apply_verdicts, lane.import_.number, verdicts)
            lane.after = rows[-1].id
            lane.ready.extend(row for row in rows if row.id not in verdicts)
        except AccessDenied as denied:
            await self.denied(denied)
        except (BlnkError, SQLAlchemyError, OSError):
            lane.fill_at = self._gate.clock() + self._waits.journal_retry
        finally:
            lane.is_filling = False

    async def confirm_canary(self, lane: Lane, ref: str) -> None:
        """The first created balance must be found by its ref; else nothing lost could ever be found."""
        found = not self.can_look
        while not found:
            try:
                found = await self._find(ref, bound_of(lane.created_from))
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
        await self.raise_ramp(lane, Ramp.FEW)
        lane.is_confirming_canary = False

    async def _find(self, ref: str, created_from: str | None) -> bool:
        """Whether a ref is found within the settle time: a replica may lag."""
        deadline = self._gate.clock() + self._settle_seconds
        while True:
            if ref in await self._looker.find_together([ref], created_from=created_from):
                return True
            if self._gate.clock() > deadline:
                return False
            await asyncio.sleep(min(1.0, self._settle_seconds / 4))

    async def raise_ramp(self, lane: Lane, ramp: Ramp) -> None:
        lane.ramp = ramp
        await self._insist(imports.set_facts, lane.import_.number, ramp=int(ramp))

    async def pause(self, lane: Lane, by: PausedBy, reason: str) -> None:
        lane.sends = False
        await self._insist(imports.pause, lane.import_.number, by=by, who=sending.WHO, reason=reason)

    async def denied(self, denied: AccessDenied) -> bool:
        """403: these credentials may not look, and we go on without; 401: they serve for nothing."""
        if denied.status == 403:
            self.can_look = False
            return True
        self._gate.denied = denied.message
        await asyncio.sleep(self._waits.journal_retry)
        return False
