"""Whatever Blnk answers, or does not, every row is one balance or says why not. Blnk itself is asked."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from blnk_api import settings as settings_module
from blnk_api.facts.findings import RowFinding
from blnk_api.models import GENERAL_LEDGER_ID, BalanceRequest
from blnk_api.store import import_acts, rows
from blnk_api.store.imports import Import
from blnk_api.store.search import row_history
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.actors import actor
from tests.support.faulty_proxy import Between, Reply, Sent
from tests.support.importer import BOTH_DATABASES, LEDGER, SETTLE_SECONDS, Importer, requests_for, wait_until
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk
from tests.support.sending import asked, assert_each_once

on_both_databases = pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)


@pytest.fixture
def between(practice_blnk: PracticeBlnk, importer: Importer) -> Iterator[Between]:
    with Between(practice_blnk) as between:
        importer.connect(base_url=between.url)
        yield between


def attempts_of(importer: Importer, import_: Import, at: int = 0) -> list[row_history.Attempt]:
    with importer.store.read() as tx:
        return row_history.attempts_of(tx, rows.page(tx, import_.number)[at].id)


AFTER_COMMIT: list[JsonObject] = [
    *({"kind": "status_after_commit", "status": status} for status in (500, 502, 503, 504, 408)),
    {"kind": "status_after_commit", "status": 502, "answer": "html"},
    {"kind": "drop_after_commit"},
    {"kind": "truncated_201"},
]
BEFORE_COMMIT: list[JsonObject] = [
    *({"kind": "status_before_commit", "status": status} for status in (500, 502, 503, 504, 408)),
    {"kind": "status_before_commit", "status": 502, "answer": "html"},
    {"kind": "drop_before_commit"},
    {"kind": "hang"},
]


def _name(fault: JsonObject) -> str:
    return "-".join(str(value) for value in fault.values())


@on_both_databases
def test_rows_created_without_an_answer_are_found(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    for fault in AFTER_COMMIT:
        practice_blnk.order_fault(times=1, skip=1, **fault)
    done = importer.run(requests_for(30))
    assert_each_once(practice_blnk, importer, done)
    assert [one["fired"] for one in practice_blnk.faults()] == [1] * len(AFTER_COMMIT)
    assert practice_blnk.requests()["by_kind"]["create"] == 30, "none was sent again"


def test_rows_not_created_and_without_an_answer_are_sent_again(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.hurry()
    for fault in BEFORE_COMMIT:
        practice_blnk.order_fault(times=1, skip=1, **fault)
    done = importer.run(requests_for(30))
    assert_each_once(practice_blnk, importer, done)
    assert practice_blnk.requests()["by_kind"]["create"] == 30 + len(BEFORE_COMMIT)


@pytest.mark.parametrize("fault", [*AFTER_COMMIT, BEFORE_COMMIT[0], BEFORE_COMMIT[-1]], ids=_name)
def test_a_first_row_without_an_answer_is_created_once_too(
    practice_blnk: PracticeBlnk, importer: Importer, fault: JsonObject
) -> None:
    if fault["kind"] == "hang":
        importer.hurry()
    practice_blnk.order_fault(times=1, **fault)
    assert_each_once(practice_blnk, importer, importer.run(requests_for(3)))


@pytest.mark.parametrize("kind", ["html_200", "wrong_ref_201"])
def test_a_201_that_is_not_about_the_row_is_not_believed(
    practice_blnk: PracticeBlnk, importer: Importer, kind: str
) -> None:
    practice_blnk.order_fault(kind, times=2, skip=1)
    assert_each_once(practice_blnk, importer, importer.run(requests_for(12)))


def test_an_id_that_another_row_has_already_is_not_believed(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """An answer out of some cache: the right ref, on the balance of the row before."""
    ids: list[str] = []

    def cached(sent: Sent) -> Reply | None:
        reply = sent.forward()
        made = orjson.loads(reply.body)
        ids.append(made["balance_id"])
        return sent.answer(201, orjson.dumps({**made, "balance_id": ids[0]}))

    between.on_create = lambda sent: cached(sent) if sent.customer in ("0", "7") else None
    assert_each_once(practice_blnk, importer, importer.run(requests_for(20)))


@pytest.mark.parametrize("importer", ["postgres"], indirect=True)
@pytest.mark.parametrize(
    "odd", [{"created_at": "0001-01-01T00:00:00Z"}, {"created_at": ""}, {"balance_id": "bln\x00"}]
)
def test_an_unexpected_answer_does_not_break_the_sender(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between, odd: dict[str, str]
) -> None:
    def with_odd(sent: Sent) -> Reply:
        return sent.answer(201, orjson.dumps({**orjson.loads(sent.forward().body), **odd}))

    def lost(sent: Sent) -> Reply:
        sent.forward()
        return sent.answer(504)

    is_every = "created_at" in odd
    between.on_create = lambda sent: (
        lost(sent) if sent.customer == "4" else with_odd(sent) if is_every or sent.customer == "3" else None
    )
    assert_each_once(practice_blnk, importer, importer.run(requests_for(8)))


def test_the_only_row_is_sent_again_automatically_in_the_end(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """Nothing newer can vouch for its absence, so it waits four settle times."""
    practice_blnk.order_fault("drop_before_commit", times=1)
    began = time.monotonic()
    assert_each_once(practice_blnk, importer, importer.run(requests_for(1)))
    assert time.monotonic() - began >= 4 * 0.8


def test_the_last_rows_are_sent_one_by_one_as_witnesses_for_each_other(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.order_fault("drop_before_commit", times=5, skip=1)
    assert_each_once(practice_blnk, importer, importer.run(requests_for(6)))
    kinds = [one["kind"] for one in practice_blnk.requests()["recent"]]
    first, second = [at for at, kind in enumerate(kinds) if kind == "create"][6:8]
    assert second > first + 1, "the first of them went alone, and the others were looked up after it"


def test_a_balance_that_blnk_creates_late_is_waited_for(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """Made after our time-out and long before the settle time is over: it is found as soon as it is there."""
    importer.hurry(0.4)
    importer.settle(30)
    practice_blnk.order_fault("commit_late", seconds=1.6, times=2, skip=1)
    practice_blnk.order_fault("commit_late", seconds=1.6, answer="drop", times=1, skip=1)
    done = importer.run(requests_for(40))
    assert len([one for one in asked(practice_blnk, "create") if one["fault"] == "commit_late"]) == 3
    assert_each_once(practice_blnk, importer, done)


def test_a_balance_created_between_the_two_look_ups_is_found_by_the_second(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """The settle time is over, and a look with a witness does not show it."""
    lost: list[Sent] = []
    lost_at: list[float] = []

    def lose(sent: Sent) -> Reply | None:
        if sent.customer != "5" or lost:
            return None
        lost.append(sent)
        lost_at.append(time.monotonic())
        return sent.answer(504)

    def make_it_after_the_first(sent: Sent) -> Reply | None:
        if len(lost_at) != 1 or lost[0].json["meta_data"]["import_ref"] not in sent.body.decode():
            return None
        shown = sent.forward()
        if time.monotonic() > lost_at[0] + SETTLE_SECONDS:
            lost_at.append(0.0)
            lost[0].forward()
        return shown

    between.on_create, between.on_read = lose, make_it_after_the_first
    importer.connect(base_url=between.url, requests_per_minute=900)
    done = importer.run(requests_for(20))
    assert len(lost_at) == 2
    assert_each_once(practice_blnk, importer, done)


def test_a_balance_that_blnk_creates_after_every_reason_to_think_it_lost_is_named(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """The first POST of a row is carried out only when its second one arrives."""
    late: list[Sent] = []

    def dawdle(sent: Sent) -> Reply | None:
        if sent.customer != "5":
            return None
        late.append(sent)
        return sent.answer(504) if len(late) == 1 else (late[0].forward() and None)

    between.on_create = dawdle
    done = importer.run(requests_for(10))
    row = importer.rows(done)[5]
    held = [one for one in practice_blnk.balances() if one["meta_data"]["import_ref"] == row.ref]
    assert row.state is RowState.CREATED
    assert done.findings is not None
    assert not done.findings.clean
    (twin,) = done.findings.twins
    assert twin.row == row.number
    assert sorted(twin.ids) == sorted(one["balance_id"] for one in held)
    assert len(practice_blnk.balances()) == 11


def _stays_unknown(importer: Importer, import_: Import, seconds: float) -> None:
    """For that long, no unknown row is called absent."""
    importer.wait_for_count(import_, RowState.UNKNOWN, 1)
    began = time.monotonic()
    wait_until(
        lambda: importer.events(import_).count("absent") or time.monotonic() - began > seconds, lambda: "?"
    )
    assert "absent" not in importer.events(import_)


def test_a_row_that_is_lost_again_settles_again(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its second attempt is lost before the next look at unknown rows, and is made late. What was seen of
    the first proves nothing about it, and rows that were created before it left are no witnesses."""
    importer.settle(3)
    monkeypatch.setenv("BLNK_WAIT_RESOLVE", "0.6")
    attempts: list[Sent] = []
    looks_since: list[str] = []

    def lose_twice(sent: Sent) -> Reply | None:
        if sent.customer != "8":
            return None
        attempts.append(sent)
        return sent.answer(502) if len(attempts) < 3 else None

    def make_it_after_three_looks(sent: Sent) -> Reply | None:
        if len(attempts) != 2 or attempts[0].json["meta_data"]["import_ref"] not in sent.body.decode():
            return None
        shown = sent.forward()
        looks_since.append(sent.path)
        if len(looks_since) == 3:
            attempts[1].forward()
        return shown

    between.on_create, between.on_read = lose_twice, make_it_after_three_looks
    importer.connect(base_url=between.url, requests_per_minute=900)
    done = importer.run(requests_for(20))
    assert_each_once(practice_blnk, importer, done)
    assert len(attempts) == 2


def test_reads_that_lag_do_not_look_like_absence(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """For longer than the settle time: the witness is not shown either."""

    def lose(sent: Sent) -> Reply | None:
        if sent.customer not in ("8", "9", "10"):
            return None
        if sent.customer == "8":
            practice_blnk.order_fault("lagging_reads", seconds=600)
        sent.forward()
        return sent.answer(504)

    between.on_create = lose
    importer.connect(base_url=between.url, requests_per_minute=600)
    draft = importer.draft(requests_for(60))
    importer.confirm(draft)
    importer.start()
    _stays_unknown(importer, draft, seconds=2)
    practice_blnk.clear_faults()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_reads_that_lag_do_not_look_like_absence_of_the_last_row_either(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left to send, so it would go again by itself; but what was created after it is not shown."""

    def lose(sent: Sent) -> Reply | None:
        """The last row leaves once the one before it is known to be lost: one is on its way at a time."""
        if sent.customer != "7":
            return None
        practice_blnk.order_fault("lagging_reads", seconds=600)
        sent.forward()
        return sent.answer(504)

    between.on_create = lose
    monkeypatch.setenv("BLNK_MOST_AT_ONCE", "1")
    draft = importer.draft(requests_for(9))
    importer.confirm(draft)
    importer.start()
    importer.wait_for_count(draft, RowState.CREATED, 8)
    _stays_unknown(importer, draft, seconds=4.5)
    practice_blnk.clear_faults()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_answers_that_omit_rows_do_not_look_like_absence(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.order_fault("drop_after_commit", percent=20, seed=3)
    practice_blnk.order_fault("short_filter", percent=30, seed=4)
    assert_each_once(practice_blnk, importer, importer.run(requests_for(100)))


def test_blnk_stops_answering_for_a_while(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    importer.hurry()
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("full_stop", seconds=600, skip=30)
    draft = importer.draft(requests_for(200))
    importer.confirm(draft)
    importer.start()
    wait_until(
        lambda: importer.find(draft.id).paused_by is PausedBy.BREAKER,
        lambda: "nothing says that Blnk does not answer",
    )
    practice_blnk.clear_faults()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


@pytest.mark.parametrize("retry_after", [None, "1"])
def test_too_many_requests_slow_down_and_lose_nothing(
    practice_blnk: PracticeBlnk, importer: Importer, retry_after: str | None
) -> None:
    practice_blnk.order_fault("rate_limited", retry_after=retry_after, times=20, skip=30)
    done = importer.run(requests_for(100))
    assert_each_once(practice_blnk, importer, done)
    assert practice_blnk.requests()["by_kind"]["create"] == 100 + 20


@pytest.mark.parametrize("retry_after", [None, "1"])
def test_after_a_429_nothing_leaves_for_as_long_as_blnk_asks(
    importer: Importer, between: Between, monkeypatch: pytest.MonkeyPatch, retry_after: str | None
) -> None:
    """One at a time is on its way, so that none can have left before the answer was heard."""
    monkeypatch.setenv("BLNK_MOST_AT_ONCE", "1")
    wants = {"Retry_After": retry_after} if retry_after else {}
    refused_at: list[float] = []
    next_at: list[float] = []

    def refuse(sent: Sent) -> Reply | None:
        if refused_at and not next_at:
            next_at.append(time.monotonic())
        if sent.customer != "9" or refused_at:
            return None
        refused_at.append(time.monotonic())
        return sent.answer(429, b"", **wants)

    between.on_create = refuse
    done = importer.run(requests_for(20))
    assert importer.states(done) == [RowState.CREATED] * 20
    assert next_at[0] - refused_at[0] >= 1.0


@pytest.mark.parametrize("on", ["create", "any"])
def test_a_wait_of_years_pauses_with_a_reason_and_the_rest_is_sent_when_it_is_resumed(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch, on: str
) -> None:
    monkeypatch.setenv("BLNK_WAIT_RETRY_AFTER_MOST", "0.5")
    importer.connect(requests_per_minute=6000)
    draft = importer.draft(requests_for(30))
    importer.confirm(draft)
    practice_blnk.order_fault("rate_limited", retry_after="999999999", on=on)
    importer.start()
    paused = importer.wait_for(draft, ImportState.PAUSED)
    assert paused.paused_by is PausedBy.ANSWER
    assert "wait over 10,000 hours before its next request" in (paused.paused_reason or "")
    assert "Nothing more was sent" in (paused.paused_reason or "")
    assert practice_blnk.refs() == []
    practice_blnk.clear_faults()
    importer.resume(draft)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_a_row_that_waits_longer_than_its_claim_is_valid_is_sent_later(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLNK_WAIT_CLAIM_GOOD", "0.3")
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("rate_limited", retry_after="1", times=1, skip=20)
    assert_each_once(practice_blnk, importer, importer.run(requests_for(80)))


def test_a_revoked_token_stops_and_a_new_one_continues(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLNK_MOST_AT_ONCE", "10")
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("revoke", skip=40)
    draft = importer.draft(requests_for(150))
    importer.confirm(draft)
    importer.start()
    paused = importer.wait_for(draft, ImportState.PAUSED)
    assert paused.paused_by is PausedBy.ACCESS
    practice_blnk.forget_requests()
    importer.resume(draft)
    paused = importer.wait_for(draft, ImportState.PAUSED)
    assert paused.paused_by is PausedBy.ACCESS, "it was tried again, and says so again"
    assert practice_blnk.requests()["by_kind"].get("create", 0) <= 2 * 10, "what was on its way, and no more"
    practice_blnk.clear_faults()
    importer.connect(token=practice_blnk.new_token(["*"]))
    importer.resume(draft)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_new_credentials_while_rows_are_on_their_way_lose_no_row_and_duplicate_none(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """New connections are made, and nobody receives the answers that were on their way."""
    practice_blnk.order_fault("full_stop", on="create", seconds=600, skip=20)
    draft = importer.begin(requests_for(100), created=20)
    wait_until(lambda: len(asked(practice_blnk, "create")) > 20, lambda: "no row is on its way")
    importer.connect(token=practice_blnk.new_token(["*"]))
    practice_blnk.clear_faults()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_secrets_that_are_read_while_someone_writes_them_stop_nothing(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor empties the file before it fills it again."""
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("latency", seconds=0.3)
    draft = importer.begin(requests_for(150), created=20)
    whole, empty = settings_module.load, replace(importer.settings, connections={})
    reads: list[int] = []

    def load() -> settings_module.Settings:
        reads.append(1)
        return empty if len(reads) == 1 else whole()

    monkeypatch.setattr(settings_module, "load", load)
    (importer.data_dir / "secrets.toml").touch()
    wait_until(lambda: len(reads) > 2, lambda: "the secrets are not read any more")
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))
    assert not {"paused", "interrupted"} & set(importer.events(draft))


def test_new_credentials_alone_do_not_send_what_a_person_has_not_resumed(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.connect(token="wrong")
    paused = importer.run(requests_for(5), until=[ImportState.PAUSED])
    assert paused.paused_by is PausedBy.ACCESS
    importer.connect()
    other = importer.run(requests_for(1, currency="USD"))
    assert other.state is ImportState.DONE
    assert importer.find(paused.id).state is ImportState.PAUSED
    assert len(practice_blnk.balances()) == 1


def test_a_token_that_may_not_write_stops_and_says_so(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.connect(token=practice_blnk.new_token(["proxy:read", "data:read"]))
    paused = importer.run(requests_for(5), until=[ImportState.PAUSED])
    assert paused.paused_by is PausedBy.ACCESS
    assert "proxy:write" in (paused.paused_reason or "")
    importer.wait_for_count(paused, RowState.READY, 5)


def test_without_permission_to_read_a_lost_answer_waits_for_a_person(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.connect(token=practice_blnk.new_token(["proxy:write"]))
    practice_blnk.order_fault("drop_after_commit", times=1, skip=2)
    done = importer.run(requests_for(10))
    assert importer.counts(done) == {RowState.CREATED: 9, RowState.UNKNOWN: 1}
    (lost,) = [row for row in importer.rows(done) if row.state is RowState.UNKNOWN]
    assert lost.waits_for_person
    assert done.findings is not None
    assert not done.findings.checked
    assert len(practice_blnk.balances()) == 10


def test_if_read_permission_is_lost_a_lost_answer_waits_for_a_person_too(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """All went well until the right to read was taken away: a look that is refused is not absence."""
    may_read = True

    def lose_the_last(sent: Sent) -> Reply | None:
        nonlocal may_read
        if sent.customer != "8":
            return None
        may_read = False
        sent.forward()
        return sent.answer(504)

    def refuse(sent: Sent) -> Reply | None:
        return None if may_read else sent.answer(403, b'{"error": "this key may not read"}')

    between.on_create, between.on_read = lose_the_last, refuse
    done = importer.run(requests_for(9))
    *others, lost = importer.rows(done)
    assert {row.state for row in others} == {RowState.CREATED}
    assert (lost.state, lost.waits_for_person) == (RowState.UNKNOWN, True)
    assert len(practice_blnk.balances()) == 9


def test_an_access_token_that_expires_during_an_import_is_renewed(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.connect(requests_per_minute=6000, **practice_blnk.oauth_client(lifetime_seconds=1))
    draft = importer.draft(requests_for(300))
    importer.confirm(draft)
    importer.start()
    done = importer.wait_for(draft, ImportState.DONE)
    assert_each_once(practice_blnk, importer, done)
    assert practice_blnk.requests()["by_kind"]["token"] >= 2
    assert "paused" not in importer.events(done)


def test_a_refresh_token_that_is_revoked_stops_and_says_so(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.connect(requests_per_minute=1200, **practice_blnk.oauth_client(lifetime_seconds=1))
    draft = importer.begin(requests_for(300), created=10)
    practice_blnk.order_fault("revoke", on="token")
    paused = importer.wait_for(draft, ImportState.PAUSED)
    assert paused.paused_by is PausedBy.ACCESS
    assert "refresh token" in (paused.paused_reason or "")
    practice_blnk.clear_faults()
    importer.connect(**practice_blnk.oauth_client())
    importer.resume(draft)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_a_taken_indicator_rejects_the_row_in_blnks_words(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.set_core("0.15.3")
    practice_blnk.create_balance(ledger_id=GENERAL_LEDGER_ID, currency="NGN", indicator="@cash")
    taken = BalanceRequest(ledger_id=GENERAL_LEDGER_ID, currency="NGN", indicator="@cash")
    free = BalanceRequest(ledger_id=GENERAL_LEDGER_ID, currency="NGN", indicator="@bank")
    done = importer.run([taken, free])
    assert importer.states(done) == [RowState.REFUSED, RowState.CREATED]
    assert importer.rows(done)[0].message
    assert len(practice_blnk.balances()) == 2


def test_a_conflict_with_the_rows_own_balance_is_its_creation(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """A gateway that repeats a POST whose first answer it lost, and passes on the answer to its second."""

    def twice(sent: Sent) -> Reply:
        sent.forward()
        return sent.answer(409, b'{"error":"it exists"}')

    between.on_create = lambda sent: twice(sent) if sent.customer == "3" else None
    assert_each_once(practice_blnk, importer, importer.run(requests_for(10)))


def test_a_conflict_that_cannot_be_looked_up_is_no_rejection(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    def conflict(sent: Sent) -> Reply:
        sent.forward()
        between.on_read = lambda _: Reply(500, b"")
        return sent.answer(409, b'{"error":"it exists"}')

    between.on_create = lambda sent: conflict(sent) if sent.customer == "3" else None
    draft = importer.draft(requests_for(4))
    importer.confirm(draft)
    importer.start()
    importer.wait_for_count(draft, RowState.UNKNOWN, 1)
    between.on_read = lambda _: None
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


@pytest.mark.parametrize("status", [302, 404, 405, 415, 418])
def test_an_unexpected_answer_stops_sending_and_is_shown(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between, status: int
) -> None:
    between.on_create = lambda sent: (
        sent.answer(status, b'{"error":"strange words"}') if sent.customer == "3" else None
    )
    paused = importer.run(requests_for(30), until=[ImportState.PAUSED])
    assert paused.paused_by is PausedBy.ANSWER
    assert "strange words" in (paused.paused_reason or "")
    importer.wait_for_count(paused, RowState.UNKNOWN, 1)
    if status == 404:
        between.on_create = lambda _: None
        importer.resume(paused)
        assert_each_once(practice_blnk, importer, importer.wait_for(paused, ImportState.DONE))


def test_a_row_that_makes_blnk_fail_repeatedly_is_rejected(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    importer.connect(base_url=between.url, requests_per_minute=1200)
    between.on_create = lambda sent: (
        sent.answer(500, b'{"error":"null character"}') if sent.customer == "0" else None
    )
    other = importer.draft(requests_for(500, currency="USD"))
    importer.confirm(other)
    draft = importer.draft(requests_for(1))
    importer.confirm(draft)
    importer.start()
    done = importer.wait_for(draft, ImportState.DONE)
    (row,) = importer.rows(done)
    assert row.state is RowState.REFUSED
    assert "null character" in (row.message or "")
    assert len(attempts_of(importer, done)) == 3


def test_an_unreadable_answer_does_not_stop_the_whole_file(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """A sign-in page with status 200 in place of every answer: five rows at most are lost to find out."""
    practice_blnk.order_fault("html_200", skip=30)
    draft = importer.draft(requests_for(100))
    importer.connect(requests_per_minute=6000)
    importer.confirm(draft)
    importer.start()
    paused = importer.wait_for(draft, ImportState.PAUSED)
    assert paused.paused_by is PausedBy.BREAKER
    practice_blnk.clear_faults()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_a_second_balance_created_elsewhere_is_named_with_its_ids(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    def twice(sent: Sent) -> Reply:
        sent.forward()
        return sent.forward()

    between.on_create = lambda sent: twice(sent) if sent.customer == "3" else None
    done = importer.run(requests_for(6))
    assert done.findings is not None
    row = importer.rows(done)[3]
    held = [one for one in practice_blnk.balances() if one["meta_data"]["import_ref"] == row.ref]
    (found,) = done.findings.twins
    assert found.row == row.number
    assert sorted(found.ids) == sorted(one["balance_id"] for one in held)
    assert not done.findings.clean
    assert done.findings.missing == []


def test_a_balance_that_cannot_be_found_anymore_is_in_doubt_and_is_never_sent_again(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """Blnk confirmed it, and forgot it."""
    practice_blnk.order_fault("latency", seconds=0.01)

    def forgotten(sent: Sent) -> Reply:
        balance = {**sent.json, "balance_id": "bln_gone", "created_at": "2026-01-01T00:00:00Z"}
        return sent.answer(201, orjson.dumps(balance))

    between.on_create = lambda sent: forgotten(sent) if sent.customer == "3" else None
    done = importer.run(requests_for(6))
    row = importer.rows(done)[3]
    assert row.state is RowState.UNKNOWN
    assert row.waits_for_person
    assert done.findings is not None
    assert done.findings.missing == [RowFinding(row=row.number, ids=["bln_gone"])]
    assert len(practice_blnk.balances()) == 5


def test_an_import_whose_connection_is_gone_waits_and_never_slips_into_another_one(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.connect(requests_per_minute=300)
    draft = importer.begin(requests_for(100), created=10)
    importer.connect(instance_id="another")
    paused = importer.wait_for(draft, ImportState.PAUSED)
    assert paused.paused_by is PausedBy.CONNECTION
    assert practice_blnk.instance_id in (paused.paused_reason or "")
    importer.connect(name="renamed")
    wait_until(
        lambda: importer.find(draft.id).state is ImportState.PAUSED, lambda: "it went on without being told"
    )
    importer.resume(draft)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_two_imports_of_the_same_rows_at_once_create_one_set_of_balances_whatever_is_lost(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.order_fault("drop_after_commit", percent=10, seed=1)
    practice_blnk.order_fault("drop_before_commit", percent=10, seed=2)
    drafts = [importer.draft(requests_for(60)) for _ in range(2)]
    with importer.store.write() as tx:
        for draft in drafts:
            assert import_acts.confirm(tx, draft, who=actor(), version=draft.version)
    importer.start()
    for draft in drafts:
        importer.wait_for(draft, ImportState.DONE)
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 60
    both = zip(importer.states(drafts[0]), importer.states(drafts[1]), strict=True)
    assert all({one, other} == {RowState.CREATED, RowState.EXISTS} for one, other in both)


def test_blnk_is_killed_and_restarted_and_nobody_has_to_do_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = Path(__file__).parents[1] / "samples" / "environment.json"
    with (
        PracticeBlnk(tmp_path / "blnk", seed=seed) as blnk,
        Importer(blnk, tmp_path / "data", monkeypatch) as importer,
    ):
        blnk.order_fault("full_stop", on="create", seconds=600, skip=25)
        draft = importer.draft(requests_for(80))
        importer.confirm(draft)
        importer.start()
        importer.wait_for_count(draft, RowState.CREATED, 20)
        blnk.kill()
        wait_until(
            lambda: importer.find(draft.id).paused_by is PausedBy.BREAKER,
            lambda: f"nothing says that Blnk is away: {importer.find(draft.id)}",
        )
        blnk.start_again()
        importer.connect()
        done = importer.wait_for(draft, ImportState.DONE)
        assert_each_once(blnk, importer, done)
        assert done.paused_by is None
        assert LEDGER in {one["ledger_id"] for one in blnk.balances()}


@on_both_databases
def test_each_attempt_keeps_the_request_id_of_its_answer(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """With it whoever runs Blnk finds the one request among millions."""
    practice_blnk.order_fault("status_after_commit", status=502, times=1, skip=1)
    done = importer.run(requests_for(3))

    with importer.store.read() as tx:
        tried = [row_history.attempts_of(tx, row.id) for row in rows.page(tx, done.number)]
    ids = [one.request_id for each in tried for one in each]
    assert all(ids)
    assert len(set(ids)) == len(ids) == 3
