"""What arrives at an address when an import is over or stops: by the sender, and by a command, each once."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from blnk_api.notifications import process
from blnk_api.store import instance_numbers
from blnk_api.store.outbox import delivery, notifications
from blnk_api.store.outbox.delivery import Delivered
from blnk_api.store.outbox.notifications import Notification
from blnk_api.store.states import ImportState, RowState
from blnk_api.worker.notifier import Notifier
from tests.support.actors import actor
from tests.support.command_line import ROOT, Commands
from tests.support.importer import Importer, requests_for, wait_until
from tests.support.inbox import Inbox
from tests.support.practice import PracticeBlnk
from tests.support.store import set_columns

DEAD = "json://127.0.0.1:9/s3cr3t"
"""Nothing listens there."""


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture
def told(importer: Importer, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Importer:
    """An importer whose connection has an address."""
    monkeypatch.setenv("BLNK_WAIT_NOTICE_RETRY", "0.05")
    monkeypatch.setenv("BLNK_PUBLIC_URL", "https://desk.example.com")
    importer.connect(label="Acme", notify=[inbox.address])
    return importer


def last(importer: Importer) -> Delivered:
    with importer.store.write() as tx:
        number = instance_numbers.number_for(tx, importer.connection.instance)
        return delivery.last_ones(tx, number)[0]


def due(importer: Importer) -> list[Notification]:
    with importer.store.read() as tx:
        return delivery.due(tx)


def send() -> subprocess.Popen[str]:
    """The process that sends, as the sender starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "blnk_api.notifications"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_finished_import_is_notified_with_counts_and_link_and_no_cells(
    told: Importer, inbox: Inbox
) -> None:
    import_ = told.run(requests_for(3, identity_id=None))
    (one,) = inbox.wait_for(1)
    assert one["title"] == "Finished: test.csv"
    assert one["message"].splitlines() == [
        "3 balances created.",
        "Connection: Acme (SANDBOX)",
        f"https://desk.example.com/imports?import={import_.id}&connection=here",
    ]
    wait_until(lambda: last(told).sent == 1, lambda: f"not recorded as sent: {last(told)}")
    assert inbox.titles == ["Finished: test.csv"]


def test_no_name_becomes_a_link_a_mention_or_a_call_to_everyone(told: Importer, inbox: Inbox) -> None:
    """Discord, Mattermost and the titles of Teams read Markdown and mentions in what they are sent."""
    draft = told.draft(requests_for(1))
    with told.store.write() as tx:
        set_columns(tx, draft, file_name="[Log in](https://x.example) [x][y] <@U1> <a|b> @Everyone @here.csv")
    told.confirm(draft)
    told.start()
    (one,) = inbox.wait_for(1)
    assert one["title"] == (
        "Finished: [Log in] (https://x.example) [x] [y] < @U1> < a|b> @ Everyone @ here.csv"
    )


def test_a_dead_address_delays_neither_sending_nor_another_address(
    told: Importer, inbox: Inbox, practice_blnk: PracticeBlnk
) -> None:
    told.connect(notify=[DEAD, inbox.address])
    told.run(requests_for(1))
    told.run(requests_for(5))
    assert len(practice_blnk.balances()) == 5
    inbox.wait_for(2)
    wait_until(
        lambda: (
            [one.why for one in last(told).problems.values()]
            == ["It could not be reached, or did not accept the notification."]
        ),
        lambda: f"the failure is not kept: {last(told)}",
    )


def test_a_sender_killed_before_it_notified_anyone_does_so_after_its_restart(
    told: Importer, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        pass

    with monkeypatch.context() as dying:
        dying.setattr(Notifier, "tend", dies)
        told.run(requests_for(1))
        told.stop()
    assert inbox.got == []
    told.start()
    inbox.wait_for(1)
    assert inbox.titles == ["Finished: test.csv"]


def test_a_notification_whose_sending_was_killed_is_sent_again(told: Importer, inbox: Inbox) -> None:
    told.run(requests_for(1), until=[ImportState.DONE])
    inbox.wait_for(1)
    wait_until(lambda: not last(told).is_on_its_way, lambda: "not recorded")
    told.stop()
    with told.store.write() as tx:
        notifications.test(tx, told.connection.instance, who=actor())
    inbox.answers.clear()
    killed = send()
    inbox.wait_for(2)
    killed.kill()
    killed.communicate()
    inbox.answers.set()
    again = send()
    assert again.communicate()[0] == ""
    assert inbox.titles == ["Finished: test.csv", "Test: Acme", "Test: Acme"]
    assert not last(told).is_on_its_way
    assert send().communicate()[0] == ""
    assert len(inbox.got) == 3


def test_an_address_that_answers_with_an_error_is_named_by_position_never_by_value(
    told: Importer, inbox: Inbox
) -> None:
    inbox.status = 404
    told.connect(notify=["nonsense://s3cr3t", inbox.address])
    draft = told.draft(requests_for(1))
    told.confirm(draft)
    told.pause(draft)
    said, _ = send().communicate()
    assert sorted(line.partition(" blnk.notifications ")[2] for line in said.splitlines()) == [
        "connections.here.notify, address 1: It is not an address that Apprise understands. "
        "It is not tried again.",
        "connections.here.notify, address 2: It answered with status 404. It is tried again later.",
    ]
    assert "s3cr3t" not in said
    assert process.not_understood(told.connection) == [1]
    assert inbox.got[0]["message"].splitlines()[0] == "Ada (not verified) paused it."
    with told.store.read() as tx:
        (kept,) = tx.exec_driver_sql("SELECT group_concat(address || problem) FROM deliveries").one()
    assert "s3cr3t" not in kept


def test_a_connection_without_addresses_gets_nothing_and_starts_no_process(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(process, "start", refuse)
    importer.run(requests_for(1))
    wait_until(lambda: not due(importer), lambda: f"the notification is still owed: {due(importer)}")


def test_rejected_credentials_are_notified(told: Importer, inbox: Inbox) -> None:
    told.connect(token="blnk_at_wrong", label="Acme", notify=[inbox.address])
    told.run(requests_for(2), until=[ImportState.PAUSED])
    (one,) = inbox.wait_for(1)
    assert one["title"] == "Paused: test.csv"
    assert one["message"].startswith("Blnk rejected the credentials.")
    assert "blnk_at_wrong" not in json.dumps(one)


def test_an_outage_is_notified_when_it_lasts(
    told: Importer, inbox: Inbox, practice_blnk: PracticeBlnk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLNK_WAIT_OUTAGE_TOLD", "1")
    practice_blnk.order_fault("status_before_commit", status=503, on="any")
    draft = told.draft(requests_for(3))
    told.confirm(draft)
    told.start()
    (one,) = inbox.wait_for(1)
    assert one["title"] == "Waiting for Blnk: test.csv"
    assert "Nothing has to be done: sending continues automatically." in one["message"]
    practice_blnk.clear_faults()
    told.wait_for(draft, ImportState.DONE)
    inbox.wait_for(2)
    assert inbox.titles == ["Waiting for Blnk: test.csv", "Finished: test.csv"]


def test_a_command_sends_notifications_at_its_end_if_no_app_runs(
    told: Importer, inbox: Inbox, commands: Commands
) -> None:
    ended = commands.run("import", commands.file(2), "--yes")
    assert ended.code == 0, ended.err
    assert inbox.titles == ["Finished: customers.csv"]
    assert told.counts(told.find(str(inbox.got[0]["message"]).split("import=")[1].split("&")[0])) == {
        RowState.CREATED: 2
    }


def test_a_command_reports_what_could_not_be_sent_and_ends(told: Importer, commands: Commands) -> None:
    told.connect(notify=[DEAD])
    ended = commands.run("import", commands.file(1), "--yes")
    assert ended.code == 0
    assert ended.err.splitlines()[-1] == "1 notification is not sent yet. The app sends it when it runs."
