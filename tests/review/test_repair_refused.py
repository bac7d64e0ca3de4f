"""A rejected row is fixed and sent again in its import: checked first, created once, and recorded."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import LargeBinary, Text, cast, func, update

from blnk_api.access.actors import SENDER
from blnk_api.client import BlnkClient
from blnk_api.lookup import existing
from blnk_api.review.actions import NotPossible
from blnk_api.review.resend_repaired import StillWrong, send_repaired
from blnk_api.sending import preflight
from blnk_api.store import events, import_acts, tables, transitions
from blnk_api.store.imports import Import
from blnk_api.store.people import edits
from blnk_api.store.rows import StoredRow
from blnk_api.store.sending import late_records
from blnk_api.store.states import ImportState, PausedBy, RowState
from tests.support.actors import actor
from tests.support.connections import connection_of
from tests.support.importer import BOTH_DATABASES, LEDGER, Importer, requests_for
from tests.support.practice import PracticeBlnk
from tests.support.store import claim, record, result

HEADER = "ledger_id,currency,customer"
SAVINGS = "ldg_33333333-3333-4333-8333-333333333333"


@pytest.fixture
def client(practice_blnk: PracticeBlnk) -> Iterator[BlnkClient]:
    with BlnkClient(connection_of(practice_blnk)) as client:
        yield client


def refused(importer: Importer, *lines: str, number: int = 2) -> tuple[Import, StoredRow]:
    """A finished import of which one row's ledger vanished between the check and the sending."""
    draft = importer.upload("\n".join([HEADER, *(lines or (f"{LEDGER},NGN,1", f"{LEDGER},NGN,2"))]))
    importer.spoil(draft, number=number)
    done = importer.finish(draft)
    [row] = [one for one in importer.rows(done) if one.state is RowState.REFUSED]
    assert row.number == number
    return done, row


def repair(importer: Importer, client: BlnkClient, row: StoredRow, cells: dict[int, str]) -> bool:
    return send_repaired(importer.store, client, importer.connection, row.id, cells, who=actor())


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
def test_a_fixed_row_is_created_once_with_its_new_values(
    importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient
) -> None:
    done, row = refused(importer)
    assert repair(importer, client, row, {0: SAVINGS, 2: "1b"})
    done = importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED] * 2
    [made] = [one for one in practice_blnk.balances() if one["ledger_id"] == SAVINGS]
    now = importer.rows(done)[0]
    assert (made["meta_data"]["customer"], made["meta_data"]["import_ref"]) == ("1b", now.ref)
    assert now.ref != row.ref
    assert now.cells == [SAVINGS, "NGN", "1b"]
    assert done.findings is not None
    assert done.findings.clean
    assert len(practice_blnk.refs()) == 2


def test_each_change_is_recorded_with_its_author(importer: Importer, client: BlnkClient) -> None:
    done, row = refused(importer)
    repair(importer, client, row, {0: LEDGER, 1: "USD"})
    with importer.store.read() as tx:
        [change] = edits.of_import(tx, done.number)
        [event] = [one for one in events.of_import(tx, done.number) if one.what == "repaired and sent again"]
    assert (change.number, change.position, change.old, change.new, change.who.name) == (
        2,
        1,
        "NGN",
        "USD",
        "Ada",
    )
    assert (event.who.name, event.row, event.detail.columns) == ("Ada", row.id, (1,))


def test_a_row_is_checked_before_it_is_sent_again(
    importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient
) -> None:
    done, row = refused(importer)
    for cells, said in (
        ({0: "no such ledger"}, "no such ledger"),
        ({1: "NGM"}, "NGM"),
        ({1: ""}, "currency is missing"),
        ({1: "NGN;USD"}, "must create one"),
    ):
        with pytest.raises(StillWrong, match=said):
            repair(importer, client, row, cells)
    assert importer.find(done.id).state is ImportState.DONE
    assert importer.states(done) == [RowState.REFUSED, RowState.CREATED]
    with importer.store.read() as tx:
        assert edits.of_import(tx, done.number) == []
    assert len(practice_blnk.balances()) == 1


@pytest.mark.parametrize("importer", BOTH_DATABASES, indirect=True)
@pytest.mark.parametrize("by_a_walk", [False, True])
def test_a_row_whose_earlier_request_was_carried_out_after_all_is_not_created_again_with_new_cells(
    importer: Importer,
    practice_blnk: PracticeBlnk,
    client: BlnkClient,
    monkeypatch: pytest.MonkeyPatch,
    by_a_walk: bool,
) -> None:
    """It was in doubt under its earlier reference, and called not created."""
    if by_a_walk:
        monkeypatch.setattr(existing, "FEWEST_LOOKS_FOR_A_WALK", 0)
    done, row = refused(importer)
    with importer.store.write() as tx:
        late_records.owe(tx, [row.id])
    stamps = {"import_ref": row.ref, "import_id": done.id}
    late = practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=stamps)
    assert repair(importer, client, row, {2: "1b"})
    done = importer.wait_for(done, ImportState.DONE)
    now = importer.rows(done)[0]
    assert (now.state, now.balance_id) == (RowState.EXISTS, late["balance_id"])
    assert "before it was fixed" in (now.message or "")
    assert importer.events(done).count("found") == 1
    assert len(practice_blnk.balances()) == 2
    assert done.findings is not None
    assert done.findings.clean


def test_a_row_that_is_fixed_once_a_walk_has_passed_is_looked_up_under_its_new_reference(
    importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import was resumed behind rows that were rejected, and another desk has made the fixed balance."""
    monkeypatch.setattr(existing, "FEWEST_LOOKS_FOR_A_WALK", 0)
    made: list[str] = []

    async def walked(*args: Any) -> None:
        await existing.walk_up(*args)
        if not made:
            assert await asyncio.to_thread(repair, importer, client, rejected, {2: "fixed"})
            stamps = {"import_ref": importer.rows(draft)[120].ref, "customer": "fixed"}
            held = practice_blnk.create_balance(ledger_id=LEDGER, currency="NGN", meta_data=stamps)
            made.append(held["balance_id"])

    monkeypatch.setattr(preflight, "walk_up", walked)
    draft = importer.upload("\n".join([HEADER, *(f"{LEDGER},NGN,{at}" for at in range(130))]))
    importer.confirm(draft)
    rejected = importer.rows(draft)[120]
    with importer.store.write() as tx:
        assert transitions.move_import(tx, draft.number, from_=[ImportState.QUEUED], to=ImportState.RUNNING)
    claimed = claim(importer.store, draft, [rejected.id])
    record(importer.store, draft, result(claimed, rejected.id, RowState.REFUSED))
    importer.start()
    ended = importer.wait_for(draft, ImportState.DONE, ImportState.PAUSED)
    if ended.paused_by is PausedBy.DESK:  # the balance is newer than the import's first one
        importer.resume(draft)
    done = importer.wait_for(draft, ImportState.DONE)
    now = importer.rows(done)[120]
    assert made
    assert (now.state, now.balance_id) == (RowState.EXISTS, made[0])
    assert len(practice_blnk.refs()) == len(set(practice_blnk.refs())) == 130


def test_unchanged_it_is_sent_again_under_its_own_reference(
    importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient
) -> None:
    """The fault may have been fixed in Blnk: a ledger that did not exist yet."""
    done, row = refused(importer)
    assert repair(importer, client, row, {})
    done = importer.wait_for(done, ImportState.DONE)
    now = importer.rows(done)[0]
    assert (now.state, now.ref) == (RowState.CREATED, row.ref)
    assert len(practice_blnk.refs()) == 2


def test_a_double_fix_happens_once(
    importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient
) -> None:
    done, row = refused(importer)
    importer.stop()
    assert repair(importer, client, row, {2: "x"})
    assert not repair(importer, client, row, {2: "y"})
    importer.start()
    importer.wait_for(done, ImportState.DONE)
    assert importer.events(done).count("repaired and sent again") == 1
    assert sorted(one["meta_data"]["customer"] for one in practice_blnk.balances()) == ["2", "x"]


def test_a_row_fixed_into_an_existing_balance_creates_no_second_one(
    importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient
) -> None:
    importer.import_file(f"{HEADER}\n{LEDGER},USD,before")
    done, row = refused(importer)
    repair(importer, client, row, {1: "USD", 2: "before"})
    importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.EXISTS, RowState.CREATED]
    assert len(practice_blnk.balances()) == 2


def test_a_row_edited_to_equal_another_of_its_file_is_a_balance_of_its_own(
    importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient
) -> None:
    done, row = refused(importer)
    repair(importer, client, row, {2: "2"})
    importer.wait_for(done, ImportState.DONE)
    assert importer.states(done) == [RowState.CREATED] * 2
    assert len(set(practice_blnk.refs())) == 2


def test_a_unique_key_stays_unique(importer: Importer, client: BlnkClient) -> None:
    lines = [f"{LEDGER},NGN,C-1", f"{SAVINGS},USD,C-2", f"{LEDGER},NGN,C-3"]
    draft = importer.upload("\n".join([HEADER.replace("customer", "reference"), *lines]))
    assert draft.columns[2].use == "reference"
    importer.spoil(draft, number=2)
    done = importer.finish(draft)
    row = importer.rows(done)[0]
    for key, other in (("C-2", "row 3"), ("C-3", "row 4")):
        with pytest.raises(StillWrong, match=other):
            repair(importer, client, row, {2: key})
    assert repair(importer, client, row, {2: "C-4"})


def test_one_balance_of_a_line_that_makes_several_stays_that_one(
    importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient
) -> None:
    draft = importer.upload(f"{HEADER}\n{LEDGER},NGN;USD,1")
    with importer.store.write() as tx:
        gone = func.replace(cast(tables.rows.c.body, Text), LEDGER, "ldg_gone")
        tx.execute(update(tables.rows).values(body=cast(gone, LargeBinary)))
    done = importer.finish(draft)
    row = next(one for one in importer.rows(done) if one.part == "USD")
    with pytest.raises(StillWrong, match="Keep USD"):
        repair(importer, client, row, {1: "EUR"})
    assert repair(importer, client, row, {2: "one"})
    importer.wait_for(done, ImportState.DONE)
    assert [one["currency"] for one in practice_blnk.balances()] == ["USD"]


def test_a_row_of_a_canceled_import_or_a_form_cannot_be_fixed(importer: Importer, client: BlnkClient) -> None:
    draft = importer.draft(requests_for(2))
    importer.spoil(draft, number=2)
    importer.start()
    row = importer.rows(importer.finish(draft))[0]
    assert row.state is RowState.REFUSED
    with pytest.raises(NotPossible, match="did not come from a file"):
        repair(importer, client, row, {})
    done, row = refused(importer, f"{LEDGER},NGN,of a file")
    with importer.store.write() as tx:
        transitions.move_import(tx, done.number, from_=[ImportState.DONE], to=ImportState.RUNNING)
        assert import_acts.cancel(tx, done.number, who=actor())
    with pytest.raises(NotPossible, match="canceled"):
        repair(importer, client, row, {})


def test_a_row_is_fixed_while_its_import_is_paused_and_waits_with_it(
    importer: Importer, practice_blnk: PracticeBlnk, client: BlnkClient
) -> None:
    """Many rejections pause an import: rows are fixed first, and sent when someone resumes it."""
    done, row = refused(importer)
    with importer.store.write() as tx:
        transitions.move_import(tx, done.number, from_=[ImportState.DONE], to=ImportState.RUNNING)
        assert import_acts.pause(tx, done.number, by=PausedBy.REFUSALS, who=SENDER, reason="Many.")
    assert repair(importer, client, row, {1: "USD"})
    assert importer.find(done.id).state is ImportState.PAUSED
    assert importer.rows(done)[0].state is RowState.READY
    importer.resume(done)
    importer.wait_for(done, ImportState.DONE)
    assert sorted(one["currency"] for one in practice_blnk.balances()) == ["NGN", "USD"]
