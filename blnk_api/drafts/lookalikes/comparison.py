"""One comparison of a draft's new rows: its state, and the threads that read and write it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import ParamSpec, TypeVar

from sqlalchemy import Connection

from blnk_api.drafts.lookalikes.candidates import CandidateIndex
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.sending.ready_rows import Ready, ready_among, ready_rows

P = ParamSpec("P")
T = TypeVar("T")

ROWS_PER_READ = 2_000

Guard = Callable[[Connection], None]


@dataclass(frozen=True)
class Comparison:
    """`guard` is called with every write, and raises once someone changed the draft."""

    thread: AsyncStore
    draft: Import
    guard: Guard
    among: Collection[int] | None
    kept: CandidateIndex
    pool: ThreadPoolExecutor

    async def nearby(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.pool, partial(act, *args, **kwargs))

    async def write(self, act: Callable[[Connection], None]) -> None:
        await self.thread.write(_guarded, self.guard, act)

    async def new_rows(self) -> AsyncIterator[list[Ready]]:
        if self.among is not None:
            yield await self.thread.read(ready_among, list(self.among))
            return
        after = 0
        while part := await self.thread.read(ready_rows, self.draft.number, after=after, limit=ROWS_PER_READ):
            yield part
            after = part[-1].id


def _guarded(tx: Connection, guard: Guard, act: Callable[[Connection], None]) -> None:
    guard(tx)
    act(tx)
