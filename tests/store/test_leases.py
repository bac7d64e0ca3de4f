"""On Postgres, an instance is sent to by whoever holds its lease, and by nobody else."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from blnk_api.store import Store
from blnk_api.store.sending import leases as leases_module
from blnk_api.store.sending import senders
from blnk_api.store.sending.leases import DESK, Lease, LeaseLost, Leases, served_lately
from blnk_api.store.sending.senders import SenderIs
from tests.support.importer import wait_until
from tests.support.postgres import Postgres
from tests.support.store import INSTANCE, claim, ids_of, running

OLD_LOCK = 7316201
"""That of versions that know no leases."""


class _Desk:
    """A database with several senders, each of which has connections of its own."""

    def __init__(self, postgres: Postgres) -> None:
        self.url = postgres.new_database(like="migrated")
        self.store = Store(self.url)
        self._opened: list[tuple[Leases, Store]] = []

    def sender(self, *, seconds: float = 600.0) -> Leases:
        store = Store(self.url)
        made = Leases(store, seconds=seconds)
        self._opened.append((made, store))
        return made

    def ask(self, query: str, **values: object) -> Any:
        with self.store.write() as tx:
            return tx.execute(text(query), values)

    def close(self) -> None:
        for made, store in self._opened:
            made.close()
            store.close()
        self.store.close()


@pytest.fixture
def desk(postgres: Postgres) -> Iterator[_Desk]:
    made = _Desk(postgres)
    yield made
    made.close()


def taken(leases: Leases, instance: int = 1) -> Lease:
    lease = leases.take(instance)
    assert lease is not None
    return lease


def stands_still(leases: Leases) -> None:
    """Its beats do not arrive: what else its process does is up to the test."""
    leases._is_closed.set()
    if leases._beats is not None:
        leases._beats.join()


def passes(desk: _Desk, seconds: float) -> None:
    """For the database, since the last beat of every lease."""
    desk.ask("UPDATE leases SET beat_at = beat_at - :seconds", seconds=seconds)


def test_each_instance_has_one_holder_and_another_instance_another(desk: _Desk) -> None:
    one, other = desk.sender(), desk.sender()
    assert taken(one, 1).is_held()
    assert other.take(1) is None
    assert taken(other, 2).is_held()
    assert taken(one, DESK).is_held()
    assert other.take(DESK) is None


def test_a_lease_that_is_released_is_free_at_once(desk: _Desk) -> None:
    one, other = desk.sender(), desk.sender()
    lease = taken(one)
    lease.release()
    assert not lease.is_held()
    assert taken(other).is_held()


def test_a_lease_is_renewed_for_as_long_as_its_process_lives(desk: _Desk) -> None:
    """Also after the server has cut its sessions off."""
    one, other = desk.sender(seconds=1.0), desk.sender(seconds=1.0)
    lease = taken(one)
    since = desk.ask("SELECT beat_at FROM leases").scalar_one()
    desk.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    later = lambda: desk.ask("SELECT beat_at FROM leases").scalar_one() > since + 2  # noqa: E731
    wait_until(later, lambda: "it is not beaten")
    assert not lease.is_lost
    assert other.take(1) is None


def test_a_lease_is_taken_over_ten_seconds_after_its_last_heartbeat_and_not_before(desk: _Desk) -> None:
    one, other = desk.sender(seconds=10.0), desk.sender(seconds=10.0)
    lease = taken(one)
    stands_still(one)
    passes(desk, 8.0)
    assert other.take(1) is None
    passes(desk, 2.0)
    assert taken(other).is_held()
    with pytest.raises(LeaseLost), desk.store.write() as tx:
        lease.require(tx)
    assert lease.is_lost


def test_a_holder_trusts_its_lease_for_five_seconds_from_before_its_last_heartbeat(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own clock: the database may have answered much later."""
    now = [1_000.0]
    monkeypatch.setattr(leases_module, "boottime", lambda: now[0])
    lasts = desk.sender(seconds=10.0)
    write = lasts._store.write

    @contextmanager
    def slow() -> Iterator[Connection]:
        with write() as tx:
            yield tx
        now[0] += 3.0

    monkeypatch.setattr(lasts._store, "write", slow)
    lease = taken(lasts)
    stands_still(lasts)
    now[0] = 1_004.9
    assert lease.is_held()
    now[0] = 1_005.0
    assert not lease.is_held()
    assert not lease.is_lost, "nobody has taken it over"


def test_a_late_heartbeat_renews_a_lease_that_nobody_took(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the wall clock was set: what was held before that is not, and the next heartbeat says so
    again."""
    lease = taken(desk.sender(seconds=5.0))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 3_600)
    assert not lease.is_held()
    wait_until(lease.is_held, lambda: "it is not beaten")


def test_a_sender_whose_lease_another_took_over_learns_it_from_its_next_heartbeat(desk: _Desk) -> None:
    lease = taken(desk.sender(seconds=2.0))
    desk.ask("UPDATE leases SET token = 'another'")
    wait_until(lambda: lease.is_lost, lambda: "it believes to hold it")
    assert not lease.is_held()


def test_nobody_takes_over_a_lease_while_its_holder_decides(desk: _Desk) -> None:
    one, other = desk.sender(), desk.sender()
    lease = taken(one)
    stands_still(one)
    passes(desk, 1_000.0)
    found: list[Lease | None] = []
    taking = threading.Thread(target=lambda: found.append(other.take(1)))
    with desk.store.write() as tx:
        lease.require(tx)
        taking.start()
        taking.join()
    assert found == [None], "it waited for a moment, and asks again later"
    assert taken(other).is_held()


@pytest.mark.parametrize(
    ("idle", "seconds"),
    [
        pytest.param("'100ms'", 600.0, id="Postgres ends it"),
        pytest.param("0", 0.5, id="whoever waits for the lease ends it"),
    ],
)
def test_a_transaction_of_a_frozen_machine_ends_without_it(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch, idle: str, seconds: float
) -> None:
    """In the middle of a transaction, whose locks would keep everyone else out."""
    monkeypatch.setattr(
        "blnk_api.store.database._END_IDLE", f"SET LOCAL idle_in_transaction_session_timeout = {idle}"
    )
    one, other = desk.sender(), desk.sender(seconds=seconds)
    lease = taken(one)
    stands_still(one)
    passes(desk, 1_000.0)
    with suppress(DBAPIError), desk.store.write() as tx:
        lease.require(tx)
        wait_until(lambda: other.take(1), lambda: "it cannot be taken over")
        tx.execute(text("SELECT 1"))
        pytest.fail("its session goes on")


def test_a_holder_that_stands_still_between_statements_that_it_sends_at_once_keeps_nobody_out(
    desk: _Desk,
) -> None:
    """The server waits for the rest of them, which it does not call idle."""
    one, other = desk.sender(), desk.sender(seconds=0.5)
    lease = taken(one)
    stands_still(one)
    passes(desk, 1_000.0)
    with suppress(DBAPIError), desk.store.write() as tx:
        lease.require(tx)
        session: Any = tx.connection.driver_connection
        with suppress(psycopg.Error), session.pipeline():
            session.execute("UPDATE leases SET seconds = seconds")
            session.pgconn.send_flush_request()
            session.pgconn.flush()
            wait_until(lambda: other.take(1), lambda: "it cannot be taken over")
        tx.execute(text("SELECT 1"))
        pytest.fail("its session goes on")


def test_taking_over_ends_what_the_last_sender_was_writing(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outcome, for which no lease is asked: its rows would stay locked. Others are left alone."""
    monkeypatch.setattr(
        "blnk_api.store.database._END_IDLE", "SET LOCAL idle_in_transaction_session_timeout = 0"
    )
    made = running(desk.store, 1)
    other = desk.sender(seconds=0.5)
    touch = text("UPDATE imports SET has_sent = true")

    def is_taken_over() -> bool:
        if (lease := other.take(made.instance_number)) is not None:
            lease.release()
        with desk.store.engine.connect() as asking:
            asking.execute(text("SET lock_timeout = 10"))
            with suppress(DBAPIError):
                asking.execute(touch)
                return True
        return False

    with desk.store.engine.begin() as elsewhere:
        elsewhere.execute(text("UPDATE leases SET token = token"))
        elsewhere.execute(text("UPDATE home SET place = place"))
        with suppress(DBAPIError), desk.store.write() as tx:
            tx.execute(touch)
            wait_until(is_taken_over, lambda: "its rows stay locked")
            tx.execute(text("SELECT 1"))
            pytest.fail("its session goes on")
        elsewhere.execute(text("SELECT 1"))


def test_a_writing_transaction_ends_ten_seconds_after_its_machine_froze(desk: _Desk) -> None:
    with desk.store.write() as tx:
        assert tx.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "10s"


def test_a_version_without_leases_claims_nothing(desk: _Desk) -> None:
    """It is running while the database becomes ours, and does not know it yet."""
    made = running(desk.store, 1)
    (row,) = ids_of(desk.store, made)
    old = text("INSERT INTO attempts (row, n, claim, started_at) VALUES (:row, 1, 'old', 0)")
    with pytest.raises(DBAPIError, match="a later version of Balance Desk"), desk.store.write() as tx:
        tx.execute(old, {"row": row})
    assert len(claim(desk.store, made).tries) == 1
    assert not desk.ask("SELECT 1 WHERE current_setting('balance_desk.knows_leases', true) <> ''").all()


def test_a_version_without_leases_is_waited_for_until_it_ends(desk: _Desk) -> None:
    ours = desk.sender()
    with desk.store.engine.connect() as theirs:
        assert theirs.execute(text(f"SELECT pg_try_advisory_lock({OLD_LOCK})")).scalar_one()
        assert ours.take(1) is None
        theirs.invalidate()
    wait_until(lambda: ours.take(1), lambda: "it is waited for though it has ended")


def test_a_frozen_version_without_leases_is_waited_for_no_longer_than_a_lease(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(leases_module, "boottime", lambda: now[0])
    ours = desk.sender(seconds=10.0)
    with desk.store.engine.connect() as theirs:
        assert theirs.execute(text(f"SELECT pg_try_advisory_lock({OLD_LOCK})")).scalar_one()
        assert ours.take(1) is None
        now[0] += 9.9
        assert ours.take(1) is None
        now[0] += 0.1
        assert taken(ours)
        theirs.invalidate()


def test_an_instance_is_served_until_a_minute_after_its_last_heartbeat(desk: _Desk) -> None:
    made = running(desk.store, 1)
    one = desk.sender()
    taken(one, made.instance_number)
    stands_still(one)

    def served() -> object:
        with desk.store.read() as tx:
            return served_lately(tx)

    passes(desk, 55.0)
    assert served() == {INSTANCE}
    passes(desk, 6.0)
    assert served() == set()


def test_while_an_instance_is_taken_over_its_sender_is_starting(desk: _Desk) -> None:
    """Pages do not say that nobody has its credentials; of an instance that nobody serves they do."""
    made = running(desk.store, 1)
    one = desk.sender()
    taken(one, made.instance_number)
    stands_still(one)

    def sends() -> tuple[SenderIs, frozenset[int]]:
        with desk.store.read() as tx:
            now = senders.who_sends(tx, made.instance_number, owner="ours", started_at=0.0)
        return now.is_, now.serves

    with desk.store.write() as tx:
        senders.register(tx, token="t", owner="another")
    assert sends() == (SenderIs.STARTING, frozenset())
    with desk.store.write() as tx:
        senders.beat(tx, token="t", serves=[made.instance_number])
    assert sends() == (SenderIs.ANOTHERS, frozenset({made.instance_number}))
    with desk.store.write() as tx:
        senders.beat(tx, token="t", serves=[])
    passes(desk, 61.0)
    assert sends() == (SenderIs.ANOTHERS, frozenset())
