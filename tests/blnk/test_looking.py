"""Looking finds what Blnk holds, and says "nothing" only when Blnk said so."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from blnk_api.blnk import endpoints
from blnk_api.blnk.replies import Request
from blnk_api.errors import BlnkError, ReadFailed
from blnk_api.lookup.looker import Looker, bound_of, parse_time, read_balances, sortable
from blnk_api.lookup.verdict import judge
from blnk_api.models import Balance, BalanceRequest
from blnk_api.store.states import RowState
from tests.support.importer import LEDGER
from tests.support.json_object import JsonObject
from tests.support.lookup import Ask, Asked, ask_with, balance, make, run, walked
from tests.support.practice import PracticeBlnk


@pytest.fixture
def asked(practice_blnk: PracticeBlnk) -> Asked:
    return Asked(practice_blnk)


@pytest.fixture
def looker(asked: Asked, practice_blnk: PracticeBlnk) -> Looker:
    return Looker(asked, practice_blnk.instance_id)


def test_what_blnk_has_is_found_and_the_rest_is_not(practice_blnk: PracticeBlnk, looker: Looker) -> None:
    a, b = make(practice_blnk, "a", "b")
    found = run(looker.find(["a", "b", "c"]))
    assert {ref: [one.balance_id for one in held] for ref, held in found.items()} == {"a": [a], "b": [b]}


def test_nothing_is_found_if_there_is_nothing(looker: Looker) -> None:
    assert run(looker.find(["a"])) == {}
    assert run(looker.find([])) == {}


def test_more_refs_than_a_list_takes_are_found_in_several(
    practice_blnk: PracticeBlnk, looker: Looker, asked: Asked
) -> None:
    refs = [f"r{at}" for at in range(150)]
    make(practice_blnk, *refs)
    assert sorted(run(looker.find(refs))) == sorted(refs)
    assert len(asked.requests) == 2


def test_duplicates_do_not_hide_another_balance(practice_blnk: PracticeBlnk, looker: Looker) -> None:
    """A page holds a hundred balances, and ninety-nine refs may be more than a hundred balances."""
    make(practice_blnk, "old")
    refs = [f"r{at}" for at in range(50)]
    make(practice_blnk, *refs, *refs)
    found = run(looker.find_together(["old", *refs]))
    assert "old" in found
    assert all(len(found[ref]) == 2 for ref in refs)


def test_a_ref_is_looked_up_only_from_its_bound_on(practice_blnk: PracticeBlnk, looker: Looker) -> None:
    make(practice_blnk, "a")
    now = practice_blnk.balances()[0]["created_at"]
    assert run(looker.find(["a"], created_from=bound_of(now)))
    assert run(looker.find(["a"], created_from="2999-01-01T00:00:00Z")) == {}


def test_what_an_answer_left_out_is_requested_again() -> None:
    looker = Looker(ask_with(iter([[balance("a")], [balance("b", "bln_2")], []])), "ins_1")
    assert sorted(run(looker.find_together(["a", "b", "c"]))) == ["a", "b"]


def test_one_answer_that_shows_the_witness_and_not_the_row_proves_nothing() -> None:
    witness, row = balance("w", "bln_w"), balance("a")
    looker = Looker(ask_with(iter([[witness], [witness, row]])), "ins_1")
    assert "a" in run(looker.find_together(["a"], witness="w"))


def test_two_answers_in_a_row_with_the_witness_prove_what_they_leave_out_absent() -> None:
    witness, row = balance("w", "bln_w"), balance("b")
    looker = Looker(ask_with(iter([[witness], [witness, row], [witness], [witness]])), "ins_1")
    assert sorted(run(looker.find_together(["a", "b"], witness="w"))) == ["b", "w"]


@pytest.mark.parametrize(
    "odd",
    [
        {"error": "no"},
        {"data": "text"},
        {"data": [1]},
        {"data": [{"balance_id": "bln_1"}]},
        {"total": 0},
        "text",
        [balance("another")],
        [{**balance("a"), "meta_data": None}],
        ReadFailed("Blnk did not answer."),
    ],
)
def test_an_odd_answer_is_never_absence(odd: Any) -> None:
    with pytest.raises(BlnkError):
        run(Looker(ask_with(iter([odd])), "ins_1").find(["a"]))


@pytest.mark.parametrize("nothing", [None, [], {"data": None}, {"data": [], "total": 0}])
def test_an_empty_answer_is(nothing: Any) -> None:
    assert run(Looker(ask_with(iter([nothing])), "ins_1").find(["a"])) == {}


def test_an_answer_that_fails_after_one_that_did_not_is_no_answer() -> None:
    looker = Looker(ask_with(iter([[balance("a")], ReadFailed("no")])), "ins_1")
    with pytest.raises(ReadFailed):
        run(looker.find_together(["a", "b"]))


def test_a_walk_passes_each_of_our_balances_once_oldest_first(
    practice_blnk: PracticeBlnk, looker: Looker
) -> None:
    ids = make(practice_blnk, *(f"r{at}" for at in range(250)))
    practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN")
    assert run(walked(looker)) == ids


def test_a_walk_begins_at_its_bound(practice_blnk: PracticeBlnk, looker: Looker) -> None:
    make(practice_blnk, "a")
    assert run(walked(looker, "2999-01-01T00:00:00Z")) == []


def test_a_walk_does_not_rely_on_an_order_that_blnk_does_not_keep(
    practice_blnk: PracticeBlnk, looker: Looker
) -> None:
    ids = make(practice_blnk, *(f"r{at}" for at in range(250)))
    practice_blnk.set_cloud_sorts(False)
    met = run(walked(looker))
    assert len(met) == len(ids)
    assert set(met) == set(ids)


def paged(held: list[JsonObject]) -> Ask:
    """A Blnk that holds just these, and answers walks as Core does."""

    async def ask(request: Request) -> Any:
        body = orjson.loads(request.body or b"{}")
        bound = next((one["value"] for one in body["filters"] if one["field"] == "created_at"), "")
        page = int(dict(request.query)["page"])
        rows = [one for one in held if sortable(one["created_at"]) >= sortable(bound or "0")]
        rows.sort(key=lambda one: sortable(one["created_at"]))
        return {"data": rows[(page - 1) * 100 : page * 100]}

    return ask


@pytest.mark.parametrize("alike", [99, 100, 101, 199, 200, 201, 350])
@pytest.mark.parametrize("before", [0, 1, 50, 99, 100, 101])
def test_a_walk_passes_through_many_balances_of_one_moment(alike: int, before: int) -> None:
    """By keyset alone it would stand still where a whole page has one created_at."""
    held = [balance(f"b{n}", f"bln_b{n}", f"2026-01-01T00:00:00.{n:03}Z") for n in range(before)]
    held += [balance(f"a{n}", f"bln_a{n}", "2026-01-02T00:00:00.5Z") for n in range(alike)]
    held += [balance(f"z{n}", f"bln_z{n}", f"2026-01-03T00:00:00.{n:03}Z") for n in range(130)]
    met = run(walked(Looker(paged(held), "ins_1")))
    assert met == [one["balance_id"] for one in held]


def test_blnks_times_sort_though_it_drops_trailing_zeros() -> None:
    times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.123456Z"]
    times += ["2026-01-01T00:00:00.12345678Z", "2026-01-01T00:00:00.2Z", "2026-01-01T00:00:01Z"]
    assert sorted(times, key=sortable) == times


def test_a_bound_is_a_day_before_blnks_own_time() -> None:
    assert bound_of("2026-03-01T00:30:00.123456789Z") == "2026-02-28T00:30:00Z"
    assert bound_of(None) is None
    assert parse_time("2026-03-01T00:30:00.123456789Z") == datetime(2026, 3, 1, 0, 30, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("odd", ["", "yesterday", "0001-01-01T00:00:00Z"])
def test_a_time_that_cannot_be_read_bounds_nothing(odd: str) -> None:
    assert bound_of(odd) is None


BODY = endpoints.create_balance(
    BalanceRequest(ledger_id=LEDGER, currency="NGN", meta_data={"customer": "1"}), ref="a", import_id="imp_1"
)


def held(**fields: Any) -> list[Balance]:
    return read_balances([balance("a", **{"customer": "1", **fields})])


def test_a_balance_that_agrees_exists() -> None:
    verdict = judge(BODY, "imp_1", held(import_id="imp_0"))
    assert (verdict.to, verdict.balance_id) == (RowState.EXISTS, "bln_1")


def test_a_balance_that_differs_makes_its_row_invalid_and_says_how() -> None:
    verdict = judge(BODY, "imp_1", held(customer="2"))
    assert verdict.to is RowState.INVALID
    assert "bln_1" in verdict.message
    assert "customer is “2” in Blnk" in verdict.message


def test_a_balance_with_our_own_imports_id_was_created_by_this_import() -> None:
    assert judge(BODY, "imp_1", held(import_id="imp_1")).to is RowState.CREATED


def test_of_duplicates_the_first_is_the_rows_balance() -> None:
    first = read_balances([balance("a", "bln_1", "2026-01-01T00:00:00.1Z", customer="1")])
    second = read_balances([balance("a", "bln_2", "2026-01-01T00:00:00.12Z", customer="1")])
    found = judge(BODY, "imp_1", second + first)
    assert (found.balance_id, found.message) == ("bln_1", "Created on 1 Jan 2026. Nothing was sent.")
