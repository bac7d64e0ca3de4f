"""What a person decides about rows is checked first, done once, and makes no second balance by itself."""

from collections.abc import Iterator

import orjson
import pytest

from blnk_api.client import BlnkClient
from blnk_api.models import BalanceRequest
from blnk_api.review import actions
from blnk_api.review.actions import NotPossible, NotThisOne
from blnk_api.store import events, import_acts, transitions
from blnk_api.store.imports import Import
from blnk_api.store.rows import StoredRow
from blnk_api.store.states import ImportState, RowState
from tests.support.actors import actor
from tests.support.connections import connection_of
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for, wait_until
from tests.support.practice import PracticeBlnk
from tests.support.sending import done_but_for, needing_someone

NEWER = BalanceRequest(ledger_id=LEDGER, currency="EUR")
"""Created after the others, it can vouch for what is absent."""


@pytest.fixture
def client(practice_blnk: PracticeBlnk) -> Iterator[BlnkClient]:
    with BlnkClient(connection_of(practice_blnk)) as client:
        yield client


def may_read_now(importer: Importer) -> None:
    importer.connect()
    importer.start()


def row_now(importer: Importer, import_: Import, row: StoredRow) -> StoredRow:
    return next(one for one in importer.rows(import_) if one.id == row.id)


def test_a_row_that_is_looked_up_again_is_found_and_its_import_verified_again(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    done, _ = needing_someone(importer, practice_blnk, lost="drop_after_commit")
    assert done.findings is not None
    assert not done.findings.checked
    assert actions.recheck(importer.store, done, who=actor()) == 1
    assert importer.find(done.id).state is ImportState.RUNNING
    may_read_now(importer)
    again = importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED] * 2
    assert again.findings is not None
    assert again.findings.checked
    assert len(practice_blnk.refs()) == 2
    assert "asked to look again" in importer.events(done)


def test_a_row_that_is_looked_up_again_and_is_not_there_is_sent(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    done, row = needing_someone(importer, practice_blnk, lost="drop_before_commit")
    assert actions.recheck(importer.store, done, who=actor(), rows_=[row.id]) == 1
    may_read_now(importer)
    importer.run([NEWER])
    importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED] * 2
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 3


def test_a_double_recheck_happens_once(importer: Importer) -> None:
    done, [_, row, _] = done_but_for(importer, requests_for(3))
    assert actions.recheck(importer.store, done, who=actor(), rows_=[]) == 0
    assert actions.recheck(importer.store, done, who=actor(), rows_=[row.id, 0]) == 1
    assert [one.waits_for_person for one in importer.rows(done)] == [True, False, True]
    assert importer.find(done.id).state is ImportState.RUNNING
    assert actions.recheck(importer.store, done, who=actor(), rows_=[row.id]) == 0
    assert actions.recheck(importer.store, done, who=actor()) == 2
    assert actions.recheck(importer.store, done, who=actor()) == 0
    assert importer.events(done).count("asked to look again") == 2


def test_a_confirmed_balance_that_is_gone_is_never_sent_by_a_recheck(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """Only "send again" may: what Blnk confirmed and does not show may come back."""
    done = importer.run(requests_for(1))
    practice_blnk.reset()
    actions.verify_again(importer.store, done, who=actor())
    wait_until(lambda: importer.states(done) == [RowState.UNKNOWN], lambda: "the balance is not missed")
    importer.wait_for(done, ImportState.DONE)
    actions.recheck(importer.store, done, who=actor())
    importer.run([NEWER])
    wait_until(
        lambda: importer.rows(done)[0].waits_for_person, lambda: f"it waits for nobody: {importer.rows(done)}"
    )
    importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.UNKNOWN]
    assert [one["currency"] for one in practice_blnk.balances()] == ["EUR"]


def test_a_balance_that_was_missing_and_is_there_again_is_found(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    done = importer.run(requests_for(3))
    practice_blnk.order_fault("lagging_reads", seconds=600)
    actions.verify_again(importer.store, done, who=actor())
    wait_until(lambda: importer.states(done) == [RowState.UNKNOWN] * 3, lambda: "nothing is missed")
    practice_blnk.clear_faults()
    assert actions.recheck(importer.store, done, who=actor()) == 3
    done = importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED] * 3
    assert done.findings is not None
    assert done.findings.clean


def test_a_balance_that_a_person_found_becomes_the_rows(
    practice_blnk: PracticeBlnk, importer: Importer, client: BlnkClient
) -> None:
    done, row = needing_someone(importer, practice_blnk, lost="drop_after_commit")
    [mine] = [one for one in practice_blnk.balances() if one["meta_data"]["customer"] == "0"]
    assert actions.link_balance(importer.store, client, row.id, f" {mine['balance_id']} ", who=actor())
    now = row_now(importer, done, row)
    assert (now.state, now.balance_id) == (RowState.CREATED, mine["balance_id"])
    assert not actions.link_balance(importer.store, client, row.id, mine["balance_id"], who=actor())
    assert importer.events(done).count("said which balance it is") == 1


def test_a_balance_created_by_hand_can_be_linked_although_it_has_no_ref(
    practice_blnk: PracticeBlnk, importer: Importer, client: BlnkClient
) -> None:
    done, [row] = done_but_for(importer, requests_for(1))
    mine = practice_blnk.create_balance(
        ledger_id=LEDGER, currency="NGN", meta_data={"customer": "0", "made_by": "hand"}
    )
    assert actions.link_balance(importer.store, client, row.id, mine["balance_id"], who=actor())
    assert row_now(importer, done, row).state is RowState.CREATED


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"currency": "USD"}, "currency is “USD” in Blnk"),
        ({"ledger_id": "general_ledger_id"}, "ledger_id is “general_ledger_id” in Blnk"),
        ({"meta_data": {"customer": "1"}}, "customer is “1” in Blnk"),
        ({"meta_data": {}}, "customer is missing in Blnk"),
        ({"identity_id": "idt_aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}, "the row names none"),
        ({"meta_data": {"customer": "0", "import_ref": "v1-another"}}, "another row's import_ref"),
    ],
)
def test_a_balance_that_differs_from_the_row_is_rejected_with_its_differences(
    practice_blnk: PracticeBlnk, importer: Importer, client: BlnkClient, wrong: dict[str, object], said: str
) -> None:
    done, [row] = done_but_for(importer, requests_for(1))
    asked = {"ledger_id": LEDGER, "currency": "NGN", "meta_data": {"customer": "0"}}
    other = practice_blnk.create_balance(**(asked | wrong))
    with pytest.raises(NotThisOne, match=said) as refused:
        actions.link_balance(importer.store, client, row.id, other["balance_id"], who=actor())
    assert len(refused.value.differences) == 1
    assert row_now(importer, done, row).state is RowState.UNKNOWN


def test_one_balance_never_belongs_to_two_rows(
    practice_blnk: PracticeBlnk, importer: Importer, client: BlnkClient
) -> None:
    same = BalanceRequest(ledger_id=LEDGER, currency="NGN")
    done, [row, other] = done_but_for(importer, [same, same])
    made = practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN")["balance_id"]
    assert actions.link_balance(importer.store, client, row.id, made, who=actor())
    with pytest.raises(NotPossible, match="already the balance of another row"):
        actions.link_balance(importer.store, client, other.id, made, who=actor())
    assert row_now(importer, done, other).state is RowState.UNKNOWN


def test_an_id_that_blnk_does_not_have_is_reported_as_unknown(
    practice_blnk: PracticeBlnk, importer: Importer, client: BlnkClient
) -> None:
    done, [row] = done_but_for(importer, requests_for(1))
    for id in ("bln_nothing", "../ledgers", ""):
        with pytest.raises(NotPossible):
            actions.link_balance(importer.store, client, row.id, id, who=actor())
    assert row_now(importer, done, row).state is RowState.UNKNOWN


def test_only_a_row_in_doubt_is_decided_about(importer: Importer, client: BlnkClient) -> None:
    [row] = importer.rows(importer.draft(requests_for(1)))
    with pytest.raises(NotPossible, match="Not sent, so there is nothing to decide"):
        actions.link_balance(importer.store, client, row.id, "bln_x", who=actor())
    assert not actions.send_again(importer.store, row.id, who=actor())


def test_a_row_that_a_person_sends_again_is_created_once(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    done, row = needing_someone(importer, practice_blnk, lost="drop_before_commit")
    assert actions.send_again(importer.store, row.id, who=actor())
    assert not actions.send_again(importer.store, row.id, who=actor())
    may_read_now(importer)
    importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED] * 2
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 2
    assert importer.events(done).count("asked to send again") == 1


def test_a_row_that_a_person_sends_again_by_mistake_is_found_and_not_created_twice(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    done, row = needing_someone(importer, practice_blnk, lost="drop_after_commit")
    assert actions.send_again(importer.store, row.id, who=actor())
    may_read_now(importer)
    importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED] * 2
    assert len(practice_blnk.refs()) == 2


def test_a_row_of_a_canceled_import_is_looked_up_but_not_sent_again(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    done, [row] = done_but_for(importer, requests_for(1))
    cancel(importer, done)
    with pytest.raises(NotPossible, match="canceled"):
        actions.send_again(importer.store, row.id, who=actor())
    with pytest.raises(NotPossible, match="canceled"):
        actions.again_anyway(importer.store, done, [row.id], typed_count=1, who=actor())
    practice_blnk.create_balance(**orjson.loads(row.body or b""))
    actions.recheck(importer.store, done, who=actor())
    importer.start()
    wait_until(
        lambda: importer.states(done) == [RowState.CREATED], lambda: f"not looked up: {importer.rows(done)}"
    )
    assert importer.find(done.id).state is ImportState.CANCELLED
    assert len(practice_blnk.refs()) == 1


def cancel(importer: Importer, import_: Import) -> None:
    with importer.store.write() as tx:
        assert transitions.move_import(tx, import_.number, from_=[ImportState.DONE], to=ImportState.RUNNING)
        assert import_acts.cancel(tx, import_.number, who=actor())


def existing(importer: Importer, n: int) -> Import:
    """A finished import of which all rows existed before."""
    importer.run(requests_for(n))
    again = importer.run(requests_for(n))
    assert importer.states(again) == [RowState.EXISTS] * n
    return again


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_existing_rows_are_created_again_when_a_person_types_how_many(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    again = existing(importer, 3)
    ids = [row.id for row in importer.rows(again)][:2]
    with pytest.raises(NotPossible, match="Type the number of rows, 2"):
        actions.again_anyway(importer.store, again, ids, typed_count=3, who=actor())
    assert actions.again_anyway(importer.store, again, ids, typed_count=2, who=actor()) == 2
    again = importer.wait_for(again, ImportState.DONE)
    assert importer.states(again) == [RowState.CREATED, RowState.CREATED, RowState.EXISTS]
    assert actions.again_anyway(importer.store, again, ids, typed_count=2, who=actor()) == 0
    held = practice_blnk.refs()
    assert len(held) == len(set(held)) == 5
    assert sum(ref.endswith(f"-0-{again.id}") for ref in held) == 2
    assert again.findings is not None
    assert again.findings.clean
    with importer.store.read() as tx:
        [event] = [one for one in events.of_import(tx, again.number) if one.what == "asked for again"]
    assert (event.who.name, event.detail.count, event.detail.rows) == ("Ada", 2, ("2", "3"))


def test_rows_created_again_are_the_same_to_the_byte_except_our_own_metadata(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    again = existing(importer, 1)
    importer.stop()
    [before] = importer.rows(again)
    actions.again_anyway(importer.store, again, [before.id], typed_count=1, who=actor())
    [after] = importer.rows(again)
    assert (after.state, after.balance_id, after.message) == (RowState.READY, None, None)
    assert (before.body or b"").replace(f'"{before.ref}"'.encode(), f'"{after.ref}"'.encode()) == after.body


def test_identical_rows_stay_apart_when_they_are_created_again(importer: Importer) -> None:
    draft = importer.draft([BalanceRequest(ledger_id=LEDGER, currency="NGN")] * 3)
    rows = importer.rows(draft)
    plain = rows[0].ref or ""
    with importer.store.write() as tx:
        for row, ref in zip(rows, (plain, f"{plain}-imp_earlier", rows[1].ref), strict=True):
            transitions.move(
                tx, [row.id], from_=RowState.READY, to=RowState.EXISTS, balance_id="bln_x", ref=ref
            )
    actions.again_anyway(importer.store, draft, [row.id for row in rows], typed_count=3, who=actor())
    made = [row.ref or "" for row in importer.rows(draft)]
    assert len(set(made)) == 3
    assert all(ref.endswith(f"-{draft.id}") for ref in made)


def test_a_row_whose_balance_the_file_names_is_not_created_again(importer: Importer) -> None:
    draft = importer.draft(requests_for(2))
    ids = [row.id for row in importer.rows(draft)]
    with importer.store.write() as tx:
        transitions.move(tx, ids[:1], from_=RowState.READY, to=RowState.EXISTS)
        transitions.move(tx, ids[1:], from_=RowState.READY, to=RowState.EXISTS, body=None, ref=None)
    with pytest.raises(NotPossible, match="the balance of row 3"):
        actions.again_anyway(importer.store, draft, ids, typed_count=2, who=actor())
    assert importer.states(draft) == [RowState.EXISTS] * 2


def test_a_draft_whose_rows_are_created_again_is_a_new_version_with_new_totals(importer: Importer) -> None:
    draft = importer.draft(requests_for(3))
    ids = [row.id for row in importer.rows(draft)]
    with importer.store.write() as tx:
        transitions.move(tx, ids, from_=RowState.READY, to=RowState.EXISTS, balance_id="bln_x")
    assert actions.again_anyway(importer.store, draft, ids[:2], typed_count=2, who=actor()) == 2
    now = importer.find(draft.id)
    assert now.state is ImportState.DRAFT
    assert (now.totals.balances, now.totals.existing) == (2, 1)
    assert now.totals.by_ledger[0].n == 2
    with importer.store.write() as tx:  # what was shown before is not what would be sent now
        assert not import_acts.confirm(tx, now, who=actor(), version=draft.version)
        assert import_acts.confirm(tx, now, who=actor(), version=now.version)


def test_an_import_can_be_verified_again_any_number_of_times(importer: Importer) -> None:
    done = importer.run(requests_for(2))
    for _ in range(5):  # the moment it is done, while the sender still has it in hand
        wait_until(
            lambda: actions.verify_again(importer.store, done, who=actor()), lambda: "it is not verified"
        )
    importer.wait_for(done, ImportState.DONE)
    assert importer.events(done).count("asked to verify again") == 5
    assert importer.events(done).count("verified") == 6
