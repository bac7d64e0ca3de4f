"""Reads the balances to compare a draft's new rows with: by lists of values, or by walking through all.

Chooses the faster way, by the measured time of one request of each.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, NamedTuple

import orjson

from blnk_api.blnk.endpoints import PAGE_LIMIT, REFS_PER_LOOK
from blnk_api.drafts.lookalikes.comparison import Comparison
from blnk_api.drafts.lookalikes.near_duplicates import IDENTITY, fields_of
from blnk_api.drafts.lookalikes.same_value import other_readings
from blnk_api.drafts.mapping import FINDABLE
from blnk_api.errors import ReadFailed
from blnk_api.lookup.concurrency import MOST_AT_ONCE, AdaptiveConcurrency
from blnk_api.lookup.looker import CARRIES_A_REF, Looker
from blnk_api.models import Balance

_ASKED_AT_ONCE = 20
"""After this many requests, checks whether someone changed the draft."""
_NOT_WORTH_MEASURING = 10
_WALKS = 2
_SAMPLE_FOR_LISTS = 100


class _Plan(NamedTuple):
    """What to request: lists for the distinctive fields, lists of customers, a walk."""

    fields: bool
    customers: bool
    walk: str
    """ "", "ours" or "all"."""


class Questions:
    """The requests of one comparison."""

    def __init__(self, at_work: Comparison, looker: Looker, sample: Sequence[Mapping[str, object]]) -> None:
        self._at_work = at_work
        self._looker = looker
        self._nearby = at_work.kept
        self._findable = [one for one in at_work.kept.same.telling if _is_findable(one)]
        self._lists = self._expected_lists([fields_of(one) for one in sample[:_SAMPLE_FOR_LISTS]])
        self._ease = AdaptiveConcurrency()
        self._asked = 0

    def _expected_lists(self, sample: Sequence[Mapping[str, object]]) -> float:
        """How many lists the values of all rows make. Each row may have been read in several ways."""
        if not (self._findable and sample):
            return math.inf
        values = sum(len(asked_for(field, one.get(field))) for one in sample for field in self._findable)
        return self._nearby.rows * values / len(sample) / REFS_PER_LOOK

    async def run(self, ours: int | None) -> None:
        """`ours`: how many balances this product created, if Blnk says so."""
        plan = await self._plan(ours)
        if plan.fields:
            await self._ask_lists(self._lists_of_values())
        if plan.customers:
            await self._ask_lists(self._lists_of_customers())
        if plan.walk:
            await self._walk(ours_only=plan.walk == "ours")

    async def _plan(self, ours: int | None) -> _Plan:
        """Lists if they take less time than a walk, measured by one request of each."""
        customers = -(-self._nearby.identities // REFS_PER_LOOK)
        if not self._nearby.same.fields:
            return _Plan(fields=False, customers=False, walk="")
        if ours is None and self._lists > _NOT_WORTH_MEASURING:
            ours = await self._looker.count_with_refs()
        if ours is None:
            return _Plan(bool(self._findable), bool(customers), "" if self._findable else "ours")
        everything = await self._looker.count_all() if customers else None
        # A list of customers has as many pages as they have balances: the first list stands for all.
        customers *= await self._pages_of_a_list() if customers > 1 else 1
        if ours == 0:
            walks_all = everything is not None and everything / PAGE_LIMIT < customers
            return _Plan(fields=False, customers=not walks_all, walk="all" if walks_all else "")
        lists = self._lists
        pages = ours / PAGE_LIMIT
        list_seconds, page_seconds = 1.0, 1.0
        if min(lists, pages) > _NOT_WORTH_MEASURING and lists < math.inf:
            list_seconds, page_seconds = await self._measure()
        by_lists, by_walk = lists * list_seconds / MOST_AT_ONCE, pages * page_seconds
        # Customers have an index of their own: a list of them costs about as much as a page of a walk.
        apart = customers * page_seconds + min(by_lists, by_walk)
        if customers and everything is not None and everything / PAGE_LIMIT * page_seconds < apart:
            return _Plan(fields=False, customers=False, walk="all")
        is_listed = by_lists < by_walk
        return _Plan(fields=is_listed, customers=bool(customers), walk="" if is_listed else "ours")

    async def _pages_of_a_list(self) -> int:
        first = await self._at_work.nearby(self._nearby.identities_after, "", REFS_PER_LOOK)
        count = await self._looker.count_with_values(IDENTITY, first)
        return 1 + (count or 0) // PAGE_LIMIT

    async def _measure(self) -> tuple[float, float]:
        """Measures how long a list of values takes, and a page of the walk."""
        began = time.monotonic()
        nothing = [f"\x7f{at}" for at in range(REFS_PER_LOOK)]
        async with aclosing(self._looker.with_values(self._findable[0], nothing)) as pages:
            await anext(pages, None)
        after_list = time.monotonic()
        async with aclosing(self._looker.walk()) as walk:
            await anext(walk, None)
        return max(after_list - began, 1e-6), max(time.monotonic() - after_list, 1e-6)

    async def _lists_of_values(self) -> AsyncIterator[tuple[str, list[str], bool]]:
        waiting: dict[str, dict[str, None]] = {field: {} for field in self._findable}
        async for part in self._at_work.new_rows():
            for row in part:
                fields = fields_of(orjson.loads(row.body))
                for field in self._findable:
                    waiting[field].update(dict.fromkeys(asked_for(field, fields.get(field))))
            for field in self._findable:
                values = list(waiting[field])
                whole = len(values) // REFS_PER_LOOK * REFS_PER_LOOK
                waiting[field] = dict.fromkeys(values[whole:])
                for few in _fews(values[:whole]):
                    yield field, few, True
        for field in self._findable:
            for few in _fews(list(waiting[field])):
                yield field, few, True

    async def _lists_of_customers(self) -> AsyncIterator[tuple[str, list[str], bool]]:
        last = ""
        while part := await self._at_work.nearby(self._nearby.identities_after, last, REFS_PER_LOOK):
            yield IDENTITY, part, False
            last = part[-1]

    async def _ask_lists(self, lists: AsyncIterator[tuple[str, list[str], bool]]) -> None:
        """A few at once, as many as Blnk can handle."""
        under_way: set[asyncio.Task[None]] = set()
        try:
            async for field, values, ours_only in lists:
                while len(under_way) >= self._ease.at_once:
                    done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                    for one in done:
                        one.result()
                await self._breathe()
                under_way.add(asyncio.create_task(self._ask_list(field, values, ours_only)))
            for one in list(under_way):
                await one
        finally:
            for one in under_way:
                one.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _ask_list(self, field: str, values: list[str], ours_only: bool) -> None:
        began = time.monotonic()
        async for part in self._looker.with_values(field, values, ours_only=ours_only):
            self._ease.took(time.monotonic() - began)
            await self._meet(part)
            began = time.monotonic()

    async def _walk(self, *, ours_only: bool) -> None:
        """Walks through all balances. If it returns fewer than there are it is repeated once, and then counts
        as no answer."""
        for _ in range(_WALKS):
            count = self._looker.count_with_refs if ours_only else self._looker.count_all
            there_are = await count()
            met, began = 0, time.monotonic()
            async for part in self._looker.walk(only=CARRIES_A_REF if ours_only else None):
                self._ease.took(time.monotonic() - began)
                met += len(part)
                await self._meet(part)
                await self._breathe()
                began = time.monotonic()
            if there_are is None or met >= there_are:
                return
        raise ReadFailed(f"Blnk showed {met:,} of {there_are:,} balances.")

    async def _meet(self, part: list[Balance]) -> None:
        await self._at_work.nearby(self._nearby.meet, part)

    async def _breathe(self) -> None:
        """Called between two requests. Raises what the guard raises once someone changed the draft."""
        self._asked += 1
        if self._asked % _ASKED_AT_ONCE == 0:
            await self._at_work.thread.read(self._at_work.guard)
        if self._ease.pause_seconds:
            await asyncio.sleep(self._ease.pause_seconds)


def _is_findable(field: str) -> bool:
    return field == IDENTITY or FINDABLE.fullmatch(field.removeprefix("meta_data.")) is not None


def asked_for(field: str, value: Any) -> list[str]:
    """The values to request for this value of a row, including those that other versions may have read."""
    if not isinstance(value, str):
        return []
    return [value] if field == IDENTITY else other_readings(value)


def _fews(values: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(values), REFS_PER_LOOK):
        yield values[start : start + REFS_PER_LOOK]
