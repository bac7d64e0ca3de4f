"""The store keeps its word on both databases: what is claimed, recorded, given up, and read in pages."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from blnk_api.store import Store, import_changes, imports, instance_numbers, rows, tables, transitions
from blnk_api.store.checking import checked_rows
from blnk_api.store.rows import StoredRow
from blnk_api.store.search import row_history
from blnk_api.store.sending import attempts as sending
from blnk_api.store.sending import claims, recovery, rows_in_doubt, senders
from blnk_api.store.sending.claims import Claimed
from blnk_api.store.sending.ready_rows import ready_rows
from blnk_api.store.states import HELD, Outcome, RowState
from tests.support.actors import actor
from tests.support.store import (
    ELSEWHERE,
    INSTANCE,
    claim,
    created,
    draft,
    events_of,
    found_absent,
    given_up,
    holder,
    ids_of,
    record,
    result,
    rows_of,
    running,
    states_of,
    tries_of,
)


def test_a_claim_is_committed_with_its_attempt_before_anything_may_leave(store: Store) -> None:
    made = running(store, 3)
    first, second, _ = ids_of(store, made)
    claimed = claim(store, made, [first, second])
    assert claimed.tries == {first: 1, second: 1}
    assert states_of(store, made) == [RowState.SENDING, RowState.SENDING, RowState.READY]
    with store.read() as tx:
        (attempt,) = row_history.attempts_of(tx, first)
        found = imports.by_number(tx, made.number)
    assert (attempt.n, attempt.ended_at, attempt.outcome) == (1, None, None)
    assert found.has_sent
    assert found.counts == {RowState.SENDING: 2, RowState.READY: 1}


def test_a_row_is_claimed_once(store: Store) -> None:
    made = running(store, 2)
    one, other = claim(store, made), claim(store, made)
    assert len(one.tries) == 2
    assert other.tries == {}
    assert one.token != other.token


def test_only_rows_that_are_not_sent_are_claimed(store: Store) -> None:
    made = running(store, 4)
    ids = ids_of(store, made)
    with store.write() as tx:
        transitions.move(tx, ids[:1], from_=RowState.READY, to=RowState.LEFT_OUT)
        transitions.move(tx, ids[1:2], from_=RowState.READY, to=RowState.INVALID)
        transitions.move(tx, ids[2:3], from_=RowState.READY, to=RowState.EXISTS, balance_id="bln_1")
    assert list(claim(store, made).tries) == ids[3:]


def test_a_row_that_was_sent_since_it_was_read_is_not_claimed_with_what_was_read(store: Store) -> None:
    """It was rejected and fixed meanwhile: what was read and looked up is no longer what it asks for."""
    made = running(store, 2)
    was_read = tries_of(store, made)
    rejected, other = was_read
    record(store, made, result(claim(store, made, [rejected]), rejected, RowState.REFUSED))
    with store.write() as tx:
        fixed = transitions.move(
            tx, [rejected], from_=RowState.REFUSED, to=RowState.READY, ref="fixed", body=b"{}"
        )
        assert fixed == [rejected]
        assert list(claims.claim(tx, made.number, was_read).tries) == [other]
        assert list(claims.claim(tx, made.number, {rejected: 1}).tries) == [rejected]


def test_an_uncommitted_claim_may_not_leave(store: Store) -> None:
    made = running(store, 1)

    def claim_and_fail() -> None:
        with store.write() as tx:
            assert claims.claim(tx, made.number, tries_of(store, made)).tries
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="the power went"):
        claim_and_fail()
    assert states_of(store, made) == [RowState.READY]
    with store.read() as tx:
        assert row_history.attempts_of(tx, ids_of(store, made)[0]) == []


@pytest.mark.parametrize("state", HELD)
def test_a_row_waits_while_another_import_holds_its_ref(store: Store, state: RowState) -> None:
    holder(store, state)
    waits = running(store, 1)
    assert claim(store, waits).tries == {}
    assert states_of(store, waits) == [RowState.READY]


@pytest.mark.parametrize("state", HELD)
def test_the_database_itself_rejects_a_second_holder_of_a_ref(store: Store, state: RowState) -> None:
    holder(store, RowState.CREATED)
    second = running(store, 1)
    with pytest.raises(IntegrityError), store.write() as tx:
        tx.execute(
            update(tables.rows).where(tables.rows.c.import_ == second.number).values(state=state)
        )  # as a defect would, past every guard


def test_the_database_itself_rejects_a_balance_with_two_rows(store: Store) -> None:
    made = running(store, 2)
    claimed = claim(store, made)
    one, other = claimed.tries
    record(store, made, created(claimed, one, "bln_1"), result(claimed, other, RowState.UNKNOWN))
    with pytest.raises(IntegrityError), store.write() as tx:
        transitions.move(tx, [other], from_=RowState.UNKNOWN, to=RowState.CREATED, balance_id="bln_1")


def test_a_row_that_was_rejected_or_not_applied_releases_its_ref(store: Store) -> None:
    holds, waits = running(store, 2), running(store, 2)
    claimed = claim(store, holds)
    one, other = claimed.tries
    record(store, holds, result(claimed, one, RowState.REFUSED), result(claimed, other, RowState.READY))
    assert len(claim(store, waits).tries) == 2


def test_another_instance_has_refs_of_its_own(store: Store) -> None:
    assert len(claim(store, running(store, 1)).tries) == 1
    assert len(claim(store, running(store, 1, instance=ELSEWHERE)).tries) == 1


def test_two_rows_of_one_import_with_the_same_ref_are_never_claimed_both(store: Store) -> None:
    made = running(store, 2)
    one, other = rows_of(store, made)
    with store.write() as tx:
        tx.execute(update(tables.rows).where(tables.rows.c.id == other.id).values(ref=one.ref))
    with pytest.raises(IntegrityError):
        claim(store, made)
    assert states_of(store, made) == [RowState.READY, RowState.READY]
    assert list(claim(store, made, [one.id]).tries) == [one.id]
    assert claim(store, made, [other.id]).tries == {}


def test_of_two_rows_with_one_ref_that_two_statements_claim_the_first_holds_it(store: Store) -> None:
    n = 513
    made = running(store, n)
    one, *_, other = rows_of(store, made)
    with store.write() as tx:
        tx.execute(update(tables.rows).where(tables.rows.c.id == other.id).values(ref=one.ref))
    claimed = claim(store, made)
    assert set(claimed.tries) == set(ids_of(store, made)) - {other.id}
    assert states_of(store, made) == [RowState.SENDING] * (n - 1) + [RowState.READY]
    assert claim(store, made, [other.id]).tries == {}


def test_of_two_claims_of_a_ref_at_the_same_moment_one_holds(store: Store) -> None:
    one, other = running(store, 1), running(store, 1)
    fresh = {made.number: tries_of(store, made) for made in (one, other)}

    def claim_late() -> Claimed:
        with store.write() as tx:
            return claims.claim(tx, other.number, fresh[other.number])

    with ThreadPoolExecutor() as pool:
        with store.write() as tx:
            assert claims.claim(tx, one.number, fresh[one.number]).tries
            late = pool.submit(claim_late)
            threading.Event().wait(0.1)  # let the other one run into what is not committed yet
        try:
            assert late.result().tries == {}
        except IntegrityError:
            assert not store.is_sqlite
    assert states_of(store, one) == [RowState.SENDING]
    assert states_of(store, other) == [RowState.READY]


def test_an_outcome_moves_its_row_and_ends_its_attempt(store: Store) -> None:
    made = running(store, 4)
    claimed = claim(store, made)
    a, b, c, d = claimed.tries
    record(
        store,
        made,
        created(claimed, a, "bln_a"),
        result(claimed, b, RowState.REFUSED, status=400, message="no such ledger"),
        result(claimed, c, RowState.UNKNOWN, status=502, message="Blnk answered 502"),
        result(claimed, d, RowState.READY, status=429),
    )
    kept = rows_of(store, made)
    assert [row.state for row in kept] == [
        RowState.CREATED,
        RowState.REFUSED,
        RowState.UNKNOWN,
        RowState.READY,
    ]
    assert [row.message for row in kept] == [None, "no such ledger", "Blnk answered 502", None]
    assert kept[0].balance_id == "bln_a"
    with store.read() as tx:
        attempts = [row_history.attempts_of(tx, row)[0] for row in (a, b, c, d)]
        counts = imports.by_number(tx, made.number).counts
    assert [(one.outcome, one.status) for one in attempts] == [
        (Outcome.CREATED, 201),
        (Outcome.REFUSED, 400),
        (Outcome.UNKNOWN, 502),
        (Outcome.NOT_APPLIED, 429),
    ]
    assert all(one.ended_at is not None for one in attempts)
    assert counts == {state: 1 for state in [row.state for row in kept]}


def test_a_late_answer_creates_a_row_that_was_left_to_a_person(store: Store) -> None:
    made, claimed, row = given_up(store)
    record(store, made, created(claimed, row, "bln_1"))
    (kept,) = rows_of(store, made)
    assert (kept.state, kept.balance_id) == (RowState.CREATED, "bln_1")
    assert "late answer" in [what for what, _ in events_of(store, made)]


def test_a_late_answer_creates_a_row_that_was_thought_absent(store: Store) -> None:
    made, claimed, row = given_up(store)
    found_absent(store, made)
    assert states_of(store, made) == [RowState.READY]
    record(store, made, created(claimed, row, "bln_1"))
    assert states_of(store, made) == [RowState.CREATED]
    assert claim(store, made, [row]).tries == {}


def test_a_late_answer_names_the_duplicate_if_the_row_was_sent_again(store: Store) -> None:
    made, claimed, row = given_up(store)
    found_absent(store, made)
    again = claim(store, made, [row])
    record(store, made, created(again, row, "bln_2"))
    record(store, made, created(claimed, row, "bln_1"))
    (kept,) = rows_of(store, made)
    assert (kept.state, kept.balance_id) == (RowState.CREATED, "bln_2")
    assert ("second balance", {"balance_ids": ["bln_2", "bln_1"]}) in events_of(store, made)
    with store.read() as tx:
        assert [one.balance_id for one in row_history.attempts_of(tx, row)] == ["bln_1", "bln_2"]


def test_a_late_answer_does_not_take_a_ref_that_another_row_holds(store: Store) -> None:
    made, claimed, row = given_up(store)
    found_absent(store, made)
    other = running(store, 1)
    assert claim(store, other).tries
    record(store, made, created(claimed, row, "bln_1"))
    assert states_of(store, made) == [RowState.READY]
    assert ("second balance", {"balance_ids": [None, "bln_1"]}) in events_of(store, made)


@pytest.mark.parametrize("to", [RowState.REFUSED, RowState.READY, RowState.UNKNOWN])
def test_a_late_answer_without_a_balance_does_not_settle_a_row(store: Store, to: RowState) -> None:
    made, claimed, row = given_up(store)
    record(store, made, result(claimed, row, to))
    assert states_of(store, made) == [RowState.UNKNOWN]
    with store.read() as tx:
        assert row_history.attempts_of(tx, row)[0].outcome is not None


def test_a_late_answer_does_not_move_a_row_that_is_on_its_way_again(store: Store) -> None:
    made, claimed, row = given_up(store)
    found_absent(store, made)
    claim(store, made, [row])
    record(store, made, result(claimed, row, RowState.REFUSED))
    assert states_of(store, made) == [RowState.SENDING]


@pytest.mark.parametrize("together", [True, False])
def test_an_id_that_another_row_has_is_not_believed(store: Store, together: bool) -> None:
    made = running(store, 2)
    claimed = claim(store, made)
    one, other = claimed.tries
    if together:
        record(store, made, created(claimed, one, "bln_1"), created(claimed, other, "bln_1"))
    else:
        record(store, made, created(claimed, one, "bln_1"))
        record(store, made, created(claimed, other, "bln_1"))
    first, second = rows_of(store, made)
    assert (first.state, second.state) == (RowState.CREATED, RowState.UNKNOWN)
    assert second.balance_id is None
    assert second.message is not None
    assert "bln_1" in second.message


def test_rows_that_a_dead_sender_left_behind_are_unknown(store: Store) -> None:
    made, other = running(store, 4), running(store, 2, instance=ELSEWHERE)
    claimed = claim(store, made, ids_of(store, made)[:3])
    claim(store, other)
    done, *left = claimed.tries
    record(store, made, created(claimed, done, "bln_1"))
    with store.write() as tx:
        assert recovery.recover(tx) == 4
    assert states_of(store, made) == [
        RowState.CREATED,
        RowState.UNKNOWN,
        RowState.UNKNOWN,
        RowState.READY,
    ]
    assert ("interrupted", {"rows": 2}) in events_of(store, made)
    assert claim(store, made, left).tries == {}
    with store.write() as tx:
        assert recovery.recover(tx) == 0


def test_the_same_complete_error_three_times_ends_as_rejected(store: Store) -> None:
    made = running(store, 1)
    for n in (1, 2, 3):
        claimed = claim(store, made)
        (row,) = claimed.tries
        record(store, made, result(claimed, row, RowState.UNKNOWN, server_error=500, message="Blnk: no"))
        assert found_absent(store, made) is (RowState.REFUSED if n == 3 else RowState.READY)
    (kept,) = rows_of(store, made)
    assert kept.message is not None
    assert kept.message.startswith("Blnk: no")


def test_different_errors_are_not_counted_together(store: Store) -> None:
    made = running(store, 1)
    for status in (500, 500, 502, 500):
        claimed = claim(store, made)
        (row,) = claimed.tries
        record(store, made, result(claimed, row, RowState.UNKNOWN, server_error=status))
        assert found_absent(store, made) is RowState.READY


def test_a_row_that_waits_for_a_person_is_not_looked_up(store: Store) -> None:
    made, _, row = given_up(store)
    with store.write() as tx:
        rows_in_doubt.wait_for_person(tx, [row], message="Find out.")
    with store.read() as tx:
        assert rows_in_doubt.unknown_rows(tx, [made.number]) == []
        assert imports.by_number(tx, made.number).waiting_for_person == 1


def test_a_row_that_waits_for_anothers_ref_cannot_become_a_witness(store: Store) -> None:
    holds, waits = running(store, 1), running(store, 1)
    claimed = claim(store, holds)
    with store.read() as tx:
        assert rows_in_doubt.more_to_send(tx, holds.instance_number)
    record(store, holds, result(claimed, next(iter(claimed.tries)), RowState.UNKNOWN))
    with store.read() as tx:
        assert not rows_in_doubt.more_to_send(tx, waits.instance_number)
    running(store, 2)  # of which one is a balance of its own
    with store.read() as tx:
        assert rows_in_doubt.more_to_send(tx, waits.instance_number)


def test_blnks_time_of_the_first_balance_is_kept(store: Store) -> None:
    made = running(store, 1)
    with store.write() as tx:
        sending.remember_first(tx, made.number, "2026-01-01T00:00:00Z")
        sending.remember_first(tx, made.number, "2026-02-02T00:00:00Z")
    with store.read() as tx:
        assert imports.by_number(tx, made.number).created_from == "2026-01-01T00:00:00Z"


def test_pages_of_rows_meet_each_row_once_in_file_order(store: Store) -> None:
    made = draft(store, 25)
    draft(store, 5)
    seen: list[StoredRow] = []
    while True:
        with store.read() as tx:
            part = rows.page(tx, made.number, after=seen[-1].id if seen else 0, limit=10)
        if not part:
            break
        seen += part
    assert [row.number for row in seen] == list(range(2, 27))


def test_ready_rows_come_in_pieces_while_others_are_moved(store: Store) -> None:
    made = running(store, 10)
    met: list[int] = []
    while True:
        with store.read() as tx:
            part = ready_rows(tx, made.number, after=met[-1] if met else 0, limit=3)
        if not part:
            break
        met += [row.id for row in part]
        claim(store, made, met)
    assert met == ids_of(store, made)


def test_rows_that_were_sent_are_never_deleted(store: Store) -> None:
    made = running(store, 2)
    claim(store, made, ids_of(store, made)[:1])
    with pytest.raises(ValueError, match="never deleted"), store.write() as tx:
        checked_rows.delete_rows(tx, made.number)
    assert len(rows_of(store, made)) == 2


def test_an_instance_has_one_number(store: Store) -> None:
    with store.write() as tx:
        assert instance_numbers.number_for(tx, INSTANCE) == instance_numbers.number_for(tx, INSTANCE)
        assert instance_numbers.number_for(tx, INSTANCE) != instance_numbers.number_for(tx, ELSEWHERE)


def test_a_draft_created_twice_is_one(store: Store) -> None:
    id = imports.new_id()
    with store.write() as tx:
        for expected in (True, False):
            made = import_changes.create(
                tx, id, kind="form", instance=INSTANCE, connection="here", who=actor()
            )
            assert made is expected
        assert tx.execute(select(func.count()).select_from(tables.imports)).scalar_one() == 1


def test_a_sender_without_a_heartbeat_is_no_sender(store: Store) -> None:
    with store.write() as tx:
        senders.register(tx, token="one", owner="an app")
        senders.beat(tx, token="one", serves=[3, 1])
        sender = senders.current(tx)
        assert sender is not None
        assert (sender.owner, sender.serves) == ("an app", frozenset({1, 3}))
    with store.write() as tx:
        tx.execute(update(tables.senders).values(beat_at=tables.senders.c.beat_at - 6))
        assert senders.current(tx) is None
        tx.execute(update(tables.senders).values(beat_at=tables.senders.c.beat_at - 60))
        senders.register(tx, token="two", owner="another app")
        senders.beat(tx, token="one", serves=[9])
        senders.resign(tx, token="one")
        sender = senders.current(tx)
        assert sender is not None
        assert (sender.token, sender.serves) == ("two", frozenset())
