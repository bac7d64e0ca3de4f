"""A walk in parts side by side shows what one walk shows: each balance once, whatever the times look like."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blnk_api.blnk.replies import Request
from blnk_api.errors import BlnkError, ReadFailed
from blnk_api.lookup.concurrency import PARALLEL_READS, ParallelReads, side_by_side
from blnk_api.lookup.looker import Looker, sortable
from blnk_api.lookup.split_walk import SplitWalk
from blnk_api.models import Balance
from tests.support.lookup import Asked, balance, make
from tests.support.practice import PracticeBlnk

BEGINS = datetime(2026, 1, 1, tzinfo=UTC)


def written(moment: datetime) -> str:
    """As Blnk does: without the zeros at the end of the fraction."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}".rstrip("0").rstrip(".") + "Z"


class Held:
    """A Blnk with balances of these times, whose answers take turns in any order."""

    def __init__(self, times: Sequence[float], *, seed: int = 0, page_size: int = 100) -> None:
        moments = sorted(written(BEGINS + timedelta(seconds=at)) for at in times)
        self.held = sorted(
            (balance(f"r{at}", f"bln_{at}", moment) for at, moment in enumerate(moments)),
            key=lambda one: sortable(one["created_at"]),
        )
        self.asked = self.at_once = self.most_at_once = 0
        self.is_ordered = True
        self._page_size = page_size
        self._chance = random.Random(seed)

    async def ask(self, request: Request) -> Any:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self._turns()
        self.at_once -= 1
        filters = orjson.loads(request.body or b"{}")["filters"]
        bound = next((sortable(one["value"]) for one in filters if one["operator"] == "gte"), "")
        held = [one for one in self.held if sortable(one["created_at"]) >= bound]
        first = (int(dict(request.query)["page"]) - 1) * self._page_size
        page = held[first : first + self._page_size]
        return {"data": page if self.is_ordered else page[::-1]}

    async def _turns(self) -> None:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)

    def walk(self, ends: float, *, total: int | None = None) -> list[Balance]:
        """By a Blnk that is as quick with sixteen questions as with one."""

        async def walk() -> list[Balance]:
            walk = SplitWalk(
                Looker(self.ask, "ins_1"),
                None,
                BEGINS + timedelta(seconds=ends),
                total=total,
                parallel=told(*[0.05] * 100),
                clock=lambda: 0.0,
            )
            found: list[Balance] = []
            async with aclosing(walk.pages()) as pages:
                async for page in pages:
                    found += page
                    await self._turns()  # whoever compares them reads the database meanwhile
            return found

        return asyncio.run(walk())

    def ids(self) -> list[str]:
        return sorted(one["balance_id"] for one in self.held)


def ids(found: Sequence[Balance]) -> list[str]:
    return sorted(one.balance_id for one in found)


SPREADS = st.lists(
    st.tuples(st.integers(0, 5_000), st.integers(1, 160), st.sampled_from([0.0, 0.000001, 0.01, 3.0])),
    max_size=8,
)
"""Bursts: when each begins, how many balances it has, and what lies between two of them."""


@given(SPREADS, st.floats(-100, 20_000), st.integers(), st.sampled_from([7, 100]), st.booleans())
def test_each_balance_is_shown_once_in_whatever_bursts_they_were_created(
    bursts: list[tuple[int, int, float]], ends: float, seed: int, page_size: int, is_counted: bool
) -> None:
    times = [begin + at * between for begin, n, between in bursts for at in range(n)]
    blnk = Held(times, seed=seed, page_size=page_size)
    assert ids(blnk.walk(ends, total=len(times) if is_counted else None)) == blnk.ids()


def test_many_pages_are_requested_in_parallel_and_hardly_more_than_there_are() -> None:
    blnk = Held([at / 1_667 for at in range(20_000)])
    assert ids(blnk.walk(12.0, total=20_000)) == blnk.ids()
    assert blnk.most_at_once > PARALLEL_READS // 2
    assert blnk.asked <= 200 * 1.25


def test_the_next_pages_are_requested_while_one_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    blnk = Held([at / 1_667 for at in range(5_000)])
    idle = 0

    async def walk() -> None:
        nonlocal idle
        nothing_is_compared = asyncio.Event()
        nothing_is_compared.set()

        async def answers_later() -> None:
            while not nothing_is_compared.is_set():
                await nothing_is_compared.wait()

        monkeypatch.setattr(blnk, "_turns", answers_later)
        walk = SplitWalk(
            Looker(blnk.ask, "ins_1"), None, BEGINS + timedelta(seconds=3), parallel=told(*[0.05] * 100)
        )
        async with aclosing(walk.pages()) as pages:
            async for _ in pages:
                nothing_is_compared.clear()
                await asyncio.sleep(0)
                idle += blnk.at_once == 0
                nothing_is_compared.set()

    asyncio.run(walk())
    assert idle <= 10, "of more than fifty: while the last ones are compared, nothing is left to ask for"


def test_of_few_pages_hardly_more_are_requested_than_there_are() -> None:
    blnk = Held([at / 10 for at in range(700)])
    assert ids(blnk.walk(70.0, total=700)) == blnk.ids()
    assert blnk.asked <= 2 * 7


def test_a_blnk_without_an_order_is_walked_as_a_whole() -> None:
    blnk = Held([at / 10 for at in range(900)])
    blnk.is_ordered = False
    assert set(ids(blnk.walk(90.0))) == set(blnk.ids())


def test_what_is_created_meanwhile_is_seen_as_by_one_walk() -> None:
    """The end is asked for last."""
    blnk = Held([at / 10 for at in range(3_000)])
    late = balance("late", "bln_late", written(BEGINS + timedelta(seconds=10_000)))

    async def ask(request: Request) -> Any:
        if blnk.asked == 20:
            blnk.held.append(late)
        return await blnk.ask(request)

    async def walk() -> list[str]:
        walk = SplitWalk(Looker(ask, "ins_1"), None, BEGINS + timedelta(seconds=300))
        async with aclosing(walk.pages()) as pages:
            return [one.balance_id async for page in pages for one in page]

    assert "bln_late" in asyncio.run(walk())


def test_an_error_ends_it_and_leaves_no_request_behind() -> None:
    blnk = Held([at / 10 for at in range(5_000)])

    async def ask(request: Request) -> Any:
        told = await blnk.ask(request)
        if blnk.asked > 12:
            raise ReadFailed("Blnk is away.")
        return told

    async def walk() -> None:
        walk = SplitWalk(Looker(ask, "ins_1"), None, BEGINS + timedelta(seconds=500))
        async with aclosing(walk.pages()) as pages:
            async for _ in pages:
                pass

    async def it() -> int:
        with pytest.raises(BlnkError, match="Blnk is away"):
            await walk()
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(it()) == 0


def test_practice_shows_all_its_balances_in_parts_too(practice_blnk: PracticeBlnk) -> None:
    practice_blnk.hold(3_000)
    made = make(practice_blnk, *[f"r{at}" for at in range(30)])
    looker = Looker(Asked(practice_blnk), practice_blnk.instance_id)

    async def walk(only: Any) -> list[str]:
        walk = SplitWalk(looker, None, datetime.now(UTC), only=only)
        async with aclosing(walk.pages()) as pages:
            return [one.balance_id async for page in pages for one in page]

    everything = asyncio.run(walk(None))
    assert sorted(everything) == sorted(one["balance_id"] for one in practice_blnk.balances())
    assert set(made) <= set(everything)


def told(*seconds: float) -> ParallelReads:
    parallel = ParallelReads()
    for one in seconds:
        parallel.took(one)
    return parallel


def test_more_is_requested_at_once_while_answers_stay_fast() -> None:
    assert told().at_once == 2
    assert told(*[0.05] * 5).at_once == 7
    assert told(*[0.05] * 100).at_once == PARALLEL_READS
    assert told(*[0.05] * 100, *[5.0] * 3, *[0.05] * 20).at_once == PARALLEL_READS, "single slow ones"


def test_half_as_much_is_requested_at_once_if_answers_take_twice_as_long() -> None:
    assert told(*[0.05] * 100, *[0.2] * 15).at_once <= PARALLEL_READS // 2
    assert told(*[0.05] * 100, *[0.2] * 100).at_once == 1
    assert told(*[0.05] * 100, *[0.2] * 100, *[0.05] * 30).at_once == PARALLEL_READS


def test_parallel_calls_return_everything_and_none_is_left() -> None:
    left = list(range(100))

    async def ask() -> int | None:
        await asyncio.sleep(0)
        return left.pop() if left else None

    async def it() -> tuple[list[int], int]:
        async with aclosing(side_by_side(ask, ParallelReads())) as found:
            got = [one async for one in found]
        return got, len(asyncio.all_tasks()) - 1

    got, tasks_left = asyncio.run(it())
    assert sorted(got) == list(range(100))
    assert tasks_left == 0
