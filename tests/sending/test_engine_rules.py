"""Rules of the sender that no fault shows by itself: what looks ask for, and what a restart remembers."""

import asyncio
import threading
import time
from dataclasses import replace

import orjson
import pytest

from blnk_api.lookup import existing
from blnk_api.lookup.looker import bound_of
from blnk_api.sending.import_being_sent import Lane
from blnk_api.sending.recorder import Recorder
from blnk_api.settings import PRACTICE, load
from blnk_api.store import Store
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.sending import senders
from blnk_api.store.states import ImportState, PausedBy, Ramp, RowState
from tests.support.faulty_proxy import Between, Reply, Sent
from tests.support.importer import LEDGER, Importer, requests_for, wait_until
from tests.support.json_object import JsonObject
from tests.support.practice import PracticeBlnk
from tests.support.sending import asked, assert_each_once
from tests.support.store import claim, created, running, states_of


def test_production_settles_for_a_minute_and_slow_connections_for_two_timeouts() -> None:
    settings = load({})
    connection = settings.connections[PRACTICE]
    production = replace(connection, instance=replace(connection.instance, environment="production"))
    assert settings.settle_seconds(replace(connection, request_timeout_seconds=4)) == 10
    assert settings.settle_seconds(replace(connection, request_timeout_seconds=30)) == 60
    assert settings.settle_seconds(replace(production, request_timeout_seconds=4)) == 60
    assert settings.settle_seconds(replace(production, request_timeout_seconds=40)) == 80


def test_the_first_rows_leave_while_all_others_are_looked_up_and_none_of_those_before_it_was(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(existing, "FEWEST_LOOKS_FOR_A_WALK", 0)
    first, left = {str(at) for at in range(99)}, set[str]()
    all_first_left, left_meanwhile = threading.Event(), list[set[str]]()

    def leaves(sent: Sent) -> None:
        left.add(sent.customer)
        if left >= first:
            all_first_left.set()

    def held_up(sent: Sent) -> None:
        is_walk = sent.path.startswith("/balances/filter") and sent.json.get("sort_order") == "asc"
        if is_walk and not left_meanwhile:
            assert all_first_left.wait(180)
            left_meanwhile.append(set(left))

    with Between(practice_blnk) as between:
        between.on_create, between.on_read = leaves, held_up
        importer.connect(base_url=between.url, requests_per_minute=60_000)
        done = importer.run(requests_for(130))
    assert left_meanwhile == [first]
    assert_each_once(practice_blnk, importer, done)


@pytest.mark.parametrize(("rows", "at", "order"), [(9, 4, None), (130, 120, "asc")], ids=["list", "walk"])
def test_what_was_asked_before_a_pause_does_not_count_once_the_import_is_resumed(
    practice_blnk: PracticeBlnk,
    importer: Importer,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    at: int,
    order: str | None,
) -> None:
    """Meanwhile another desk made one of its balances, which the old answer does not have."""
    monkeypatch.setattr(existing, "FEWEST_LOOKS_FOR_A_WALK", 1)
    answered, go_on = threading.Event(), threading.Event()

    def held_back(sent: Sent) -> Reply | None:
        is_meant = sent.path.startswith("/balances/filter") and sent.json.get("sort_order") == order
        if answered.is_set() or not is_meant:
            return None
        reply = sent.forward()
        answered.set()
        assert go_on.wait(180)
        return reply

    with Between(practice_blnk) as between:
        between.on_read = held_back
        importer.connect(base_url=between.url, request_timeout_seconds=40)
        draft = importer.draft(requests_for(rows))
        importer.confirm(draft)
        importer.start()
        wait_until(answered.is_set, lambda: "its rows are not looked up")
        importer.pause(draft)
        lane = importer.lane(draft)
        wait_until(lambda: not lane.sends, lambda: "the pause is not seen")
        stamps = {"import_ref": importer.rows(draft)[at].ref, "customer": str(at)}
        theirs = practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=stamps)
        importer.resume(draft)
        wait_until(lambda: lane.sends, lambda: "it is not resumed")
        go_on.set()
        if importer.wait_for(draft, ImportState.DONE, ImportState.PAUSED).state is ImportState.PAUSED:
            importer.resume(draft)  # the other desk was met
        done = importer.wait_for(draft, ImportState.DONE)
    now = importer.rows(done)[at]
    assert (now.state, now.balance_id) == (RowState.EXISTS, theirs["balance_id"])
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == rows


def test_lost_rows_are_looked_for_from_the_day_before_the_first_balance_on_and_new_rows_always(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """By Blnk's own time. A balance may be years old when its row is about to be sent."""
    looks: list[list[JsonObject]] = []

    def note(sent: Sent) -> Reply | None:
        if sent.path.startswith("/balances/filter"):
            looks.append(sent.json["filters"])
        return None

    with Between(practice_blnk) as between:
        between.on_read = note
        importer.connect(base_url=between.url)
        practice_blnk.order_fault("drop_after_commit", times=1, skip=2)
        draft = importer.draft(requests_for(9))
        refs = [row.ref for row in importer.rows(draft)]
        importer.confirm(draft)
        importer.start()
        done = importer.wait_for(draft, ImportState.DONE)
    assert_each_once(practice_blnk, importer, done)
    assert done.created_from is not None
    before, *_ = looks
    assert [one["field"] for one in before] == ["meta_data.import_ref"]
    assert before[0]["values"] == refs
    bounds = {one["value"] for look in looks[1:] for one in look if one["field"] == "created_at"}
    assert bound_of(done.created_from) in bounds
    assert all(len(look) == 2 for look in looks[1:])


def test_look_ups_are_bounded_by_blnks_clock_and_not_by_ours(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """Blnk says that it is years ago: by our clock, no balance that it makes now would be in sight."""
    bounds: set[str] = set()

    def made_years_ago(sent: Sent) -> Reply:
        made = sent.forward()
        said = orjson.loads(made.body) | {"created_at": "2020-05-05T12:00:00.000000001Z"}
        return sent.answer(made.status, orjson.dumps(said))

    def note(sent: Sent) -> None:
        if sent.path.startswith("/balances/filter"):
            bounds.update(one["value"] for one in sent.json["filters"] if one["field"] == "created_at")

    with Between(practice_blnk) as between:
        between.on_create, between.on_read = made_years_ago, note
        importer.connect(base_url=between.url)
        done = importer.run(requests_for(9))
    assert_each_once(practice_blnk, importer, done)
    assert min(bounds) == "2020-05-04T12:00:00Z"


def test_rows_of_a_paused_import_are_looked_up_too(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    importer.connect(requests_per_minute=600)
    draft = importer.begin(requests_for(60), created=10)
    practice_blnk.order_fault("status_before_commit", on="filter", status=500)
    practice_blnk.order_fault("drop_after_commit", times=1)
    importer.wait_for_count(draft, RowState.UNKNOWN, 1)
    importer.pause(draft)
    practice_blnk.clear_faults()
    wait_until(
        lambda: importer.counts(draft).keys() == {RowState.CREATED, RowState.READY},
        lambda: f"it is not looked up: {importer.counts(draft)}",
    )
    assert importer.find(draft.id).paused_by is PausedBy.PERSON
    assert "found" in importer.events(draft)


def test_a_restart_remembers_the_pace_the_wait_and_the_outage(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.connect(requests_per_minute=1200)
    draft = importer.draft(requests_for(3))
    importer.confirm(draft)
    with importer.store.write() as tx:
        senders.remember_learned(
            tx,
            draft.instance_number,
            per_minute=120.0,
            not_before=time.time() + 1.0,
            breaker={"circuit": "open", "reason": "It did not answer."},
        )
    began = time.monotonic()
    importer.start()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))
    told = practice_blnk.requests()["recent"]
    assert told[0]["arrived"] - began > 0.9, "Blnk had asked for a wait"
    assert told[0]["path"] == "/data/ledgers", "it is asked whether it is well before anything is sent"
    first, *_, last = asked(practice_blnk, "create")
    assert last["arrived"] - first["arrived"] > 0.9, "two requests a second were learned"


def test_what_was_learned_is_kept_for_the_next_start(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    practice_blnk.order_fault("rate_limited", retry_after="600", times=1, skip=10)
    importer.connect(requests_per_minute=6000)
    draft = importer.draft(requests_for(60))
    importer.confirm(draft)
    importer.start()

    def kept() -> senders.LearnedPace | None:
        with importer.store.read() as tx:
            found = senders.learned(tx, draft.instance_number)
        return found if found.not_before else None

    learned = wait_until(kept, lambda: "it is not written down")
    assert learned.per_minute == pytest.approx(6000 * 0.7)
    assert 300 < (learned.not_before or 0.0) - time.time() <= 600


def test_an_outcome_whose_record_is_cut_short_by_the_senders_end_is_recorded(store: Store) -> None:
    """The store was busy with something else when the sender ended."""
    made = running(store, 2)
    claimed = claim(store, made)
    is_free = threading.Event()

    async def ends() -> None:
        thread = AsyncStore(store)
        lane = Lane(made, Ramp.ALL)
        recorder = Recorder(thread, thread, {made.number: lane}, retry_seconds=0.01)
        thread._thread.submit(is_free.wait)
        for at, row in enumerate(claimed.tries):
            recorder.add(lane, created(claimed, row, f"bln_{at}"))
        running = asyncio.create_task(recorder.run(lambda _: asyncio.sleep(0)))
        await asyncio.to_thread(wait_until, lambda: lane.recording, lambda: "nothing is recorded")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        is_free.set()
        await recorder.write_down_the_rest()
        thread.close()

    asyncio.run(ends())
    assert states_of(store, made) == [RowState.CREATED] * 2
