"""Notifications about an import that waits for approval: that it waits, what was decided, and lapses."""

from pathlib import Path

from blnk_api.access.approval_rule import ApprovalRule
from blnk_api.review import approving
from blnk_api.settings import Settings
from blnk_api.store import Store, imports
from blnk_api.store.approvals import new_request, requests
from blnk_api.store.imports import Import
from blnk_api.store.outbox.notifications import ALL, notification_of
from blnk_api.wording import about_notifications
from blnk_api.worker import lapse_approvals
from tests.support.approval import ADA, GRACE
from tests.support.connections import connection_to
from tests.support.store import draft

HERE = connection_to("https://blnk.example")
DAY = 86_400.0


def waiting(store: Store) -> tuple[Import, requests.Request]:
    made = draft(store, 2)
    assert new_request.ask(store, made, who=ADA, rule=ApprovalRule(1, 1, 4, "set"))
    with store.read() as tx:
        request = requests.last(tx, made.number)
    assert request is not None
    return made, request


def told(store: Store) -> list[str]:
    """Each notification as an address gets it, in the order of their writing."""
    settings = Settings(Path("/data"), "sqlite://", Path("/data/secrets.toml"), {HERE.name: HERE})
    with store.read() as tx:
        found = [notification_of(one) for one in tx.execute(ALL.order_by("id"))]
        named = [(one, imports.by_number(tx, one.import_ or 0)) for one in found]
    written = [about_notifications.message(one, import_, HERE, settings) for one, import_ in named]
    return [f"{one.title}\n{one.body}" for one in written]


def test_notifications_say_who_asks_and_who_approved(store: Store) -> None:
    made, request = waiting(store)
    approving.approve(store, made, request.id, who=GRACE, typed="2")
    asked, approved = told(store)
    assert asked.startswith("Waiting for approval: test.csv\n")
    assert "Ada (ada@acme.example) asked for approval of 2 balances." in asked
    assert approved.startswith("Approved: test.csv\n")
    assert "Grace (grace@acme.example) approved 2 balances. Sending begins." in approved


def test_a_notification_that_it_was_sent_back_omits_the_reason(store: Store) -> None:
    made, request = waiting(store)
    approving.send_back(store, made, request.id, who=GRACE, reason="Customer Lovelace is missing.")
    _, sent_back = told(store)
    assert sent_back.startswith("Sent back: test.csv\n")
    assert "Grace (grace@acme.example) sent it back. Open it to read why." in sent_back
    assert "Lovelace" not in sent_back


def test_a_request_is_announced_once_before_it_lapses_and_once_after(store: Store) -> None:
    _, request = waiting(store)
    for days in (1.0, 3.5, 3.6, 4.1, 4.2):
        lapse_approvals.lapse(store, now=request.asked_at + days * DAY)
    _, soon, lapsed = told(store)
    assert soon.startswith("Approval about to lapse: test.csv\n")
    assert "2 balances wait for approval until " in soon
    assert lapsed.startswith("Approval lapsed: test.csv\n")
    assert "Nobody approved 2 balances in time. Nothing was sent." in lapsed
