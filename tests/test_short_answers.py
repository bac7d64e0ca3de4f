"""A Blnk that shows less than it holds is not taken for one that holds less."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from blnk_api.errors import ReadFailed
from blnk_api.imports import scout
from blnk_api.imports.journal import Journal
from blnk_api.imports.journal.states import RowState
from blnk_api.imports.journal_thread import JournalThread
from blnk_api.imports.looking import Looker, sortable
from blnk_api.imports.verifying import verify
from blnk_api.outcomes import Request
from tests.journalling import draft, rows_of
from tests.test_looking import ask_with, balance, run, walked
from tests.test_verifying import SETTLE_SECONDS, Verified, five

__all__ = ["five"]

Shows = Callable[[list[dict[str, Any]]], list[dict[str, Any]]]


def blnk_that_holds(
    held: list[dict[str, Any]], *, page_size: int = 100, walks_show: Shows = lambda rows: rows
) -> Callable[[Request], Awaitable[Any]]:
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


def balances(n: int) -> list[dict[str, Any]]:
    return [balance(f"r{at}", f"bln_{at}", f"2026-01-01T00:00:00.{at:03}Z") for at in range(n)]


@pytest.mark.parametrize("page_size", [2, 40, 99, 100])
def test_a_walk_does_not_end_where_pages_are_smaller_than_asked(page_size: int) -> None:
    held = balances(130 if page_size > 2 else 7)
    looker = Looker(blnk_that_holds(held, page_size=page_size), "ins_1")
    assert run(walked(looker)) == [one["balance_id"] for one in held]


def test_ids_that_an_answer_left_out_are_asked_for_again() -> None:
    looker = Looker(ask_with(iter([[balance("a", "bln_1")], [balance("b", "bln_2")], []])), "ins_1")
    assert sorted(run(looker.find_ids(["bln_1", "bln_2", "bln_3"]))) == ["bln_1", "bln_2"]


def test_a_witness_vouches_for_nothing_that_a_later_answer_left_out() -> None:
    """It is asked for each time; the answer that ends the look holds neither it nor the missing one."""
    looker = Looker(ask_with(iter([[balance("w"), balance("a", "bln_2")], []])), "ins_1")
    assert sorted(run(looker.find_together(["a", "b"], witness="w"))) == ["a"]
    looker = Looker(ask_with(iter([[balance("a", "bln_2")], [balance("w")]])), "ins_1")
    assert sorted(run(looker.find_together(["a", "b"], witness="w"))) == ["a", "w"]


def test_rows_that_a_walk_was_not_shown_are_looked_up_by_name(journal: Journal) -> None:
    made = draft(journal, 30)
    rows = rows_of(journal, made)
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
        thread = JournalThread(journal)
        await scout.walk_up(thread, Looker(asking, "ins_1"), made)
        thread.close()

    asyncio.run(walk_up())
    assert {row.state for row in rows_of(journal, made)} == {RowState.CREATED}


def test_a_balance_is_not_missing_because_an_answer_leaves_out_what_another_one_held(
    five: Verified,
) -> None:
    """Two rows that the walk did not meet: the first answer shows one of them, the second one none."""
    ids = [row.balance_id for row in rows_of(five.journal, five.import_)]
    answers = iter([[], [balance("a", str(ids[0]))], [], []])

    async def ask(request: Request) -> Any:
        return next(answers, [])

    async def verified() -> None:
        thread = JournalThread(five.journal)
        try:
            await verify(thread, Looker(ask, "ins_1"), five.import_, settle_seconds=SETTLE_SECONDS)
        finally:
            thread.close()

    with pytest.raises(ReadFailed, match="had shown before"):
        asyncio.run(verified())
