"""What each answer does to everything else: the row, the pace, the circuit breaker, the import."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from blnk_api.blnk import answer_meaning
from blnk_api.blnk.circuit_breaker import Breaker
from blnk_api.blnk.outcomes import POLICIES, Meaning, Outcome
from blnk_api.blnk.pacing import Pace
from blnk_api.blnk.replies import Answer, AnswerLost, ConnectFailed, Reply
from blnk_api.sending.attempt_result import ClaimedRow, decide, taken_back
from blnk_api.sending.gateway import Gateway

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
SENT = b'{"ledger_id": "ldg_1", "currency": "USD", "meta_data": {"import_ref": "ref-1"}}'
FLIGHT = ClaimedRow(7, 2, "claim", "ref-1", SENT, 100.0)
BALANCE = {
    **{"balance_id": "bln_1", "ledger_id": "ldg_1", "currency": "USD"},
    **{"meta_data": {"import_ref": "ref-1"}},
}
ELSEWHERE = {**BALANCE, "meta_data": {"import_ref": "ref-2"}}
NO = {"error": "no"}


class Effect(NamedTuple):
    row: str
    attempt: str
    breaker: str = ""
    """What became of four failures before it, where one more opens: "forgotten" or "opened"."""
    pace: str = ""
    """"slower" than before, or "waits" for Blnk's Retry-After of seven seconds."""
    pause: str = "none"
    refusals: str = "none"


CREATED = Effect("CREATED", "created", breaker="forgotten", refusals="reset")
REFUSED = Effect("REFUSED", "refused", breaker="forgotten", refusals="count")
DENIED = Effect("READY", "stop")
IN_DOUBT = Effect("UNKNOWN", "unknown")
LOST = IN_DOUBT._replace(breaker="opened")
UNREADABLE = LOST._replace(pause="first row")
UNEXPECTED = IN_DOUBT._replace(pause="always")

TABLE: list[tuple[Reply, Meaning, Effect]] = []


def says(status: int, body: Any, meaning: str, effect: Effect, *, wait: str | None = None) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    TABLE.append((Answer(status, raw, wait), Meaning(meaning), effect))


says(201, BALANCE, "created", CREATED)
says(200, BALANCE, "created", CREATED)
says(201, ELSEWHERE, "unreadable", UNREADABLE)
says(200, b"<html>", "unreadable", UNREADABLE)
says(202, BALANCE, "unexpected success", UNEXPECTED._replace(breaker="opened"))
says(204, b"", "unexpected success", UNEXPECTED._replace(breaker="opened"))
says(301, b"", "unexpected", UNEXPECTED)
says(307, NO, "unexpected", UNEXPECTED)
says(400, NO, "refused", REFUSED)
says(422, NO, "refused", REFUSED)
says(400, b"<html>", "unexpected", UNEXPECTED)
says(422, b"", "unexpected", UNEXPECTED)
says(401, NO, "denied", DENIED)
says(403, b"", "denied", DENIED)
says(402, NO, "unexpected", UNEXPECTED)
says(404, NO, "unexpected", UNEXPECTED)
says(408, NO, "no answer", LOST)
says(409, NO, "conflict", IN_DOUBT)
says(429, NO, "busy", Effect("READY", "not applied", pace="slower"))
says(429, NO, "busy", Effect("READY", "not applied", pace="slower, waits"), wait="7")
says(500, NO, "no answer", LOST)
says(502, b"<html>", "no answer", LOST)
says(502, NO, "no answer", LOST, wait="7")
says(503, NO, "no answer", LOST)
says(503, b"", "no answer", LOST._replace(pace="waits"), wait="7")
says(504, b"", "no answer", LOST)
TABLE.append((AnswerLost("gone"), Meaning.NO_ANSWER, LOST))
TABLE.append((ConnectFailed("none"), Meaning.NOT_CONNECTED, Effect("READY", "not applied", breaker="opened")))


def classify(reply: Reply) -> Outcome:
    return answer_meaning.classify(reply, SENT, now=NOW)


def gateway() -> Gateway:
    """One that has let four failures and one wait pass; nothing of it reaches a network."""
    nothing: Any = None
    breaker = Breaker(first_wait_seconds=1.0, most_wait_seconds=8.0, opens_after=5)
    made = Gateway(nothing, nothing, nothing, Pace(6000), breaker, clock=lambda: 50.0)
    for _ in range(4):
        breaker.failed(49.0, "before")
    return made


def learned(outcome: Outcome) -> tuple[str, str]:
    """What the gate made of it, in the words of `Effect`."""
    taught = gateway()
    taught.learn(outcome, sent_at=49.5)
    opened = taught.breaker.circuit == "open"
    taught.breaker.failed(50.0, "one more")
    still_closed = taught.breaker.circuit == "closed"
    slower, waits = taught.pace.per_minute < gateway().pace.per_minute, taught.pace.not_before == 57.0
    pace = [word for word, is_so in (("slower", slower), ("waits", waits)) if is_so]
    return "opened" if opened else "forgotten" if still_closed else "", ", ".join(pace)


@pytest.mark.parametrize(
    ("reply", "meaning", "effect"),
    [
        pytest.param(*one, id=f"{getattr(one[0], 'status', type(one[0]).__name__)} {one[1]} {number}")
        for number, one in enumerate(TABLE)
    ],
)
def test_each_answer_does_to_row_pace_breaker_and_import_what_the_table_says(
    reply: Reply, meaning: Meaning, effect: Effect
) -> None:
    outcome = classify(reply)

    assert outcome.meaning is meaning
    result = decide(FLIGHT, outcome)
    breaker, pace = learned(outcome)
    assert effect == (
        result.to.value,
        result.outcome.value,
        breaker,
        pace,
        outcome.policy.pause.value,
        outcome.policy.refusals.value,
    )
    assert (result.row, result.n, result.claim) == (7, 2, "claim")
    assert result.balance_id == ("bln_1" if result.to == "CREATED" else None)


def test_every_meaning_has_its_line_in_the_table_and_is_walked_here() -> None:
    assert set(POLICIES) == set(Meaning) == {meaning for _, meaning, _ in TABLE}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": "no"}', json.dumps(BALANCE).encode()])
def test_a_row_that_may_have_a_balance_is_never_called_not_sent(body: bytes) -> None:
    """Only a no in Blnk's own words, its credentials and its rate limit prove that nothing was created."""
    gone: dict[str, set[int]] = {}
    for status in range(100, 600):
        gone.setdefault(decide(FLIGHT, classify(Answer(status, body))).to, set()).add(status)

    assert gone.pop("READY") == {401, 403, 429}
    assert gone.pop("REFUSED", set()) == ({400, 422} if b"error" in body else set())
    assert gone.pop("CREATED", set()) == ({200, 201} if b"bln_1" in body else set())
    assert set(gone) == {"UNKNOWN"}


def test_a_server_error_is_kept_with_its_row_only_in_blnks_own_words() -> None:
    def kept(status: int, body: bytes) -> int | None:
        return decide(FLIGHT, classify(Answer(status, body))).server_error

    assert kept(500, b'{"error": "broken"}') == 500
    assert kept(502, b"<html>") is None
    assert kept(408, b'{"error": "slow"}') is None


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Answer(201, b"<html>"), "Blnk answered 201, but the answer is not a readable balance."),
        (
            Answer(200, json.dumps(ELSEWHERE).encode()),
            "Blnk's answer is about a different balance from the one requested.",
        ),
        (Answer(204, b""), "Blnk answered 204: no readable message"),
        (Answer(300, b""), "Blnk answered 300: no readable message"),
        (Answer(403, b""), "Blnk answered 403 without giving a reason."),
        (Answer(409, b""), "Blnk says that this balance already exists."),
        (Answer(429, b""), "Blnk asked Balance Desk to slow down."),
        (Answer(502, b"<html>"), "Blnk answered 502: no readable message"),
        (Answer(503, b'{"error": "busy"}'), "Blnk answered 503: busy"),
    ],
)
def test_an_attempt_says_what_blnk_answered(reply: Answer, message: str) -> None:
    outcome = classify(reply)

    assert (outcome.message, outcome.status) == (message, reply.status)


def test_a_redirect_is_unexpected_from_300_on() -> None:
    assert [classify(Answer(status, b"")).meaning.value for status in (299, 300)] == [
        "unexpected success",
        "unexpected",
    ]


def test_what_came_back_different_is_shown_with_the_created_row() -> None:
    other = json.dumps({**BALANCE, "currency": "usd"}).encode()

    assert decide(FLIGHT, classify(Answer(201, other))).message == "currency is “usd” in Blnk"
    assert decide(FLIGHT, classify(Answer(201, json.dumps(BALANCE).encode()))).message is None


def test_what_support_needs_to_find_an_attempt_stands_with_it() -> None:
    lost = decide(FLIGHT, classify(Answer(500, b'{"error": "broken"}')), request_id="req-1")
    unnamed = decide(FLIGHT, classify(ConnectFailed("no route")), request_id="")

    assert (lost.status, lost.request_id) == (500, "req-1")
    assert (unnamed.status, unnamed.request_id) == (None, None)


def test_a_message_can_be_stored_whatever_it_holds() -> None:
    assert taken_back(FLIGHT, "a \0 in it").message == "a \ufffd in it"
    assert decide(FLIGHT, classify(Answer(400, b'{"error": "a \\u0000 in it"}'))).message == "a \u2400 in it"


def test_a_row_that_did_not_leave_may_be_claimed_again_and_says_why_it_stayed() -> None:
    assert taken_back(FLIGHT, "Too late.")._asdict() == {
        **{"row": 7, "n": 2, "claim": "claim", "to": "READY", "outcome": "not applied"},
        **{"status": None, "message": "Too late.", "balance_id": None},
        **{"server_error": None, "request_id": None, "waits_for_person": False},
    }
