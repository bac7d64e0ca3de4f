"""Walks through all balances since a given time in several parallel parts, each paged by time.

A part with many pages left is divided when another request may be sent. Parts never overlap, and the last one
has no end, so together they return what a single walk would: each balance once.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from blnk_api.blnk.endpoints import PAGE_LIMIT, Filter
from blnk_api.lookup.concurrency import ParallelReads
from blnk_api.lookup.looker import CARRIES_A_REF, Looker, NotInOrder, parse_time
from blnk_api.models import Balance

_PAGES_WORTH_A_PART = 2


@dataclass(eq=False)
class _Part:
    """A span of time up to `until`, where the next part begins. None means no end."""

    walk: AsyncGenerator[list[Balance], None]
    until: datetime | None
    at: datetime | None = None
    """The time that it has reached, or None before its first page."""
    page_seconds: float = 0.0
    """How much of Blnk's time one page covered."""

    @property
    def pages_left(self) -> float:
        """An estimate; 0 if unknown."""
        if self.until is None or self.at is None or not self.page_seconds:
            return 0.0
        return (self.until - self.at).total_seconds() / self.page_seconds


class SplitWalk:
    """One walk. `ends` is roughly when the newest balance was created; everything after it is one part.
    `total` is roughly the number of balances, if known: few are not worth dividing."""

    def __init__(
        self,
        looker: Looker,
        created_from: str | None,
        ends: datetime,
        *,
        total: int | None = None,
        only: Filter | None = CARRIES_A_REF,
        parallel: ParallelReads | None = None,
        took: Callable[[float], None] = lambda _seconds: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`took` is called with the duration of each request."""
        self._looker = looker
        self._created_from = created_from
        self._ends = ends
        self._total = total
        self._only = only
        self._parallel = parallel or ParallelReads()
        self._took = took
        self._clock = clock
        self.shown = 0
        """How many balances `pages` has yielded. Reset when the walk has to start over undivided."""
        self._resting: list[_Part] = []
        self._asking: dict[asyncio.Task[list[Balance] | None], _Part] = {}

    async def pages(self) -> AsyncGenerator[list[Balance], None]:
        """Raises a BlnkError if Blnk does not answer. Sends nothing more once it is closed."""
        self._resting = [self._part(self._created_from, self._ends)]
        try:
            async for page in self._side_by_side():
                yield page
            # The newest balances come last, so that they are as current as at the end of a single walk.
            self._resting = [self._part(_written(self._ends), None)]
            async for page in self._side_by_side():
                yield page
        except NotInOrder:
            await self._stop()
            self.shown = 0
            async with aclosing(self._looker.walk(self._created_from, only=self._only)) as walk:
                async for page in walk:
                    self.shown += len(page)
                    yield page
        finally:
            await self._stop()

    def _part(self, begins: str | None, until: datetime | None) -> _Part:
        part = _Part(self._looker.walk(begins, only=self._only, until=lambda: _written(part.until)), until)
        return part

    async def _side_by_side(self) -> AsyncIterator[list[Balance]]:
        came: list[list[Balance]] = []
        while True:
            self._ask()
            for page in came:  # is compared while Blnk looks for the next ones
                yield page
            if not self._asking:
                return
            done, _ = await asyncio.wait(self._asking, return_when=asyncio.FIRST_COMPLETED)
            came = [one for task in done if (one := self._came(task))]

    def _came(self, task: asyncio.Task[list[Balance] | None]) -> list[Balance] | None:
        part = self._asking.pop(task)
        page = task.result()
        if page is not None:
            self._resting.append(part)
        if page:
            _move_on(part, page)
            self.shown += len(page)
        return page

    def _ask(self) -> None:
        """Sends as many requests as allowed at once, each for another part."""
        while len(self._asking) < self._parallel.at_once:
            if not self._resting and not self._divide():
                return
            part = self._resting.pop()
            self._asking[asyncio.create_task(self._next(part))] = part

    async def _next(self, part: _Part) -> list[Balance] | None:
        began = self._clock()
        page = await anext(part.walk, None)
        seconds = self._clock() - began
        self._parallel.took(seconds)
        self._took(seconds)
        return page

    def _divide(self) -> bool:
        """Gives the second half of the part with the most pages left to a new part. Returns whether any part
        has enough."""
        # A page that has already arrived was cut off at the end that its part had then.
        reading = (part for task, part in self._asking.items() if not task.done())
        most = max(reading, key=lambda part: part.pages_left, default=None)
        if most is None or most.until is None or most.at is None:
            return False
        parts = len(self._asking) + 1
        if self._total is not None:
            pages_left = (self._total - self.shown) / PAGE_LIMIT
            if pages_left < parts * _PAGES_WORTH_A_PART:
                return False
        if most.pages_left < 2 * _PAGES_WORTH_A_PART:
            return False
        middle = most.at + (most.until - most.at) / 2
        new = self._part(_written(middle), most.until)
        new.at, new.page_seconds = middle, most.page_seconds
        most.until = middle
        self._resting.append(new)
        return True

    async def _stop(self) -> None:
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        for part in (*self._resting, *self._asking.values()):
            await part.walk.aclose()
        self._resting, self._asking = [], {}


def _move_on(part: _Part, page: list[Balance]) -> None:
    try:
        first, last = parse_time(page[0].created_at), parse_time(page[-1].created_at)
    except (ValueError, OverflowError):
        part.at = None  # the time cannot be read, so the part is not divided
        return
    part.page_seconds = (last - (part.at or first)).total_seconds()
    part.at = last


def _written(moment: datetime | None) -> str | None:
    """In the form in which Blnk compares times: UTC with Z, to the microsecond."""
    return None if moment is None else f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
