"""How many requests a long search sends at once: few, and fewer if answers take twice as long."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from statistics import median
from typing import TypeVar

T = TypeVar("T")

MOST_AT_ONCE = 3
_FIRST_ANSWERS = 5
_WEIGHT = 0.3
"""How much the newest answer counts in the average answer time."""


class AdaptiveConcurrency:
    """Pure: the caller reports how long each answer took."""

    def __init__(self) -> None:
        self.at_once = MOST_AT_ONCE
        self.pause_seconds = 0.0
        """The delay before the next request, once even one at a time is too much."""
        self._first: list[float] = []
        self._usual = 0.0
        self._now = 0.0

    def took(self, seconds: float) -> None:
        if len(self._first) < _FIRST_ANSWERS:
            self._first.append(seconds)
            self._usual = self._now = median(self._first)
            return
        self._now += _WEIGHT * (seconds - self._now)
        if self._now > 2 * self._usual:
            self.pause_seconds = self._now if self.at_once == 1 else 0.0
            self.at_once = max(1, self.at_once - 1)
        elif self._now < 1.5 * self._usual:
            self.pause_seconds = 0.0
            self.at_once = min(MOST_AT_ONCE, self.at_once + 1)


PARALLEL_READS = 16
_RECENT = 15


class ParallelReads:
    """How many requests a comparison sends at once: one more with each answer, up to sixteen, and half as
    many if answers take twice as long as the first ones, which were sent almost alone. Pure.

    Compares medians, because a single slow answer proves nothing.
    """

    def __init__(self) -> None:
        self.at_once = 2
        self._first: list[float] = []
        self._recent: deque[float] = deque(maxlen=_RECENT)

    def took(self, seconds: float) -> None:
        if len(self._first) < _FIRST_ANSWERS:
            self._first.append(seconds)
        self._recent.append(seconds)
        usual, now = median(self._first), median(self._recent)
        if now > 2 * usual and len(self._recent) == _RECENT:
            self.at_once = max(1, self.at_once // 2)
            self._recent.clear()
        elif now < 1.5 * usual:
            self.at_once = min(PARALLEL_READS, self.at_once + 1)


async def side_by_side(
    ask: Callable[[], Awaitable[T | None]], parallel: ParallelReads
) -> AsyncGenerator[T, None]:
    """Yields what `ask` returns until it returns None, in order of arrival, with as many calls at once as
    `parallel` allows.

    Raises what a call raises. No call is left running when this is closed.
    """
    asking: set[asyncio.Future[T | None]] = set()
    done: set[asyncio.Future[T | None]] = set()
    came: list[T] = []
    is_over = False
    try:
        while True:
            while not is_over and len(asking) < parallel.at_once:
                asking.add(asyncio.ensure_future(ask()))
            for found in came:  # is worked on while the next answers are on their way
                yield found
            if not asking:
                return
            done, asking = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            came = [one for each in done if (one := each.result()) is not None]
            is_over |= len(came) < len(done)
    finally:
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, *done, return_exceptions=True)
