"""What an answer means. Error bodies and balances are those that a real Core gave (tests/contract)."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from hypothesis import given
from hypothesis import strategies as st

from blnk_api import errors
from blnk_api.blnk import answer_meaning, endpoints
from blnk_api.blnk.outcomes import (
    Conflict,
    Created,
    Meaning,
    NotApplied,
    Outcome,
    PauseEffect,
    Refused,
    Stop,
    Unknown,
)
from blnk_api.blnk.replies import Answer, AnswerLost, ConnectFailed, Reply
from blnk_api.models import BalanceRequest
from tests.support.json_object import JsonObject

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
SENT = endpoints.create_balance(
    BalanceRequest(ledger_id="ldg_1", currency="USD"), ref="ref-1", import_id="imp_1"
)
ECHO = {
    "balance_id": "bln_1",
    "ledger_id": "ldg_1",
    "identity_id": "",
    "currency": "USD",
    "balance": 0,
    "created_at": "2026-11-22T14:28:51.904227773Z",
    "meta_data": {"import_ref": "ref-1", "import_id": "imp_1"},
    "track_fund_lineage": False,
    "allocation_strategy": "FIFO",
}


def exchanges() -> list[ParameterSet]:
    """Every recorded POST /balances, with the Core that it was recorded from."""
    found = []
    for path in sorted((Path(__file__).parents[1] / "contract").glob("*.json")):
        recorded = json.loads(path.read_text())
        found += [
            pytest.param(each, id=f"{path.stem}: {each['name']}")
            for each in recorded["exchanges"]
            if each["request"]["method"] == "POST" and each["request"]["path"] == "/balances"
        ]
    return found


def answer(status: int, body: Any, retry_after: str | None = None) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, raw, retry_after)


def classify(reply: Reply, sent: bytes = SENT) -> Outcome:
    return answer_meaning.classify(reply, sent, now=NOW)


def request(**fields: Any) -> bytes:
    return endpoints.create_balance(BalanceRequest(ledger_id="ldg_1", currency="USD", **fields))


@pytest.mark.parametrize("exchange", exchanges())
def test_what_a_real_core_answered_means_what_it_meant(exchange: JsonObject) -> None:
    status, body = exchange["response"]["status"], exchange["response"]["body"]
    sent = json.dumps(exchange["request"].get("json", {})).encode()

    outcome = classify(answer(status, body), sent)

    match status:
        case 201:
            assert isinstance(outcome, Created)
            assert outcome.balance.balance_id == body["balance_id"]
        case 400:
            assert isinstance(outcome, Refused)
            assert outcome.code == body["error_detail"]["code"]
            assert (body.get("error") or body["errors"]) in outcome.message
        case 401 | 403:
            assert outcome == Stop(status, body["error"])
        case 409:
            assert outcome == Conflict(body["error"])
        case _:
            pytest.fail(f"no recorded POST was answered with {status}")


@pytest.mark.parametrize("status", [200, 201])
def test_a_new_balance_that_carries_our_ref_is_created(status: int) -> None:
    outcome = classify(answer(status, ECHO))

    assert isinstance(outcome, Created)
    assert (outcome.balance.balance_id, outcome.balance.import_ref) == ("bln_1", "ref-1")
    assert outcome.warnings == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"<!doctype html><title>Welcome</title>",
        json.dumps(ECHO).encode()[:60],
        json.dumps({**ECHO, "balance_id": ""}).encode(),
        json.dumps({key: value for key, value in ECHO.items() if key != "balance_id"}).encode(),
        b"[" * 100_000,
    ],
)
def test_a_success_that_cannot_be_read_is_unknown(body: bytes) -> None:
    assert isinstance(classify(answer(201, body)), Unknown)
    assert isinstance(classify(answer(200, body)), Unknown)


@pytest.mark.parametrize("metadata", [None, {}, {"import_ref": "ref-2"}, {"import_ref": 1}])
def test_a_success_about_another_ref_is_unknown(metadata: Any) -> None:
    assert isinstance(classify(answer(201, {**ECHO, "meta_data": metadata})), Unknown)


@pytest.mark.parametrize(
    ("asked", "echoed", "warning"),
    [
        ({"indicator": "@Fees"}, {}, "indicator is empty in Blnk"),
        ({"identity_id": "idt_1"}, {"identity_id": "idt_2"}, "identity_id is “idt_2” in Blnk"),
        ({"track_fund_lineage": True}, {}, "track_fund_lineage is off in Blnk"),
        ({"allocation_strategy": "LIFO"}, {}, "allocation_strategy is “FIFO” in Blnk"),
        ({}, {"currency": "usd"}, "currency is “usd” in Blnk"),
        ({"meta_data": {"limit": "250"}}, {"meta_data": {"limit": "25"}}, "limit is “25” in Blnk"),
        ({"meta_data": {"limit": "250"}}, {"meta_data": None}, "limit is missing in Blnk"),
    ],
)
def test_a_field_that_came_back_different_is_named(
    asked: JsonObject, echoed: JsonObject, warning: str
) -> None:
    outcome = classify(answer(201, {**ECHO, **echoed}), request(**asked))

    assert isinstance(outcome, Created)
    assert outcome.warnings == (warning,)


def test_what_core_is_known_to_normalize_is_no_warning() -> None:
    outcome = classify(
        answer(201, {**ECHO, "allocation_strategy": "LIFO"}), request(allocation_strategy=" lifo ")
    )

    assert isinstance(outcome, Created)
    assert outcome.warnings == ()


@pytest.mark.parametrize("status", [400, 422])
def test_a_rejection_needs_blnks_own_words(status: int) -> None:
    before_015 = classify(answer(status, {"error": "currency: cannot be blank."}))
    html = classify(answer(status, b"<html>Bad Request</html>"))

    assert before_015 == Refused(status, "", "currency: cannot be blank.")
    assert isinstance(html, Unknown)
    assert html.meaning is Meaning.UNEXPECTED


def test_a_wrong_identity_is_distinguished_from_a_wrong_ledger() -> None:
    def refused(constraint: str) -> Outcome:
        detail = {"code": "GEN_BAD_REQUEST", "details": {"Constraint": constraint}}
        return classify(answer(400, {"error": "Invalid ledger ID", "error_detail": detail}))

    ledger, identity = refused("balances_ledger_id_fkey"), refused("balances_identity_id_fkey")

    assert isinstance(ledger, Refused)
    assert ledger.message == "This ledger does not exist in Blnk. (Blnk: Invalid ledger ID)"
    assert isinstance(identity, Refused)
    assert identity.message == "This identity does not exist in Blnk. (Blnk: Invalid ledger ID)"


def test_409_is_a_conflict_to_be_looked_up_whatever_its_words() -> None:
    assert classify(answer(409, {"error": "exists"})) == Conflict("exists")
    assert isinstance(classify(answer(409, b"")), Conflict)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": "no"}'])
@pytest.mark.parametrize("status", [401, 403])
def test_rejected_credentials_stop_everything(status: int, body: bytes) -> None:
    assert isinstance(classify(answer(status, body)), Stop)


def test_what_never_left_or_exceeded_the_limit_is_not_applied() -> None:
    assert classify(ConnectFailed("no way there")) == NotApplied("no way there")
    busy = classify(answer(429, b"", retry_after="3"))

    assert isinstance(busy, NotApplied)
    assert (busy.meaning, busy.retry_after_seconds) == (Meaning.BUSY, 3.0)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 402, 404, 405, 413, 415, 418, 431, 202, 204])
def test_an_answer_nobody_expects_is_unknown_and_pauses_with_blnks_words(status: int) -> None:
    outcome = classify(answer(status, {"error": "record limit reached"}))

    assert isinstance(outcome, Unknown)
    assert outcome.policy.pause is PauseEffect.ALWAYS
    assert "record limit reached" in outcome.message


@pytest.mark.parametrize("status", [408, 500, 501, 502, 503, 504, 520, 599])
@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b'{"error": "internal"}'])
def test_a_failure_that_may_have_come_after_the_commit_is_unknown(status: int, body: bytes) -> None:
    outcome = classify(answer(status, body))

    assert isinstance(outcome, Unknown)
    assert outcome.meaning is Meaning.NO_ANSWER
    complete = status >= 500 and body.startswith(b"{")
    assert outcome.server_error == (status if complete else None)


def test_a_lost_answer_is_unknown() -> None:
    assert classify(AnswerLost("no answer within 30 seconds")) == Unknown("no answer within 30 seconds")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("Sun, 22 Nov 2026 12:00:07 GMT", 7.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("9" * 400, None),
        ("Sun, 22 Nov 2026 12:00:07 -0000", None),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(header: str | None, seconds: float | None) -> None:
    busy = classify(answer(429, b"", header))
    away = classify(answer(503, b"", header))

    assert isinstance(busy, NotApplied)
    assert busy.retry_after_seconds == seconds
    assert isinstance(away, Unknown)
    assert away.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Sun, 22 Nov 2026 13:00:00 GMT", 7.0),  # our clock is an hour slow: it would wait for an hour
        ("Sun, 22 Nov 2026 12:59:00 GMT", 67.0),
        ("Sun, 22 Nov 2026 13:00:09 GMT", 0.0),
        ("today", 3607.0),
        (None, 3607.0),
    ],
)
def test_a_retry_after_that_is_a_date_is_counted_by_blnks_own_clock(date: str | None, seconds: float) -> None:
    busy = classify(Answer(429, b"", "Sun, 22 Nov 2026 13:00:07 GMT", date))

    assert isinstance(busy, NotApplied)
    assert busy.retry_after_seconds == seconds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ERROR_LIKE = st.fixed_dictionaries({}, optional={"error": JSON, "errors": JSON, "error_detail": JSON})
BALANCE_LIKE = st.fixed_dictionaries(
    {"balance_id": JSON | st.just("bln_1"), "ledger_id": st.just("ldg_1"), "currency": st.just("USD")},
    optional={"meta_data": JSON | st.just({"import_ref": "ref-1"}), "identity_id": JSON, "indicator": JSON},
)
BODIES = st.binary() | (JSON | ERROR_LIKE | BALANCE_LIKE).map(lambda value: json.dumps(value).encode())
REPLIES = st.builds(ConnectFailed, st.text()) | st.builds(AnswerLost, st.text())
ANSWERS = st.builds(Answer, st.integers(100, 599), BODIES, st.none() | st.text() | st.integers().map(str))


@given(REPLIES | ANSWERS)
def test_nothing_is_said_not_to_have_been_created_without_proof(reply: Reply) -> None:
    """And no answer whatever makes reading it fail."""
    outcome = classify(reply)

    match outcome:
        case NotApplied():
            assert isinstance(reply, ConnectFailed) or (isinstance(reply, Answer) and reply.status == 429)
        case Stop():
            assert isinstance(reply, Answer)
            assert reply.status in (401, 403)
        case Refused():
            assert isinstance(reply, Answer)
            assert reply.status in (400, 422)
            assert isinstance(json.loads(reply.body), dict)
        case Conflict():
            assert isinstance(reply, Answer)
            assert reply.status == 409
        case Created():
            assert isinstance(reply, Answer)
            assert reply.status in (200, 201)
            assert json.loads(reply.body)["meta_data"]["import_ref"] == "ref-1"
        case Unknown():
            pass


def test_a_body_has_the_request_and_our_own_metadata() -> None:
    asked = BalanceRequest(
        ledger_id="ldg_1",
        currency="NGN",
        identity_id="",
        track_fund_lineage=False,
        meta_data={"naam": "Zoë 💶", "code": "007"},
    )

    plain, stamped = (
        json.loads(endpoints.create_balance(asked)),
        endpoints.create_balance(asked, ref="r", import_id="i"),
    )

    assert plain == {"ledger_id": "ldg_1", "currency": "NGN", "meta_data": {"naam": "Zoë 💶", "code": "007"}}
    assert json.loads(stamped)["meta_data"] == {**plain["meta_data"], "import_ref": "r", "import_id": "i"}


def test_an_id_that_a_person_typed_stays_one_piece_of_the_path() -> None:
    assert (
        endpoints.get_balance("ins", "bln_1/../../x?y#z").path == "/data/balances/bln_1%2F..%2F..%2Fx%3Fy%23z"
    )


@pytest.mark.parametrize("said", [None, {"data": None}, {"data": []}, []])
def test_every_way_in_which_blnk_reports_nothing_found_is_understood(said: Any) -> None:
    assert answer_meaning.read_rows(said) == []


@pytest.mark.parametrize("said", [{}, {"error": "no"}, "null", 0, [1], {"data": {"a": 1}}, {"data": ["x"]}])
def test_an_unexpected_shape_is_never_absence(said: Any) -> None:
    with pytest.raises(errors.ReadFailed):
        answer_meaning.read_rows(said)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (ConnectFailed("no way there"), errors.NotConnected),
        (AnswerLost("gone"), errors.ReadFailed),
        (answer(200, b"<html>"), errors.ReadFailed),
        (answer(200, b""), errors.ReadFailed),
        (answer(302, b""), errors.ReadFailed),
        (answer(401, {"error": "no"}), errors.AccessDenied),
        (answer(403, {"error": "no"}), errors.AccessDenied),
        (answer(404, {"error": "no"}), errors.NotFound),
        (answer(429, b""), errors.RateLimited),
        (answer(500, b""), errors.ReadFailed),
    ],
)
def test_a_read_that_failed_raises(reply: Reply, error: type[errors.BlnkError]) -> None:
    with pytest.raises(error) as raised:
        answer_meaning.read_json(reply, now=NOW)

    assert isinstance(raised.value, errors.NothingCreated)


def test_money_of_any_size_is_read_to_the_last_digit() -> None:
    said = answer_meaning.read_json(answer(200, b'{"balance": 123456789012345678901234567890}'), now=NOW)

    assert said == {"balance": 123456789012345678901234567890}


def test_a_balance_without_metadata_still_carries_its_reference_and_its_import() -> None:
    plain = BalanceRequest(ledger_id="ldg_1", currency="USD")

    body = json.loads(endpoints.create_balance(plain, ref="ref-1", import_id="imp_1"))

    assert body["meta_data"] == {"import_ref": "ref-1", "import_id": "imp_1"}
    assert "meta_data" not in json.loads(endpoints.create_balance(plain))


NO_WORDS = answer_meaning.BlnkSays("", is_blnk_error=False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", NO_WORDS),
        (b"<html>", NO_WORDS),
        (b'["no"]', NO_WORDS),
        (b'{"error": 1}', NO_WORDS),
        (b'{"message": "no"}', NO_WORDS),
        (b'{"error": "no"}', answer_meaning.BlnkSays("no")),
        (b'{"errors": "no"}', answer_meaning.BlnkSays("no")),
        (b'{"error_detail": {"message": "no", "code": "C"}}', answer_meaning.BlnkSays("no", "C")),
        (b'{"error": "no", "error_detail": {"details": {}}}', answer_meaning.BlnkSays("no")),
        (b'{"error": "no", "error_detail": {"details": "K"}}', answer_meaning.BlnkSays("no")),
        (
            b'{"error": "no", "error_detail": {"details": {"Constraint": "K"}}}',
            answer_meaning.BlnkSays("no", "", "K"),
        ),
    ],
)
def test_only_an_error_as_blnk_writes_them_counts_as_its_words(
    body: bytes, says: answer_meaning.BlnkSays
) -> None:
    assert answer_meaning.read_error(Answer(400, body)) == says


def test_an_error_keeps_blnks_code_for_support() -> None:
    body = b'{"error": "no", "error_detail": {"code": "GEN_VALIDATION_ERROR"}}'

    assert answer_meaning.support(Answer(400, body, request_id="req-1")) == {
        **{"status": 400, "code": "GEN_VALIDATION_ERROR", "request_id": "req-1"},
        **{"answer": body.decode()},
    }


def test_a_wait_of_more_than_nine_digits_is_none() -> None:
    waits = [answer_meaning.retry_after_seconds(Answer(429, b"", "9" * n), NOW) for n in (9, 10)]

    assert waits == [999_999_999.0, None]


def test_of_a_value_that_differs_two_hundred_characters_are_shown() -> None:
    sent = request(meta_data={"note": "short"})
    body = {**ECHO, "meta_data": {"note": "n" * 201}}

    outcome = classify(answer(201, body), sent)

    assert outcome.message == f"note is “{'n' * 200}…” in Blnk"
