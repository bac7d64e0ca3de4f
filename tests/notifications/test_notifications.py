"""A notification is written with the move that it reports: each event once, and no flood."""

import time
from contextlib import suppress

import pytest
from sqlalchemy import select

from blnk_api.access.actors import SENDER
from blnk_api.facts.findings import Findings
from blnk_api.sending.lifecycle import _finish
from blnk_api.store import Store, import_acts, instance_numbers, tables, transitions
from blnk_api.store.imports import Import
from blnk_api.store.outbox import delivery, notifications
from blnk_api.store.outbox.notifications import Notification, NotificationKind, notification_of
from blnk_api.store.sending import rows_in_doubt
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.actors import actor
from tests.support.store import (
    ELSEWHERE,
    claim,
    created,
    draft,
    ids_of,
    record,
    result,
    running,
    set_columns,
)

VERIFIED = Findings(checked=True, clean=True)


def told(store: Store) -> list[Notification]:
    with store.read() as tx:
        return [notification_of(one) for one in tx.execute(notifications.ALL.order_by(tables.notices.c.id))]


def kinds(store: Store) -> list[NotificationKind]:
    return [one.kind for one in told(store)]


def finish(store: Store, made: Import) -> None:
    """As the sender does when the comparison with Blnk is over."""
    with store.write() as tx:
        transitions.move_import(tx, made.number, from_=[ImportState.RUNNING], to=ImportState.VERIFYING)
        _finish(tx, made, VERIFIED)


def pause(store: Store, made: Import, by: PausedBy) -> None:
    with store.write() as tx:
        assert import_acts.pause(tx, made.number, by=by, who=SENDER, reason="Row 7: “Ada Lovelace” is odd.")


def all_created(store: Store, n: int) -> Import:
    made = running(store, n)
    claimed = claim(store, made)
    record(store, made, *(created(claimed, row, f"bln_{row}") for row in claimed.tries))
    return made


def test_a_finished_import_is_notified_with_its_counts(store: Store) -> None:
    made = all_created(store, 3)
    finish(store, made)
    (one,) = told(store)
    assert (one.kind, one.import_, one.facts.counts) == (
        NotificationKind.FINISHED,
        made.number,
        {"CREATED": 3},
    )


def test_rows_that_need_a_person_are_notified_as_such(store: Store) -> None:
    made = running(store, 2)
    claimed = claim(store, made)
    good, bad = claimed.tries
    record(store, made, created(claimed, good, "bln_1"), result(claimed, bad, RowState.REFUSED, status=400))
    finish(store, made)
    assert kinds(store) == [NotificationKind.NEEDS_YOU]


def test_the_same_result_again_is_not_notified_again(store: Store) -> None:
    made = all_created(store, 1)
    finish(store, made)
    with store.write() as tx:
        transitions.move_import(tx, made.number, from_=[ImportState.DONE], to=ImportState.VERIFYING)
        _finish(tx, made, VERIFIED)
    assert kinds(store) == [NotificationKind.FINISHED]


def test_a_move_that_does_not_happen_notifies_nobody(store: Store) -> None:
    made = running(store, 1)
    with suppress(RuntimeError), store.write() as tx:
        assert import_acts.pause(tx, made.number, by=PausedBy.REFUSALS, who=SENDER, reason="")
        raise RuntimeError("the process died before the commit")
    not_confirmed = draft(store, 2)
    with store.write() as tx:
        assert not import_acts.pause(tx, not_confirmed.number, by=PausedBy.PERSON, who=actor(), reason="")
    assert told(store) == []


def test_a_balance_from_the_form_is_notified_only_if_it_needs_a_person(store: Store) -> None:
    made = all_created(store, 1)
    with store.write() as tx:
        set_columns(tx, made, kind="form")
    finish(store, made)
    assert told(store) == []
    pause_form = running(store, 2)
    with store.write() as tx:
        set_columns(tx, pause_form, kind="form")
    pause(store, pause_form, PausedBy.ACCESS)
    assert kinds(store) == [NotificationKind.CREDENTIALS]


@pytest.mark.parametrize("by", [one for one in PausedBy if one not in (PausedBy.BREAKER, PausedBy.ACCESS)])
def test_a_pause_that_a_person_has_to_end_is_notified_without_words_of_blnk_or_the_file(
    store: Store, by: PausedBy
) -> None:
    pause(store, running(store, 1), by)
    (one,) = told(store)
    assert (one.kind, one.facts.by) == (NotificationKind.PAUSED, by.value)
    assert "Lovelace" not in one.facts.stored()


def test_a_pause_that_ends_automatically_notifies_nobody_however_often_it_comes(store: Store) -> None:
    made = running(store, 1)
    for _ in range(20):
        pause(store, made, PausedBy.BREAKER)
        with store.write() as tx:
            assert import_acts.resume(tx, made.number, who=SENDER, only=PausedBy.BREAKER)
    assert told(store) == []


def test_a_lasting_outage_is_notified_once_for_all_waiting_imports(store: Store) -> None:
    both = [running(store, 1), running(store, 2)]
    since = time.time() - 3600
    for made in both:
        pause(store, made, PausedBy.BREAKER)
    for _ in range(3):
        with store.write() as tx:
            notifications.waiting(tx, both[0].instance_number, since=since)
    (one,) = told(store)
    assert (one.kind, one.import_, one.facts.since) == (NotificationKind.WAITING, both[1].number, since)
    with store.write() as tx:  # a later outage is another one
        notifications.waiting(tx, both[0].instance_number, since=time.time() + 1)
    assert kinds(store) == [NotificationKind.WAITING, NotificationKind.WAITING]


def test_rejected_credentials_are_notified_once_and_not_for_each_import(store: Store) -> None:
    here = [running(store, n) for n in (1, 2, 3)]
    for one in here:
        pause(store, one, PausedBy.ACCESS)
    pause(store, running(store, 1, instance=ELSEWHERE), PausedBy.ACCESS)
    assert kinds(store) == [NotificationKind.CREDENTIALS, NotificationKind.CREDENTIALS]
    for one in here:
        with store.write() as tx:
            import_acts.resume(tx, one.number, who=actor())
    pause(store, here[2], PausedBy.ACCESS)
    assert len(told(store)) == 3


def test_what_needs_a_person_while_rows_are_sent_is_notified_at_the_end(store: Store) -> None:
    made, (row,) = lost(store)
    with store.write() as tx:
        rows_in_doubt.wait_for_person(tx, [row])
    assert told(store) == []
    finish(store, made)
    assert kinds(store) == [NotificationKind.NEEDS_YOU]


def test_what_needs_a_person_after_a_cancellation_is_notified_together(store: Store) -> None:
    made, rows = lost(store, 3)
    with store.write() as tx:
        assert import_acts.cancel(tx, made.number, who=actor())
    for row in rows:
        with store.write() as tx:
            rows_in_doubt.wait_for_person(tx, [row])
    canceled, needs = told(store)
    assert (canceled.kind, canceled.facts.canceled, canceled.facts.who) == (
        NotificationKind.FINISHED,
        True,
        "Ada",
    )
    assert (needs.kind, needs.facts.waiting) == (NotificationKind.NEEDS_YOU, 3)


def test_a_discarded_draft_notifies_nobody(store: Store) -> None:
    made = draft(store, 1)
    with store.write() as tx:
        assert import_acts.cancel(tx, made.number, who=actor())
    assert told(store) == []


def lost(store: Store, n: int = 1) -> tuple[Import, list[int]]:
    made = running(store, n)
    claimed = claim(store, made)
    record(store, made, *(result(claimed, row, RowState.UNKNOWN) for row in claimed.tries))
    return made, ids_of(store, made)


class TestADelivery:
    def test_is_claimed_by_only_one_process(self, store: Store) -> None:
        one = self.owed(store, "a")
        with store.write() as tx:
            assert delivery.claim(tx, one, "a", retry_seconds=60)
        with store.write() as tx:
            assert not delivery.claim(tx, one, "a", retry_seconds=60)

    def test_that_was_not_accepted_is_tried_again_later_and_finally_dropped(self, store: Store) -> None:
        one = self.owed(store, "a", "b")
        waits, ends = [], []
        for _ in range(8):
            with store.write() as tx:
                assert delivery.claim(tx, one, "a", retry_seconds=60)
                ends.append(delivery.was_not_sent(tx, one, "a", why="It was busy.", for_good=False))
                if not ends[-1]:
                    waits.append(round(self.next_of(store, tx) - time.time()))
                self.let_time_pass(tx)
        assert ends == [False] * 7 + [True]
        assert waits == [60, 180, 540, 1620, 4860, 14580, 43740]
        with store.write() as tx:
            assert not delivery.claim(tx, one, "a", retry_seconds=60)
            assert delivery.claim(tx, one, "b", retry_seconds=60)
            delivery.was_sent(tx, one, "b")
            delivery.look_again_when_due(tx, one)
            assert delivery.due(tx) == []

    def test_to_a_removed_address_is_dropped(self, store: Store) -> None:
        one = self.owed(store, "a")
        with store.write() as tx:
            delivery.address_it(tx, one, ["b"])
            assert not delivery.claim(tx, one, "a", retry_seconds=60)
            assert delivery.claim(tx, one, "b", retry_seconds=60)
            delivery.was_sent(tx, one, "b")
            (last,) = delivery.last_ones(tx, instance_numbers.number_for(tx, one.instance))
        assert (last.sent, last.open, last.problems) == (1, 0, {})

    def owed(self, store: Store, *addresses: str) -> Notification:
        finish(store, all_created(store, 1))
        with store.write() as tx:
            (one,) = delivery.due(tx)
            delivery.address_it(tx, one, addresses)
        return one

    def next_of(self, store: Store, tx: object) -> float:
        asked = select(tables.deliveries.c.next_at).where(tables.deliveries.c.address == "a")
        found: float = tx.execute(asked).scalar_one()  # type: ignore[attr-defined]
        return found

    def let_time_pass(self, tx: object) -> None:
        past = tables.deliveries.update().where(tables.deliveries.c.next_at.is_not(None))
        tx.execute(past.values(next_at=0.0))  # type: ignore[attr-defined]
