"""What the store calls created is compared with what is in Blnk; every difference is reported with its
ids."""

from typing import Any

import pytest

from blnk_api.blnk.replies import Request
from blnk_api.errors import ReadFailed
from blnk_api.facts.findings import RowFinding, Unexpected
from blnk_api.sending import lifecycle
from blnk_api.sending.verification.verify import put_missing_in_doubt
from blnk_api.store import Store
from blnk_api.store.async_store import AsyncStore
from blnk_api.store.imports import Import
from blnk_api.store.states import ImportState, RowState
from tests.support.importer import LEDGER, Importer, make_draft, requests_for, wait_until
from tests.support.lookup import Asked
from tests.support.practice import PracticeBlnk
from tests.support.sending import asked
from tests.support.store import rows_of
from tests.support.verifying import Verified


def test_what_matches_the_store_is_clean(five: Verified) -> None:
    findings = five.verify()
    assert findings.clean
    assert (findings.checked, findings.expected, findings.found) == (True, 5, 5)


def test_a_duplicate_is_reported_with_both_ids(five: Verified) -> None:
    twin = five.balance(five.import_, 2)
    row = rows_of(five.store, five.import_)[2]
    findings = five.verify()
    assert findings.twins == [RowFinding(row=row.number, ids=[row.balance_id or "", twin])]
    assert (findings.missing, findings.found) == ([], 5)


def test_a_duplicate_from_another_import_is_reported_too(five: Verified) -> None:
    """The same ref, but not our import's id."""
    row = rows_of(five.store, five.import_)[0]
    five.blnk.create_balance(
        ledger_id=LEDGER, currency="NGN", meta_data={"import_ref": row.ref, "import_id": "imp_x"}
    )
    assert len(five.verify().twins) == 1


def test_a_balance_that_is_not_in_blnk_is_missing_and_its_row_is_in_doubt(five: Verified) -> None:
    five.set_row(3, balance_id="bln_gone")
    row = rows_of(five.store, five.import_)[3]
    findings = five.verify()
    assert findings.missing == [RowFinding(row=row.number, ids=["bln_gone"])]
    assert findings.found == 4
    with five.store.write() as tx:
        put_missing_in_doubt(tx, five.import_, findings)
    row = rows_of(five.store, five.import_)[3]
    assert (row.state, row.waits_for_person, row.balance_id) == (RowState.UNKNOWN, True, "bln_gone")


def test_a_balance_that_is_shown_late_is_not_missing(five: Verified) -> None:
    five.blnk.order_fault("lagging_reads", seconds=600, times=2)
    assert five.verify().clean


@pytest.mark.parametrize("hidden_reads", [2, 3])
def test_a_duplicate_that_is_shown_late_with_the_rows_own_balance_is_reported(
    five: Verified, hidden_reads: int
) -> None:
    """Another desk made it at the same moment, and reads lag when this desk compares: by then nobody else
    looks."""
    row = rows_of(five.store, five.import_)[3]
    stamps = {"import_ref": row.ref, "import_id": "imp_elsewhere"}
    made = five.blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=stamps)
    five.blnk.order_fault("lagging_reads", seconds=600, times=hidden_reads)
    findings = five.verify()
    assert findings.twins == [RowFinding(row=row.number, ids=[row.balance_id or "", made["balance_id"]])]
    assert (findings.missing, findings.found) == ([], 5)


def test_a_balance_of_the_import_without_a_row_is_reported(five: Verified) -> None:
    made = five.blnk.create_balance(
        ledger_id=LEDGER, currency="NGN", meta_data={"import_ref": "v1-x-0", "import_id": five.import_.id}
    )
    assert five.verify().unexpected == [Unexpected(ref="v1-x-0", ids=[made["balance_id"]])]


def test_a_balance_of_a_row_that_is_not_created_is_reported(five: Verified) -> None:
    """Carried out although we have reason to call it not sent."""
    row = rows_of(five.store, five.import_)[1]
    five.set_row(1, state=RowState.READY, balance_id=None)
    assert five.verify().unexpected == [Unexpected(ref=row.ref, ids=[row.balance_id or ""])]


def test_a_balance_linked_to_another_imports_row_is_not_reported(five: Verified) -> None:
    """This import's answer was lost; the other import's row, which asks for the same, found the balance."""
    row = rows_of(five.store, five.import_)[1]
    five.set_row(1, state=RowState.EXISTS)
    other = make_draft(five.store, five.instance, requests_for(2)[1:])
    (same,) = rows_of(five.store, other)
    assert same.ref == row.ref
    five.set_row(0, of=other, state=RowState.CREATED, balance_id=row.balance_id)
    assert five.verify().clean
    second = five.balance(five.import_, 1)
    assert five.verify().unexpected == [Unexpected(ref=row.ref, ids=[second])]


def test_rows_that_existed_are_found_by_their_id_whatever_their_metadata(five: Verified) -> None:
    by_hand = five.blnk.create_balance(ledger_id=LEDGER, currency="NGN")
    five.set_row(0, state=RowState.EXISTS, balance_id=by_hand["balance_id"])
    five.set_row(1, balance_id=five.blnk.create_balance(ledger_id=LEDGER, currency="NGN")["balance_id"])
    findings = five.verify()
    assert findings.missing == []
    assert findings.found == 5


def test_other_imports_do_not_count(five: Verified) -> None:
    five.make(3, currency="USD")
    findings = five.verify()
    assert findings.clean
    assert findings.expected == 5


def test_a_row_that_is_settled_in_the_meantime_does_no_harm(five: Verified) -> None:
    """A person finds the first row's balance while Blnk is being compared."""
    balance_id = rows_of(five.store, five.import_)[0].balance_id
    five.set_row(0, state=RowState.UNKNOWN, balance_id=None)
    five.set_row(4, balance_id="bln_gone")
    asked, is_first = five.asked, True

    async def meanwhile(request: Request) -> object:
        nonlocal is_first
        if is_first:
            is_first = False
            five.set_row(0, state=RowState.CREATED, balance_id=balance_id)
        return await Asked.__call__(asked, request)

    five.asked = meanwhile  # type: ignore[assignment]
    assert [one.ids for one in five.verify().missing] == [["bln_gone"]]


def test_a_blnk_that_does_not_answer_concludes_nothing(five: Verified) -> None:
    five.blnk.order_fault("status_before_commit", on="filter", status=500)
    with pytest.raises(ReadFailed):
        five.verify()


def test_without_permission_to_read_it_says_that_nothing_was_checked(five: Verified) -> None:
    five.asked._session.headers["Authorization"] = f"Bearer {five.blnk.new_token(['proxy:write'])}"
    findings = five.verify()
    assert not findings.checked
    assert findings.why_not
    assert "data:read" in findings.why_not


def test_nothing_created_is_nothing_to_compare(store: Store, practice_blnk: PracticeBlnk) -> None:
    findings = Verified(store, practice_blnk, 0).verify()
    assert findings.clean
    assert findings.expected == 0


def test_a_finished_import_is_not_compared_again(
    practice_blnk: PracticeBlnk, importer: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender reads which imports are verified a moment before one ends. A comparison begun for it then
    would end whatever is asked for next, with what it saw before."""
    read = AsyncStore.read
    verified: list[Import] = []
    asked_before: list[int] = []
    """At each look of the sender since the import was over: how often Blnk was asked before it."""

    async def late(thread: AsyncStore, does: Any, *args: Any, **more: Any) -> Any:
        told = await read(thread, does, *args, **more)
        if does is not lifecycle.live_imports:
            return told
        found, is_stopped = told
        verified.extend(one for one in found if one.state is ImportState.VERIFYING)
        if verified and not found:
            asked_before.append(len(asked(practice_blnk, "filter")))
            return (verified[-1:] if len(asked_before) == 1 else found), is_stopped
        return found, is_stopped

    monkeypatch.setattr(AsyncStore, "read", late)
    draft = importer.draft(requests_for(3))
    importer.confirm(draft)
    importer.start()
    importer.wait_for(draft, ImportState.DONE)
    wait_until(
        lambda: len(asked_before) > 20,
        lambda: "the sender looks no more",
        pause=lambda: importer.draft(requests_for(1)),  # it looks when something is written
    )
    assert set(asked_before) == {asked_before[0]}
