"""Records the outcomes of attempts in groups, and other things that must not be lost."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from blnk_api.sending import attempt_result
from blnk_api.sending.import_being_sent import FEW_ROWS, Lane
from blnk_api.store.async_store import AsyncStore, wait_at_most
from blnk_api.store.sending import attempts
from blnk_api.store.sending.attempts import Result

P = ParamSpec("P")

GROUP_SECONDS = 0.3
"""Results wait for others for as long, unless no others are on their way."""
FEW_SECONDS = 0.02
"""Used if rows are sent one by one: the next one waits for this record."""
MOST_PER_RECORD = 512
"""In one transaction, because a claim waits for it."""


class Recorder:
    """For one engine. `is_well` is False from a failed write until the next successful one; nothing is
    claimed meanwhile."""

    def __init__(
        self, store: AsyncStore, outcomes: AsyncStore, lanes: Mapping[int, Lane], *, retry_seconds: float
    ) -> None:
        """Outcomes of POSTs are written to `outcomes`, even if another process sends now, because claims
        guard them. Everything else goes to `store`."""
        self.is_well = True
        self._store = store
        self._outcomes = outcomes
        self._lanes = lanes
        self._retry_seconds = retry_seconds
        self._came = asyncio.Event()
        self._all_came = asyncio.Event()

    def add(self, lane: Lane, result: Result) -> None:
        """Adds the result of one of the lane's attempts. It is recorded within a moment."""
        lane.results.append(result)
        self._came.set()
        if not any(one.claimed or one.in_flight for one in self._lanes.values()):
            self._all_came.set()

    def take_back(self, lane: Lane, n: int, why: str) -> None:
        """Puts back the first claimed rows, which have not left."""
        for _ in range(n):
            self.add(lane, attempt_result.taken_back(lane.claimed.popleft(), why))

    async def run(self, after: Callable[[Lane], Awaitable[None]]) -> None:
        """Runs until canceled. `after` is called for each lane of which something was recorded."""
        while True:
            await self._came.wait()
            # A group instead of a commit for each row; a lone row is recorded at once.
            out = sum(lane.out for lane in self._lanes.values())
            await wait_at_most(GROUP_SECONDS if out > FEW_ROWS else FEW_SECONDS, self._all_came)
            self._came.clear()
            self._all_came.clear()
            for lane in list(self._lanes.values()):
                came = len(lane.results)  # later results belong to the next group
                for start in range(0, came, MOST_PER_RECORD):
                    part = lane.results[: min(MOST_PER_RECORD, came - start)]
                    del lane.results[: len(part)]
                    lane.recording = len(part)
                    try:
                        await self._insist(self._outcomes, attempts.record, lane.import_.number, part)
                    except BaseException:
                        # Nobody knows whether it was written: `write_down_the_rest` writes it once more.
                        lane.results[:0] = part
                        raise
                    finally:
                        lane.recording = 0
                await after(lane)

    async def insist(
        self, act: Callable[Concatenate[Connection, P], object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Writes what must not be lost, until the store accepts it."""
        await self._insist(self._store, act, *args, **kwargs)

    async def give_up_claim(self, import_: int, row_ids: Sequence[int], token: str) -> None:
        """One whose commit is in doubt: none of its rows has left."""
        await self._insist(self._outcomes, attempts.take_back, import_, row_ids, token)

    async def _insist(
        self,
        store: AsyncStore,
        act: Callable[Concatenate[Connection, P], object],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        while True:
            try:
                await store.write(act, *args, **kwargs)
            except (OperationalError, OSError):
                self.is_well = False
                await asyncio.sleep(self._retry_seconds)
            else:
                self.is_well = True
                return

    async def write_down_the_rest(self) -> None:
        """What is known at the end: answers that arrived, and claims that never left. All others are in
        doubt."""
        for lane in self._lanes.values():
            self.take_back(lane, len(lane.claimed), "The sender stopped before the row was sent.")
            if lane.results:
                with contextlib.suppress(SQLAlchemyError, OSError):
                    await self._outcomes.write(attempts.record, lane.import_.number, lane.results)
