"""A 409 is an answer in doubt: its row is refused only once Blnk is seen to hold no balance of it."""

from collections.abc import Callable, Iterator

import pytest

from blnk_api.models import GENERAL_LEDGER_ID, BalanceRequest
from blnk_api.store import Store
from blnk_api.store.sending import rows_in_doubt as in_store
from blnk_api.store.states import ImportState, PausedBy, RowState
from blnk_api.store.transitions import move
from tests.support.faulty_proxy import Between, Reply, Sent
from tests.support.importer import LEDGER, Importer, requests_for, wait_until
from tests.support.practice import PracticeBlnk
from tests.support.sending import asked, assert_each_once
from tests.support.store import claim, found_absent, record, result, running, states_of

EXISTS = b'{"error":"it exists"}'


@pytest.fixture
def between(practice_blnk: PracticeBlnk, importer: Importer) -> Iterator[Between]:
    with Between(practice_blnk) as between:
        importer.hurry()
        importer.connect(base_url=between.url)
        yield between


def conflict_on(customer: str, *before: Callable[[Sent], object]) -> Callable[[Sent], Reply | None]:
    """Answers the row of this customer with a 409, after these."""

    def decide(sent: Sent) -> Reply | None:
        if sent.json["meta_data"].get("customer") != customer:
            return None
        for act in before:
            act(sent)
        return sent.answer(409, EXISTS)

    return decide


def test_a_balance_created_despite_a_409_is_found_however_long_reads_lag(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    """Blnk's reads do not show it yet when it is looked for: "Refused" would say that nothing was created."""

    def then_lag(_: Sent) -> None:
        practice_blnk.order_fault("lagging_reads", seconds=600)

    between.on_create = conflict_on("3", Sent.forward, then_lag)
    importer.connect(base_url=between.url, requests_per_minute=600)
    draft = importer.draft(requests_for(30))
    importer.confirm(draft)
    importer.start()
    importer.wait_for_count(draft, RowState.UNKNOWN, 1)
    looks = len(asked(practice_blnk, "filter"))
    wait_until(lambda: len(asked(practice_blnk, "filter")) > looks + 6, lambda: "nobody looks")
    # Whatever else loses its answer stays in doubt as well, as long as reads lag.
    sent = (RowState.CREATED, RowState.UNKNOWN)
    wait_until(
        lambda: sum(importer.counts(draft).get(state, 0) for state in sent) == 30,
        lambda: f"not all are sent: {importer.counts(draft)}",
    )
    lost = [(row.number, row.state, row.message) for row in importer.rows(draft) if row.state not in sent[:1]]
    assert importer.rows(draft)[3].state is RowState.UNKNOWN, lost
    practice_blnk.clear_faults()
    assert_each_once(practice_blnk, importer, importer.wait_for(draft, ImportState.DONE))


def test_a_row_answered_with_a_409_is_rejected_in_blnks_words_once_it_is_certainly_absent(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    between.on_create = conflict_on("3")
    importer.connect(base_url=between.url, requests_per_minute=600)
    done = importer.run(requests_for(30))
    row = importer.rows(done)[3]
    assert row.state is RowState.REFUSED
    assert row.message == "it exists. Blnk has no balance for this row. Nothing was created."
    assert row.tries == 1, "what is taken stays taken"
    assert importer.events(done).count("absent") == 1
    assert len(practice_blnk.balances()) == 29


def test_a_409_without_a_witness_waits_for_a_person(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between
) -> None:
    between.on_create = conflict_on("0")
    done = importer.run(requests_for(1))
    (row,) = importer.rows(done)
    assert (row.state, row.waits_for_person, row.tries) == (RowState.UNKNOWN, True, 1)
    assert practice_blnk.balances() == []


def test_a_taken_indicator_is_rejected_at_once_with_the_balance_that_has_it(
    practice_blnk: PracticeBlnk, importer: Importer
) -> None:
    """No other row can vouch here, and nobody has to wait: an indicator is another's, or it is not."""
    practice_blnk.set_core("0.15.3")
    held = practice_blnk.create_balance(ledger_id=GENERAL_LEDGER_ID, currency="NGN", indicator="@cash")
    practice_blnk.create_balance(ledger_id=GENERAL_LEDGER_ID, currency="USD", indicator="@cash")
    done = importer.run([BalanceRequest(ledger_id=GENERAL_LEDGER_ID, currency="NGN", indicator="@cash")])
    (row,) = importer.rows(done)
    assert (row.state, row.tries) == (RowState.REFUSED, 1)
    assert row.message is not None
    assert row.message.startswith("Balance already exists for indicator '@cash' and 'NGN'.")
    assert row.message.endswith(f"{held['balance_id']} has this indicator. Nothing was created.")
    assert len(practice_blnk.balances()) == 2


@pytest.mark.parametrize(("customer", "state"), [("3", RowState.EXISTS), ("x", RowState.REFUSED)])
def test_a_409_because_of_another_imports_balance_says_which_one_it_is(
    practice_blnk: PracticeBlnk, importer: Importer, between: Between, customer: str, state: RowState
) -> None:
    made: list[str] = []

    def by_another(sent: Sent) -> None:
        ref = sent.json["meta_data"]["import_ref"]
        stamps = {"import_ref": ref, "import_id": "imp_other", "customer": customer}
        balance = practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=stamps)
        made.append(balance["balance_id"])

    between.on_create = conflict_on("3", by_another)
    paused = importer.run(requests_for(8), until=[ImportState.PAUSED])
    assert paused.paused_by is PausedBy.DESK, paused.paused_reason
    importer.resume(paused)
    done = importer.wait_for(paused, ImportState.DONE)
    row = importer.rows(done)[3]
    assert row.state is state
    assert made[0] in (row.balance_id or row.message or "")
    assert len(practice_blnk.balances()) == 8


def test_a_409_is_remembered_by_the_next_sender(store: Store) -> None:
    made = running(store, 1)
    claimed = claim(store, made)
    (row,) = claimed.tries
    record(store, made, result(claimed, row, RowState.UNKNOWN, status=409, message="it exists"))
    assert found_absent(store, made) is RowState.REFUSED
    assert states_of(store, made) == [RowState.REFUSED]


def test_a_409_of_an_earlier_attempt_no_longer_counts(store: Store) -> None:
    made = running(store, 1)
    claimed = claim(store, made)
    (row,) = claimed.tries
    record(store, made, result(claimed, row, RowState.UNKNOWN, status=409))
    with store.write() as tx:
        in_store.was_taken(tx, *in_store.unknown_rows(tx, [made.number]), why="?")
    with store.write() as tx:
        assert move(tx, [row], from_=RowState.REFUSED, to=RowState.READY)
    claimed = claim(store, made)
    record(store, made, result(claimed, row, RowState.UNKNOWN, message="The connection broke."))
    assert found_absent(store, made) is RowState.READY
