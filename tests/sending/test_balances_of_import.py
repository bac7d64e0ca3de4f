"""A verification asks no more than it must, sees every balance of its rows, and ends though reads fail."""

import asyncio
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from blnk_api.blnk.replies import Request
from blnk_api.errors import ReadFailed
from blnk_api.facts.findings import Findings
from blnk_api.lookup.balances_of_import import FEW_LISTS, BalancesOfImport, all_of
from blnk_api.lookup.concurrency import PARALLEL_READS
from blnk_api.lookup.looker import Looker
from blnk_api.store.states import RowState
from tests.support.command_line import Commands
from tests.support.importer import BOTH_DATABASES, Importer, newest, requests_for
from tests.support.lookup import Asked, balance, make, run
from tests.support.practice import PracticeBlnk

on_both_databases = pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)


class Costly:
    """A Blnk that holds n balances of an import among those of others, and charges for what it is asked."""

    def __init__(
        self, mine: int, others: int, *, list_seconds: float, page_seconds: float, tells_total: bool = True
    ) -> None:
        self.now = 0.0
        self.lists = self.pages = 0
        self._list_seconds, self._page_seconds = list_seconds, page_seconds
        self._tells_total = tells_total
        refs = [*(f"other-{at}" for at in range(others)), *(f"mine-{at}" for at in range(mine))]
        self._held = [
            (ref, f"2026-01-01T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z")
            for at, ref in enumerate(refs)
        ]
        self._mine = self._held[others:]

    async def ask(self, request: Request) -> Any:
        body = orjson.loads(request.body or b"{}")
        fields = {one["field"]: one for one in body["filters"]}
        query = dict(request.query)
        if "in" in (one["operator"] for one in body["filters"]):
            self.now += self._list_seconds
            self.lists += 1
            wanted = set(fields["meta_data.import_ref"]["values"])
            return self._page([one for one in self._mine if one[0] in wanted][:100])
        held = self._mine if "meta_data.import_id" in fields else self._held
        if query["pageSize"] == "1":
            return {"data": [], "total": len(held)} if self._tells_total else []
        self.now += self._page_seconds
        self.pages += 1
        bound = fields["created_at"]["value"] if "created_at" in fields else ""
        assert query["page"] == "1"
        return self._page([one for one in held if one[1] >= bound][:100])

    def _page(self, found: Sequence[tuple[str, str]]) -> Any:
        return {"data": [balance(ref, f"bln_{ref}", at) for ref, at in found]}

    def read(self, n: int) -> set[str]:
        """The refs that reading for the import's n rows shows."""

        async def refs(after: int) -> list[tuple[int, str]]:
            return [(at + 1, f"mine-{at}") for at in range(after, min(after + 99, n))]

        async def shown() -> set[str]:
            reading = BalancesOfImport(
                Looker(self.ask, "ins_1"),
                refs,
                n,
                import_id="imp_1",
                created_from=None,
                ends=datetime(2026, 1, 1, 12, tzinfo=UTC),
                few_lists=FEW_LISTS,
                clock=lambda: self.now,
            )
            return {one.import_ref or "" async for page in reading.pages() for one in page.balances}

        return asyncio.run(shown())


def all_mine(n: int) -> set[str]:
    return {f"mine-{at}" for at in range(n)}


def test_a_small_import_is_looked_up_by_its_own_refs_however_many_others_there_are() -> None:
    blnk = Costly(900, 5_000, list_seconds=0.4, page_seconds=0.004)
    assert blnk.read(900) == all_mine(900)
    assert blnk.lists == 10
    assert blnk.pages <= 2 * 9, "nine are full, and each part may ask one that is not"


@pytest.mark.parametrize("tells_total", [True, False])
def test_a_large_import_among_few_others_is_walked(tells_total: bool) -> None:
    blnk = Costly(4_000, 100, list_seconds=0.4, page_seconds=0.004, tells_total=tells_total)
    assert all_mine(4_000) <= blnk.read(4_000)
    assert blnk.lists == 3
    assert blnk.pages <= 1.5 * 41, "forty-one are full; each part may ask one that is not"


@pytest.mark.parametrize("tells_total", [True, False])
def test_an_import_among_very_many_others_is_not_walked_to_the_end(tells_total: bool) -> None:
    """Twenty lists of 8 ms, or two hundred pages of 4 ms."""
    blnk = Costly(1_980, 20_000, list_seconds=0.008, page_seconds=0.004, tells_total=tells_total)
    assert all_mine(1_980) <= blnk.read(1_980)
    assert blnk.lists == math.ceil(1_980 / 99)
    beside = PARALLEL_READS
    assert blnk.pages <= 21 + beside + (1 if tells_total else 60 + beside)


def test_expensive_lists_are_replaced_by_a_walk_past_many_others() -> None:
    """Seventeen lists of 470 ms, or two hundred pages of 4 ms."""
    blnk = Costly(1_980, 20_000, list_seconds=0.47, page_seconds=0.004)
    assert all_mine(1_980) <= blnk.read(1_980)
    assert blnk.lists == 3


def test_duplicates_that_fill_a_page_are_never_cut_off(practice_blnk: PracticeBlnk) -> None:
    refs = [f"r{at}" for at in range(40)]
    ids = [id for _ in range(4) for id in make(practice_blnk, *refs)]
    asked = Asked(practice_blnk)
    found = run(all_of(Looker(asked, practice_blnk.instance_id), refs, None))
    assert sorted(one.balance_id for one in found) == sorted(ids)
    assert len(asked.requests) == 3


def test_even_those_of_a_single_row(practice_blnk: PracticeBlnk) -> None:
    ids = make(practice_blnk, "old", *["a"] * 230, "b")
    found = run(all_of(Looker(Asked(practice_blnk), practice_blnk.instance_id), ["a", "b", "old"], None))
    assert sorted({one.balance_id for one in found}) == sorted(ids)


def test_an_answer_about_other_balances_counts_as_none() -> None:
    async def ask(_: Request) -> Any:
        return {"data": [balance("another")]}

    with pytest.raises(ReadFailed, match="not requested"):
        run(all_of(Looker(ask, "ins_1"), ["a"], None))


@on_both_databases
def test_the_forms_row_sends_five_requests_although_others_created_a_hundred_thousand_balances_today(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.hold(100_000)
    practice_blnk.forget_requests()
    made = importer.run(requests_for(1))
    assert (made.findings or Findings()).clean
    assert importer.states(made) == [RowState.CREATED]
    asked = practice_blnk.requests()["recent"]
    [sent] = [one for one in asked if one["kind"] == "create"]
    # From the look that finds the first row to the end of verifying; one more asked before whether it exists.
    after = [one for one in asked if one["kind"] == "filter" and one["arrived"] > sent["arrived"]]
    assert 1 <= len(after) <= 5


def test_a_large_import_is_verified_by_one_command_although_a_tenth_of_all_reads_fails(
    practice_blnk: PracticeBlnk, importer: Importer, commands: Commands
) -> None:
    """Some questions fail more often in a row than they are repeated: then they are asked again later."""
    practice_blnk.order_fault("status_before_commit", on="read", status=503, percent=10, seed=7)
    practice_blnk.order_fault("status_before_commit", on="filter", status=503, skip=100, times=12)
    ended = commands.call("import", commands.file(6_000), "--yes")
    assert ended.code == 0
    found = newest(importer).findings or Findings()
    assert (found.checked, found.clean, found.found) == (True, True, 6_000)
    assert len(practice_blnk.refs()) == 6_000
