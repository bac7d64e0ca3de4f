"""The switch that stops all sending: nothing is sent until it is lifted, and every page says so."""

import threading
from collections.abc import Callable

import pytest

from blnk_api.access.actors import Actor
from blnk_api.store import Store, import_acts
from blnk_api.store.imports import Import
from blnk_api.store.sending import claims, stops
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.actors import actor
from tests.support.command_line import Commands
from tests.support.importer import BOTH_DATABASES, Importer, newest, requests_for, wait_until
from tests.support.pages import press, said, visit
from tests.support.postgres import Postgres
from tests.support.practice import PracticeBlnk
from tests.support.sending import asked, assert_each_once
from tests.support.store import (
    ELSEWHERE,
    INSTANCE,
    claim,
    events_of,
    ids_of,
    rows_of,
    running,
    states_of,
)

on_both_databases = pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)


def stop(store: Store, instance: int | None = None, who: Actor | None = None) -> bool:
    with store.write() as tx:
        return stops.stop(tx, instance, who=who or actor())


def start(store: Store, instance: int | None = None, who: Actor | None = None) -> bool:
    with store.write() as tx:
        return stops.start(tx, instance, who=who or actor())


def test_nothing_is_claimed_while_the_desk_is_stopped(store: Store) -> None:
    made = running(store, 2)
    assert stop(store)
    assert not stop(store, who=actor("Grace")), "it was stopped before"
    assert claim(store, made).tries == {}
    assert start(store, who=actor("Grace"))
    assert not start(store)
    assert len(claim(store, made).tries) == 2
    assert [what for what, _ in events_of(store, made)][-2:] == ["sending stopped", "sending started"]
    with store.read() as tx:
        told = [(one.who.name, one.stopped, one.instance) for one in stops.last(tx, limit=9)]
    assert told == [("Grace", False, None), ("Ada", True, None)]


def test_a_stop_of_one_instance_does_not_stop_another(store: Store) -> None:
    here, elsewhere = running(store, 1), running(store, 1, instance=ELSEWHERE)
    stop(store, here.instance_number)
    assert claim(store, here).tries == {}
    assert len(claim(store, elsewhere).tries) == 1
    with store.read() as tx:
        assert [one.instance for one in stops.holding(tx, INSTANCE)] == [INSTANCE]
        assert stops.holding(tx, ELSEWHERE) == []


def test_a_stop_of_the_desk_stays_when_that_of_an_instance_is_lifted(store: Store) -> None:
    made = running(store, 1)
    stop(store, made.instance_number)
    stop(store)
    start(store, made.instance_number)
    assert claim(store, made).tries == {}
    start(store)
    assert len(claim(store, made).tries) == 1


def pause(store: Store, made: Import) -> bool:
    with store.write() as tx:
        return import_acts.pause(tx, made.number, by=PausedBy.PERSON, who=actor(), reason="Lunch.")


def cancel(store: Store, made: Import) -> bool:
    with store.write() as tx:
        return import_acts.cancel(tx, made.number, who=actor())


@pytest.mark.parametrize("act", [pause, cancel])
def test_nothing_is_claimed_of_an_import_that_was_paused_or_canceled_a_moment_ago(
    store: Store, act: Callable[[Store, Import], bool]
) -> None:
    """The sender looks a few times a second whether it was, and claims in between."""
    made, other = running(store, 2), running(store, 3)
    first, second = ids_of(store, made)
    assert len(claim(store, made, [first]).tries) == 1
    assert act(store, made)
    assert claim(store, made, [second]).tries == {}
    bodies = {row.id: row.body or b"" for row in rows_of(store, made)}
    with store.write() as tx:
        assert claims.claim_approved(tx, made.number, bodies).tries == {}
    assert states_of(store, made) == [RowState.SENDING, RowState.READY]
    assert len(claim(store, other, ids_of(store, other)[2:]).tries) == 1, "another import goes on"


@pytest.mark.parametrize(
    "act", [lambda store, _: stop(store), pause, cancel], ids=["stop", "pause", "cancel"]
)
def test_a_stop_waits_for_a_claim_that_is_being_committed(
    postgres: Postgres, act: Callable[[Store, Import], bool]
) -> None:
    """A person who reads that nothing more is sent may rely on it: no claim is committed after that."""
    store = Store(postgres.new_database(like="migrated"))
    made = running(store, 1)
    rows = ids_of(store, made)
    stopping = threading.Thread(target=act, args=[store, made])
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with store.write() as tx:
        assert len(claims.claim(tx, made.number, dict.fromkeys(rows, 0)).tries) == 1
        stopping.start()

        def is_waiting() -> bool:
            assert stopping.is_alive(), "it did not wait"
            with store.engine.connect() as other:
                return bool(other.exec_driver_sql(waits).scalar())

        wait_until(is_waiting, lambda: "the stop does not ask for its turn")
    stopping.join()
    store.close()


@on_both_databases
def test_rows_that_were_claimed_before_a_stop_do_not_leave_after_it(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are on their way, which is all that the line holds, and others are claimed and wait for a place."""
    monkeypatch.setenv("BLNK_MOST_AT_ONCE", "2")
    monkeypatch.setenv("BLNK_WAIT_CLAIM_GOOD", "600")  # else they would be taken back as too old
    practice_blnk.order_fault("full_stop", on="create", seconds=600, skip=10)
    made = importer.draft(requests_for(200))
    importer.confirm(made)
    importer.start()
    wait_until(
        lambda: len(asked(practice_blnk, "create")) == 12,
        lambda: f"{len(asked(practice_blnk, 'create'))} left: {importer.find(made.id)}",
    )
    importer.wait_for_count(made, RowState.SENDING, 3)
    assert stop(importer.store)
    wait_until(lambda: importer.counts(made)[RowState.SENDING] == 2, lambda: "it keeps what it claimed")
    practice_blnk.clear_faults()
    wait_until(lambda: not importer.counts(made).get(RowState.SENDING), lambda: "rows are on their way")
    with importer.store.read() as tx:
        assert stops.on_their_way(tx, None) == 0
    sent = len(asked(practice_blnk, "create"))
    assert sent == 12
    importer.connect(request_timeout_seconds=1.1)  # another engine: it reads the switch too
    assert importer.find(made.id).state is ImportState.RUNNING
    assert len(asked(practice_blnk, "create")) == sent
    start(importer.store)
    assert_each_once(practice_blnk, importer, importer.wait_for(made, ImportState.DONE))


def test_looking_up_and_verifying_continue_while_sending_is_stopped(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """The last answer is lost, and then all is stopped: the row is found, and the import verified."""
    practice_blnk.order_fault("lagging_reads", seconds=600)
    practice_blnk.order_fault("drop_after_commit", times=1)
    made = importer.draft(requests_for(1))
    importer.confirm(made)
    importer.start()
    importer.wait_for_count(made, RowState.UNKNOWN, 1)
    stop(importer.store)
    practice_blnk.clear_faults()
    done = importer.wait_for(made, ImportState.DONE)
    assert_each_once(practice_blnk, importer, done)
    assert done.findings is not None
    assert done.findings.clean


def test_commands_stop_and_start_all_sending(commands: Commands, importer: Importer) -> None:
    stopped = commands.call("stop")
    assert stopped.code == 0
    assert "Sending is stopped for all connections" in stopped.out
    assert " UTC. No balance is sent until someone starts it again." in stopped.out
    assert "No row is on its way to Blnk." in stopped.out
    held = commands.call("import", commands.file(3), "--yes")
    assert held.code == 4
    assert "Sending is stopped for all connections" in held.out
    assert "Sending is stopped for all connections" in held.err
    made = newest(importer)
    assert f"resume {made.id}" in held.err
    assert importer.counts(made) == {RowState.READY: 3}
    assert "Sending is stopped for all connections" in commands.call("status").out
    assert "Sending was already stopped." in commands.call("stop").out
    assert commands.call("start").out == "Sending has started again.\n"
    assert commands.call("resume", made.id).code == 0
    assert importer.counts(made) == {RowState.CREATED: 3}


def test_commands_stop_one_connection(commands: Commands, importer: Importer) -> None:
    assert commands.call("stop", "--connection", "there").code == 2
    stopped = commands.call("stop", "--connection", "here")
    assert "Sending is stopped for here" in stopped.out
    assert "blnk_api start --connection here" in stopped.out
    assert "Sending was not stopped.\nSending is stopped for here" in commands.call("start").out
    assert commands.call("start", "--connection", "here").out == "Sending has started again.\n"


@pytest.mark.parametrize(
    "page", ["create_balance.py", "import_file.py", "imports.py", "balances.py", "connection.py"]
)
def test_every_page_says_that_sending_is_stopped(importer: Importer, page: str) -> None:
    stop(importer.store, who=actor("Grace"))
    told = "Sending is stopped for all connections: Grace (not verified), "
    assert told in said(visit(page, connection="here"))
    start(importer.store)
    assert told not in said(visit(page, connection="here"))


def test_the_page_that_chooses_a_connection_says_so_too(importer: Importer) -> None:
    secrets = importer.data_dir / "secrets.toml"
    _, _, table = secrets.read_text().partition("\n")
    secrets.write_text(f"{secrets.read_text()}\n{table.replace('here', 'there')}")
    stop(importer.store)
    at = visit()
    assert at.title[0].value == "Choose a connection"
    assert "Sending is stopped for all connections" in said(at)


def test_the_switch_on_the_connection_page_says_who_used_it(importer: Importer) -> None:
    at = press(visit("connection.py", connection="here"), "Stop sending for all connections")
    with importer.store.read() as tx:
        assert len(stops.in_force(tx)) == 1
    assert "Stopped sending for all connections." in said(at)
    assert "No row is on its way to Blnk." in said(at)
    at = press(at, "Start sending for all connections")
    with importer.store.read() as tx:
        assert stops.in_force(tx) == []
    assert "Started sending for all connections." in said(at)
