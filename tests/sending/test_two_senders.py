"""Only one process sends to an instance, whichever dies, stands still, or only believes that it may."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, update

from blnk_api.sending.import_being_sent import Lane
from blnk_api.sending.instance_sending import engine_for
from blnk_api.store import Store, StoreUnavailable, tables
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.sending import lock, senders
from blnk_api.store.sending.leases import LeaseLost, Leases
from blnk_api.store.sending.lock import SenderLock
from blnk_api.store.states import ImportState, RowState
from blnk_api.store.transitions import move_import
from tests.support.importer import BOTH_DATABASES, WAIT_SECONDS, Importer, requests_for, wait_until
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.sending import assert_each_once, begin_in_own_process, create_count, create_count_at_rest
from tests.support.stalling_proxy import stalling

on_both_databases = pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
on_postgres = pytest.mark.parametrize("importer", ["postgres"], indirect=True)

HOLD = """
import sys
from blnk_api.store import Store
from blnk_api.store.sending.leases import Leases
leases = Leases(Store(sys.argv[1]), seconds=float(sys.argv[2]))
print(leases.take(1) is not None, flush=True)
sys.stdin.read()
"""


@contextmanager
def another_process_holds(url: str, *, seconds: float) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, url, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process
    finally:
        process.kill()
        process.wait()


def test_one_process_sends_to_an_instance(store: Store) -> None:
    other_store = Store(store.url.render_as_string(False))
    with Leases(store, seconds=600) as ours, Leases(other_store, seconds=600) as theirs:
        lease = ours.take(1)
        assert lease is not None
        assert lease.is_held()
        assert theirs.take(1) is None
        ours.release_all()
        assert not lease.is_held()
        wait_until(lambda: theirs.take(1), lambda: "what was released is not free")
    other_store.close()


def test_the_lock_of_a_killed_process_is_free(store: Store) -> None:
    url = store.url.render_as_string(False)
    with Leases(store, seconds=1) as ours, another_process_holds(url, seconds=1) as theirs:
        assert ours.take(1) is None
        theirs.kill()
        theirs.wait()
        wait_until(lambda: ours.take(1), lambda: "a dead process holds it")


def test_locks_on_a_network_are_not_trusted(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_file_system_of", lambda _: "nfs4")
    with pytest.raises(StoreUnavailable, match="network file system"):
        SenderLock(importer.store).take()


@pytest.mark.parametrize("importer", ["sqlite"], indirect=True)
@pytest.mark.parametrize("gone", ["sender.lock", "journal.db", "."])
@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_lock_in_a_folder_that_was_moved_or_replaced_is_not_held(
    importer: Importer, gone: str, is_replaced: bool
) -> None:
    with Leases(importer.store, seconds=10) as ours:
        one = ours.take(1)
        assert one is not None
        assert one.is_held()
        path, away = importer.data_dir / gone, importer.data_dir.parent / "away"
        path.rename(away)
        if is_replaced and gone == ".":
            shutil.copytree(away, path)
        elif is_replaced:
            shutil.copy(away, path)
        assert not one.is_held()
        assert one.is_lost


def test_a_sender_whose_data_folder_is_moved_sends_nothing_more_and_says_so(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """A second one may send in a folder that takes its place. What was on its way is known where it went."""
    importer.connect(requests_per_minute=600)
    draft = begin_in_own_process(importer, rows=300)
    away = importer.data_dir.parent / "away"
    importer.store.close()
    importer.data_dir.rename(away)
    assert importer.processes[0].wait(180) != 0
    sent = create_count(practice_blnk)
    away.rename(importer.data_dir)
    assert "The data folder was moved or replaced" in (importer.data_dir / "worker.log").read_text()
    counts = importer.counts(draft)
    assert counts[RowState.READY]
    assert sent <= 300 - counts[RowState.READY], "what was claimed when the folder went may not have left"
    importer.connect()
    importer.start_process()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def sender_pid(importer: Importer) -> int | None:
    """Of whoever sends to an instance; on Postgres others may wait."""
    with importer.store.read() as tx:
        return next((one.pid for one in senders.at_work(tx) if one.serves), None)


@on_both_databases
def test_a_second_worker_waits_and_takes_over_from_one_that_was_killed(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLNK_WAIT_LEASE", "2")
    importer.connect(requests_per_minute=6000)
    draft = begin_in_own_process(importer, rows=200)
    first, second = importer.processes[0], importer.start_process()
    importer.wait_for_count(draft, RowState.CREATED, 60)
    assert sender_pid(importer) == first.pid
    first.kill()
    wait_until(lambda: sender_pid(importer) == second.pid, lambda: "nobody takes over")
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def waits_for_a_lease(importer: Importer) -> subprocess.Popen[bytes]:
    """A second worker, from the moment on at which it is there beside the first one."""
    second = importer.start_process()

    def is_there() -> bool:
        with importer.store.read() as tx:
            return second.pid in [one.pid for one in senders.at_work(tx)]

    wait_until(is_there, lambda: "it does not wait")
    return second


@on_postgres
def test_a_worker_that_lost_its_lease_during_an_import_stops_and_leaves_nothing_stuck(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """What it has on its way is known, or looked up."""
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("latency", seconds=0.3)
    draft = begin_in_own_process(importer, rows=400)
    first, second = importer.processes[0], waits_for_a_lease(importer)
    with importer.store.write() as tx:
        tx.execute(update(tables.leases).values(token="", beat_at=0.0))
    assert first.wait(180) != 0
    wait_until(lambda: sender_pid(importer) == second.pid, lambda: "nobody takes over")
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_a_frozen_worker_continues_and_nobody_sent_meanwhile(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """SIGSTOP for longer than every time-out, with another one waiting: the lock is still the first one's."""
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("latency", seconds=0.2)
    draft = begin_in_own_process(importer, rows=200)
    first, second = importer.processes[0], importer.start_process()
    importer.wait_for_count(draft, RowState.CREATED, 60)
    os.kill(first.pid, signal.SIGSTOP)
    stopped = time.monotonic()
    sent = create_count_at_rest(practice_blnk)
    wait_until(lambda: time.monotonic() - stopped > 3, lambda: "?")
    assert create_count_at_rest(practice_blnk) == sent
    assert second.poll() is None
    os.kill(first.pid, signal.SIGCONT)
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


@on_postgres
def test_a_worker_that_wakes_up_after_another_took_over_sends_nothing(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stood still, with all its connections open; another one looked its rows up and sent them."""
    monkeypatch.setenv("BLNK_WAIT_LEASE", "2")
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("latency", seconds=0.2)
    draft = begin_in_own_process(importer, rows=200)
    first, second = importer.processes[0], waits_for_a_lease(importer)
    os.kill(first.pid, signal.SIGSTOP)
    wait_until(lambda: sender_pid(importer) == second.pid, lambda: "nobody takes over")
    importer.wait_for(draft, ImportState.DONE)
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(180) != 0
    assert_each_once(practice_blnk, importer, importer.find(draft.id))


@on_postgres
def test_another_worker_takes_over_from_one_that_is_cut_off_from_the_database(
    practice_blnk: PracticeBlnk, importer: Importer, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reaches Blnk all the while, and nobody tells it that the database does not hear it."""
    monkeypatch.setenv("BLNK_WAIT_LEASE", "2")
    importer.connect(requests_per_minute=6000)
    practice_blnk.order_fault("latency", seconds=0.2)
    with stalling(postgres.port) as network:
        direct = importer.database_url
        monkeypatch.setenv("BLNK_DATABASE_URL", direct.replace(f":{postgres.port}/", f":{network.port}/"))
        draft = begin_in_own_process(importer, rows=200)
        monkeypatch.setenv("BLNK_DATABASE_URL", direct)
        first, second = importer.processes[0], waits_for_a_lease(importer)
        network.stall()
        wait_until(lambda: sender_pid(importer) == second.pid, lambda: "nobody takes over")
        importer.wait_for(draft, ImportState.DONE)
        network.cut()
        assert first.wait(180) != 0
    assert_each_once(practice_blnk, importer, importer.find(draft.id))


class _Lease:
    """Held, and lost to another, for as long as the test says, by what the engine has in hand. Counts how
    often it is asked."""

    instance = 1

    def __init__(
        self, is_held: Callable[[list[Lane]], bool], lost: Callable[[list[Lane]], bool] = lambda _: False
    ) -> None:
        self.lanes: dict[int, Lane] = {}
        self.asked = 0
        self._held = is_held
        self._lost = lost

    def is_held(self) -> bool:
        self.asked += 1
        return self._held(list(self.lanes.values()))

    @property
    def is_lost(self) -> bool:
        return self._lost(list(self.lanes.values()))

    def require(self, tx: Connection) -> None:
        if self.is_lost:
            raise LeaseLost

    def release(self) -> None:
        pass


def _state_of_the_first_row(importer: Importer, lease: _Lease, draft: Import) -> RowState:
    """After an engine with this lease has looked the import's row up and has had many ticks to send it."""

    def is_in_hand() -> bool:
        return any(lane.ready or lane.claimed for lane in list(lease.lanes.values()))

    async def work() -> RowState:
        thread = AsyncStore(importer.store)
        running = await engine_for(importer.settings, importer.connection, importer.store, thread, lease)
        lease.lanes = running.engine.lanes
        try:
            await asyncio.to_thread(wait_until, is_in_hand, lambda: "the row is not looked up")
            enough = lease.asked + 40
            await asyncio.to_thread(wait_until, lambda: lease.asked > enough, lambda: "nothing ticks")
            return importer.rows(draft)[0].state
        finally:
            await running.stop()
            thread.close()

    return asyncio.run(work())


def _run_until_it_breaks(importer: Importer, lease: _Lease) -> None:
    """An engine with this lease. Raises what broke it."""

    async def work() -> None:
        thread = AsyncStore(importer.store)
        running = await engine_for(importer.settings, importer.connection, importer.store, thread, lease)
        lease.lanes = running.engine.lanes
        try:
            first = asyncio.FIRST_COMPLETED
            await asyncio.wait(running.tasks, timeout=WAIT_SECONDS, return_when=first)
            running.raise_if_broken()
        finally:
            await running.stop()
            thread.close()

    asyncio.run(work())


def test_without_a_lease_nothing_is_claimed(practice_blnk: PracticeBlnk, importer: Importer) -> None:
    draft = importer.draft(requests_for(1))
    importer.confirm(draft)
    never = _Lease(lambda lanes: False)
    assert _state_of_the_first_row(importer, never, draft) is RowState.READY
    assert practice_blnk.balances() == []


def test_a_row_that_was_claimed_before_the_lease_was_lost_does_not_leave(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    draft = importer.draft(requests_for(1))
    importer.confirm(draft)
    until_the_claim = _Lease(lambda lanes: not any(lane.out for lane in lanes))
    assert _state_of_the_first_row(importer, until_the_claim, draft) is RowState.SENDING
    assert practice_blnk.requests()["by_kind"].get("create", 0) == 0


def test_a_sender_that_has_not_noticed_that_another_has_its_lease_claims_nothing(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    draft = importer.draft(requests_for(1))
    importer.confirm(draft)
    with importer.store.write() as tx:
        assert move_import(tx, draft.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)
    lost = _Lease(lambda lanes: True, lambda lanes: any(lane.is_looked_up for lane in lanes))
    with pytest.raises(LeaseLost):
        _run_until_it_breaks(importer, lost)
    assert importer.states(draft) == [RowState.READY]
    assert practice_blnk.balances() == []


def test_a_sender_that_lost_its_lease_records_answers_and_decides_nothing_else(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """It has its answer, and does not say that the import is through: that is for the next sender."""
    draft = importer.draft(requests_for(1))
    importer.confirm(draft)
    lost = _Lease(lambda lanes: True, lambda lanes: any(lane.made for lane in lanes))
    with pytest.raises(LeaseLost):
        _run_until_it_breaks(importer, lost)
    assert importer.states(draft) == [RowState.CREATED]
    assert importer.find(draft.id).state is ImportState.RUNNING
