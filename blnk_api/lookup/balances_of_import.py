"""Yields every balance in Blnk that a row of an import may have created, and all with the import's id, for
verification: by lists of the rows' refs, or by one walk through all refs, whichever costs less.

Lists return all balances of a ref, whoever created them. The walk returns them too, among everyone else's,
whose number is not known beforehand. The cost of both is measured on the way, and a walk that turns out to be
more expensive is abandoned for lists. Pages may contain a balance twice.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from statistics import median
from typing import NamedTuple

from blnk_api.blnk import endpoints
from blnk_api.blnk.endpoints import PAGE_LIMIT, REFS_PER_LOOK, Filter
from blnk_api.errors import ReadFailed
from blnk_api.lookup.concurrency import ParallelReads, side_by_side
from blnk_api.lookup.looker import Looker
from blnk_api.lookup.split_walk import SplitWalk
from blnk_api.models import IMPORT_ID, Balance

FEW_LISTS = 10
"""For so few requests, finding out which way costs less is not worthwhile."""
_LISTS_TO_MEASURE = 3
_PAGES_REMEMBERED = 99

MoreRefs = Callable[[int], Awaitable[Sequence[tuple[int, str]]]]
"""Returns the next rows after this one with their refs, or none at the end."""


class BalancesPage(NamedTuple):
    balances: list[Balance]
    by_ref: bool = True
    """Whether balances of the same refs that another desk created would be shown as well."""


class BalancesOfImport:
    """One reading of them, for a verification. `n` is the number of refs; `ends` is roughly when the newest
    balance was created, by Blnk's time; `clock` is any monotonic clock in seconds."""

    def __init__(
        self,
        looker: Looker,
        refs: MoreRefs,
        n: int,
        *,
        import_id: str,
        created_from: str | None,
        ends: datetime,
        few_lists: int,
        clock: Callable[[], float],
    ) -> None:
        self._looker = looker
        self._refs = refs
        self._n = n
        self._lists_left = math.ceil(n / REFS_PER_LOOK)
        self._import_id = import_id
        self._created_from = created_from
        self._ends = ends
        self._is_small = self._lists_left <= few_lists
        self._clock = clock
        self._after = 0
        self._reading = asyncio.Lock()
        self._parallel = ParallelReads()
        self._list_seconds: deque[float] = deque(maxlen=_LISTS_TO_MEASURE)
        self._page_seconds: deque[float] = deque(maxlen=_PAGES_REMEMBERED)
        self._walked = 0

    async def pages(self) -> AsyncGenerator[BalancesPage, None]:
        """Raises a BlnkError if Blnk does not answer."""
        if not self._is_small:
            total, measured = await asyncio.gather(
                self._looker.count_with_refs(self._created_from),
                asyncio.gather(*(self._list() for _ in range(_LISTS_TO_MEASURE))),
            )
            for part in measured:
                yield BalancesPage(part or [])
            walk = SplitWalk(
                self._looker,
                self._created_from,
                self._ends,
                total=total,
                parallel=self._parallel,
                took=self._page_seconds.append,
                clock=self._clock,
            )
            async with aclosing(walk.pages()) as pages:
                async for part in pages:
                    self._walked += 1
                    yield BalancesPage(part)
                    if self._lists_are_cheaper(total):
                        break
                else:
                    return
        async with aclosing(side_by_side(self._list, self._parallel)) as lists:
            async for part in lists:
                yield BalancesPage(part)
        # Balances that a row created under an earlier ref: no list of the current refs contains those.
        of_import = Filter(f"meta_data.{IMPORT_ID}", "eq", self._import_id)
        walk = SplitWalk(
            self._looker,
            self._created_from,
            self._ends,
            total=self._n,
            only=of_import,
            parallel=self._parallel,
        )
        async with aclosing(walk.pages()) as pages:
            async for part in pages:
                yield BalancesPage(part, by_ref=False)

    def _lists_are_cheaper(self, total: int | None) -> bool:
        """If Blnk does not return the total, a walk is assumed to be half done at any moment."""
        seen = self._walked * PAGE_LIMIT
        pages_left = self._walked if total is None else math.ceil(max(0, total - seen) / PAGE_LIMIT)
        page_seconds = median(self._page_seconds)
        pages_of_import = math.ceil(self._n / PAGE_LIMIT)  # which follow on the lists
        lists_seconds = self._lists_left * median(self._list_seconds) + pages_of_import * page_seconds
        return pages_left * page_seconds > lists_seconds

    async def _list(self) -> list[Balance] | None:
        """All balances of the next rows that were not looked up yet, or None if there are no more."""
        async with self._reading:
            part = (await self._refs(self._after))[:REFS_PER_LOOK]
            if not part:
                return None
            self._after = part[-1][0]
        began = self._clock()
        balances = await all_of(self._looker, [ref for _, ref in part], self._created_from)
        seconds = self._clock() - began
        self._list_seconds.append(seconds)
        self._parallel.took(seconds)
        self._lists_left -= 1
        return balances


async def all_of(looker: Looker, refs: Sequence[str], created_from: str | None) -> list[Balance]:
    """All balances of these refs, at most 99. A full page may have omitted some, so it is requested again in
    halves, and for a single ref page by page."""

    async def page_of(number: int) -> list[Balance]:
        request = endpoints.find_refs(looker.instance_id, refs, created_from=created_from, page=number)
        page = await looker.balances(request)
        if any(one.import_ref not in refs for one in page):
            raise ReadFailed("Blnk's answer contains balances that were not requested.")
        return page

    found = await page_of(1)
    if len(found) < PAGE_LIMIT:
        return found
    if len(refs) > 1:
        middle = len(refs) // 2
        return [
            *await all_of(looker, refs[:middle], created_from),
            *await all_of(looker, refs[middle:], created_from),
        ]
    for number in range(2, looker.MOST_PAGES + 1):
        page = await page_of(number)
        found += page
        if len(page) < PAGE_LIMIT:
            break
    return found
