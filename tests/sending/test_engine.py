"""Every row becomes exactly one balance, and people stay in control. The truth is what Blnk holds."""

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from blnk_api.models import GENERAL_LEDGER_ID, BalanceRequest
from blnk_api.sending import instance_sending, recorder
from blnk_api.store import tables
from blnk_api.store.async_store import AsyncStore, wait_at_most
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import attempts as sending
from blnk_api.store.sending import claims, senders
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.faulty_proxy import Between, Reply, Sent
from tests.support.importer import BOTH_DATABASES, LEDGER, WAIT_SECONDS, Importer, requests_for, wait_until
from tests.support.practice import PracticeBlnk
from tests.support.sending import asked, assert_each_once

on_both_databases = pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)


@on_both_databases
def test_every_row_becomes_one_balance(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    done = importer.run(requests_for(250))
    assert_each_once(practice_blnk, importer, done)
    assert done.findings is not None
    assert done.findings.clean
    assert (done.findings.expected, done.findings.found) == (250, 250)


@on_both_databases
def test_a_row_whose_answer_was_lost_is_created_once(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    practice_blnk.order_fault("drop_after_commit", times=1, skip=1)
    assert_each_once(practice_blnk, importer, importer.run(requests_for(3)))


def test_a_clean_run_leaves_nothing_waiting(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty rows, verified included, are done although every wait that a fault would cost is a day."""
    for wait in ("RESOLVE", "RESCAN", "JOURNAL_RETRY", "BREAKER_FIRST", "BREAKER_MOST"):
        monkeypatch.setenv(f"BLNK_WAIT_{wait}", "86400")
    importer.settle(86_400, apart=86_400)
    importer.run(requests_for(20))


def test_an_empty_import_is_done(importer: Importer) -> None:
    assert importer.run([]).state is ImportState.DONE


def test_identical_rows_are_as_many_balances(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    done = importer.run(requests_for(1) * 3)
    assert_each_once(practice_blnk, importer, done)
    assert len(practice_blnk.balances()) == 3


def test_every_row_is_looked_up_before_it_is_sent(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    draft = importer.draft(requests_for(3))
    practice_blnk.create_balance(
        ledger_id=LEDGER,
        currency="NGN",
        meta_data={"customer": "1", "import_ref": importer.rows(draft)[1].ref, "import_id": "imp_other"},
    )
    importer.confirm(draft)
    importer.start()
    done = importer.wait_for(draft, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED, RowState.EXISTS, RowState.CREATED]
    assert len(practice_blnk.balances()) == 3


def test_a_balance_that_differs_is_not_taken_for_the_rows_own(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    draft = importer.draft(requests_for(2))
    held = practice_blnk.create_balance(
        ledger_id=LEDGER,
        currency="NGN",
        meta_data={"customer": "other", "import_ref": importer.rows(draft)[1].ref},
    )
    importer.confirm(draft)
    importer.start()
    done = importer.wait_for(draft, ImportState.DONE)
    _, row = importer.rows(done)
    assert row.state is RowState.INVALID
    assert row.message is not None
    assert held["balance_id"] in row.message
    assert "customer" in row.message
    assert len(practice_blnk.balances()) == 2


def test_one_goes_first_then_five_then_all(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    """Each group's answers are held back until all of it is here, and a moment longer: for one too many."""
    met: list[str] = []
    groups = iter([threading.Barrier(n, timeout=WAIT_SECONDS) for n in (1, 5, 20)])
    group = next(groups)

    def hold(sent: Sent) -> Reply:
        nonlocal group
        mine = group
        met.append("create")
        if mine.wait() == 0:
            time.sleep(0.3)
            group = next(groups, mine)
            met.append("answers")
        mine.wait()
        return sent.forward()

    def look(sent: Sent) -> None:
        met.append("read")

    with Between(practice_blnk) as between:
        between.on_create, between.on_read = hold, look
        importer.connect(base_url=between.url)
        importer.run(requests_for(26))
    sending = met[met.index("create") : len(met) - met[::-1].index("answers")]
    assert sending[:2] == ["create", "answers"]
    assert sending[2] == "read", "the first is found before another leaves"
    assert [one for one in sending[2:] if one != "read"] == [
        *(["create"] * 5 + ["answers"]),
        *(["create"] * 20 + ["answers"]),
    ]


def test_a_first_row_returned_without_its_ref_stops_after_one_balance(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.order_fault("wrong_ref_201")
    paused = importer.run(requests_for(50), until=[ImportState.PAUSED])
    assert paused.paused_by is PausedBy.CANARY
    assert len(practice_blnk.balances()) == 1


def test_a_first_row_that_is_not_found_stops_after_one_balance(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.order_fault("lagging_reads", seconds=600)
    paused = importer.run(requests_for(50), until=[ImportState.PAUSED])
    assert paused.paused_by is PausedBy.CANARY
    assert paused.paused_reason is not None
    assert len(practice_blnk.balances()) == 1
    practice_blnk.clear_faults()
    importer.resume(paused)
    assert_each_once(practice_blnk, importer, importer.wait_for(paused, ImportState.DONE))


def test_a_first_row_that_is_found_late_stops_nothing(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.order_fault("lagging_reads", seconds=0.8)
    done = importer.run(requests_for(20))
    assert_each_once(practice_blnk, importer, done)
    assert "paused" not in importer.events(done)


def test_twenty_rejections_in_succession_stop_and_ask(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """Rows that are on their way at the pause are completed; no further one leaves."""
    wrong = [
        BalanceRequest(ledger_id="ldg_gone", currency="NGN", meta_data={"n": str(n)}) for n in range(200)
    ]
    paused = importer.run(wrong + requests_for(5), until=[ImportState.PAUSED])
    assert paused.paused_by is PausedBy.REFUSALS
    wait_until(  # once a claimed row that did not leave is back
        lambda: set(importer.counts(paused)) == {RowState.REFUSED, RowState.READY},
        lambda: str(importer.counts(paused)),
    )
    assert 20 <= importer.counts(paused)[RowState.REFUSED] < 200
    assert practice_blnk.balances() == []
    for _ in range(20):
        importer.resume(paused)
        paused = importer.wait_for(paused, ImportState.DONE, ImportState.PAUSED)
        if paused.state is ImportState.DONE:
            break
    assert importer.states(paused) == [RowState.REFUSED] * 200 + [RowState.CREATED] * 5
    assert "This ledger does not exist in Blnk." in (importer.rows(paused)[0].message or "")


def test_what_blnk_stored_differently_is_reported_beside_the_row(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """A Core that knows no indicators drops one without a word."""
    practice_blnk.set_core("0.15.2")
    request = BalanceRequest(ledger_id=GENERAL_LEDGER_ID, currency="NGN", indicator="@cash")
    done = importer.run([request])
    (row,) = importer.rows(done)
    assert row.state is RowState.CREATED
    assert row.message == "indicator is empty in Blnk"


def test_two_imports_share_the_pace(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    """The second one, small and late, does not wait for the end of the first: their rows take turns."""
    importer.connect(requests_per_minute=2400)
    practice_blnk.order_fault("full_stop", on="create", seconds=600, skip=20)
    large = importer.draft(requests_for(400))
    small = importer.draft(requests_for(30, currency="USD"))
    importer.confirm(large)
    importer.start()
    importer.wait_for_count(large, RowState.CREATED, 20)
    importer.confirm(small)
    importer.wait_until_at_work(small)
    practice_blnk.clear_faults()
    importer.wait_for(small, ImportState.DONE)
    ours = {row.ref for row in importer.rows(small)}
    order = [one["import_ref"] in ours for one in asked(practice_blnk, "create")]
    its = [at for at, is_small in enumerate(order) if is_small]
    after_its_first_six = order[its[6] : its[-1]]
    assert 5 <= after_its_first_six.count(False) <= 3 * 30, "neither starves"


def _attempts(importer: Importer, import_: Import) -> int:
    """How often rows of the import were claimed."""
    counted = select(func.count()).select_from(tables.attempts.join(tables.rows))
    with importer.store.read() as tx:
        return int(tx.execute(counted.where(tables.rows.c.import_ == import_.number)).scalar_one())


def _beat(importer: Importer, times: int) -> None:
    """Waits while the sender goes round that often."""
    seen: set[float] = set()

    def has_beaten() -> bool:
        with importer.store.read() as tx:
            heard = senders.last_heard(tx)
        if heard is not None:
            seen.add(heard[1])
        return len(seen) > times

    wait_until(has_beaten, lambda: "the sender stands still")


def _no_row_is_claimed(importer: Importer, import_: Import) -> None:
    """From a few rounds of the sender on, which has rows left and time for them."""
    _beat(importer, 5)
    claimed = _attempts(importer, import_)
    _beat(importer, 10)
    assert _attempts(importer, import_) == claimed
    assert importer.counts(import_)[RowState.READY] > 0


@pytest.mark.parametrize("restarts", [False, True])
def test_a_pause_takes_effect_at_once_and_stays(
    practice_blnk: PracticeBlnk, importer: Importer, restarts: bool
) -> None:
    importer.connect(requests_per_minute=600)
    draft = importer.begin(requests_for(300), created=7)
    importer.pause(draft)
    if restarts:
        importer.stop()
        importer.start()
    _no_row_is_claimed(importer, draft)
    if not restarts:
        wait_until(
            lambda: importer.counts(draft).keys() <= {RowState.CREATED, RowState.READY},
            lambda: f"rows are still on their way: {importer.counts(draft)}",
        )
    assert importer.find(draft.id).paused_by is PausedBy.PERSON
    importer.connect()
    importer.resume(draft)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


@pytest.mark.parametrize("restarts", [False, True])
def test_a_canceled_import_sends_nothing_more_but_knows_what_it_created(
    practice_blnk: PracticeBlnk, importer: Importer, restarts: bool
) -> None:
    importer.connect(requests_per_minute=600)
    practice_blnk.order_fault("drop_after_commit", percent=30, seed=1)
    draft = importer.begin(requests_for(300), created=7)
    importer.cancel(draft)
    if restarts:
        importer.stop()
        importer.start()
    _no_row_is_claimed(importer, draft)

    def is_known(row: StoredRow) -> bool:
        """A row that a stopped sender had claimed may not have left; only a person can say so in the end."""
        is_settled = row.state in (RowState.CREATED, RowState.READY)
        return is_settled or (restarts and row.state is RowState.UNKNOWN and row.waits_for_person)

    wait_until(
        lambda: all(is_known(row) for row in importer.rows(draft)),
        lambda: f"rows that may have left a balance are not looked up: {importer.counts(draft)}",
    )
    assert importer.counts(draft)[RowState.READY] > 0
    created = [row.ref or "" for row in importer.rows(draft) if row.state is RowState.CREATED]
    assert practice_blnk.refs() == sorted(created)


def test_rows_that_are_being_claimed_while_their_import_is_cancelled_go_back(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender hears of the cancellation before it hears that its claim was committed."""
    write = AsyncStore.write
    claimed, goes_on = threading.Event(), threading.Event()

    async def held(thread: AsyncStore, does: Any, *args: Any, **kwargs: Any) -> Any:
        done = await write(thread, does, *args, **kwargs)
        if does is claims.claim and not claimed.is_set():
            claimed.set()
            await asyncio.to_thread(goes_on.wait)
        return done

    def is_heard_of() -> bool:
        with suppress(ValueError):  # it is forgotten
            return not importer.lane(draft).sends
        return True

    monkeypatch.setattr(AsyncStore, "write", held)
    draft = importer.draft(requests_for(3))
    importer.confirm(draft)
    importer.start()
    wait_until(claimed.is_set, lambda: "nothing is claimed")
    importer.cancel(draft)
    wait_until(is_heard_of, lambda: "it goes on")
    goes_on.set()
    wait_until(
        lambda: importer.counts(draft) == {RowState.READY: 3},
        lambda: f"rows that cannot leave are called on their way: {importer.counts(draft)}",
    )
    assert practice_blnk.balances() == []


def test_an_import_that_was_paused_before_it_began_sends_nothing(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    draft = importer.draft(requests_for(5))
    importer.confirm(draft)
    importer.pause(draft)
    other = importer.run(requests_for(1, currency="USD"))
    assert other.state is ImportState.DONE
    assert len(practice_blnk.balances()) == 1


def test_rows_that_were_not_sent_are_looked_up_again_after_a_restart(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    practice_blnk.order_fault("full_stop", on="create", seconds=600, skip=20)
    draft = importer.begin(requests_for(100), created=7)
    importer.stop()
    practice_blnk.clear_faults()
    last = importer.rows(draft)[-1]
    assert last.state is RowState.READY
    practice_blnk.create_balance(
        ledger_id=LEDGER, currency="NGN", meta_data={"customer": "99", "import_ref": last.ref}
    )
    importer.start()
    done = importer.wait_for(draft, ImportState.DONE)
    assert importer.rows(done)[-1].state is RowState.EXISTS
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 100


def test_an_import_continues_where_a_stopped_sender_left_it(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    importer.connect(requests_per_minute=12_000)
    draft = importer.draft(requests_for(150))
    importer.confirm(draft)
    for least in (10, 40, 90):
        importer.start()
        importer.wait_for_count(draft, RowState.CREATED, least)
        importer.stop()
    importer.start()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_a_stopping_sender_records_what_it_knows(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only rows that are on their way at that moment are in doubt, not those that had their answer."""
    at_once = 5
    monkeypatch.setenv("BLNK_MOST_AT_ONCE", str(at_once))

    async def as_long_as_it_runs(seconds: float, until: asyncio.Event) -> None:
        await wait_at_most(seconds, until if seconds == recorder.FEW_SECONDS else asyncio.Event())

    monkeypatch.setattr(recorder, "GROUP_SECONDS", 3600.0)
    monkeypatch.setattr(recorder, "wait_at_most", as_long_as_it_runs)
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("full_stop", on="create", seconds=600, skip=60)
    draft = importer.begin(requests_for(400), created=6)
    wait_until(
        lambda: len(asked(practice_blnk, "create")) == 60 + at_once,
        lambda: f"{len(asked(practice_blnk, 'create'))} left",
    )
    assert importer.counts(draft)[RowState.CREATED] < 60, "there is nothing to be written down"
    importer.stop()
    on_their_way = importer.counts(draft).get(RowState.SENDING, 0)
    assert importer.counts(draft)[RowState.READY] > 0
    assert importer.counts(draft)[RowState.CREATED] == 60
    assert on_their_way <= 3 * at_once, "in flight, and what a claim of that moment has ahead of them"


@pytest.mark.parametrize("days", [-2, 2])
def test_a_clock_that_jumps_changes_nothing(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    importer.connect(requests_per_minute=12_000)
    practice_blnk.order_fault("drop_after_commit", percent=10, seed=1)
    draft = importer.begin(requests_for(150), created=20)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + days * 86400)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_a_wait_lengthened_by_a_clock_jump_ends(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store keeps until when Blnk asked us to wait; read a day earlier, that would be a day."""
    monkeypatch.setattr(instance_sending, "MOST_WAIT_SECONDS", 0.5)
    draft = importer.draft(requests_for(3))
    importer.confirm(draft)
    with importer.store.write() as tx:
        senders.remember_learned(
            tx, draft.instance_number, per_minute=None, not_before=time.time() + 86_400, breaker=None
        )
    began = time.monotonic()
    importer.start()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))
    assert asked(practice_blnk, "create")[0]["arrived"] - began > 0.5


def test_two_rows_that_brought_the_same_ref_are_one_balance_and_both_say_so(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    draft = importer.draft(requests_for(3))
    importer.give_ref(draft, number=4, of=2)
    importer.confirm(draft)
    importer.start()
    done = importer.wait_for(draft, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED, RowState.CREATED, RowState.EXISTS]
    assert len(practice_blnk.balances()) == 2


def _in_doubt(
    monkeypatch: pytest.MonkeyPatch, act: Callable[..., object], *, committed: bool, times: int = 1
) -> list[int]:
    """Some of the writes of this kind fail: with their commit done, or not. How often they were tried."""
    write = AsyncStore.write
    tried: list[int] = []

    async def fail(thread: AsyncStore, does: Any, *args: Any, **kwargs: Any) -> Any:
        if does is not act:
            return await write(thread, does, *args, **kwargs)
        tried.append(1)
        if 2 <= len(tried) < 2 + times:
            if committed:
                await write(thread, does, *args, **kwargs)
            raise OperationalError("COMMIT", {}, Exception("the connection is lost"))
        return await write(thread, does, *args, **kwargs)

    monkeypatch.setattr(AsyncStore, "write", fail)
    return tried


@on_both_databases
@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize("act", [claims.claim, sending.record])
def test_a_commit_with_an_unknown_outcome_does_no_harm(
    practice_blnk: PracticeBlnk,
    importer: Importer,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[..., object],
    committed: bool,
) -> None:
    tried = _in_doubt(monkeypatch, act, committed=committed, times=2)
    practice_blnk.order_fault("rate_limited", retry_after="0", times=2, skip=2)
    done = importer.run(requests_for(60))
    assert_each_once(practice_blnk, importer, done)
    assert len(tried) > 3
    assert done.counts == {RowState.CREATED: 60}
    assert "interrupted" not in importer.events(done), "it is no crash"


@on_both_databases
@pytest.mark.parametrize("committed", [True, False])
def test_nothing_leaves_without_a_committed_claim(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    write = AsyncStore.write
    tried = _in_doubt(monkeypatch, claims.claim, committed=committed, times=1_000)
    draft = importer.draft(requests_for(60))
    importer.confirm(draft)
    importer.start()
    wait_until(lambda: len(tried) > 6, lambda: "no claim is tried again")
    assert practice_blnk.requests()["by_kind"]["create"] == 1, "the first claim's, which was committed"
    monkeypatch.setattr(AsyncStore, "write", write)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))
    assert practice_blnk.requests()["by_kind"]["create"] == 60


@on_both_databases
def test_nothing_is_claimed_while_outcomes_cannot_be_recorded(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer.connect(requests_per_minute=1200)
    write = AsyncStore.write
    tried = _in_doubt(monkeypatch, sending.record, committed=False, times=1_000)
    failing = AsyncStore.write
    claimed: list[int] = []

    async def note(thread: AsyncStore, does: Any, *args: Any, **kwargs: Any) -> Any:
        if does is claims.claim and len(tried) > 1:
            claimed.append(1)
        return await failing(thread, does, *args, **kwargs)

    monkeypatch.setattr(AsyncStore, "write", note)
    draft = importer.draft(requests_for(60))
    importer.confirm(draft)
    importer.start()
    wait_until(lambda: len(tried) > 20, lambda: "what came of rows is not written down again")
    assert len(claimed) <= 1, "one may have begun before the first of them failed"
    monkeypatch.setattr(AsyncStore, "write", write)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))
