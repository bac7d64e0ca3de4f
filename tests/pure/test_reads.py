"""The questions that are asked of Blnk, to the letter, and when one that was not answered is asked again."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest

from blnk_api import errors
from blnk_api.blnk import answer_meaning, endpoints, retries
from blnk_api.blnk.endpoints import Filter
from blnk_api.blnk.replies import Answer, AnswerLost, ConnectFailed, Reply, Request
from blnk_api.models import Balance

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INSTANCE = ("instance_id", "ins_1")


def asked(request: Request) -> tuple[Any, ...]:
    return request.method, request.path, request.query, request.body and orjson.loads(request.body)


def test_a_balance_is_posted_as_it_was_written_down() -> None:
    request = endpoints.post_balance("ins_1", b'{"currency":"USD"}')
    assert asked(request) == ("POST", "/proxy/balances", (INSTANCE,), {"currency": "USD"})
    assert request.most_answer_bytes == 8 * 1024 * 1024


def test_a_typed_id_stays_one_piece_of_the_path() -> None:
    request = endpoints.get_balance("ins_1", "bln_1/../../ledgers?a=b ü")
    path = "/data/balances/bln_1%2F..%2F..%2Fledgers%3Fa%3Db%20%C3%BC"
    assert asked(request) == ("GET", path, (INSTANCE,), None)


def test_a_list_is_requested_in_pages_of_a_hundred() -> None:
    request = endpoints.list_page("ins_1", "ledgers", page=3)
    assert asked(request) == ("GET", "/data/ledgers", (INSTANCE, ("page", "3"), ("pageSize", "100")), None)
    assert endpoints.list_page("ins_1", "ledgers", page=1, page_size=5).query[2] == ("pageSize", "5")


@pytest.mark.parametrize(
    ("what", "path"),
    [
        ("balances", "/balances/filter"),
        ("ledgers", "/ledger/filter"),
        ("identities", "/identities/filter"),
    ],
)
def test_a_filter_says_what_and_in_which_order(what: str, path: str) -> None:
    filters = [
        Filter("currency", "eq", "USD"),
        Filter("ledger_id", "in", values=("a", "b")),
        Filter("created_at", "between", values=["1", "2"]),
        Filter("identity_id", "isnull", "never sent", ["never sent"]),
        Filter("indicator", "isnotnull"),
    ]
    conditions = [
        {"field": "currency", "operator": "eq", "value": "USD"},
        {"field": "ledger_id", "operator": "in", "values": ["a", "b"]},
        {"field": "created_at", "operator": "between", "values": ["1", "2"]},
        {"field": "identity_id", "operator": "isnull"},
        {"field": "indicator", "operator": "isnotnull"},
    ]
    first = (INSTANCE, ("page", "1"), ("pageSize", "100"))
    assert asked(endpoints.search("ins_1", what, filters)) == ("POST", path, first, {"filters": conditions})
    ordered = endpoints.search("ins_1", what, [], page=2, page_size=7, sort_by="created_at")
    assert ordered.query == (INSTANCE, ("page", "2"), ("pageSize", "7"))
    body = {"filters": [], "sort_by": "created_at", "sort_order": "desc"}
    assert orjson.loads(ordered.body or b"") == body
    up = endpoints.search("ins_1", what, [], sort_by="created_at", sort_order="asc")
    assert orjson.loads(up.body or b"") == {**body, "sort_order": "asc"}


def test_refs_are_requested_in_one_list_from_a_moment_on() -> None:
    refs = {"field": "meta_data.import_ref", "operator": "in", "values": ["a", "b"]}
    since = {"field": "created_at", "operator": "gte", "value": "2026-01-01T00:00:00Z"}
    first = (INSTANCE, ("page", "1"), ("pageSize", "100"))
    plain = endpoints.find_refs("ins_1", ["a", "b"])
    assert asked(plain) == ("POST", "/balances/filter", first, {"filters": [refs]})
    bound = endpoints.find_refs("ins_1", ["a", "b"], created_from="2026-01-01T00:00:00Z", page=2)
    assert bound.query == (INSTANCE, ("page", "2"), ("pageSize", "100"))
    assert orjson.loads(bound.body or b"") == {"filters": [refs, since]}


@pytest.mark.parametrize("n", [0, 100])
def test_no_look_up_asks_for_none_or_for_more_than_a_full_page_can_prove(n: int) -> None:
    for few in (1, 99):
        body = orjson.loads(endpoints.find_refs("i", ["a"] * few).body or b"")
        assert body["filters"][0]["values"] == ["a"] * few
    with pytest.raises(ValueError, match=f"1 to 99 refs, not {n}"):
        endpoints.find_refs("i", ["a"] * n)


def failure(reply: Reply) -> errors.BlnkError:
    with pytest.raises(errors.BlnkError) as raised:
        answer_meaning.read_json(reply, now=NOW)
    return raised.value


def answer(status: int, body: bytes = b"", wait: str | None = None) -> Answer:
    return Answer(status, body, wait, None, "req_1")


@pytest.mark.parametrize(
    ("reply", "says", "status", "request_id"),
    [
        (ConnectFailed("No way there."), "No way there.", None, ""),
        (AnswerLost("It broke off."), "It broke off.", None, ""),
        (answer(200, b"<html>"), "Blnk's answer is not readable.", 200, "req_1"),
        (answer(200, b'{"balance": NaN}'), "Blnk's answer is not readable.", 200, "req_1"),
        (answer(401, b'{"error": "Who are you?"}'), "Who are you?", 401, "req_1"),
        (answer(404, b'{"error": "There is none."}'), "There is none.", 404, "req_1"),
        (answer(429), "Blnk answered 429.", 429, "req_1"),
        (answer(503), "Blnk answered 503.", 503, "req_1"),
    ],
)
def test_a_failed_read_says_what_happened_and_keeps_what_support_needs(
    reply: Reply, says: str, status: int | None, request_id: str
) -> None:
    failed = failure(reply)
    assert (failed.message, failed.status, failed.request_id) == (says, status, request_id)


@pytest.mark.parametrize(("status", "wait"), [(429, 7.0), (503, 7.0), (500, None), (400, None)])
def test_a_wait_that_blnk_asks_for_is_kept_if_it_is_one(status: int, wait: float | None) -> None:
    failed = failure(answer(status, b"", "7"))
    assert isinstance(failed, errors.ReadFailed | errors.RateLimited)
    assert failed.retry_after_seconds == wait


def test_a_wait_until_a_date_is_counted_from_now_if_the_answer_has_no_time() -> None:
    until = NOW + timedelta(seconds=7)
    failed = failure(answer(503, b"", format_datetime(until, usegmt=True)))
    assert isinstance(failed, errors.ReadFailed)
    assert failed.retry_after_seconds == 7.0


@pytest.mark.parametrize(
    ("reply", "passes"),
    [
        (ConnectFailed("no way"), True),
        (AnswerLost("gone"), True),
        (answer(200, b"{"), True),
        (answer(299), True),
        (answer(300), False),
        (answer(400), False),
        (answer(401), False),
        (answer(403), False),
        (answer(404), False),
        (answer(407), False),
        (answer(408), True),
        (answer(409), False),
        (answer(429), False),
        (answer(499), False),
        (answer(500), True),
        (answer(504), True),
    ],
)
def test_a_read_is_repeated_if_that_may_help(reply: Reply, passes: bool) -> None:
    failed = failure(reply)
    assert retries.may_pass(failed) is passes
    assert retries.wait_seconds(failed, 1) == (0.25 if passes else None)


def test_an_answered_read_is_not_repeated() -> None:
    assert not retries.may_pass(errors.BlnkError("Something else."))


def test_it_is_repeated_three_times_after_waits_that_double() -> None:
    lost = failure(AnswerLost("gone"))
    waits = [retries.wait_seconds(lost, n, first_seconds=2.0) for n in (1, 2, 3, 4)]
    assert waits == [2.0, 4.0, 8.0, None]


def test_a_wait_that_blnk_asks_for_is_the_minimum() -> None:
    busy = failure(answer(503, b"", "3"))
    waits = [retries.wait_seconds(busy, n, first_seconds=1.0) for n in (1, 2, 3, 4)]
    assert waits == [3.0, 3.0, 4.0, None]
    assert retries.wait_seconds(failure(ConnectFailed("no way")), 2, first_seconds=1.0) == 2.0


@pytest.mark.parametrize(
    ("said", "total"),
    [({"total": 7}, 7), ({"total": 0}, 0), ({"total": True}, None), ({"total": "7"}, None), ([], None)],
)
def test_a_total_is_a_number_or_unknown(said: Any, total: int | None) -> None:
    assert answer_meaning.read_total(said) == total


@pytest.mark.parametrize("said", [{"a": 1}, {"data": {"a": 1}}, [{"a": 1}], {"data": [{"a": 1}]}])
def test_one_thing_is_read_bare_or_inside_data(said: Any) -> None:
    assert answer_meaning.read_one(said) == {"a": 1}


@pytest.mark.parametrize("said", [None, [], [{"a": 1}, {"a": 2}], {"data": []}, {"data": None}, "a", [1]])
def test_anything_else_is_not_the_one_thing(said: Any) -> None:
    with pytest.raises(errors.ReadFailed, match=r"^Blnk's answer has an unexpected shape\.$"):
        answer_meaning.read_one(said)


@pytest.mark.parametrize("said", ["a", 1, {"a": 1}, {"data": {"a": 1}}, [1], [{"a": 1}, None]])
def test_an_answer_that_is_not_a_list_never_means_absence(said: Any) -> None:
    with pytest.raises(errors.ReadFailed, match=r"^Blnk's answer has an unexpected shape\.$"):
        answer_meaning.read_rows(said)


def test_every_field_that_differs_is_named_with_what_blnk_has() -> None:
    """Also after one that was not asked for, one that the answer does not contain, and our own metadata."""
    balance = Balance(
        balance_id="bln_1",
        ledger_id="ldg_2",
        currency="USD",
        indicator="@x",
        track_fund_lineage=True,
        meta_data={"import_ref": "v1-old", "b": "2"},
    )
    asked = {
        "ledger_id": "ldg_1",
        "currency": "USD",
        "identity_id": "idt_1",
        "track_fund_lineage": False,
        "allocation_strategy": "FIFO",
        "meta_data": {"import_ref": "v1-new", "a": "1", "import_id": "imp_1", "b": "3"},
    }
    said = answer_meaning.differences(asked, balance, unsaid=answer_meaning.FILTERS_DO_NOT_SAY)
    assert said == [
        "ledger_id is “ldg_2” in Blnk",
        "identity_id is empty in Blnk",
        "a is missing in Blnk",
        "b is “2” in Blnk",
    ]
    said = answer_meaning.differences(asked, balance)
    assert said[2] == "track_fund_lineage is “True” in Blnk"
