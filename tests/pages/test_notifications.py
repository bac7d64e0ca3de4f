"""The page Connection says whether notifications arrive, without a word of where they go."""

import pytest

from blnk_api.access.actors import Actor, ActorKind, NotAllowed
from blnk_api.access.acts import Act
from blnk_api.desk.health import Verdict
from blnk_api.store.outbox import notifications
from tests.notifications.test_notified import DEAD
from tests.pages.test_checks import checked
from tests.support.importer import Importer, requests_for, wait_until
from tests.support.inbox import Inbox
from tests.support.pages import press, run, said, visit


def test_without_addresses_it_says_how_to_add_some(importer: Importer) -> None:
    assert "Nobody is notified when an import ends or stops. Add notify" in said(visit("connection.py"))


def test_a_test_is_sent_by_a_button_and_its_result_is_shown(
    importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Inbox() as inbox:
        importer.connect(label="Acme", notify=[DEAD, inbox.address, "nonsense://s3cr3t"])
        at = visit("connection.py")
        assert "3 addresses\n" in said(at)
        assert "None so far" in said(at)
        press(at, "Send a test notification")
        assert "sent to 0 of 3 addresses so far" in said(at)
        importer.start()
        (one,) = inbox.wait_for(1)
        assert one["title"] == "Test: Acme"
        assert one["message"].splitlines() == [
            "unnamed user (not verified) sent this test. Notifications about imports arrive here.",
            "Connection: Acme (SANDBOX)",
        ]
        wait_until(lambda: "Address 3" in said(run(at)), lambda: f"what failed is not shown: {said(at)}")
    shown = said(at)
    assert "sent to 1 of 3 addresses" in shown
    assert (
        "Address 1: It could not be reached, or did not accept the notification. It is tried again." in shown
    )
    assert "Address 3: It is not an address that Apprise understands. It is not tried again." in shown
    assert "s3cr3t" not in shown


def test_an_invalid_address_fails_the_check_of_its_connection(importer: Importer) -> None:
    importer.connect(notify=["json://localhost/s3cr3t", "nonsense://s3cr3t"])
    found = checked(importer)["Are the notification addresses valid?"]
    assert (found.verdict, found.answer) == (Verdict.FAILED, "No: connections.here.notify, address 2.")
    importer.connect(notify=["json://localhost/s3cr3t"])
    found = checked(importer)["Are the notification addresses valid?"]
    assert (found.verdict, found.answer) == (Verdict.FINE, "Yes, 1 address.")


def test_nobody_sends_a_test_without_permission(importer: Importer) -> None:
    nobody = Actor(ActorKind.PERSON, "Eve")
    with pytest.raises(NotAllowed, match=Act.TEST_NOTIFICATIONS), importer.store.write() as tx:
        notifications.test(tx, importer.connection.instance, who=nobody)
    with importer.store.read() as tx:
        assert notifications.newest(tx) == 0


def test_the_last_import_is_named(importer: Importer) -> None:
    with Inbox() as inbox:
        importer.connect(notify=[inbox.address])
        importer.run(requests_for(2))
        inbox.wait_for(1)
        at = visit("connection.py")
        wait_until(lambda: "sent to 1 of 1 address" in said(run(at)), lambda: said(at))
        assert "Finished: test.csv · " in said(at)
