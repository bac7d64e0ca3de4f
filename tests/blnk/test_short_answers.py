"""A Blnk that shows less than it holds is not taken for one that holds less."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from blnk_api.blnk.replies import Request
from blnk_api.errors import ReadFailed
from blnk_api.facts.findings import Findings
from blnk_api.lookup import existing
from blnk_api.lookup.looker import Looker, sortable
from blnk_api.sending.verification.verify import verify
from blnk_api.store import Store
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.states import RowState
from tests.support.json_object import JsonObject
from tests.support.lookup import Ask, ask_with, balance, run, walked
from tests.support.store import draft, rows_of
from tests.support.verifying import SETTLE_SECONDS, Verified, five

__all__ = ["five"]

Shows = Callable[[list[JsonObject]], list[JsonObject]]


def blnk_that_holds(
    held: list[JsonObject], *, page_size: int = 100, walks_show: Shows = lambda rows: rows
) -> Ask:
    """Answers walks, counts and lists of refs as Blnk does, but for smaller pages or what walks leave out."""

    async def ask(request: Request) -> Any:
        filters = {one["field"]: one for one in orjson.loads(request.body or b"{}")["filters"]}
        refs = filters["meta_data.import_ref"].get("values")
        if refs is not None:
            return {"data": [one for one in held if one["meta_data"]["import_ref"] in refs]}
        query = dict(request.query)
        bound = filters.get("created_at", {"value": "0"})["value"]
        rows = [one for one in held if sortable(one["created_at"]) >= sortable(bound)]
        rows.sort(key=lambda one: sortable(one["created_at"]))
        size = min(page_size, int(query["pageSize"]))
        first = (int(query["page"]) - 1) * size
        return {"data": walks_show(rows[first : first + size]), "total": len(rows)}

    return ask


def balances(n: int) -> list[JsonObject]:
    return [balance(f"r{at}", f"bln_{at}", f"2026-01-01T00:00:00.{at:03}Z") for at in range(n)]


@pytest.mark.parametrize("page_size", [2, 40, 99, 100])
def test_a_walk_continues_although_pages_are_smaller_than_requested(page_size: int) -> None:
    held = balances(130 if page_size > 2 else 7)
    looker = Looker(blnk_that_holds(held, page_size=page_size), "ins_1")
    assert run(walked(looker)) == [one["balance_id"] for one in held]


def test_ids_that_an_answer_left_out_are_requested_again() -> None:
    looker = Looker(ask_with(iter([[balance("a", "bln_1")], [balance("b", "bln_2")], []])), "ins_1")
    assert sorted(run(looker.find_ids(["bln_1", "bln_2", "bln_3"]))) == ["bln_1", "bln_2"]


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([["w", "a"], ["w"], ["w"]], ["a", "w"]),
        ([["w"], ["w"]], ["w"]),
        ([["w", "a"], []], ["a"]),
        ([["w"], []], []),
        ([["w"], ["b"], ["w"], ["w", "a"]], ["a", "b"]),
    ],
)
def test_a_witness_proves_absent_only_what_two_answers_in_a_row_with_it_leave_out(
    answers: list[list[str]], found: list[str]
) -> None:
    told = iter([[balance(ref, f"bln_{ref}") for ref in answer] for answer in answers])
    looker = Looker(ask_with(told), "ins_1")
    assert sorted(run(looker.find_together(["a", "b"], witness="w"))) == found
    assert next(told, None) is None, "every answer was asked for"


def test_rows_that_a_walk_did_not_see_are_looked_up_by_ref(store: Store) -> None:
    made = draft(store, 30)
    rows = rows_of(store, made)
    held = [
        {
            **orjson.loads(row.body or b""),
            "balance_id": f"bln_{at}",
            "created_at": f"2026-01-01T00:00:{at:02}Z",
        }
        for at, row in enumerate(rows)
    ]
    asking = blnk_that_holds(held, walks_show=lambda page: page[::2])

    async def walk_up() -> None:
        thread = AsyncStore(store)
        await existing.walk_up(thread, Looker(asking, "ins_1"), made, 30)
        thread.close()

    asyncio.run(walk_up())
    assert {row.state for row in rows_of(store, made)} == {RowState.CREATED}


def verified(five: Verified, *answers: list[str]) -> Findings:
    """With lists of refs and a walk, with its end, that show nothing, these ids in the lists that follow, and
    no other desk's balances in the last one."""
    told = iter([[], [], [], *([balance("x", id) for id in answer] for answer in answers), []])

    async def verified() -> Findings:
        thread = AsyncStore(five.store)
        try:
            looker = Looker(ask_with(told), "ins_1")
            return await verify(thread, looker, five.import_, settle_seconds=SETTLE_SECONDS)
        finally:
            thread.close()

    return asyncio.run(verified())


def test_a_balance_is_missing_only_if_another_one_is_shown(five: Verified) -> None:
    *others, gone = [row.balance_id or "" for row in rows_of(five.store, five.import_)]
    one = others[:1]
    with pytest.raises(ReadFailed, match="had listed before"):
        verified(five, others, [], [])
    findings = verified(five, others, [], one, one)
    assert [found.ids for found in findings.missing] == [[gone]]
    assert verified(five, others, [], [gone]).clean


def test_without_another_one_it_is_requested_three_times(five: Verified) -> None:
    ids = [row.balance_id or "" for row in rows_of(five.store, five.import_)]
    assert verified(five, [], [], ids).clean
    assert len(verified(five, [], [], []).missing) == 5
